//! The widget in a page of another origin: a host application whose backend holds the service key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chinwag_testkit::app::SERVICE_KEY;
use chinwag_testkit::browser::Key;
use chinwag_testkit::client::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Stage;
use crate::files::{attach, sees_pictures};
use crate::page::Page;

/// A host application. `/chat-token?name` returns that user's token; `/` is its page.
struct Host {
    listener: TcpListener,
    /// The number of token requests.
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { listener, asked: Arc::default() }
    }

    /// A host, and a server that allows its pages.
    async fn allowed() -> (Self, Stage) {
        let host = Self::bind().await;
        let origin = host.origin();
        let stage = Stage::with(|options| options.http.origins = vec![origin]).await;
        (host, stage)
    }

    /// Another host name than the server's, so that browsers treat it as another site.
    fn origin(&self) -> String {
        format!("http://localhost:{}", self.listener.local_addr().expect("it listens").port())
    }

    /// Starts serving a page, and opens it as ann.
    async fn open(self, chat: &str, html: String) -> Page {
        let (origin, chat) = (self.origin(), chat.to_owned());
        tokio::spawn(async move {
            loop {
                let (socket, _) = self.listener.accept().await.expect("it listens");
                tokio::spawn(answer(socket, chat.clone(), html.clone(), self.asked.clone()));
            }
        });
        Page::open("ann", &origin).await
    }
}

async fn answer(mut socket: TcpStream, chat: String, page: String, asked: Arc<AtomicUsize>) {
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
    let (status, body) = match path.strip_prefix("/chat-token?") {
        Some(name) => {
            asked.fetch_add(1, Ordering::Relaxed);
            let service = Client::new(&chat, Some(SERVICE_KEY), "the host's back end");
            let token = service.post(&format!("users/{name}/tokens/"), json!({ "ttl": 600 })).await.ok(201);
            (200, token["token"].as_str().expect("a token").to_owned())
        }
        None if path == "/" => (200, page),
        None => (404, String::new()),
    };
    // The strictest policy of a host: only styles by scripts, nothing inline, nothing from other origins.
    let socket_address = chat.replace("http", "ws");
    let policy = format!(
        "default-src 'none'; script-src 'nonce-host' {chat}; style-src 'nonce-host'; connect-src 'self' {chat} {socket_address}; \
         img-src {chat}; media-src {chat}"
    );
    let answer = format!(
        "HTTP/1.1 {status} OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Security-Policy: {policy}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // The browser may have disconnected.
    let _ = socket.write_all(answer.as_bytes()).await;
}

/// A page whose style breaks every element that it reaches.
fn page(chat: &str, attributes: &str, script: &str) -> String {
    format!(
        r#"<!doctype html><html lang="en"><title>Host</title>
        <style nonce="host">
          * {{ color: red !important; font-family: monospace; }} button, p {{ display: none; }}
          chinwag-chat {{ height: 500px; --chinwag-accent: rgb(10, 20, 200); --chinwag-on-accent: #fff; }}
        </style>
        <main><h1>Host</h1><chinwag-chat {attributes}></chinwag-chat></main>
        <script type="module" nonce="host">
          import "{chat}/chinwag-chat.js";
          const chat = document.querySelector("chinwag-chat");
          window.heard = [];
          for (const type of ["unread", "message", "signedout", "problem"]) {{
            chat.addEventListener(`chinwag-${{type}}`, ({{ detail }}) => window.heard.push([type, detail]));
          }}
          {script}
        </script>"#
    )
}

const ASK: &str = "chat.token = () => fetch('/chat-token?ann').then((answer) => answer.text());";

#[tokio::test]
async fn a_foreign_page_chats_by_tokens_from_its_own_back_end() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    let (ann, bob) = (stage.app.user("ann").await, stage.app.user("bob").await);
    let asked = host.asked.clone();
    let page = host.open(&chat, page(&chat, "lang=fr", ASK)).await;
    page.sees("Connecté\u{a0}: ann").await;
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    // She sends and receives a message; the host is notified.
    page.press("Nouvelle conversation").await;
    page.fill("Écrire à", "bob").await;
    page.press("Commencer").await;
    page.fill("Message", "bonjour").await;
    page.press("Envoyer").await;
    page.sees_once("bonjour").await;
    page.sees_in("Messages", "Envoyé").await;
    let group = bob.get("groups/").await.ok(200)[0]["id"].clone();
    bob.post("messages/", json!({ "group": group, "body": "<b>salut</b>" })).await.ok(201);
    page.sees_once("<b>salut</b>").await;
    let heard = "return window.heard.some(([type, detail]) => type === 'message' && detail.author === 'bob' && detail.body === '<b>salut</b>')";
    page.wait_for("be told", heard, json!([])).await;

    // The host's style does not leak in, but its colours are used.
    let look = "const send = button('Envoyer'); const style = getComputedStyle(send);
        return [style.borderTopColor, style.color, style.fontFamily.includes('monospace')]";
    assert_eq!(
        page.run_script(look, json!([])).await,
        json!(["rgb(10, 20, 200)", "rgb(255, 255, 255)", false])
    );

    // When the token ends, the element requests the next one.
    stage.app.service().delete("users/ann/tokens/").await.ok(200);
    let by = async || Ok((asked.load(Ordering::Relaxed) == 2).then_some(()));
    page.until("have the host asked for another token", by).await;
    page.fill("Message", "toujours là").await;
    page.press("Envoyer").await;
    page.sees_once("toujours là").await;
    page.wait_for("have it sent", "return message('toujours là')[0].innerText.includes('Envoyé')", json!([]))
        .await;
    assert_eq!(
        page.run_script("return window.heard.filter(([type]) => type === 'signedout')", json!([])).await,
        json!([])
    );
    drop(ann);
    page.close().await;
}

#[tokio::test]
async fn a_page_shows_one_conversation_and_reports_an_ended_token() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    let ann = stage.app.user("ann").await;
    stage.app.user("bob").await;
    let attributes = format!(r#"token="{}" with="bob" theme="dark" dir="rtl""#, ann.token());
    let page = host.open(&chat, page(&chat, &attributes, "")).await;
    page.say("hello").await;
    page.sees_once("hello").await;
    page.sees_sent("hello").await;
    page.sees_no("Signed in as").await;
    let look = "const style = getComputedStyle(part('Conversation')[0]);
        return [style.direction, style.colorScheme, message('hello')[0].querySelector('.bubble').getBoundingClientRect().left < innerWidth / 2]";
    assert_eq!(page.run_script(look, json!([])).await, json!(["rtl", "dark", true]));

    ann.delete("sessions/").await.ok(200);
    page.sees("Your session has ended.").await;
    page.wait_for(
        "tell the host",
        "return window.heard.some(([type, detail]) => type === 'signedout' && detail.reason === 'ended')",
        json!([]),
    )
    .await;
    page.close().await;
}

#[tokio::test]
async fn page_of_an_unlisted_origin_gets_an_explanation() {
    let host = Host::bind().await;
    let origin = host.origin();
    let stage = Stage::open().await;
    let chat = stage.app.url();
    let ann = stage.app.user("ann").await;
    let page = host.open(&chat, page(&chat, &format!(r#"token="{}""#, ann.token()), "")).await;
    page.sees("Opening your conversations…").await;
    page.sees("Connection lost. Trying again…").await;
    // The developer finds the remedy on the page, in the console, and in an event.
    page.sees(&format!("its operator must add {origin} to http.origins")).await;
    let told = "const told = window.heard.filter(([type]) => type === 'problem').map(([, { kind, detail }]) => `${kind}: ${detail}`);
        return told.join() === arguments[0]";
    let once = format!("origin: The server refuses pages of {origin}: add it to http.origins.");
    page.wait_for("tell the host once", told, json!([once])).await;
    page.close().await;
}

#[tokio::test]
async fn a_token_function_that_fails_is_asked_again() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    stage.app.user("ann").await;
    let fails = "let calls = 0; chat.token = () => { calls += 1; if (calls === 1) throw new Error('busy');
        return calls === 2 ? '<html>Error</html>' : fetch('/chat-token?ann').then((answer) => answer.text()); };";
    let page = host.open(&chat, page(&chat, "", fails)).await;
    page.sees("Signed in as ann").await;
    let told = "return window.heard.filter(([type, detail]) => type === 'problem' && detail.kind === 'token').length";
    assert_eq!(page.run_script(told, json!([])).await, 2, "each failure is told once");
    page.close().await;
}

#[tokio::test]
async fn the_element_fits_into_its_host() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    stage.app.user("ann").await;
    stage.app.user("bob").await;
    let html = page(&chat, r#"name="Maison" with="bob""#, ASK)
        .replace("<html lang=\"en\">", "<html lang=\"fr\">")
        .replace("chinwag-chat { height: 500px;", "html { font-size: 62.5%; } chinwag-chat { border-radius: 40px; height: 500px;")
        .replace("window.heard = [];", "window.heard = []; window.keys = []; addEventListener('keydown', ({ key }) => window.keys.push(key));");
    let page = host.open(&chat, html).await;
    // The widget uses the language of the host's page.
    page.fill("Message", "bonjour").await;
    page.press("Envoyer").await;
    page.sees_once("bonjour").await;
    let look = "const root = document.querySelector('chinwag-chat').shadowRoot.querySelector('.root');
        const mine = getComputedStyle(message('bonjour')[0].querySelector('.bubble')).backgroundColor;
        const { fontSize, borderTopLeftRadius, overflowX } = getComputedStyle(root);
        return [fontSize, borderTopLeftRadius, overflowX, mine !== 'rgb(220, 236, 228)']";
    assert_eq!(page.run_script(look, json!([])).await, json!(["16px", "40px", "hidden", true]));
    page.key(Key::Backspace).await;
    assert_eq!(page.run("return window.keys;").await, json!([]), "keys of a field stay in the element");
    page.close().await;
}

#[tokio::test]
async fn files_are_sent_and_seen_on_a_foreign_page() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    stage.app.user("ann").await;
    let bob = stage.app.user("bob").await;
    let page = host.open(&chat, page(&chat, r#"with="bob""#, ASK)).await;
    attach(&page, "await picture('a.png', 640, 400, 'teal'), text('a.txt', 'milk')").await;
    page.say("on a foreign page").await;
    sees_pictures(&page, "on a foreign page", 1).await;
    let read = "const card = message('on a foreign page')[0].querySelector('a.filecard');
        return (await fetch(card.href, { credentials: 'omit' })).text()";
    assert_eq!(page.run_script(read, json!([])).await, "milk");
    page.act("on a foreign page", "Open a.png").await;
    let shown =
        "const image = walk(document).find((each) => each.matches('dialog.gallery:modal img:not(.below)'));
        return image?.complete && image.naturalWidth === 640";
    page.wait_for("see the picture", shown, json!([])).await;
    let group = bob.get("groups/").await.ok(200)[0]["id"].as_str().expect("an id").to_owned();
    let sent = bob.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!(sent[0]["attachments"].as_array().map(Vec::len), Some(2), "{sent}");
    page.close().await;
}

#[tokio::test]
async fn old_link_to_a_file_is_renewed_when_it_is_pressed() {
    let (host, stage) = Host::allowed().await;
    let chat = stage.app.url();
    stage.app.user("ann").await;
    stage.app.user("bob").await;
    let page = host.open(&chat, page(&chat, r#"with="bob""#, ASK)).await;
    attach(&page, "text('a.txt', 'milk')").await;
    page.say("a file").await;
    let card = "const card = message('a file')[0]?.querySelector('a.filecard[href*=ticket]');";
    page.wait_for("see the link", &format!("{card} return Boolean(card)"), json!([])).await;
    // Eleven minutes later. A touch screen sends no pointer event before the press.
    let press = "const now = Date.now;
        Date.now = () => now() + 660_000;
        window.followed = 0;
        addEventListener('click', (event) => {
            if (event.defaultPrevented) return;
            event.preventDefault();
            followed += 1;
        });
        card.click();";
    page.run_script(&format!("{card} {press}"), json!([])).await;
    let renewed = "const asked = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/tickets/'));
        return followed === 1 && asked.length === 2";
    page.wait_for("follow another address", renewed, json!([])).await;
    page.close().await;
}
