//! The documentation at `/docs/`: the documents of the repository as HTML pages, and the index for their search.
//!
//! The documents are written for readers of the repository. Links between documents become links between pages; links
//! to other files of the repository become plain text.

mod render;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use crate::assets;
use crate::error::Problem;
use crate::packed;
use crate::state::ServerState;
use render::{Rendered, escaped};

/// A document that is served below `/docs/`.
#[derive(Debug)]
struct Guide {
    /// The page's name in its URL; the first page is at `/docs/` itself.
    slug: &'static str,
    /// The path of the file in the repository.
    file: &'static str,
    title: &'static str,
}

macro_rules! guides {
    ($($part:literal { $($slug:literal $file:literal $title:literal;)+ })+) => {
        /// The parts of the documentation, in reading order.
        const PARTS: &[(&str, &[Guide])] = &[$(($part, &[$(Guide {
            slug: $slug,
            file: $file,
            title: $title,
        }),+])),+];
    };
}

guides! {
    "Begin" {
        "" "README.md" "Overview";
        "answers" "docs/answers.md" "Quick answers";
        "install" "docs/install.md" "Install";
        "import" "docs/import.md" "Import from Slack and Mattermost";
        "in-place-of-django" "docs/in-place-of-django.md" "In place of the Django service";
    }
    "Build" {
        "embedding" "docs/embedding.md" "Embed the chat";
        "clients" "docs/clients.md" "The client module";
        "npm" "clients/npm/README.md" "The npm package";
        "python" "clients/python/README.md" "The Python package";
        "rust" "crates/client/README.md" "The Rust crate";
        "protocol" "docs/protocol.md" "REST and WebSocket";
        "events" "docs/events.md" "Events, webhooks and bots";
        "notifications" "docs/notifications.md" "Notifications";
    }
    "Run" {
        "operations" "docs/operations.md" "Operations and settings";
        "administration" "docs/administration.md" "Administration";
        "scaling" "docs/scaling.md" "Several nodes";
        "postgresql" "docs/postgresql.md" "PostgreSQL";
        "redis" "docs/redis.md" "Redis";
        "security" "SECURITY.md" "Security";
    }
    "Know" {
        "guarantees" "docs/guarantees.md" "Guarantees";
        "performance" "docs/performance.md" "Performance";
        "glossary" "docs/glossary.md" "Glossary";
        "changelog" "CHANGELOG.md" "Changes";
    }
}

/// The template of each page.
const FRAME: &str = "web/docs/guide.html";

fn all() -> impl Iterator<Item = &'static Guide> {
    PARTS.iter().flat_map(|(_, guides)| *guides)
}

/// The URL path of the page for a file of the repository.
fn page_of(file: &str) -> Option<String> {
    all().find(|guide| guide.file == file).map(Guide::path)
}

impl Guide {
    fn path(&self) -> String {
        if self.slug.is_empty() { "/docs/".to_owned() } else { format!("/docs/{}/", self.slug) }
    }

    fn render(&self) -> Rendered {
        render::render(self.file, &packed::text(self.file).expect("each document is packed"))
    }

    fn page(&self, frame: &str, Rendered { html, sections }: &Rendered) -> String {
        let mut contents = String::new();
        for section in sections.iter().filter(|section| section.level == 2) {
            let (anchor, name) = (&section.anchor, escaped(&section.heading));
            write!(contents, "<li><a href=\"#{anchor}\">{name}</a></li>").expect("a string takes it");
        }
        frame
            .replace("{{title}}", &escaped(self.title))
            .replace("{{parts}}", &self.navigation())
            .replace("{{contents}}", &contents)
            .replace("{{next}}", &self.next())
            .replace("{{text}}", html)
    }

    /// The list of all pages, in which the current one is marked.
    fn navigation(&self) -> String {
        let mut list = String::new();
        for (part, guides) in PARTS {
            write!(list, "<h2>{part}</h2><ul>").expect("a string takes it");
            for guide in *guides {
                let current = if guide.slug == self.slug { " aria-current=\"page\"" } else { "" };
                let (path, title) = (guide.path(), escaped(guide.title));
                write!(list, "<li><a href=\"{path}\"{current}>{title}</a></li>").expect("a string takes it");
            }
            if *part == "Build" {
                list.push_str("<li><a href=\"/docs/api/\">API reference</a></li>");
            }
            list.push_str("</ul>");
        }
        list
    }

    /// A link to the next page.
    fn next(&self) -> String {
        let next = all().skip_while(|guide| guide.slug != self.slug).nth(1);
        next.map_or_else(String::new, |next| {
            format!("<a href=\"{}\">Next: {}</a>", next.path(), escaped(next.title))
        })
    }
}

/// A plot in the documents.
fn plot_named(name: &str) -> Option<Bytes> {
    packed::file(&format!("docs/plots/{name}"))
}

/// The URL path of an image of the repository, if the binary contains it.
fn image_of(file: &str) -> Option<String> {
    let name = file.strip_prefix("docs/plots/")?;
    plot_named(name).map(|_| format!("/docs/plots/{name}"))
}

/// The rendered documentation.
struct Documentation {
    /// The pages by slug.
    pages: HashMap<&'static str, String>,
    /// The sections of all pages with their texts as JSON, for the search.
    sections: String,
}

/// Rendered on the first request.
static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    let frame = packed::text(FRAME).expect("the frame is packed");
    let (mut pages, mut sections) = (HashMap::new(), Vec::new());
    for guide in all() {
        let rendered = guide.render();
        pages.insert(guide.slug, guide.page(&frame, &rendered));
        let path = guide.path();
        sections.extend(rendered.sections.into_iter().map(|section| {
            let at = format!("{path}#{}", section.anchor);
            json!({ "at": at, "page": guide.title, "heading": section.heading, "text": section.text })
        }));
    }
    Documentation { pages, sections: json!(sections).to_string() }
});

/// `GET /docs/`: the first page.
pub(crate) async fn first(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    assets::page(&DOCUMENTATION.pages[""], &headers, state.options.base()).await
}

/// `GET /docs/<name>/`: a page.
pub(crate) async fn guide(
    State(state): State<Arc<ServerState>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let name = name.ok().filter(|Path(name)| !name.is_empty());
    match name.and_then(|Path(name)| DOCUMENTATION.pages.get(name.as_str())) {
        Some(page) => assets::page(page, &headers, state.options.base()).await,
        _ => Problem::no_path().into_response(),
    }
}

/// `GET /docs/plots/<name>`: a plot of a document.
pub(crate) async fn plot(name: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    match name.ok().and_then(|Path(name)| plot_named(&name)) {
        Some(file) => assets::svg(&file, &headers).await,
        None => Problem::no_path().into_response(),
    }
}

/// `GET /docs/sections.json`: the index for the search.
pub(crate) async fn sections(headers: HeaderMap) -> Response {
    assets::json(&DOCUMENTATION.sections, &headers).await
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn links_lead_to_pages_and_headings_that_exist() {
        let pages: HashMap<String, Rendered> = all().map(|guide| (guide.path(), guide.render())).collect();
        let anchors: HashMap<&String, HashSet<&String>> = pages
            .iter()
            .map(|(path, page)| (path, page.sections.iter().map(|section| &section.anchor).collect()))
            .collect();
        for (path, page) in &pages {
            for link in page.html.split("<a href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                if link.starts_with("https://") || link == "/" || link.starts_with("/docs/api/") {
                    continue;
                }
                let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
                let to = if to.is_empty() { path } else { to };
                let found = anchors.get(&to.to_owned()).unwrap_or_else(|| panic!("{path} links to {link}"));
                assert!(anchor.is_empty() || found.contains(&anchor.to_owned()), "{path} links to {link}");
            }
        }
    }

    #[test]
    fn every_document_is_a_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.extension().is_some_and(|kind| kind == "md") {
                let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
                assert!(page_of(&format!("docs/{name}")).is_some(), "{name} is no page: add it to guides.rs");
            }
        }
    }

    #[test]
    fn plots_of_the_documents_are_shown_and_found() {
        let shown = |slug: &str| DOCUMENTATION.pages[slug].matches("<img src=\"/docs/plots/").count();
        let plots = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plots"));
        let plots = plots.expect("the folder is there").count();
        assert_eq!(shown("performance"), plots, "docs/performance.md shows each plot once");
        for page in DOCUMENTATION.pages.values() {
            for name in
                page.split("<img src=\"/docs/plots/").skip(1).filter_map(|rest| rest.split('"').next())
            {
                assert!(plot_named(name).is_some(), "{name} is not in docs/plots");
            }
        }
    }

    #[test]
    fn pages_have_nothing_left_of_their_frame() {
        for (slug, page) in &DOCUMENTATION.pages {
            for part in ["title", "parts", "contents", "next", "text"] {
                assert!(!page.contains(&format!("{{{{{part}}}}}")), "{slug} has no {part}");
            }
        }
    }
}
