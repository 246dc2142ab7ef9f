//! Real browsers: a `chromedriver` process on a free port, and under it one headless Chromium with a
//! new profile for each person.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use chinwag_testkit::client::Client;
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::page::{PATIENCE, Page};

/// Where several tests start their browsers at once, a small machine keeps none of them waiting
/// less than the tests do.
static TURN: Mutex<()> = Mutex::const_new(());

const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
];

/// Runs before each page's own scripts: writes down what the browser objects to. A tab's session
/// storage outlives its reloads.
const EAR: &str = r#"
    const note = (text) => sessionStorage.setItem("wrongs", `${sessionStorage.getItem("wrongs") ?? ""}${text}\n`);
    const failed = ({ message, target }) => message ?? `cannot load ${target.src ?? target.href}`;
    addEventListener("error", (event) => note(`error: ${failed(event)}`), true);
    addEventListener("unhandledrejection", ({ reason }) => note(`rejection: ${reason}`));
    addEventListener("securitypolicyviolation", (event) =>
        note(`policy: ${event.effectiveDirective} forbids ${event.blockedURI}`));
"#;

/// The driver and its browsers. Dropped, all of their processes are killed.
pub(crate) struct Browsers {
    driver: Child,
    url: String,
    chromium: PathBuf,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browsers {
    /// Starts the driver, when no other test has one.
    pub(crate) async fn start() -> Self {
        let turn = TURN.lock().await;
        let (chromium, chromedriver) = (program("chromium"), program("chromedriver"));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(chromedriver);
        command.arg("--port=0").env("TMPDIR", folder.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let driver = command.spawn().expect("chromedriver starts");
        // Held from here on, so that what was started ends with the test, however that ends.
        let mut browsers = Self { driver, url: String::new(), chromium, folder, _turn: turn };
        for _ in 0..3 {
            let stdout = browsers.driver.stdout.take().expect("it was piped");
            if let Some(port) = port(stdout) {
                browsers.url = format!("http://127.0.0.1:{port}");
                return browsers;
            }
            // It takes a port that is free for one kind of address, and ends if another program has
            // it for the other.
            let _ = browsers.driver.wait();
            browsers.driver = command.spawn().expect("chromedriver starts");
        }
        panic!("chromedriver finds no port")
    }

    /// Opens a page in a new browser, whose profile is empty. Who looks at it is called `name`.
    pub(crate) async fn open(&self, name: &str, url: &str) -> Page {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(self.capabilities()).connect(&self.url);
        // The first start of a browser reads much from the disk.
        let client = timeout(PATIENCE * 2, client).await.expect("a browser starts in time");
        let client = client.expect("chromedriver starts chromium");
        let id = client.session_id().await.expect("chromedriver answers").expect("a session was begun");
        let listen = json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": EAR } });
        let driver = Client::new(&self.url, None, "chromedriver");
        driver.post(&format!("/session/{id}/goog/cdp/execute"), listen).await.ok(200);
        Page::open(client, driver, name, url).await
    }

    fn capabilities(&self) -> serde_json::Map<String, Value> {
        let profile =
            tempfile::tempdir_in(self.folder.path()).expect("a temporary folder can be made").keep();
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "binary": self.chromium, "args": arguments });
        let logs = json!({ "browser": "ALL" });
        let wanted = [("goog:chromeOptions", options), ("goog:loggingPrefs", logs)];
        serde_json::Map::from_iter(wanted.map(|(key, value)| (key.to_owned(), value)))
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        // The browsers are in the driver's group. They may have ended already.
        let _ = kill_process_group(Pid::from_child(&self.driver), Signal::KILL);
        let _ = self.driver.wait();
        // Those killed are gone in a moment, until which the folder may fill again.
        for _ in 0..20 {
            if std::fs::remove_dir_all(self.folder.path()).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where a program is on the `PATH`.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not on the PATH: install the Debian packages chromium and chromium-driver")
    })
}

/// The port that the driver says it has taken; none if it ends. What it says later is read too, or it
/// would stop.
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
    match heard.recv_timeout(PATIENCE) {
        Ok(port) => Some(port),
        Err(mpsc::RecvTimeoutError::Disconnected) => None,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("chromedriver does not say its port in time"),
    }
}

#[test]
#[should_panic(expected = "install the Debian packages chromium and chromium-driver")]
fn a_missing_program_is_an_error_that_says_what_to_install() {
    program("no-such-browser");
}
