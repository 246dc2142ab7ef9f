//! The npm package, unpacked like npm does, with the examples of its README: in Node, and in a browser with the
//! real React and Vue.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chinwag_testkit::browser::{self, Tab};
use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running, finish};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{BINARY, blocks, dist, made, succeed};

const REACT: &str = include_str!("vendor/react.production.min.js");
const REACT_DOM: &str = include_str!("vendor/react-dom.production.min.js");
const VUE: &str = include_str!("vendor/vue.esm-browser.prod.js");

/// The exports of React's packages, whose browser files are not modules.
const REACT_MODULES: &[(&str, &str)] = &[
    (
        "react.mjs",
        "const R = window.React; export default R;\n\
         export const { createElement, forwardRef, useEffect, useLayoutEffect, useReducer, useRef, useState, StrictMode } = R;",
    ),
    ("react-dom-client.mjs", "export const { createRoot } = window.ReactDOM;"),
    (
        "react-jsx-runtime.mjs",
        "export const Fragment = window.React.Fragment;\n\
         export const jsx = (type, properties, key) => window.React.createElement(type, key === undefined ? properties : { ...properties, key });\n\
         export const jsxs = (type, { children, ...rest }, key) => window.React.createElement(type, key === undefined ? rest : { ...rest, key }, ...children);",
    ),
];

const IMPORTS: &str = r#"{"imports": {
    "chinwag": "/node_modules/chinwag/chinwag.js", "chinwag/": "/node_modules/chinwag/",
    "chinwag/element": "/node_modules/chinwag/element.js", "chinwag/react": "/node_modules/chinwag/react.js",
    "chinwag/vue": "/node_modules/chinwag/vue.js", "react": "/react.mjs", "react-dom/client": "/react-dom-client.mjs",
    "react/jsx-runtime": "/react-jsx-runtime.mjs", "vue": "/vue.mjs"}}"#;

/// An application with the package installed, and the server that it uses.
struct Application {
    folder: TempDir,
    server: Running,
    service: Client,
    origin: String,
}

impl Application {
    /// Installs the package, serves the application's folder, and creates ann and bob with a private group.
    async fn start() -> Self {
        let folder = installed();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://localhost:{}", listener.local_addr().expect("it listens").port());
        let program = Program::new(BINARY);
        let server = program.serve_with(|serve| {
            serve.env("CHINWAG_HTTP__ORIGINS", &origin);
        });
        let service = program.service(&server);
        for name in ["ann", "bob"] {
            service.post("users/", json!({ "name": name })).await.ok(201);
        }
        let application = Self { folder, server, service, origin };
        let token = application.token("ann").await;
        tokio::spawn(serve(listener, application.folder.path().to_owned(), token));
        // The server's folder must outlive this function.
        std::mem::forget(program);
        application
    }

    async fn token(&self, name: &str) -> String {
        let made = self.service.post(&format!("users/{name}/tokens/"), json!({})).await.ok(201);
        made["token"].as_str().expect("a token").to_owned()
    }

    /// An example of the README with the server's address.
    fn example(&self, language: &str, number: usize) -> String {
        let readme = fs::read_to_string(self.package().join("README.md")).expect("it has a README");
        blocks(&readme, language)[number].replace("https://chat.example", self.server.url())
    }

    fn package(&self) -> PathBuf {
        self.folder.path().join("node_modules/chinwag")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the folder is ours");
    }

    /// Opens a page with this script.
    async fn open(&self, name: &str, script: &str) -> Tab {
        self.write(&format!("{name}.js"), script);
        let page = format!(
            "<!doctype html><html lang=en><title>{name}</title><script type=importmap>{IMPORTS}</script>\
             <script src=/react.js></script><script src=/react-dom.js></script><body><div id=app></div>\
             <script type=module src=/{name}.js></script></html>"
        );
        self.write(&format!("{name}.html"), &page);
        browser::open("ann", &format!("{}/{name}.html", self.origin)).await
    }

    /// The number of texts that bob has received from ann.
    async fn bob_has(&self) -> usize {
        let groups = self.service.get("groups/?as=bob&fields=messages").await.ok(200);
        let groups = groups.as_array().expect("a list");
        groups.iter().map(|group| group["messages"].as_array().map_or(0, Vec::len)).sum()
    }

    async fn bob_writes(&self, body: &str) {
        let private = self.service.put("private/", json!({ "users": ["ann", "bob"] })).await.json;
        let message = json!({ "group": private["id"], "author": "bob", "body": body });
        self.service.post("messages/", message).await.ok(201);
    }
}

/// A folder with the package in `node_modules`, unpacked like npm does.
fn installed() -> TempDir {
    let made_in = dist("npm");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let package = folder.path().join("node_modules/chinwag");
    fs::create_dir_all(&package).expect("the folder is ours");
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(made(made_in.path(), ".tgz")).arg("-C").arg(&package).arg("--strip-components=1");
    succeed(tar);
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("the folder is ours");
    for (name, text) in REACT_MODULES {
        write(name, text);
    }
    write("react.js", REACT);
    write("react-dom.js", REACT_DOM);
    write("vue.mjs", VUE);
    folder
}

/// Serves a folder, and a token at `/chat-token`.
async fn serve(listener: TcpListener, folder: PathBuf, token: String) {
    loop {
        let (socket, _) = listener.accept().await.expect("it listens");
        tokio::spawn(answer(socket, folder.clone(), token.clone()));
    }
}

async fn answer(mut socket: TcpStream, folder: PathBuf, token: String) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut some = [0; 4096];
        match socket.read(&mut some).await {
            Ok(count) if count > 0 => head.extend_from_slice(&some[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = match path {
        "/chat-token" => (200, "text/plain", token.into_bytes()),
        path => match fs::read(folder.join(path.trim_start_matches('/'))) {
            Ok(body) if Path::new(path).extension().is_some_and(|kind| kind == "html") => {
                (200, "text/html; charset=utf-8", body)
            }
            Ok(body) => (200, "text/javascript; charset=utf-8", body),
            Err(_) => (404, "text/plain", Vec::new()),
        },
    };
    let head = format!(
        "HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // The browser may have disconnected.
    let _ = socket.write_all(&[head.as_bytes(), &body].concat()).await;
}

/// Compiles JSX for browsers. Type errors are ignored, because React's types are not available.
fn compiled(folder: &Path, name: &str, jsx: &str) -> String {
    let source = folder.join(format!("{name}.jsx"));
    fs::write(&source, jsx).expect("the folder is ours");
    let mut tsc = Command::new("tsc");
    tsc.args(["--allowJs", "--jsx", "react-jsx", "--target", "es2022", "--module", "es2022", "--outDir"]);
    finish_quietly(tsc.arg(folder.join("compiled")).arg("--moduleResolution").arg("node").arg(&source));
    fs::read_to_string(folder.join(format!("compiled/{name}.js"))).expect("tsc has made it")
}

fn finish_quietly(command: &mut Command) {
    let mut owned = Command::new(command.get_program());
    owned.args(command.get_args());
    finish(owned, "");
}

const UNREAD: &str = "document.querySelector('h1')?.textContent === 'My application, 1 unread'";

#[tokio::test]
async fn the_react_example_counts_unread_messages() {
    let application = Application::start().await;
    let script = compiled(application.folder.path(), "react-element", &application.example("jsx", 0));
    let page = application.open("element", &script).await;
    page.until("document.querySelector('chinwag-chat')?.client?.state === 'ready'").await;
    application.bob_writes("hello").await;
    page.until(UNREAD).await;
    page.until("document.querySelector('chinwag-chat').getAttribute('theme') === 'light'").await;
}

#[tokio::test]
async fn the_react_hook_sends_a_message() {
    let application = Application::start().await;
    application.bob_writes("Are you there?").await;
    let strict = "import { StrictMode } from \"react\";\n".to_owned() + &application.example("jsx", 1);
    let strict = strict.replace("<Talk />", "<StrictMode><Talk /></StrictMode>");
    let script = compiled(application.folder.path(), "react-hook", &strict);
    let page = application.open("hook", &script).await;
    page.until("document.querySelector('li')?.textContent === 'bob: Are you there?'").await;
    page.until("!document.querySelector('button').disabled").await;
    page.run("document.querySelector('button').click()").await;
    page.until("document.querySelectorAll('li')[1]?.textContent === 'ann: Hello'").await;
    assert_eq!(application.bob_has().await, 2);
}

#[tokio::test]
async fn a_new_token_function_does_not_reconnect_react() {
    let application = Application::start().await;
    let script = application.example("jsx", 0).replace("token={token}", "token={() => token()}");
    let page = application.open("again", &compiled(application.folder.path(), "again", &script)).await;
    page.until("document.querySelector('chinwag-chat')?.client?.state === 'ready'").await;
    page.run("window.client = document.querySelector('chinwag-chat').client").await;
    application.bob_writes("hello").await;
    page.until(UNREAD).await;
    page.until("document.querySelector('chinwag-chat').client === window.client").await;
}

#[tokio::test]
async fn the_vue_example_counts_unread_messages() {
    let application = Application::start().await;
    let script = application.example("js", 2).replace(":token=\"token\"", ":token=\"() => token()\"");
    let page = application.open("vue", &script).await;
    page.until("document.querySelector('chinwag-chat')?.client?.state === 'ready'").await;
    page.run("window.client = document.querySelector('chinwag-chat').client").await;
    application.bob_writes("hello").await;
    page.until(UNREAD).await;
    page.until("document.querySelector('chinwag-chat').client === window.client").await;
}

#[tokio::test]
async fn the_element_example_shows_the_chat() {
    let application = Application::start().await;
    let page = application.open("plain", &application.example("js", 1)).await;
    page.until("document.querySelector('chinwag-chat')?.client?.state === 'ready'").await;
    application.bob_writes("hello").await;
    page.until("document.title === '(1) My application'").await;
    // The declarations name every property of the element.
    let declared = fs::read_to_string(application.package().join("element.d.ts")).expect("it is there");
    let properties = page.run("return Object.keys(customElements.get('chinwag-chat').properties)").await;
    for name in properties.as_array().expect("names") {
        let line = format!("  {}?: ", name.as_str().expect("a name"));
        assert!(declared.contains(&line), "{name} in element.d.ts");
    }
}

#[tokio::test]
async fn the_client_example_sends_from_node() {
    let version = node(&["--print", "process.versions.node"]);
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok()).expect("a version");
    if major < 20 {
        println!("Node {version} has no WebSocket: nothing was tried");
        return;
    }
    let application = Application::start().await;
    let ann = application.token("ann").await;
    let script =
        application.example("js", 0).replace("(await fetch(\"/chat-token\")).text()", &format!("{ann:?}"));
    let file = application.folder.path().join("client.mjs");
    application.write("client.mjs", &(script + "chat.close();\n"));
    let file = file.to_string_lossy();
    let printed = if major < 22 { node(&["--experimental-websocket", &file]) } else { node(&[&file]) };
    assert_eq!(printed, "stored as number 1\n");
    assert_eq!(application.bob_has().await, 1);
}

fn node(args: &[&str]) -> String {
    let mut node = Command::new("node");
    node.args(args);
    succeed(node)
}

/// Server-side rendering imports all parts without custom elements.
#[test]
fn every_part_is_imported_without_a_page() {
    let folder = installed();
    let modules = folder.path().join("node_modules");
    for (name, index) in [
        (
            "react",
            "import R from './react.cjs'; export const { createElement, forwardRef, useEffect, useLayoutEffect, useReducer, useRef, useState } = R;",
        ),
        ("vue", VUE),
    ] {
        fs::create_dir_all(modules.join(name)).expect("the folder is ours");
        fs::write(modules.join(name).join("package.json"), r#"{"exports": "./index.mjs"}"#)
            .expect("it is ours");
        fs::write(modules.join(name).join("index.mjs"), index).expect("it is ours");
    }
    fs::write(modules.join("react/react.cjs"), REACT).expect("it is ours");
    let script = r#"
        import { Chinwag } from "chinwag";
        import "chinwag/element";
        import { ChinwagChat as InReact } from "chinwag/react";
        import { ChinwagChat as InVue } from "chinwag/vue";
        console.log(typeof Chinwag, typeof InReact.render, InVue.name);
    "#;
    let file = folder.path().join("render.mjs");
    fs::write(&file, script).expect("the folder is ours");
    assert_eq!(node(&[&file.to_string_lossy()]), "function function ChinwagChat\n");
}

#[test]
fn the_declarations_fit_an_application() {
    let folder = installed();
    let application = r#"
        import { Chinwag, type Message } from "chinwag";
        import "chinwag/element";
        const element = document.querySelector("chinwag-chat")!;
        element.token = async () => "token";
        element.addEventListener("chinwag-unread", ({ detail }) => detail.count.toFixed());
        element.open({ to: "bob" });
        const made = document.createElement("chinwag-chat");
        const client: Chinwag | null = made.client;
        client?.send({ to: "bob" }, "hello").sent.then((message: Message) => message.seq.toFixed());
        // @ts-expect-error
        element.token = 5;
    "#;
    fs::write(folder.path().join("application.ts"), application).expect("the folder is ours");
    fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).expect("the folder is ours");
    for resolution in ["node16", "node"] {
        let module = if resolution == "node16" { "node16" } else { "es2022" };
        let mut tsc = Command::new("tsc");
        tsc.args([
            "--noEmit",
            "--strict",
            "--target",
            "es2022",
            "--moduleResolution",
            resolution,
            "--module",
            module,
        ]);
        tsc.arg("application.ts").current_dir(folder.path());
        succeed(tsc);
    }
}
