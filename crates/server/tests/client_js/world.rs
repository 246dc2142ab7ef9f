//! The environment of the module's tests: the real program, links to it that can be cut, and an application's
//! site on another origin whose backend issues tokens.

use std::net::SocketAddr;
use std::sync::Arc;

use chinwag_testkit::browser::{self, Tab};
use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::setup;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const KEY: &str = "the-service-key-of-a-test-0123456789";
/// A script for every page of the tests, in addition to the module.
const VIEW: &str = include_str!("view.js");

/// The server and an application's site.
pub(crate) struct World {
    pub(crate) site: Site,
    program: Program,
    running: Option<Running>,
    pub(crate) address: SocketAddr,
    settings: &'static [(&'static str, &'static str)],
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts the server with additional environment variables.
    pub(crate) async fn with(settings: &'static [(&'static str, &'static str)]) -> Self {
        let site = Site::start().await;
        let program = Program::new(env!("CARGO_BIN_EXE_chinwag"));
        let address = ([127, 0, 0, 1], 0).into();
        let mut world = Self { site, program, running: None, address, settings };
        world.serve();
        world
    }

    /// Starts the server with its previous data and address.
    pub(crate) fn serve(&mut self) {
        let listen = self.address.to_string();
        let mut command = self.program.command(&["serve", "--listen", &listen]);
        command.env("CHINWAG_SERVICE_KEY", KEY).env("CHINWAG_HTTP__ORIGINS", &self.site.url);
        command.env("CHINWAG_AUTH__SIGNUP", "true").env("CHINWAG_USERS__RENAME", "self");
        command.envs(self.settings.iter().copied());
        let running = Running::start(command);
        self.address = running.url().trim_start_matches("http://").parse().expect("an address");
        self.site.back_end.send_replace(format!("http://{}", self.address));
        self.running = Some(running);
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("the server runs").kill();
    }

    /// A server with the users ann and bob and a group of both.
    pub(crate) async fn of_two() -> (Self, String) {
        Self::of_two_with(&[]).await
    }

    /// Like [`Self::of_two`], with additional settings.
    pub(crate) async fn of_two_with(settings: &'static [(&'static str, &'static str)]) -> (Self, String) {
        let world = Self::with(settings).await;
        world.users(&["ann", "bob"]).await;
        let group = world.group(&["ann", "bob"]).await;
        (world, group)
    }

    /// Stops the server in good order.
    pub(crate) fn stop(&mut self) {
        let output = self.running.take().expect("the server runs").stop();
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn service(&self) -> Client {
        Client::new(&self.url(), Some(KEY), "service")
    }

    /// A link to the server that can be cut.
    pub(crate) async fn link(&self) -> Proxy {
        Proxy::to(self.address).await
    }

    /// Creates users.
    pub(crate) async fn users(&self, names: &[&str]) {
        setup::users(&self.service(), names).await;
    }

    /// Creates a group owned by the first user; returns its id.
    pub(crate) async fn group(&self, names: &[&str]) -> String {
        setup::group(&self.service(), names).await
    }

    /// The application's page in a new browser, with the module loaded for a user but not connected.
    pub(crate) async fn person(&self, name: &str, link: &Proxy) -> Tab {
        let tab = browser::open(name, &self.site.url).await;
        load(&tab, name, link, "{}").await;
        tab
    }

    /// [`Self::person`] with a link of its own.
    pub(crate) async fn person_with_link(&self, name: &str) -> (Tab, Proxy) {
        let link = self.link().await;
        (self.person(name, &link).await, link)
    }

    /// All messages of a group, from the server.
    pub(crate) async fn log(&self, group: &str) -> Vec<Value> {
        setup::history(&self.service(), group).await
    }
}

/// Loads the module in a page as `chat`, connected through a link.
pub(crate) async fn load(tab: &Tab, name: &str, link: &Proxy, options: &str) {
    let server = format!("http://{}", link.address());
    tab.run(&format!(
        "{VIEW}
        const {{ Chinwag }} = await import('{server}/chinwag.js');
        window.tokens = 0;
        const token = async () => {{
            const answer = await fetch('/token?user={name}&ttl=' + (window.ttl ?? 3600));
            if (!answer.ok) throw new Error('no token');
            window.tokens++;
            return answer.text();
        }};
        window.chat = new Chinwag({{ server: '{server}', token, ...{options} }});
        listen(chat);"
    ))
    .await;
}

/// An application's site: an empty page at every path except `/token`, which is its backend.
pub(crate) struct Site {
    pub(crate) url: String,
    /// The chat server's URL, for the backend.
    back_end: Arc<watch::Sender<String>>,
    /// The HTML of the page.
    pub(crate) page: Arc<watch::Sender<String>>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let back_end = Arc::new(watch::Sender::new(String::new()));
        let page = Arc::new(watch::Sender::new("<!doctype html><title>An application</title>".to_owned()));
        let (server, shown) = (back_end.clone(), page.clone());
        tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                let (server, shown) = (server.borrow().clone(), shown.borrow().clone());
                tokio::spawn(answer(peer, server, shown));
            }
        });
        Self { url, back_end, page }
    }
}

/// Answers one request.
async fn answer(mut peer: TcpStream, server: String, page: String) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(peer.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1)?;
    let (status, kind, body) = match path.strip_prefix("/token?user=") {
        None => ("200 OK", "text/html; charset=utf-8", page),
        Some(asked) => match token(&server, asked).await {
            Some(token) => ("200 OK", "text/plain", token),
            None => ("502 Bad Gateway", "text/plain", String::new()),
        },
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    peer.write_all(answer.as_bytes()).await.ok()
}

/// A chat token for a user who is signed in at the application.
async fn token(server: &str, asked: &str) -> Option<String> {
    let (name, ttl) = asked.split_once("&ttl=").unwrap_or((asked, "3600"));
    let ttl: u32 = ttl.parse().ok()?;
    let http = reqwest::Client::builder().no_proxy().build().ok()?;
    let asked = http.post(format!("{server}/api/v1/users/{name}/tokens/")).bearer_auth(KEY);
    let answer = asked.json(&json!({ "ttl": ttl })).send().await.ok()?.text().await.ok()?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    Some(answer["token"].as_str()?.to_owned())
}
