//! A user's files and quota usage, as seen by admins and the service.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::files::{path, upload};

/// The names of listed files in ascending order.
async fn names(client: &Client, query: &str) -> Vec<String> {
    let files = client.get(&format!("files/{query}")).await.ok(200);
    let files = files.as_array().expect("a list").iter();
    let mut names: Vec<_> = files.map(|file| file["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// A server with an admin, and a user with two files.
async fn start() -> (TestApp, Client, Client) {
    let app = TestApp::start().await;
    let (warden, ann) = (app.user("warden").await, app.user("ann").await);
    app.service().patch("users/warden/", json!({ "admin": true })).await.ok(200);
    for (name, bytes) in [("plan.txt", "0123456789"), ("notes.txt", "01234")] {
        upload(&ann, name, bytes).await.ok(201);
    }
    (app, warden, ann)
}

#[tokio::test]
async fn files_of_a_user_are_listed_for_admins() {
    let (app, warden, ann) = start().await;
    let (service, bob) = (app.service(), app.user("bob").await);
    let both = ["notes.txt", "plan.txt"];
    for client in [&warden, &service, &ann] {
        assert_eq!(names(client, "?author=ann").await, both);
    }
    assert_eq!(names(&ann, "").await, both, "her own");
    assert_eq!(warden.rest().files_of("ann").await.expect("a list").len(), 2);
    assert_eq!(names(&warden, "?author=bob").await, [""; 0]);
    assert_eq!(names(&warden, "").await, [""; 0], "an admin's own");
    bob.get("files/?author=ann").await.ok(403);
    app.nobody().get("files/?author=ann").await.ok(401);
    assert_eq!(warden.get("files/?author=nobody").await.ok(400)["errors"][0]["field"], "author");
    assert_eq!(service.get("files/").await.ok(400)["errors"][0]["field"], "author");
    let file = service.get("files/?author=ann").await.ok(200)[0].clone();
    assert_eq!(ann.get(&format!("files/{}/", id(&file))).await.ok(200), file);
    assert_eq!(warden.get(&path(&file)).await.status, 404, "what they are, and not their bytes");
    let page = warden.get("files/?author=ann&limit=1").await;
    let next = page.header("link").split_once("/api/v1/").and_then(|(_, rest)| rest.split_once('>'));
    let next = next.expect("there is a second page").0.to_owned();
    let (first, second) = (page.ok(200), warden.get(&next).await);
    assert_eq!(second.header("link"), "");
    assert_eq!(json!([first[0], second.ok(200)[0]]), warden.get("files/?author=ann").await.ok(200));
}

#[tokio::test]
async fn erased_and_unfinished_files_are_not_listed() {
    let (_app, warden, ann) = start().await;
    let begun = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    assert_eq!(ann.send(begun.header("upload-length", 100)).await.status, 201);
    assert_eq!(names(&warden, "?author=ann").await, ["notes.txt", "plan.txt"]);
    let room = group(&ann, &["ann"]).await;
    let files = ann.get("files/").await.ok(200);
    let sent = json!({ "group": room, "attachments": [files[0]["id"]] });
    let sent = ann.post("messages/", sent).await.ok(201);
    assert_eq!(names(&warden, "?author=ann").await.len(), 2);
    ann.delete(&format!("messages/{}/", id(&sent))).await.ok(200);
    assert_eq!(names(&warden, "?author=ann").await, [files[1]["name"].as_str().expect("a name")]);
}

#[tokio::test]
async fn use_of_the_quota_is_shown_to_user_and_admins() {
    let (app, warden, ann) = start().await;
    let (service, bob) = (app.service(), app.user("bob").await);
    let used = json!({ "name": "ann", "files": { "count": 2, "size": 15 } });
    for client in [&warden, &service, &ann] {
        assert_eq!(client.get("users/ann/?fields=name,files").await.ok(200), used);
    }
    group(&service, &["ann", "bob"]).await;
    assert_eq!(bob.get("users/ann/?fields=name,files").await.ok(200), json!({ "name": "ann" }));
    let all = warden.get("users/?fields=name,files").await.ok(200);
    let all: Vec<&Value> =
        all.as_array().expect("a list").iter().filter(|user| user["name"] == "ann").collect();
    assert_eq!(all, [&used]);
    let begun = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    assert_eq!(ann.send(begun.header("upload-length", 100)).await.status, 201);
    let reserved = warden.get("users/ann/?fields=files").await.ok(200);
    assert_eq!(reserved["files"], json!({ "count": 3, "size": 115 }), "an unfinished upload counts");
}
