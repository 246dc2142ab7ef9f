//! Mattermost's Markdown, most of which needs no conversion.

use crate::emoji;
use crate::names::{Converted, Mentioned, NameTable};

/// The mentions of everyone.
const EVERYONE: [&str; 3] = ["all", "channel", "here"];
/// The longest code span and the longest link, in bytes.
const NEAR: usize = 4096;
/// The longest name, in bytes.
const NAME: usize = 64;

/// Converts the text of a post: links with their addresses, and users by their names in Chinwag.
pub(crate) fn converted(text: &str, names: &NameTable) -> Converted {
    let mut mentioned = Mentioned::new(names);
    let mut body = String::with_capacity(text.len());
    let mut is_code = false;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            body.push('\n');
        }
        let is_fence = line.trim_start().starts_with("```");
        if is_fence || is_code {
            body.push_str(line);
            is_code ^= is_fence;
        } else {
            put_line(line, &mut mentioned, &mut body);
        }
    }
    mentioned.converted(body)
}

fn put_line(line: &str, names: &mut Mentioned, to: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find(['`', '[', '@', ':', '!']) {
        let (before, special) = rest.split_at(at);
        to.push_str(before);
        let is_inner = to.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let found = match special.as_bytes()[0] {
            b'`' => code(near(special)),
            b'!' => link(&near(special)[1..]).map(|(text, length)| (text, length + 1)),
            b'[' => link(near(special)),
            b'@' if !is_inner => mention(special, names),
            b':' => emoji_of(near(special)),
            _ => None,
        };
        let (shown, length) = found.unwrap_or_else(|| (special[..1].to_owned(), 1));
        to.push_str(&shown);
        rest = &special[length..];
    }
    to.push_str(rest);
}

/// The part of a text in which a code span or link must end. This bounds the work for long texts.
fn near(text: &str) -> &str {
    let mut end = text.len().min(NEAR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The code span at the start of a text, unchanged.
fn code(text: &str) -> Option<(String, usize)> {
    let ticks = text.bytes().take_while(|byte| *byte == b'`').count();
    let end = text[ticks..].find(&text[..ticks])? + 2 * ticks;
    Some((text[..end].to_owned(), end))
}

/// The text and address of a link `[text](address)` at the start of a text.
fn link(text: &str) -> Option<(String, usize)> {
    let (label, rest) = text.strip_prefix('[')?.split_once(']')?;
    let inner = rest.strip_prefix('(')?;
    let (address, _) = inner.split_once(')')?;
    if label.contains('[') || address.is_empty() {
        return None;
    }
    let length = label.len() + address.len() + 4;
    // A title may follow the address.
    let address = address.split_whitespace().next()?;
    let shown = if label.is_empty() || label == address {
        address.to_owned()
    } else {
        format!("{label} ({address})")
    };
    Some((shown, length))
}

/// The mention at the start of a text. A name may contain dots, but a sentence may also end with one.
fn mention(text: &str, names: &mut Mentioned) -> Option<(String, usize)> {
    let word = text[1..].find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    let mut word = &text[1..word.map_or(text.len(), |end| end + 1)];
    while !word.is_empty() && word.len() <= NAME {
        let key = word.to_ascii_lowercase();
        if EVERYONE.contains(&key.as_str()) {
            names.everyone = true;
            return Some((chinwag_core::mention::EVERYONE.to_owned(), word.len() + 1));
        }
        let table = names.table;
        if let Some((index, name)) = table.user(&key) {
            let shown = format!("@{name}");
            names.mention(index);
            return Some((shown, word.len() + 1));
        }
        word = word.strip_suffix(['.', '-', '_'])?;
    }
    None
}

/// The emoji for a code at the start of a text.
fn emoji_of(text: &str) -> Option<(String, usize)> {
    let end = text[1..].find(|c: char| !c.is_ascii_alphanumeric() && !"_+-".contains(c))? + 1;
    let is_code = end > 1 && text[end..].starts_with(':');
    Some((is_code.then(|| emoji::text(&text[1..end]))??, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_become_messages_with_names_and_addresses() {
        let names = NameTable::of(&[("ann", "ann"), ("bob.b", "bobby")], &[]);
        for (sent, read, mentions, everyone) in [
            ("**bold** _it_ ~~gone~~", "**bold** _it_ ~~gone~~", &[][..], false),
            ("@ann: see @bob.b.", "@ann: see @bobby.", &[0, 1], false),
            ("@Ann @nobody ann@a.example @", "@ann @nobody ann@a.example @", &[0], false),
            ("@channel, @here", "@all, @all", &[], true),
            (
                "`@ann` and\n```\n@ann :tada:\n```\n@ann",
                "`@ann` and\n```\n@ann :tada:\n```\n@ann",
                &[0],
                false,
            ),
            ("[Build 7](https://a.example/7 \"title\")!", "Build 7 (https://a.example/7)!", &[], false),
            ("![](https://a.example/a.png) [x] [y](", "https://a.example/a.png [x] [y](", &[], false),
            ("[a [b](c)", "[a b (c)", &[], false),
            ("10:30:00 :tada: :party_parrot:", "10:30:00 🎉 :party_parrot:", &[], false),
        ] {
            let expected = Converted { body: read.into(), mentions: mentions.to_vec(), everyone };
            assert_eq!(converted(sent, &names), expected, "{sent}");
        }
    }

    #[test]
    fn any_post_is_converted_in_linear_time() {
        let names = NameTable::default();
        for piece in ["`", "``", "[", "[a](", "![", "@a.", "@", ":a", "](["] {
            converted(&piece.repeat(100_000), &names);
        }
    }
}
