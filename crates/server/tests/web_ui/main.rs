//! The page and the widget in a real browser with a real server, as people use them.
//!
//! Needs `chromium`, from the Debian package of that name.

mod access;
mod account;
mod admin;
mod bad_input;
mod bans;
mod change_windows;
mod consent;
mod docs;
mod drafts;
mod embedding;
mod files;
mod group_details;
mod groups;
mod host;
mod joining;
mod links;
mod lists;
mod log;
mod many;
mod mentions;
mod menu;
mod network;
mod offer;
mod offline;
mod oidc;
mod page;
mod path;
mod people;
mod phone;
mod pins;
mod profiles;
mod push;
mod reactions;
mod reading;
mod reports;
mod search;
mod talk;
mod text;
mod threads;
mod words;

use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::browser::{self, Tab};
use serde_json::json;

use crate::page::Page;

pub(crate) const PASSWORD: &str = "a long password";
pub(crate) const WELCOME: &str = "Sign in, or choose a name and a password to sign up.";

/// Removes service workers, as for a server without TLS.
const WITHOUT_WORKER: &str = "delete Navigator.prototype.serviceWorker;";

/// A server, and pages that show it.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    /// Scripts that run before the pages' own.
    scripts: &'static [&'static str],
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// With changed options of the server.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self { app: TestApp::with(change).await, scripts: &[WITHOUT_WORKER] }
    }

    /// Enables service workers in later pages. A worker uses about half the CPU time of a page.
    pub(crate) fn with_worker(self) -> Self {
        Self { scripts: &[], ..self }
    }

    /// The page in a new profile, signed out.
    pub(crate) async fn browser(&self, name: &str) -> Page {
        Page::open_in(browser::blank(name).await, &self.app.url(), self.scripts, []).await
    }

    /// A user who has just signed up, with the page open.
    pub(crate) async fn person(&self, name: &str) -> Page {
        self.person_in(browser::blank(name).await).await
    }

    /// Like [`Self::person`], in an empty tab that has the user's name.
    pub(crate) async fn person_in(&self, tab: Tab) -> Page {
        let name = tab.name().to_owned();
        let account = json!({ "name": name, "password": PASSWORD });
        let signed_up = self.app.nobody().post("accounts/", account).await;
        let cookies =
            signed_up.headers.get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let page = Page::open_in(tab, &self.app.url(), self.scripts, cookies).await;
        page.sees(&format!("Signed in as {name}")).await;
        page.is_connected().await;
        page
    }

    pub(crate) async fn ann_and_bob(&self) -> (Page, Page) {
        tokio::join!(self.person("ann"), self.person("bob"))
    }
}

/// Fills the form in and presses a button.
pub(crate) async fn sign(page: &Page, name: &str, password: &str, button: &str) {
    page.fill("Name", name).await;
    page.fill("Password", password).await;
    page.press(button).await;
}

/// Begins a conversation with a user by sending a message.
pub(crate) async fn write_to(page: &Page, name: &str, body: &str) {
    begin_with(page, name).await;
    // Until then, the box belongs to the previous conversation.
    page.sees_in("Conversation", name).await;
    page.say(body).await;
    page.sees_once(body).await;
}

/// Opens a conversation with a user.
pub(crate) async fn begin_with(page: &Page, name: &str) {
    page.press("New conversation").await;
    page.fill("Write to", name).await;
    page.press("Start").await;
}

/// Creates a group and opens it.
pub(crate) async fn make_group(page: &Page, name: &str, people: &str) {
    try_group(page, name, people).await;
    // Until then, the box belongs to the previous conversation.
    page.sees_in("Conversation", name).await;
}

/// Submits the form for a new group, which may be refused.
pub(crate) async fn try_group(page: &Page, name: &str, people: &str) {
    page.press("New conversation").await;
    page.press("A group").await;
    page.fill("Group name", name).await;
    page.fill("People in the group", people).await;
    page.press("Create group").await;
}

/// Waits for a text in the accessible description of a list entry.
pub(crate) async fn hears_of(page: &Page, title: &str, words: &str, is_there: bool) {
    let script = "const entry = button(arguments[0]); if (!entry) return false;
        const about = entry.getRootNode().getElementById(entry.getAttribute('aria-describedby')).textContent;
        return about.includes(arguments[1]) === arguments[2]";
    page.wait_for(&format!("hear of {title}: {words} ({is_there})"), script, json!([title, words, is_there]))
        .await;
}
