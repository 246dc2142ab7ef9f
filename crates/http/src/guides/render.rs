//! Renders a Markdown document as HTML, and extracts its sections.

use std::collections::HashMap;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::{image_of, page_of};

/// A rendered document.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) html: String,
    pub(super) sections: Vec<Section>,
}

/// A heading, with the text below it.
#[derive(Debug)]
pub(super) struct Section {
    /// The heading's level, 1 for the document's title.
    pub(super) level: u8,
    /// The id of the heading, generated like GitHub's.
    pub(super) anchor: String,
    pub(super) heading: String,
    pub(super) text: String,
}

/// Renders a file of the repository.
pub(super) fn render(file: &str, text: &str) -> Rendered {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, options).collect();
    take_images(file, &mut events);
    let sections = sections(&events);
    let mut anchors = sections.iter().map(|section| section.anchor.clone());
    let mut left_out = false;
    let events = events.into_iter().filter_map(|event| match event {
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            let id = anchors.next().map(CowStr::from);
            Some(Event::Start(Tag::Heading { level, id, classes, attrs }))
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let target = target(file, &dest_url);
            left_out = target.is_none();
            target.map(|dest_url| Event::Start(Tag::Link { link_type, dest_url: dest_url.into(), title, id }))
        }
        Event::End(TagEnd::Link) if left_out => None,
        // The documents contain no raw HTML; show it as text.
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        event => Some(event),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    // Make wide tables scroll on their own.
    let page = page
        // Make wide code scroll as well, and reachable by keyboard.
        .replace("<pre>", "<pre tabindex=\"0\">")
        // An empty heading cell is not a heading.
        .replace("<th></th>", "<td></td>")
        .replace("<table>", "<div class=\"wide\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>");
    Rendered { html: page, sections }
}

/// Redirects images to those that the binary contains, and removes the others with their alternative texts.
fn take_images(file: &str, events: &mut Vec<Event<'_>>) {
    let mut left_out = false;
    events.retain_mut(|event| match event {
        Event::Start(Tag::Image { dest_url, .. }) => {
            let found = path_from(file, dest_url).and_then(|path| image_of(&path));
            left_out = found.is_none();
            if let Some(found) = found {
                *dest_url = found.into();
            }
            !left_out
        }
        Event::End(TagEnd::Image) => !std::mem::take(&mut left_out),
        _ => !left_out,
    });
}

fn sections(events: &[Event<'_>]) -> Vec<Section> {
    let (mut sections, mut used) = (Vec::<Section>::new(), HashMap::<String, usize>::new());
    let mut heading: Option<String> = None;
    for event in events {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(level)) => {
                let heading = heading.take().unwrap_or_default();
                let anchor = anchor(&heading, &mut used);
                sections.push(Section { level: number(*level), anchor, heading, text: String::new() });
            }
            Event::Text(text) | Event::Code(text) => match (&mut heading, sections.last_mut()) {
                (Some(heading), _) => heading.push_str(text),
                (None, Some(section)) => section.text.push_str(text),
                (None, None) => {}
            },
            Event::SoftBreak | Event::HardBreak | Event::End(_) => {
                if let (None, Some(section)) = (&heading, sections.last_mut()) {
                    section.text.push(' ');
                }
            }
            _ => {}
        }
    }
    sections
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// The id of a heading, generated like GitHub's: a repeated heading gets the suffix `-1`.
fn anchor(heading: &str, used: &mut HashMap<String, usize>) -> String {
    let kept = heading.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    let anchor: String =
        kept.flat_map(char::to_lowercase).map(|one| if one == ' ' { '-' } else { one }).collect();
    let times = used.entry(anchor.clone()).or_default();
    *times += 1;
    if *times == 1 { anchor } else { format!("{anchor}-{}", *times - 1) }
}

/// The target of a link on the pages; `None` if only the repository has the target.
fn target(file: &str, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let page = page_of(&path_from(file, path)?)?;
    Some(anchor.map_or_else(|| page.clone(), |anchor| format!("{page}#{anchor}")))
}

/// Resolves a path relative to a file of the repository; `None` if it leads out of the repository.
fn path_from(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()?),
            "." => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Escapes text for HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_repository_become_links_of_the_pages() {
        for (file, link, expected) in [
            ("README.md", "docs/events.md", Some("/docs/events/")),
            ("docs/events.md", "operations.md#settings", Some("/docs/operations/#settings")),
            ("docs/install.md", "../clients/npm/README.md", Some("/docs/npm/")),
            ("docs/events.md", "#bots", Some("#bots")),
            ("docs/clients.md", "../web/chinwag.d.ts", None),
            ("docs/events.md", "https://www.standardwebhooks.com", Some("https://www.standardwebhooks.com")),
            ("docs/events.md", "javascript:alert(1)", None),
        ] {
            assert_eq!(target(file, link).as_deref(), expected, "{link} of {file}");
        }
    }

    #[test]
    fn images_are_shown_if_the_program_has_them() {
        let text =
            "![growth](plots/growth-messages.svg) ![page](page.png) ![other](../../growth-messages.svg)";
        let Rendered { html, .. } = render("docs/performance.md", text);
        assert!(html.contains("<img src=\"/docs/plots/growth-messages.svg\" alt=\"growth\""), "{html}");
        assert_eq!(html.matches("<img").count(), 1, "{html}");
    }

    #[test]
    fn headings_have_the_ids_of_github() {
        let text = "# Größe & `code`\n\n## In place of\n\n## In place of\n\n<b>bold</b> [a](../LICENSE) ![image](a.png)";
        let Rendered { html, sections } = render("docs/a.md", text);
        let anchors: Vec<_> = sections.iter().map(|section| section.anchor.as_str()).collect();
        assert_eq!(anchors, ["größe--code", "in-place-of", "in-place-of-1"]);
        assert!(html.contains("<h2 id=\"in-place-of-1\">In place of</h2>"), "{html}");
        assert!(html.contains("&lt;b&gt;bold&lt;/b&gt; a "), "{html}");
        assert!(!html.contains("image"), "{html}");
    }
}
