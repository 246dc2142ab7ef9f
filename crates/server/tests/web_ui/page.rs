//! What a person does with the page and sees on it. Everything is found as a person finds it, by
//! its words, its label or its role (`eyes.js`).

use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::{Client, elements::ElementRef};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const EYES: &str = include_str!("eyes.js");
/// The key under which a driver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The page as one person has it open.
pub(crate) struct Page {
    client: Client,
    /// How the browser is told what no page may: see [`Page::devtools`].
    driver: chinwag_testkit::client::Client,
    name: String,
}

impl Page {
    /// Opens the page in a browser. Who looks at it is called `name`.
    pub(crate) async fn open(
        client: Client,
        driver: chinwag_testkit::client::Client,
        name: &str,
        url: &str,
    ) -> Self {
        bounded(client.goto(url)).await;
        Self { client, driver, name: name.to_owned() }
    }

    /// Presses a button by its name. Where a question stands before everything else, one of its.
    pub(crate) async fn press(&self, name: &str) {
        self.press_at(name, "return button(...arguments)", json!([name])).await;
    }

    /// Presses one of the buttons of a message. They are shown when one points at it, or comes there
    /// by keyboard.
    pub(crate) async fn act(&self, body: &str, verb: &str) {
        let find = "const article = message(arguments[0])[0];
            article?.focus({ preventScroll: true });
            return [...article?.querySelectorAll('button') ?? []].find((each) => nameOf(each) === arguments[1] && shown(each));";
        self.press_at(&format!("{verb} of “{body}”"), find, json!([body, verb])).await;
    }

    /// Writes in the field that has this label, in place of what was in it.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let look = async || {
            let Some(field) = self.element("return field(...arguments)", json!([label])).await? else {
                return Ok(None);
            };
            field.clear().await?;
            field.send_keys(text).await.map(Some)
        };
        self.until(&format!("write in “{label}”"), look).await;
    }

    /// Pastes into the field that has this label: drivers cannot type every character.
    pub(crate) async fn paste(&self, label: &str, text: &str) {
        self.fill(label, "").await;
        let script = "const box = field(arguments[0]); box.value = arguments[1];
            box.dispatchEvent(new Event('input', { bubbles: true })); return true;";
        self.look(script, json!([label, text])).await;
    }

    /// Chooses an option of the list that has this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        let script = "const list = field(arguments[0]);
            const option = [...list?.options ?? []].find((each) => tidy(each.label) === arguments[1]);
            if (!option) return null;
            list.value = option.value; list.dispatchEvent(new Event('change', { bubbles: true })); return true;";
        let what = format!("choose “{option}” of “{label}”");
        self.until(&what, async || {
            Ok(self.eval(script, json!([label, option])).await?.as_bool().filter(|done| *done))
        })
        .await;
    }

    /// Presses a key where the focus is.
    pub(crate) async fn key(&self, key: Key) {
        let focused = bounded(self.client.active_element()).await;
        bounded(focused.send_keys(&char::from(key).to_string())).await;
    }

    /// Writes a message in the open conversation, and sends it.
    pub(crate) async fn say(&self, text: &str) {
        self.fill("Message", text).await;
        self.press("Send").await;
    }

    /// Waits until these words are on the page.
    pub(crate) async fn sees(&self, words: &str) {
        self.looks(&format!("see “{words}”"), "return pageText().includes(arguments[0])", json!([words]))
            .await;
    }

    /// Waits until these words are in the part of the page that is called `part`.
    pub(crate) async fn sees_in(&self, part: &str, words: &str) {
        let script = "return part(arguments[0]).some((each) => each.innerText.includes(arguments[1]))";
        self.looks(&format!("see “{words}” in “{part}”"), script, json!([part, words])).await;
    }

    /// Waits until these words are no longer in a part of the page, or it is gone itself.
    pub(crate) async fn sees_gone(&self, part: &str, words: &str) {
        let script = "return !part(arguments[0]).some((each) => each.innerText.includes(arguments[1]))";
        self.looks(&format!("see “{words}” go from “{part}”"), script, json!([part, words])).await;
    }

    /// Waits until these words are no longer on the page.
    pub(crate) async fn sees_no(&self, words: &str) {
        self.looks(&format!("see “{words}” go"), "return !pageText().includes(arguments[0])", json!([words]))
            .await;
    }

    /// Waits until the connection stands: nothing is said of it then.
    pub(crate) async fn is_connected(&self) {
        let script =
            "const said = pageText(); return part('Your profile').length + part('Conversation').length > 0
            && !said.includes('Connection lost') && !said.includes('Connecting…')";
        self.looks("be connected", script, json!([])).await;
    }

    /// Waits until the tab has this title.
    pub(crate) async fn sees_title(&self, title: &str) {
        let look = async || Ok((self.client.title().await? == title).then_some(()));
        self.until(&format!("see the title “{title}”"), look).await;
    }

    /// Waits until the open conversation holds this message, and asserts that it does so once.
    pub(crate) async fn sees_once(&self, body: &str) {
        let look = async || {
            let found = self.eval("return message(arguments[0]).length", json!([body])).await?;
            Ok(found.as_u64().filter(|found| *found > 0))
        };
        let found = self.until(&format!("see the message “{body}”"), look).await;
        assert_eq!(found, 1, "{} sees the message “{body}” more than once", self.name);
    }

    /// Waits until a script of the test's, which may use what is in `eyes.js`, returns true.
    pub(crate) async fn looks(&self, what: &str, script: &str, arguments: Value) {
        let look = async || Ok(self.eval(script, arguments.clone()).await?.as_bool().filter(|held| *held));
        self.until(what, look).await;
    }

    /// What a script of the test's returns, once.
    pub(crate) async fn look(&self, script: &str, arguments: Value) -> Value {
        bounded(self.eval(script, arguments)).await
    }

    /// How many elements of a kind the open conversation has.
    pub(crate) async fn count_in_messages(&self, selector: &str) -> u64 {
        let script = "return messages().flatMap((each) => [...each.querySelectorAll(arguments[0])]).length";
        self.look(script, json!([selector])).await.as_u64().expect("a number")
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) {
        bounded(self.client.refresh()).await;
    }

    /// Makes the window as narrow as a telephone.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Asks for the dark look, or the light one.
    pub(crate) async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// What no page may ask of a browser.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        let id = bounded(self.client.session_id()).await.expect("a session was begun");
        let command = json!({ "cmd": command, "params": parameters });
        self.driver.post(&format!("/session/{id}/goog/cdp/execute"), command).await.ok(200);
    }

    /// Runs a script in the page, for what no person does, and hands on what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        bounded(self.client.execute(script, Vec::new())).await
    }

    /// The same for one that returns a promise.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {EYES} {script} }})().then(done, (why) => done({{ failed: String(why) }}));"
        );
        bounded(self.client.execute_async(&script, Vec::new())).await
    }

    /// What the browser has objected to so far: errors of scripts, and breaches of the page's policy.
    pub(crate) async fn wrongs(&self) -> String {
        let wrongs = self.run(r#"return sessionStorage.getItem("wrongs") ?? "";"#).await;
        wrongs.as_str().expect("the script gives text").to_owned()
    }

    /// What stands in the browser's console since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        let id = bounded(self.client.session_id()).await.expect("a session was begun");
        let asked = json!({ "type": "browser" });
        let log = self.driver.post(&format!("/session/{id}/se/log"), asked).await.ok(200);
        let entries = log["value"].as_array().expect("a list of entries");
        entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
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

    async fn press_at(&self, what: &str, script: &str, arguments: Value) {
        let look = async || {
            let Some(button) = self.element(script, arguments.clone()).await? else { return Ok(None) };
            button.click().await.map(Some)
        };
        self.until(&format!("press “{what}”"), look).await;
    }

    async fn element(&self, script: &str, arguments: Value) -> Result<Option<Element>, CmdError> {
        let found = self.eval(script, arguments).await?;
        let id = found.get(ELEMENT).and_then(Value::as_str);
        Ok(id.map(|id| Element::from_element_id(self.client.clone(), ElementRef::from(id.to_owned()))))
    }

    async fn eval(&self, script: &str, arguments: Value) -> Result<Value, CmdError> {
        let Value::Array(arguments) = arguments else { panic!("arguments are a list") };
        self.client.execute(&format!("{EYES}\n{script}"), arguments).await
    }

    /// Looks again and again until something is found. What the browser refuses meanwhile, because
    /// the page has just changed, counts as not found.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> Result<Option<T>, CmdError>,
    ) -> T {
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
        let shown = timeout(Duration::from_secs(2), self.eval("return pageText()", json!([]))).await;
        let shown = match shown {
            Err(_) => "nothing: the browser is stuck".to_owned(),
            Ok(shown) => shown.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default(),
        };
        let wrongs = timeout(Duration::from_secs(2), self.wrongs()).await.unwrap_or_default();
        panic!("{} does not {what} within {PATIENCE:?}{last}. The page shows:\n{shown}\n{wrongs}", self.name);
    }
}

/// What the browser answers.
async fn bounded<T>(command: impl Future<Output = Result<T, CmdError>>) -> T {
    let answer = timeout(PATIENCE, command).await.expect("the browser answers in time");
    answer.expect("the browser does as it is told")
}
