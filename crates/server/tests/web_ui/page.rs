//! The page as a person uses it: `eyes.js` finds elements by their text, label or role.

use std::time::Duration;

use chinwag_testkit::browser::{self, Key, STEP, Tab, longer};
use chinwag_testkit::wait::WAIT_TIMEOUT;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The functions that `eyes.js` provides to scripts.
const EYES: &str =
    "const { walk, shown, tidy, reachable, nameOf, button, field, part, roots, pageText, messages, bodyOf,
    message, drawn, middle, aim, finds } = window.eyes;";

/// How long a script polls in the page before it is sent again, in ms. The page may be left meanwhile.
const IN_PAGE: u32 = 2000;

/// Runs before each page's own scripts, and records the browser's errors in the session storage, which survives
/// reloads.
const RECORD_ERRORS: &str = r#"
    const note = (text) => sessionStorage.setItem("violations", `${sessionStorage.getItem("violations") ?? ""}${text}\n`);
    const failed = ({ message, target }) => message ?? `cannot load ${target.src ?? target.href}`;
    addEventListener("error", (event) => note(`error: ${failed(event)}`), true);
    addEventListener("unhandledrejection", ({ reason }) => note(`rejection: ${reason}`));
    addEventListener("securitypolicyviolation", (event) =>
        note(`policy: ${event.effectiveDirective} forbids ${event.blockedURI}`));
"#;

/// A page opened by one person.
pub(crate) struct Page {
    tab: Tab,
}

impl Page {
    /// Opens a page in a new profile of the person `name`.
    pub(crate) async fn open(name: &str, url: &str) -> Self {
        Self::open_in(browser::blank(name).await, url, &[], []).await
    }

    /// Opens a page in an empty tab with a server's cookies. `scripts` run before the page's own.
    pub(crate) async fn open_in<'a>(
        tab: Tab,
        url: &str,
        scripts: &[&str],
        cookies: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let eyes = format!("{{ {} }}", include_str!("eyes.js"));
        for source in [RECORD_ERRORS, &eyes].iter().chain(scripts) {
            tab.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        }
        for cookie in cookies {
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            let cookie = json!({ "url": url, "name": name, "value": value, "httpOnly": true });
            tab.command("Network.setCookie", cookie).await;
        }
        tab.go(url).await;
        Self { tab }
    }

    /// The page in another tab of the same profile.
    pub(crate) async fn another(&self, url: &str) -> Self {
        Self::open_in(self.tab.another(self.tab.name(), "about:blank").await, url, &[], []).await
    }

    /// Presses a button by its name. If a dialog is open, the button must be in it.
    pub(crate) async fn press(&self, name: &str) {
        self.press_at(name, "return button(...arguments)", json!([name])).await;
    }

    /// Presses a button of a message. The buttons appear on hover or keyboard focus.
    pub(crate) async fn act(&self, body: &str, verb: &str) {
        let find = "const article = message(arguments[0])[0];
            article?.focus({ preventScroll: true });
            return [...article?.querySelectorAll('button') ?? []].find((each) => nameOf(each) === arguments[1] && shown(each));";
        self.press_at(&format!("{verb} of “{body}”"), find, json!([body, verb])).await;
    }

    /// Replaces the content of the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let look = async || {
            let focus = "const box = field(...arguments); box?.focus(); box?.select(); return box !== null;";
            if self.eval(focus, json!([label])).await? != true {
                return Ok(None);
            }
            self.tab.press_key(Key::Backspace).await?;
            self.tab.type_text(text).await?;
            // The page may have been rendered again meanwhile, or have moved the cursor.
            let written = "return (field(arguments[0])?.value ?? '') === arguments[1]";
            Ok((self.eval(written, json!([label, text])).await? == true).then_some(()))
        };
        self.until(&format!("write in “{label}”"), look).await;
    }

    /// Pastes into the field with this label: not every character can be typed.
    pub(crate) async fn paste(&self, label: &str, text: &str) {
        self.fill(label, "").await;
        let script = "const box = field(arguments[0]); box.value = arguments[1];
            box.dispatchEvent(new Event('input', { bubbles: true })); return true;";
        self.run_script(script, json!([label, text])).await;
    }

    /// Chooses an option in the list with this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        let script = "const list = field(arguments[0]);
            const option = [...list?.options ?? []].find((each) => tidy(each.label) === arguments[1]);
            if (!option) return null;
            list.value = option.value; list.dispatchEvent(new Event('change', { bubbles: true })); return true;";
        self.wait_for(&format!("choose “{option}” of “{label}”"), script, json!([label, option])).await;
    }

    /// Presses a key on the focused element.
    pub(crate) async fn key(&self, key: Key) {
        self.tab.press_key(key).await.expect("the browser does as it is told");
    }

    /// Writes a message in the open conversation and sends it.
    pub(crate) async fn say(&self, text: &str) {
        self.fill("Message", text).await;
        self.press("Send").await;
    }

    /// Waits until this text is on the page.
    pub(crate) async fn sees(&self, words: &str) {
        self.wait_for(&format!("see “{words}”"), "return pageText().includes(arguments[0])", json!([words]))
            .await;
    }

    /// Waits until this text is in the part of the page named `part`.
    pub(crate) async fn sees_in(&self, part: &str, words: &str) {
        let script = "return part(arguments[0]).some((each) => each.innerText.includes(arguments[1]))";
        self.wait_for(&format!("see “{words}” in “{part}”"), script, json!([part, words])).await;
    }

    /// Waits until this text is not in a part of the page, or the part is gone.
    pub(crate) async fn sees_gone(&self, part: &str, words: &str) {
        let script = "return !part(arguments[0]).some((each) => each.innerText.includes(arguments[1]))";
        self.wait_for(&format!("see “{words}” go from “{part}”"), script, json!([part, words])).await;
    }

    /// Waits until this text is not on the page.
    pub(crate) async fn sees_no(&self, words: &str) {
        self.wait_for(
            &format!("see “{words}” go"),
            "return !pageText().includes(arguments[0])",
            json!([words]),
        )
        .await;
    }

    /// Waits until the page shows no connection problem.
    pub(crate) async fn is_connected(&self) {
        let script =
            "const said = pageText(); return part('Your profile').length + part('Conversation').length > 0
            && !said.includes('Connection lost') && !said.includes('Connecting…')";
        self.wait_for("be connected", script, json!([])).await;
    }

    /// Waits until the tab has this title.
    pub(crate) async fn sees_title(&self, title: &str) {
        let script = "return document.title === arguments[0]";
        self.wait_for(&format!("see the title “{title}”"), script, json!([title])).await;
    }

    /// Waits until the open conversation has this message, and asserts that it occurs once.
    pub(crate) async fn sees_once(&self, body: &str) {
        let script = "return message(arguments[0]).length";
        let found = self.wait_for_value(&format!("see the message “{body}”"), script, json!([body])).await;
        assert_eq!(found, 1, "{} sees the message “{body}” more than once", self.tab.name());
    }

    /// Waits until the server has acknowledged this message; it may have been read already.
    pub(crate) async fn sees_sent(&self, body: &str) {
        let script = "return /\\b(Sent|Read)\\b/u.test(message(arguments[0])[0]?.innerText ?? '')";
        self.wait_for(&format!("see the message “{body}” sent"), script, json!([body])).await;
    }

    /// Waits until a script, which may use `eyes.js`, returns true.
    pub(crate) async fn wait_for(&self, what: &str, script: &str, arguments: Value) {
        let script = format!("return await (async () => {{ {script} }})() === true");
        self.wait_for_value(what, &script, arguments).await;
    }

    /// Waits until a script returns a truthy value, and returns that.
    async fn wait_for_value(&self, what: &str, script: &str, arguments: Value) -> Value {
        let script = format!("return await finds(async () => {{ {script} }}, {IN_PAGE})");
        let is_found = |found: &Value| !(found.is_null() || *found == false || *found == 0);
        let look = async || Ok(Some(self.eval(&script, arguments.clone()).await?).filter(is_found));
        self.until(what, look).await
    }

    /// Runs a script once and returns its result.
    pub(crate) async fn run_script(&self, script: &str, arguments: Value) -> Value {
        self.eval(script, arguments)
            .await
            .unwrap_or_else(|why| panic!("in {}'s page: {why}", self.tab.name()))
    }

    /// The number of matching elements in the open conversation.
    pub(crate) async fn count_in_messages(&self, selector: &str) -> u64 {
        let script = "return messages().flatMap((each) => [...each.querySelectorAll(arguments[0])]).length";
        self.run_script(script, json!([selector])).await.as_u64().expect("a number")
    }

    /// Navigates to a URL.
    pub(crate) async fn go(&self, url: &str) {
        self.tab.go(url).await;
    }

    /// Navigates back.
    pub(crate) async fn back(&self) {
        // The page may be gone before it answers.
        let _ = self.tab.try_run("history.back()").await;
    }

    /// Reloads the page.
    pub(crate) async fn reload(&self) {
        self.tab.reload().await;
    }

    /// Resizes the window, to that of a phone for instance.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Emulates a phone with a touch screen.
    pub(crate) async fn touchable(&self) {
        let metrics = json!({ "width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
        self.reload().await;
    }

    /// Touches the centre of the element that a script returns, once it no longer moves.
    pub(crate) async fn touch(&self, what: &str, script: &str, arguments: Value) {
        let middle = format!(
            "const element = (() => {{ {script} }})();
            const {{ x, y, width, height }} = element?.getBoundingClientRect() ?? {{}};
            const [before, spot] = [window.touched, element ? [x + width / 2, y + height / 2] : []];
            window.touched = String(spot);"
        );
        let stays = format!("{middle} return Boolean(element) && before === window.touched");
        self.wait_for(what, &stays, arguments.clone()).await;
        let middle = self.run_script(&format!("{middle} return spot"), arguments).await;
        let points = json!([{ "x": middle[0], "y": middle[1] }]);
        self.devtools("Input.dispatchTouchEvent", json!({ "type": "touchStart", "touchPoints": points }))
            .await;
        self.devtools("Input.dispatchTouchEvent", json!({ "type": "touchEnd", "touchPoints": [] })).await;
    }

    /// Emulates the preference for a dark or light scheme.
    pub(crate) async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
    }

    /// Sends a command of the `DevTools` protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        self.tab.command(command, parameters).await;
    }

    /// Runs a script in the page for anything but a user's actions; returns its result.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.tab.run(script).await
    }

    /// Like [`Self::run`], for a script that uses `eyes.js`.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        self.run_script(script, json!([])).await
    }

    /// The browser's errors so far: of scripts, and violations of the page's policy.
    pub(crate) async fn browser_errors(&self) -> String {
        let violations = self.run(r#"return sessionStorage.getItem("violations") ?? "";"#).await;
        violations.as_str().expect("the script gives text").to_owned()
    }

    /// The console entries since the last call.
    pub(crate) async fn console(&self) -> Vec<String> {
        self.tab.console().await
    }

    /// Waits until the browser has reported each of these errors.
    pub(crate) async fn reports_errors(&self, violations: &[&str]) {
        let look = async || {
            let heard = self.browser_errors().await;
            Ok(violations.iter().all(|wrong| heard.contains(wrong)).then_some(()))
        };
        self.until(&format!("hear {violations:?}"), look).await;
    }

    /// Closes the page, and asserts that the browser has reported no error.
    pub(crate) async fn close(self) {
        assert_eq!(self.browser_errors().await, "", "what {}'s browser objects to", self.tab.name());
        self.tab.close().await;
    }

    async fn press_at(&self, what: &str, script: &str, arguments: Value) {
        let script = format!("return finds(() => aim((() => {{ {script} }})()), {IN_PAGE})");
        let look = async || {
            let point = self.eval(&script, arguments.clone()).await?;
            let (Some(x), Some(y)) = (point[0].as_f64(), point[1].as_f64()) else { return Ok(None) };
            self.tab.click(x, y).await?;
            // The click may have left the page.
            let hit = self.tab.try_run("return window.aimed?.hit ?? true;").await;
            Ok((hit != Ok(Value::Bool(false))).then_some(()))
        };
        self.until(&format!("press “{what}”"), look).await;
    }

    async fn eval(&self, script: &str, arguments: Value) -> Result<Value, String> {
        self.tab.try_run_with(&format!("{EYES}\n{script}"), &arguments).await
    }

    /// Polls until `look` finds something. Errors of the browser meanwhile count as not found, because the page
    /// may just have changed.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>, String>) -> T {
        let by = Instant::now() + WAIT_TIMEOUT;
        let mut last = String::new();
        let mut step = STEP;
        while let Ok(found) = timeout_at(by, look()).await {
            match found {
                Ok(Some(found)) => return found,
                Ok(None) => last.clear(),
                Err(why) => last = format!(" ({why})"),
            }
            sleep(step).await;
            step = longer(step);
        }
        let shown = timeout(Duration::from_secs(2), self.eval("return pageText()", json!([]))).await;
        let shown = match shown {
            Err(_) => "nothing: the browser is stuck".to_owned(),
            Ok(shown) => shown.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default(),
        };
        let violations = timeout(Duration::from_secs(2), self.browser_errors()).await.unwrap_or_default();
        let name = self.tab.name();
        panic!(
            "{name} does not {what} within {WAIT_TIMEOUT:?}{last}. The page shows:\n{shown}\n{violations}"
        );
    }
}
