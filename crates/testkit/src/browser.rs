//! A headless Chromium shared by the tests of a process, driven over the `DevTools` protocol.
//!
//! [`open`] gives each [`Tab`] a new profile with its own cookies, storage and cache, so that tests can run in parallel.
//! Chromium reads commands from a pipe and exits when the pipe closes, also after a crash of the tests. Needs the Debian
//! package `chromium`.

mod key;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use crate::wait::WAIT_TIMEOUT;
pub use key::Key;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

/// The first interval between checks of a page's condition. Later intervals are [`longer`].
pub const STEP: Duration = Duration::from_millis(15);
const LONGEST_STEP: Duration = Duration::from_millis(100);

/// Chromium without a user interface. A tab needs a fifth of the CPU time of the full browser.
const SHELL: &str = "chromium-headless-shell";
/// The full browser, for tests that change the user's preferences.
const WHOLE: &str = "chromium";
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=SpareRendererForSitePerProcess",
    "--disable-extensions",
    "--window-size=1280,800",
];

/// Starts Chromium with its pipes on descriptors 3 and 4, and removes its profile after it exits.
const START: &str = r#"profile=$1; shift
"$@" --remote-debugging-pipe --user-data-dir="$profile" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$profile" 2>/dev/null && break; sleep 0.1; done"#;

/// Console entries kept for each tab.
const CONSOLE: usize = 1000;
const ENDED: &str = "the browser has ended, as it crashed or was killed: run the test again";
const CRASHED: &str = "the page has ended, as it crashed or was killed: run the test again";

type Answer = Result<Value, String>;

/// A running Chromium. It exits when its pipe closes.
struct Browser {
    commands: Mutex<ChildStdin>,
    waiting: Mutex<Waiting>,
    last: AtomicU64,
}

/// Pending commands by id, and the console entries of tabs.
#[derive(Default)]
struct Waiting {
    answers: HashMap<u64, Pending>,
    consoles: HashMap<String, Vec<String>>,
    /// The sessions of crashed tabs, which answer no command.
    crashed: HashSet<String>,
    ended: bool,
}

/// A command in flight, in the session of a tab or of the browser.
struct Pending {
    session: Option<String>,
    answer: oneshot::Sender<Answer>,
}

/// A profile. Drop closes its tabs and deletes its data.
struct BrowserProfile {
    browser: Arc<Browser>,
    /// `None` for the default profile.
    id: Option<String>,
}

/// A tab. Clones refer to the same tab.
#[derive(Clone)]
pub struct Tab {
    profile: Arc<BrowserProfile>,
    target: String,
    session: String,
    name: String,
}

/// Opens a URL in a new profile. `name` identifies the user in test failures.
pub async fn open(name: &str, url: &str) -> Tab {
    let tab = blank(name).await;
    tab.go(url).await;
    tab
}

/// Opens an empty tab in a new profile.
pub async fn blank(name: &str) -> Tab {
    let browser = Browser::shared();
    let made = browser.ask(None, "Target.createBrowserContext", json!({})).await;
    let id = made.expect("the browser makes a profile")["browserContextId"].as_str().map(str::to_owned);
    Arc::new(BrowserProfile { browser, id }).tab(name, true).await
}

/// Opens a URL in a separate browser with changed preferences.
pub async fn open_with(name: &str, url: &str, preferences: &Value) -> Tab {
    let browser = Browser::start(WHOLE, preferences);
    let tab = Arc::new(BrowserProfile { browser, id: None }).tab(name, true).await;
    tab.go(url).await;
    tab
}

/// The next interval between checks. It grows, because each check takes CPU time from the page.
pub fn longer(step: Duration) -> Duration {
    LONGEST_STEP.min(step * 3 / 2)
}

impl Browser {
    /// The browser of this process, restarted after a crash.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Option<Arc<Browser>>> = Mutex::new(None);
        let mut shared = lock(&SHARED);
        match &*shared {
            Some(browser) if !lock(&browser.waiting).ended => browser.clone(),
            _ => shared.insert(Self::start(SHELL, &json!({}))).clone(),
        }
    }

    fn start(program: &str, preferences: &Value) -> Arc<Self> {
        let profile = tempfile::tempdir().expect("a temporary folder can be made").keep();
        fs::create_dir(profile.join("Default")).expect("the folder is ours");
        fs::write(profile.join("Default/Preferences"), preferences.to_string()).expect("the folder is ours");
        let mut command = Command::new("sh");
        command
            .args(["-c", START, "sh"])
            .arg(&profile)
            .arg(executable(program))
            .args(ARGUMENTS)
            .process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("a shell starts");
        let commands = process.stdin.take().expect("it was piped");
        let answers = process.stdout.take().expect("it was piped");
        let browser = Arc::new(Self {
            commands: Mutex::new(commands),
            waiting: Mutex::default(),
            last: AtomicU64::new(0),
        });
        let reader = Arc::downgrade(&browser);
        thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let Some(browser) = reader.upgrade() else { break };
                browser.receive(&serde_json::from_slice(&message).expect("Chromium writes JSON"));
            }
            if let Some(browser) = reader.upgrade() {
                lock(&browser.waiting).end();
            }
            // The pipe is closed, so the process exits.
            let _ = process.wait();
        });
        browser
    }

    fn receive(&self, message: &Value) {
        if let Some(id) = message["id"].as_u64() {
            let answer = match message.get("error") {
                Some(why) => Err(why["message"].as_str().unwrap_or("?").to_owned()),
                None => Ok(message["result"].clone()),
            };
            if let Some(pending) = lock(&self.waiting).answers.remove(&id) {
                // The test may no longer wait.
                let _ = pending.answer.send(answer);
            }
            return;
        }
        let (session, params) = (message["sessionId"].as_str(), &message["params"]);
        let entry = match message["method"].as_str() {
            Some("Page.javascriptDialogOpening") => {
                // Accept the question whether to leave the page.
                return self.send_command(session, "Page.handleJavaScriptDialog", &json!({ "accept": true }));
            }
            Some("Inspector.targetCrashed") => return lock(&self.waiting).crash(session),
            Some("Log.entryAdded") => {
                format!(
                    "{}: {} {}",
                    params["entry"]["level"], params["entry"]["text"], params["entry"]["url"]
                )
            }
            Some("Runtime.consoleAPICalled") => format!("{}: {}", params["type"], params["args"]),
            Some("Runtime.exceptionThrown") => params["exceptionDetails"].to_string(),
            _ => return,
        };
        if let Some(session) = session {
            let mut waiting = lock(&self.waiting);
            let console = waiting.consoles.entry(session.to_owned()).or_default();
            if console.len() < CONSOLE {
                console.push(entry);
            }
        }
    }

    /// Sends a command without waiting for its answer.
    fn send_command(&self, session: Option<&str>, method: &str, params: &Value) {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(id, session, method, params);
    }

    fn write(&self, id: u64, session: Option<&str>, method: &str, params: &Value) {
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        // If Chromium has exited, the reader reports it.
        let _ = lock(&self.commands).write_all(&bytes);
    }

    /// Sends a command and waits for its answer.
    async fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Answer {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (answer, receiver) = oneshot::channel();
        {
            let mut waiting = lock(&self.waiting);
            if waiting.ended {
                return Err(ENDED.to_owned());
            }
            if session.is_some_and(|session| waiting.crashed.contains(session)) {
                return Err(CRASHED.to_owned());
            }
            waiting.answers.insert(id, Pending { session: session.map(str::to_owned), answer });
        }
        self.write(id, session, method, &params);
        match timeout(WAIT_TIMEOUT, receiver).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(ENDED.to_owned())),
            Err(_) => Err(format!("{method} was not answered within {WAIT_TIMEOUT:?}")),
        }
    }
}

impl Waiting {
    fn end(&mut self) {
        self.ended = true;
        self.answers.clear();
    }

    fn crash(&mut self, session: Option<&str>) {
        let Some(session) = session else { return };
        self.crashed.insert(session.to_owned());
        for (_, pending) in self.answers.extract_if(|_, pending| pending.session.as_deref() == Some(session))
        {
            // The test may no longer wait.
            let _ = pending.answer.send(Err(CRASHED.to_owned()));
        }
    }
}

impl BrowserProfile {
    async fn tab(self: Arc<Self>, name: &str, window: bool) -> Tab {
        let mut wanted = json!({ "url": "about:blank", "newWindow": window });
        if window {
            wanted["width"] = 1280.into();
            wanted["height"] = 800.into();
        }
        if let Some(id) = &self.id {
            wanted["browserContextId"] = id.as_str().into();
        }
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let made =
            self.browser.ask(None, "Target.createTarget", wanted).await.expect("the browser opens a tab");
        let target = text(&made["targetId"]);
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = self.browser.ask(None, "Target.attachToTarget", attach).await;
        let session = text(&attached.expect("the tab is there")["sessionId"]);
        let tab = Tab { profile: self, target, session, name: name.to_owned() };
        for domain in ["Page", "Log", "Runtime", "Inspector"] {
            tab.command(&format!("{domain}.enable"), json!({})).await;
        }
        tab.command("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab
    }
}

impl Drop for BrowserProfile {
    fn drop(&mut self) {
        match &self.id {
            Some(id) => {
                let profile = json!({ "browserContextId": id });
                self.browser.send_command(None, "Target.disposeBrowserContext", &profile);
            }
            None => self.browser.send_command(None, "Browser.close", &json!({})),
        }
    }
}

impl Tab {
    /// The user's name in test failures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens another tab of the same profile.
    pub async fn another(&self, name: &str, url: &str) -> Self {
        let tab = self.profile.clone().tab(name, false).await;
        tab.go(url).await;
        tab
    }

    /// Crashes its browser.
    pub fn crash_browser(&self) {
        self.profile.browser.send_command(None, "Browser.crash", &json!({}));
    }

    /// Closes this tab.
    pub async fn close(self) {
        let target = json!({ "targetId": self.target });
        self.profile.browser.ask(None, "Target.closeTarget", target).await.expect("the tab is there");
    }

    /// The console entries since the last call.
    pub async fn console(&self) -> Vec<String> {
        // Console entries and answers arrive in order.
        self.run("return null;").await;
        lock(&self.profile.browser.waiting).consoles.remove(&self.session).unwrap_or_default()
    }

    /// Sends a command of the `DevTools` protocol.
    pub async fn command(&self, method: &str, params: Value) -> Value {
        self.try_command(method, params)
            .await
            .unwrap_or_else(|why| panic!("in {}'s browser, {method}: {why}", self.name))
    }

    /// Panics if the browser or the page has crashed, so that a polling test fails at once.
    async fn try_command(&self, method: &str, params: Value) -> Answer {
        let answer = self.profile.browser.ask(Some(&self.session), method, params).await;
        if let Err(why) = &answer {
            assert!(why != ENDED && why != CRASHED, "{}: {why}", self.name);
        }
        answer
    }

    /// Opens a URL and waits until the page is loaded.
    pub async fn go(&self, url: &str) {
        let went = self.command("Page.navigate", json!({ "url": url })).await;
        assert_eq!(went.get("errorText"), None, "{} at {url}", self.name);
        self.until_loaded("document.readyState === 'complete'").await;
    }

    /// Reloads the page.
    pub async fn reload(&self) {
        self.run("window.isOld = true;").await;
        self.command("Page.reload", json!({})).await;
        self.until_loaded("!window.isOld && document.readyState === 'complete'").await;
    }

    async fn until_loaded(&self, condition: &str) {
        let (by, script) = (Instant::now() + WAIT_TIMEOUT, format!("return {condition};"));
        let mut step = STEP;
        while self.try_run(&script).await != Ok(Value::Bool(true)) {
            assert!(Instant::now() < by, "{}'s page is not loaded within {WAIT_TIMEOUT:?}", self.name);
            sleep(step).await;
            step = longer(step);
        }
    }

    /// Runs the body of an async function in the page, and returns its result.
    pub async fn run(&self, body: &str) -> Value {
        match self.try_run(body).await {
            Ok(value) => value,
            Err(why) => panic!("in {}'s page: {why}\n{body}", self.name),
        }
    }

    /// The same; an exception is returned as an error.
    pub async fn try_run(&self, body: &str) -> Answer {
        self.try_run_with(body, &json!([])).await
    }

    /// The same with a list of `arguments`.
    pub async fn try_run_with(&self, body: &str, arguments: &Value) -> Answer {
        let expression = format!("(async function () {{ {body}\n}}).apply(window, {arguments})");
        let evaluate = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let answer = self.try_command("Runtime.evaluate", evaluate).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let described = thrown["exception"]["description"].as_str();
            let value = &thrown["exception"]["value"];
            return Err(described.map_or_else(|| value.to_string(), str::to_owned));
        }
        Ok(answer["result"]["value"].clone())
    }

    /// Polls until an expression is true.
    pub async fn until(&self, expression: &str) {
        let (by, script) = (Instant::now() + WAIT_TIMEOUT, format!("return Boolean({expression});"));
        let mut step = STEP;
        loop {
            let last = self.try_run(&script).await;
            if last == Ok(Value::Bool(true)) {
                return;
            }
            if Instant::now() > by {
                let state = self.try_run("return window.snapshot?.() ?? null;").await;
                panic!("{}: never true: {expression} ({last:?})\n{state:#?}", self.name);
            }
            sleep(step).await;
            step = longer(step);
        }
    }

    /// Clicks with the mouse at a point of the page.
    pub async fn click(&self, x: f64, y: f64) -> Result<(), String> {
        let mouse = |kind: &str| json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            self.try_command("Input.dispatchMouseEvent", mouse(kind)).await?;
        }
        Ok(())
    }

    /// Types into the focused field, as an input method does.
    pub async fn type_text(&self, text: &str) -> Result<(), String> {
        self.try_command("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    /// Presses a key.
    pub async fn press_key(&self, key: Key) -> Result<(), String> {
        let (name, code, text) = key.parts();
        for kind in [if text.is_empty() { "rawKeyDown" } else { "keyDown" }, "keyUp"] {
            let mut event = json!({ "type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code });
            if kind == "keyDown" {
                event["text"] = text.into();
            }
            self.try_command("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }
}

/// A program on the `PATH`.
fn executable(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not on the PATH: install the Debian package {name}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
