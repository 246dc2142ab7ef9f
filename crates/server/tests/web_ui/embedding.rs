//! Follows docs/embedding.md literally: its server, its application, its page. Only the two ports are replaced
//! with free ones.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};

use crate::page::Page;

const BINARY: &str = env!("CARGO_BIN_EXE_chinwag");
const PAGE: &str = include_str!("../../../../docs/embedding.md");

/// The blocks of a language under the first heading.
fn blocks(language: &str) -> Vec<&'static str> {
    let tour = PAGE.split("\n## ").nth(1).expect("it has headings");
    let blocks = tour.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// The application, killed on drop.
struct Application(Child);

impl Drop for Application {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A shell in the program's folder in which `chinwag` is the program.
fn shell(program: &Program, script: &str) -> Command {
    let mut shell = Command::new("sh");
    let known = format!("chinwag() {{ '{BINARY}' \"$@\"; }}\n{script}");
    shell.args(["-eu", "-c", &known]).current_dir(program.folder()).stdin(Stdio::null());
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_own_page_chats() {
    let (sh, python, html) = (blocks("sh"), blocks("python"), blocks("html"));
    assert_eq!((sh.len(), python.len(), html.len()), (2, 1, 1), "the blocks of docs/embedding.md");
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let own = free.local_addr().expect("it listens").to_string();
    let here = |text: &str| text.replace("127.0.0.1:5000", &own);

    let program = Program::new(BINARY);
    let mut start = shell(&program, &here(sh[0]).replace("chinwag serve", &format!("exec '{BINARY}' serve")));
    start.env("CHINWAG_LISTEN", "127.0.0.1:0");
    let running = Running::start(start);
    let there = |text: &str| here(text).replace("http://127.0.0.1:8000", running.url());
    let port = own.split(':').next_back().expect("a port");
    let app = there(python[0]).replace("(\"127.0.0.1\", 5000)", &format!("(\"127.0.0.1\", {port})"));
    fs::write(program.folder().join("app.py"), app).expect("the folder is writable");
    fs::write(program.folder().join("index.html"), there(html[0])).expect("the folder is writable");
    drop(free);
    let mut application = shell(&program, &sh[1].replace("python3", "exec python3"));
    let _application =
        Application(application.stderr(Stdio::null()).spawn().expect("the application starts"));
    let answers = async || std::net::TcpStream::connect(&own).is_ok();
    for _ in 0..200 {
        if answers().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    program.service(&running).user("astra").await;
    let page = Page::open("arlan@example.org", &format!("http://{own}")).await;
    page.sees("Signed in as arlan@example.org").await;
    let arlan = program.service(&running).get("users/arlan%40example.org/?fields=__all__").await.ok(200);
    assert_eq!((&arlan["display_name"], &arlan["origin"]), (&"Arlan".into(), &"host".into()));
    for path in ["chinwag-data/service-key", "app.py", "..%2Fservice-key"] {
        let outside = Client::new(&format!("http://{own}"), None, "nobody");
        assert_eq!(outside.get(&format!("/{path}")).await.status, 404, "{path}");
    }
    crate::write_to(&page, "astra", "Are you there?").await;
    page.sees_sent("Are you there?").await;
    page.close().await;
}
