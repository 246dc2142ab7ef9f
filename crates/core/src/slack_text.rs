//! Text in Slack's format: three escapes, links and mentions in angle brackets, and its own formatting marks.

/// The labels of Slack's own mentions of everyone.
const ALL: [&str; 3] = ["here", "channel", "everyone"];
/// The deepest nesting of formats. Deeper ones stay unchanged.
const DEPTH: usize = 3;
/// Slack's formatting marks that differ from Chinwag's, with their replacements.
const MARKS: [(char, &str); 2] = [('*', "**"), ('~', "~~")];

/// Resolves the ids and codes in a text to names. By default, none is known.
pub trait SlackNames {
    /// The name of a mentioned user.
    fn user(&mut self, _id: &str) -> Option<String> {
        None
    }

    /// The name of a channel.
    fn channel(&mut self, _id: &str) -> Option<String> {
        None
    }

    /// The text of a mention of everyone. None if it does not count as one here.
    fn everyone(&mut self) -> Option<&'static str> {
        None
    }

    /// The emoji for a code.
    fn emoji(&mut self, _code: &str) -> Option<String> {
        None
    }
}

/// Resolves nothing.
struct NoNames;

impl SlackNames for NoNames {}

/// Formats a link in Slack's format.
pub fn link(address: &str, label: &str) -> String {
    format!("<{address}|{label}>")
}

/// Converts Slack's format to plain text. Escapes are decoded once; `<https://a.example|Build 7>` becomes
/// `Build 7 (https://a.example)`. Other text in angle brackets stays unchanged.
pub fn plain(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    put_plain(text, &mut NoNames, &mut found);
    found
}

/// Like [`plain`], but resolves ids to names and converts Slack's formats to those of Chinwag: `*bold*`
/// becomes `**bold**`, and code between three backquotes is placed on lines of its own. Time and memory are
/// linear in the length of the text.
pub fn formatted(text: &str, names: &mut dyn SlackNames) -> String {
    const FENCE: &str = "```";
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(FENCE) {
        let Some((code, after)) = after.split_once(FENCE) else { break };
        put_lines(before, names, &mut found);
        if !found.is_empty() && !found.ends_with('\n') {
            found.push('\n');
        }
        found.push_str("```\n");
        put_plain(code.trim_matches('\n'), names, &mut found);
        found.push_str("\n```");
        rest = after;
        if !rest.is_empty() && !rest.starts_with('\n') {
            found.push('\n');
        }
    }
    put_lines(rest, names, &mut found);
    found
}

fn put_plain(text: &str, names: &mut dyn SlackNames, to: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, special) = rest.split_at(at);
        to.push_str(before);
        rest = put_special(special, names, to);
    }
    to.push_str(rest);
}

/// Appends the text of the escape or brackets at the start of `text`, or else its first character. Returns
/// the remainder.
fn put_special<'t>(text: &'t str, names: &mut dyn SlackNames, to: &mut String) -> &'t str {
    let (shown, length) =
        bracketed(text, names).or_else(|| escape(text)).unwrap_or_else(|| (text[..1].to_owned(), 1));
    to.push_str(&shown);
    &text[length..]
}

fn put_lines(text: &str, names: &mut dyn SlackNames, to: &mut String) {
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            to.push('\n');
        }
        put_line(line, names, to, DEPTH);
    }
}

/// Appends a line, or the part of a line inside a format.
fn put_line(text: &str, names: &mut dyn SlackNames, to: &mut String, depth: usize) {
    // Marks that no further mark in this text closes. Remembered, so that the time stays linear.
    let mut unended: [bool; MARKS.len()] = [false; MARKS.len()];
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        let begun = rest;
        rest = match first {
            '<' | '&' => put_special(rest, names, to),
            '`' => put_code(rest, names, to),
            ':' => put_emoji(rest, names, to),
            _ => {
                let mark = MARKS.iter().position(|(mark, _)| *mark == first);
                let format = mark.filter(|at| depth > 0 && !unended[*at] && may_begin(before, rest));
                let inside = format.and_then(|_| inside_of(rest, first));
                if let (Some(at), None) = (format, inside) {
                    unended[at] = true;
                }
                if let (Some(at), Some(inside)) = (format, inside) {
                    let mark = MARKS[at].1;
                    to.push_str(mark);
                    put_line(inside, names, to, depth - 1);
                    to.push_str(mark);
                    &rest[inside.len() + 2..]
                } else {
                    to.push(first);
                    &rest[first.len_utf8()..]
                }
            }
        };
        before = begun[..begun.len() - rest.len()].chars().next_back();
    }
}

/// Whether the mark at the start of `text` may open a format after this character.
fn may_begin(before: Option<char>, text: &str) -> bool {
    let mut chars = text.chars();
    let mark = chars.next();
    let next = chars.next();
    before.is_none_or(|c| !c.is_alphanumeric() && Some(c) != mark)
        && next.is_some_and(|c| !c.is_whitespace() && Some(c) != mark)
}

/// The text inside the format that the mark at the start of `text` opens, if something closes it. Marks
/// inside brackets and code close nothing.
fn inside_of(text: &str, mark: char) -> Option<&str> {
    let inner = &text[mark.len_utf8()..];
    let mut at = 0;
    while let Some(found) = inner[at..].find([mark, '<', '`']) {
        let (before, rest) = inner.split_at(at + found);
        let skipped = match rest.as_bytes()[0] {
            b'<' => rest[1..].find(['>', '<']).filter(|end| rest[1 + end..].starts_with('>')),
            b'`' => rest[1..].find('`'),
            _ if ends_format(before, &rest[mark.len_utf8()..], mark) => return Some(before),
            _ => None,
        };
        at = before.len() + 1 + skipped.map_or(0, |end| end + 1);
    }
    None
}

/// Whether a mark between these two texts may close a format.
fn ends_format(before: &str, after: &str, mark: char) -> bool {
    before.chars().next_back().is_some_and(|c| !c.is_whitespace() && c != mark)
        && after.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != mark)
}

/// Appends code between backquotes, which may contain escapes and links but no formats. Returns the
/// remainder.
fn put_code<'t>(text: &'t str, names: &mut dyn SlackNames, to: &mut String) -> &'t str {
    to.push('`');
    let Some((code, rest)) = text[1..].split_once('`').filter(|(code, _)| !code.is_empty()) else {
        return &text[1..];
    };
    put_plain(code, names, to);
    to.push('`');
    rest
}

/// Appends the emoji for a code such as `:+1::skin-tone-2:`, if it is known. Returns the remainder.
fn put_emoji<'t>(text: &'t str, names: &mut dyn SlackNames, to: &mut String) -> &'t str {
    const TONE: &str = ":skin-tone-";
    let code = |text: &'t str| {
        let end =
            text.strip_prefix(':')?.find(|c: char| !c.is_ascii_alphanumeric() && !"_+-'".contains(c))? + 1;
        Some(&text[1..end]).filter(|name| !name.is_empty() && text[end..].starts_with(':'))
    };
    if let Some(name) = code(text) {
        let rest = &text[name.len() + 2..];
        if rest.starts_with(TONE)
            && let Some(tone) = code(rest)
            && let Some(emoji) = names.emoji(&format!("{name}::{tone}"))
        {
            to.push_str(&emoji);
            return &rest[tone.len() + 2..];
        }
        if let Some(emoji) = names.emoji(name) {
            to.push_str(&emoji);
            return rest;
        }
    }
    to.push(':');
    &text[1..]
}

/// The character for an escape at the start of `text`, and the length of the escape.
fn escape(text: &str) -> Option<(String, usize)> {
    let escapes = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")];
    escapes.into_iter().find(|(from, _)| text.starts_with(from)).map(|(from, to)| (to.to_owned(), from.len()))
}

/// The text for a link or a mention at the start of `text`, and its length.
fn bracketed(text: &str, names: &mut dyn SlackNames) -> Option<(String, usize)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(['>', '<', '\n'])?;
    if !inner[end..].starts_with('>') {
        return None;
    }
    let inner = &inner[..end];
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inner, None),
    };
    Some((shown(&decoded(target), label.map(decoded).as_deref(), names)?, end + 2))
}

fn shown(target: &str, label: Option<&str>, names: &mut dyn SlackNames) -> Option<String> {
    let named = |sign: &str, known: Option<String>, id: &str| {
        let name = known.unwrap_or_else(|| label.unwrap_or(id).trim_start_matches(sign).to_owned());
        Some(format!("{sign}{name}"))
    };
    match target.split_at_checked(1)? {
        ("@", id) => named("@", names.user(id), id),
        ("#", id) => named("#", names.channel(id), id),
        ("!", name) if ALL.contains(&name) => {
            Some(names.everyone().map_or_else(|| format!("@{name}"), str::to_owned))
        }
        ("!", name) => Some(label.unwrap_or(name).to_owned()),
        _ if !is_address(target) => None,
        _ => Some(match label {
            Some(label) if label != target && target.strip_prefix("mailto:") != Some(label) => {
                format!("{label} ({target})")
            }
            Some(label) => label.to_owned(),
            None => target.strip_prefix("mailto:").unwrap_or(target).to_owned(),
        }),
    }
}

/// Whether a text looks like a URL. An HTML tag does not.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && !text.contains(char::is_whitespace)
}

/// Decodes the escapes of a text once.
fn decoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (shown, length) = escape(&rest[at..]).unwrap_or(("&".to_owned(), 1));
        plain.push_str(&shown);
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention::EVERYONE;

    #[test]
    fn escapes_and_links_are_decoded_once() {
        for (sent, read) in [
            ("plain", "plain"),
            ("&lt;b&gt; failed\nline 2", "<b> failed\nline 2"),
            ("&amp;lt; stays escaped once", "&lt; stays escaped once"),
            ("a & b &nbsp; &#39; &", "a & b &nbsp; &#39; &"),
            ("<https://a.example/?x=1&amp;y=2|Build 7> done", "Build 7 (https://a.example/?x=1&y=2) done"),
            ("<https://a.example/?x=1&amp;y=2>", "https://a.example/?x=1&y=2"),
            ("<https://a.example|https://a.example>", "https://a.example"),
            ("<https://a.example|>", "https://a.example"),
            ("<https://a.example|a &lt;b&gt;>", "a <b> (https://a.example)"),
            ("<mailto:ann@a.example|ann@a.example>", "ann@a.example"),
            ("<mailto:ann@a.example>", "ann@a.example"),
            ("<@U024BE7LH> <@U1|ann> <#C1|general>", "@U024BE7LH @ann #general"),
            ("<!here> <!channel|channel> <!subteam^S1|@team>", "@here @channel @team"),
            ("<!date^1392734382^{date}|18 February>", "18 February"),
            ("<b>bold</b> a < b > c <", "<b>bold</b> a < b > c <"),
            ("<https://a.example\nb>", "<https://a.example\nb>"),
            ("<<https://a.example>>", "<https://a.example>"),
            ("é<https://é.example|é>é", "éé (https://é.example)é"),
            ("<> <|> <é>", "<> <|> <é>"),
            ("*bold* `code` :tada:", "*bold* `code` :tada:"),
        ] {
            assert_eq!(plain(sent), read, "{sent}");
        }
    }

    struct Ann;

    impl SlackNames for Ann {
        fn user(&mut self, id: &str) -> Option<String> {
            (id == "U1").then(|| "ann".into())
        }

        fn channel(&mut self, id: &str) -> Option<String> {
            (id == "C1").then(|| "general".into())
        }

        fn everyone(&mut self) -> Option<&'static str> {
            Some(EVERYONE)
        }

        fn emoji(&mut self, code: &str) -> Option<String> {
            [("tada", "🎉"), ("+1", "👍"), ("+1::skin-tone-4", "👍🏽")]
                .into_iter()
                .find(|(name, _)| *name == code)
                .map(|(_, emoji)| emoji.to_owned())
        }
    }

    #[test]
    fn names_and_emoji_stand_in_place_of_ids_and_codes() {
        for (sent, read) in [
            ("<@U1> <@U1|old name> <@U2> <@U2|bob>", "@ann @ann @U2 @bob"),
            ("<#C1> <#C2|random>", "#general #random"),
            ("<!here> <!channel>", "@all @all"),
            (
                ":tada: :+1::skin-tone-4: :+1::skin-tone-9: :parrot: 10:30:00",
                "🎉 👍🏽 👍:skin-tone-9: :parrot: 10:30:00",
            ),
            (":::tada:", "::🎉"),
            ("`<@U1> :tada: &lt;`", "`@ann :tada: <`"),
        ] {
            assert_eq!(formatted(sent, &mut Ann), read, "{sent}");
        }
    }

    #[test]
    fn formats_become_those_of_messages_here() {
        for (sent, read) in [
            ("*bold* _italic_ ~gone~", "**bold** _italic_ ~~gone~~"),
            ("*two words*, (*x*) *é*", "**two words**, (**x**) **é**"),
            ("*bold ~and gone~*", "**bold ~~and gone~~**"),
            ("2*3*4 a * b * c *", "2*3*4 a * b * c *"),
            ("*open\n*next*", "*open\n**next**"),
            ("**", "**"),
            ("~~~", "~~~"),
            ("*bold `*code*`*", "**bold `*code*`**"),
            (
                "see ```let x = 1;\nlet y = &amp;x;``` there",
                "see \n```\nlet x = 1;\nlet y = &x;\n```\n there",
            ),
            ("```\n*code*\n```\nafter", "```\n*code*\n```\nafter"),
            ("``` never ends *b*", "``` never ends **b**"),
            ("&gt; quoted *text*", "> quoted **text**"),
            ("*<https://a.example/*x*|link>*", "**link (https://a.example/*x*)**"),
        ] {
            assert_eq!(formatted(sent, &mut Ann), read, "{sent}");
        }
    }

    #[test]
    fn any_text_is_formatted_in_linear_time() {
        for piece in ["*", "*a ", "~*", "<", "<@", "`", "```", ":", ":a", "&", "*a* ", "é*"] {
            let text = piece.repeat(200_000);
            formatted(&text, &mut Ann);
        }
    }
}
