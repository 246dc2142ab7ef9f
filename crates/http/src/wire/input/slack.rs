//! Text as Slack's incoming webhooks take it: three escapes, and links in angle brackets.

/// The labels of Slack's own mentions of everyone.
const EVERYONE: [&str; 3] = ["here", "channel", "everyone"];

/// The plain text of a message in Slack's form. What is escaped is decoded once; `<https://a.example|Build 7>` becomes
/// `Build 7 (https://a.example)`. Other text in angle brackets stays.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, special) = rest.split_at(at);
        plain.push_str(before);
        let (shown, length) = bracketed(special).or_else(|| escape(special)).unwrap_or_else(|| {
            let first = &special[..1];
            (first.to_owned(), 1)
        });
        plain.push_str(&shown);
        rest = &special[length..];
    }
    plain.push_str(rest);
    plain
}

/// The character that an escape stands for, and the length of the escape.
fn escape(text: &str) -> Option<(String, usize)> {
    let escapes = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")];
    escapes.into_iter().find(|(from, _)| text.starts_with(from)).map(|(from, to)| (to.to_owned(), from.len()))
}

/// The text of a link or a mention with which a text begins, and its length.
fn bracketed(text: &str) -> Option<(String, usize)> {
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
    Some((shown(&decoded(target), label.map(decoded).as_deref())?, end + 2))
}

fn shown(target: &str, label: Option<&str>) -> Option<String> {
    let named =
        |sign: &str, name: &str| Some(format!("{sign}{}", label.unwrap_or(name).trim_start_matches(sign)));
    match target.split_at_checked(1)? {
        ("@", name) => named("@", name),
        ("#", name) => named("#", name),
        ("!", name) if EVERYONE.contains(&name) => Some(format!("@{name}")),
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

/// Whether a text begins like a URL. A tag of HTML does not.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && !text.contains(char::is_whitespace)
}

/// A text with its escapes decoded once.
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
        ] {
            assert_eq!(plain(sent), read, "{sent}");
        }
    }
}
