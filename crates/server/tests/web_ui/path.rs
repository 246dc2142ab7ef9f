//! The page and the element below a path, and with an invalid server URL or that of another server.

use std::net::TcpListener;

use chinwag_testkit::nginx::Nginx;
use serde_json::json;
use tempfile::TempDir;

use crate::page::Page;
use crate::{PASSWORD, Stage, sign, write_to};

/// A server at `/chinwag/` of a site with other applications.
async fn below_a_path() -> (Stage, Nginx, TempDir, String) {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let site = format!("http://127.0.0.1:{port}");
    let public = format!("{site}/chinwag").parse().expect("an address");
    let stage = Stage::with(|options| options.http.public_url = Some(public)).await;
    let folder = TempDir::new().expect("a folder");
    let page = |attributes: &str| {
        format!(
            "<!doctype html><html lang=\"en\"><title>Host</title><chinwag-chat {attributes}></chinwag-chat>\
             <script type=\"module\" src=\"/chinwag/chinwag-chat.js\"></script>"
        )
    };
    let server = format!(
        "server {{ listen 127.0.0.1:{port}; default_type text/html;
        location / {{ default_type application/json; return 404 '{{\"detail\": \"Not found.\"}}'; }}
        location = /own {{ return 200 '{}'; }}
        location = /wrong {{ return 200 '{}'; }}
        location = /bad {{ return 200 '{}'; }}
        location /chinwag/ {{ proxy_pass {}; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; }} }}",
        page(&format!("server=\"{site}/chinwag\" sign-in")),
        page(&format!("server=\"{site}\" sign-in")),
        page("server=\"x.example\" sign-in"),
        stage.app.url(),
    );
    let nginx = Nginx::start(folder.path(), &server, port).await;
    (stage, nginx, folder, site)
}

#[tokio::test]
async fn page_and_element_work_below_a_path() {
    let (_stage, _nginx, _folder, site) = below_a_path().await;
    let ann = Page::open("ann", &format!("{site}/chinwag/")).await;
    sign(&ann, "ann", PASSWORD, "Sign up").await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;
    let worker =
        "return (await navigator.serviceWorker.getRegistration())?.scope.endsWith('/chinwag/') ?? false";
    ann.wait_for("have its service worker", worker, json!([])).await;
    let bob = Page::open("bob", &format!("{site}/own")).await;
    sign(&bob, "bob", PASSWORD, "Sign up").await;
    bob.sees("Signed in as bob").await;
    write_to(&ann, "bob", "hello below").await;
    bob.sees("hello below").await;
    ann.reload().await;
    ann.sees("Signed in as ann").await;
    let docs = Page::open("eve", &format!("{site}/chinwag/docs/api/")).await;
    docs.wait_for(
        "the API's document",
        "return document.querySelectorAll('#operations *').length > 20",
        json!([]),
    )
    .await;
    for page in [ann, bob, docs] {
        page.close().await;
    }
}

#[tokio::test]
async fn wrong_addresses_end_with_a_clear_error() {
    let (_stage, _nginx, _folder, site) = below_a_path().await;
    let ann = Page::open("ann", &format!("{site}/wrong")).await;
    ann.sees("There is no Chinwag server at this address.").await;
    let state = "return document.querySelector('chinwag-chat').client.state === 'closed'";
    ann.wait_for("no more tries", state, json!([])).await;
    let bob = Page::open("bob", &format!("{site}/bad")).await;
    bob.sees("\"x.example\" is not an address of a server.").await;
    let thrown = bob
        .run_async(
            "return import('/chinwag/chinwag.js').then(({ Chinwag }) => {
                const told = ['x.example', 'ftp://x.example', 'https://x.example/?a', 'https:x'].map((server) => {
                    try { new Chinwag({ server }); return 'taken'; } catch (error) { return error.name; }
                });
                const good = ['https://x.example/a/', '/chinwag', undefined].map((server) => new Chinwag({ server }).server);
                return [told, good];
            })",
        )
        .await;
    let good = json!(["https://x.example/a", format!("{site}/chinwag"), format!("{site}/chinwag")]);
    assert_eq!(thrown, json!([["TypeError", "TypeError", "TypeError", "TypeError"], good]));
}
