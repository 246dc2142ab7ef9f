//! What a person does with the page and sees on it. Everything is found as a person finds it, by
//! its words, its label or its role.

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The page as one person has it open.
pub(crate) struct Page {
    client: Client,
    name: String,
}

impl Page {
    /// Opens the page in a browser. Who looks at it is called `name`.
    pub(crate) async fn open(client: Client, name: &str, url: &str) -> Self {
        bounded(client.goto(url)).await;
        Self { client, name: name.to_owned() }
    }

    /// Presses a button by its name.
    pub(crate) async fn press(&self, name: &str) {
        self.press_at("//*[self::button or self::summary]", name).await;
    }

    /// Answers the question that stands before everything else.
    pub(crate) async fn answer(&self, name: &str) {
        self.press_at("//dialog[@open]//button", name).await;
    }

    /// Writes in the field that has this label, in place of what was in it.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let path = format!("//*[@id=//label[normalize-space()={}]/@for]", quoted(label));
        let look = async || {
            let Some(field) = self.usable(&path).await? else { return Ok(None) };
            field.clear().await?;
            field.send_keys(text).await.map(Some)
        };
        self.until(&format!("write in “{label}”"), look).await;
    }

    /// Writes a message in the open conversation, and sends it.
    pub(crate) async fn say(&self, text: &str) {
        self.fill("Message", text).await;
        self.press("Send").await;
    }

    /// Waits until these words are on the page.
    pub(crate) async fn sees(&self, words: &str) {
        self.looks(&format!("see “{words}”"), "//body", |text| text.contains(words)).await;
    }

    /// Waits until these words are in the part of the page that is called `part`.
    pub(crate) async fn sees_in(&self, part: &str, words: &str) {
        let what = format!("see “{words}” in “{part}”");
        self.looks(&what, &labelled(part), |text| text.contains(words)).await;
    }

    /// Waits until these words are no longer in a part of the page.
    pub(crate) async fn sees_gone(&self, part: &str, words: &str) {
        let what = format!("see “{words}” go from “{part}”");
        self.looks(&what, &labelled(part), |text| !text.contains(words)).await;
    }

    /// Waits until these words are no longer on the page.
    pub(crate) async fn sees_no(&self, words: &str) {
        self.looks(&format!("see “{words}” go"), "//body", |text| !text.contains(words)).await;
    }

    /// Waits until the tab has this title.
    pub(crate) async fn sees_title(&self, title: &str) {
        let look = async || Ok((self.client.title().await? == title).then_some(()));
        self.until(&format!("see the title “{title}”"), look).await;
    }

    /// Waits until the open conversation holds this message, and asserts that it does so once.
    pub(crate) async fn sees_once(&self, body: &str) {
        let path = format!("//*[@role='log']//*[not(*)][.={}]", quoted(body));
        let look = async || {
            let found = self.client.find_all(Locator::XPath(&path)).await?.len();
            Ok((found > 0).then_some(found))
        };
        let found = self.until(&format!("see the message “{body}”"), look).await;
        assert_eq!(found, 1, "{} sees the message “{body}” more than once", self.name);
    }

    /// How many elements of a kind the open conversation has.
    pub(crate) async fn count_in_messages(&self, tag: &str) -> usize {
        let path = format!("//*[@role='log']//{tag}");
        bounded(self.client.find_all(Locator::XPath(&path))).await.len()
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) {
        bounded(self.client.refresh()).await;
    }

    /// Makes the window as narrow as on a telephone.
    pub(crate) async fn narrow(&self) {
        bounded(self.client.set_window_size(500, 800)).await;
    }

    /// Runs a script in the page, for what no person does, and hands on what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        bounded(self.client.execute(script, Vec::new())).await
    }

    /// What the browser has objected to so far: errors of scripts, and breaches of the page's policy.
    pub(crate) async fn wrongs(&self) -> String {
        let wrongs = self.run(r#"return sessionStorage.getItem("wrongs") ?? "";"#).await;
        wrongs.as_str().expect("the script gives text").to_owned()
    }

    /// Waits until the browser has objected to each of these.
    pub(crate) async fn hears(&self, wrongs: &[&str]) {
        let look = async || {
            let heard = self.wrongs().await;
            Ok(wrongs.iter().all(|wrong| heard.contains(wrong)).then_some(()))
        };
        self.until(&format!("hear {wrongs:?}"), look).await;
    }

    /// Closes the browser, which has objected to nothing.
    pub(crate) async fn close(self) {
        assert_eq!(self.wrongs().await, "", "what {}'s browser objects to", self.name);
        bounded(self.client.close()).await;
    }

    async fn press_at(&self, elements: &str, name: &str) {
        let quoted = quoted(name);
        // A label is the name, and what stands on the button is it only where there is none.
        let path =
            format!("{elements}[@aria-label={quoted} or not(@aria-label) and normalize-space()={quoted}]");
        let look = async || {
            let Some(button) = self.usable(&path).await? else { return Ok(None) };
            button.click().await.map(Some)
        };
        self.until(&format!("press “{name}”"), look).await;
    }

    async fn looks(&self, what: &str, path: &str, holds: impl Fn(&str) -> bool) {
        self.until(what, async || Ok(holds(&self.text(path).await?).then_some(()))).await;
    }

    /// The first element there that is shown, and not switched off.
    async fn usable(&self, path: &str) -> Result<Option<Element>, CmdError> {
        for element in self.client.find_all(Locator::XPath(path)).await? {
            if element.is_displayed().await? && element.is_enabled().await? {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    /// The text of an element, for a reader of the screen or by ear.
    async fn text(&self, path: &str) -> Result<String, CmdError> {
        let element = self.client.find(Locator::XPath(path)).await?;
        Ok(element.prop("innerText").await?.unwrap_or_default())
    }

    /// Looks again and again until something is found. What the browser refuses meanwhile, because
    /// the page has just changed, counts as not found.
    async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>, CmdError>) -> T {
        let by = Instant::now() + PATIENCE;
        let mut last = String::new();
        while let Ok(found) = timeout_at(by, look()).await {
            match found {
                Ok(Some(found)) => return found,
                Ok(None) => last.clear(),
                Err(why) => last = format!(" ({why})"),
            }
            sleep(Duration::from_millis(50)).await;
        }
        let shown = timeout(Duration::from_secs(2), self.text("//body")).await;
        let shown =
            shown.map_or_else(|_| "nothing: the browser is stuck".to_owned(), Result::unwrap_or_default);
        panic!("{} does not {what} within {PATIENCE:?}{last}. The page shows:\n{shown}", self.name);
    }
}

/// What the browser answers.
async fn bounded<T>(command: impl Future<Output = Result<T, CmdError>>) -> T {
    let answer = timeout(PATIENCE, command).await.expect("the browser answers in time");
    answer.expect("the browser does as it is told")
}

fn labelled(part: &str) -> String {
    format!("//*[@aria-label={}]", quoted(part))
}

/// A text as a path writes it.
fn quoted(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    assert!(!text.contains('"'), "a path cannot hold both kinds of quotes: {text}");
    format!("\"{text}\"")
}
