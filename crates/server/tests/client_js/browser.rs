//! Real browsers: a `chromedriver` process on a free port, and under it headless Chromiums with a
//! new profile each.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where several tests start their browsers at once, a small machine keeps none of them waiting
/// less than the tests do.
static TURN: Mutex<()> = Mutex::const_new(());

/// How often a driver is started that finds no port.
const TRIES: usize = 5;

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-component-update",
    "--disable-sync",
];

/// The driver and its browsers. Dropped, all of their processes are killed.
pub(crate) struct Browsers {
    driver: Child,
    url: String,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// One tab, and a name for what goes wrong in it.
#[derive(Clone)]
pub(crate) struct Tab {
    client: Client,
    window: WindowHandle,
    name: String,
}

impl Browsers {
    /// Starts the driver, when no other test has one.
    pub(crate) async fn start() -> Self {
        let turn = TURN.lock().await;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for _ in 0..TRIES {
            let mut command = Command::new("chromedriver");
            command.arg("--port=0").env("TMPDIR", folder.path()).process_group(0);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut driver = command.spawn().expect("the Debian package chromium-driver brings chromedriver");
            let stdout = driver.stdout.take().expect("it was piped");
            if let Some(port) = port(stdout) {
                return Self { driver, url: format!("http://127.0.0.1:{port}"), folder, _turn: turn };
            }
            end(&mut driver);
        }
        panic!("chromedriver did not say its port, {TRIES} times");
    }

    /// A new browser with an empty profile, at an address.
    pub(crate) async fn open(&self, name: &str, url: &str) -> Tab {
        self.open_with(name, url, json!({})).await
    }

    /// The same, with some of the browser's settings changed.
    pub(crate) async fn open_with(&self, name: &str, url: &str, settings: Value) -> Tab {
        let profile =
            tempfile::tempdir_in(self.folder.path()).expect("a temporary folder can be made").keep();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "args": arguments, "prefs": settings });
        let wanted = [("goog:chromeOptions", options), ("timeouts", json!({ "script": 60_000 }))];
        let wanted = wanted.map(|(key, value)| (key.to_owned(), value));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(serde_json::Map::from_iter(wanted)).connect(&self.url);
        let client = timeout(PATIENCE, client).await.expect("a browser starts in time");
        let client = client.expect("chromedriver starts chromium");
        let window = client.window().await.expect("a browser has a window");
        let tab = Tab { client, window, name: name.to_owned() };
        tab.go(url).await;
        tab
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        end(&mut self.driver);
        // Those killed are gone in a moment, until which the folder may fill again.
        for _ in 0..20 {
            if std::fs::remove_dir_all(self.folder.path()).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Tab {
    /// Another tab of the same browser, at an address.
    pub(crate) async fn another(&self, name: &str, url: &str) -> Self {
        let made = self.client.new_window(true).await.expect("the browser opens a tab");
        let tab = Self { client: self.client.clone(), window: made.handle, name: name.to_owned() };
        tab.go(url).await;
        tab
    }

    pub(crate) async fn go(&self, url: &str) {
        self.front().await;
        timeout(PATIENCE, self.client.goto(url))
            .await
            .expect("the page comes in time")
            .expect("the page comes");
    }

    pub(crate) async fn reload(&self) {
        self.front().await;
        timeout(PATIENCE, self.client.refresh()).await.expect("the page comes in time").expect("it comes");
    }

    /// Closes this tab.
    pub(crate) async fn close(self) {
        self.front().await;
        self.client.close_window().await.expect("the browser closes the tab");
    }

    /// Runs the body of an async function in the page, and hands on what it returns.
    pub(crate) async fn run(&self, body: &str) -> Value {
        match self.try_run(body).await {
            Ok(value) => value,
            Err(why) => panic!("in {}'s page: {why}\n{body}", self.name),
        }
    }

    /// The same, with the error that it throws.
    pub(crate) async fn try_run(&self, body: &str) -> Result<Value, String> {
        self.front().await;
        let script = format!(
            "const answer = arguments[0]; (async () => {{ {body} }})().then((value) => answer([value ?? null]), \
             (error) => answer(String(error?.stack ?? error)));"
        );
        let answer = timeout(PATIENCE * 2, self.client.execute_async(&script, vec![])).await;
        match answer.expect("the browser answers in time").map_err(|why| why.to_string())? {
            Value::Array(mut value) => Ok(value.swap_remove(0)),
            why => Err(why.as_str().unwrap_or("?").to_owned()),
        }
    }

    /// Looks again and again until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let by = Instant::now() + PATIENCE;
        let look = format!("return Boolean({expression});");
        let mut last = Err(String::new());
        while last != Ok(Value::Bool(true)) {
            if Instant::now() > by {
                let told = self.try_run("return window.told?.() ?? null;").await;
                panic!("{}: never true: {expression} ({last:?})\n{told:#?}", self.name);
            }
            sleep(Duration::from_millis(50)).await;
            last = timeout_at(by + PATIENCE, self.try_run(&look)).await.unwrap_or(Err("stuck".into()));
        }
    }

    /// What the driver says to a command of the browser's own protocol.
    pub(crate) async fn front(&self) {
        let there = self.client.window().await.ok();
        if there.as_ref() != Some(&self.window) {
            self.client.switch_to_window(self.window.clone()).await.expect("the tab is there");
        }
    }
}

/// Ends a driver with its browsers, which are in its group. They may have ended already.
fn end(driver: &mut Child) {
    let _ = kill_process_group(Pid::from_child(driver), Signal::KILL);
    let _ = driver.wait();
}

/// The port that the driver says it has taken; none if it ends, because others took that port on
/// another of the machine's addresses. What it says later is read too, or it would stop.
fn port(stdout: ChildStdout) -> Option<u16> {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.rsplit_once("started successfully on port ") {
                // Nobody listens any more: the test has ended.
                let _ = said.send(port.trim_end_matches('.').parse().expect("the port is a number"));
            }
        }
    });
    heard.recv_timeout(PATIENCE).ok()
}
