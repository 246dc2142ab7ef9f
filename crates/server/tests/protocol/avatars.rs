//! Uploaded avatars of users and groups: who may read them, and when they are removed.

use chinwag_core::limits::Directory;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::setup::{group, users};
use chinwag_testkit::wait::Wait;
use reqwest::Method;
use serde_json::{Value, json};

use crate::files::{TURNED, upload};

/// Uploads an image and returns its id.
async fn image(user: &Client) -> String {
    let file = upload(user, "me.jpg", TURNED).await.ok(201);
    file["id"].as_str().expect("an id").to_owned()
}

/// The URL of an avatar.
fn url(id: &str) -> String {
    format!("/api/v1/files/{id}/avatar")
}

async fn user<const N: usize>(app: &TestApp, names: [&str; N]) -> [Client; N] {
    users(&app.service(), &names).await.try_into().expect("as many")
}

/// The number of stored files.
async fn count_files(app: &TestApp) -> usize {
    app.app().files_after(None, 100).await.expect("files").len()
}

/// The statuses of a file and its thumbnail.
async fn read(reader: &Client, id: &str) -> [u16; 2] {
    let small = format!("files/{id}/thumbnail/image.webp");
    [reader.get(&format!("files/{id}/avatar")).await.status, reader.get(&small).await.status]
}

fn refused(answer: &Answer, why: &str) {
    assert_eq!(
        (answer.status, &answer.json["errors"][0]["field"]),
        (400, &json!("avatar")),
        "{}",
        answer.text
    );
    assert!(answer.text.contains(why), "{}", answer.text);
}

#[tokio::test]
async fn uploaded_avatar_is_readable_by_users_who_see_its_owner() {
    let app = TestApp::with(|options| options.users.directory = Directory::None).await;
    let [ann, bob, eve] = user(&app, ["ann", "bob", "eve"]).await;
    group(&app.service(), &["ann", "bob"]).await;
    let (id, mut socket) = (image(&ann).await, bob.ws().await);
    assert_eq!(read(&bob, &id).await, [404, 404], "it is no avatar yet");
    let changed = ann.patch("users/ann/", json!({ "avatar": id })).await.ok(200);
    assert_eq!(changed["avatar"], url(&id));
    assert_eq!(socket.until("user.update").await["data"]["avatar"], url(&id));
    assert_eq!(bob.get("users/ann/?fields=avatar").await.ok(200)["avatar"], url(&id));
    for reader in [&ann, &bob, &app.service()] {
        assert_eq!(read(reader, &id).await, [200, 200]);
    }
    assert_eq!(read(&eve, &id).await, [404, 404], "she does not find the user");
    assert_eq!(read(&app.nobody(), &id).await, [401, 401]);
    let shown = bob.get(&format!("files/{id}/avatar")).await;
    assert!(shown.header("content-disposition").starts_with("inline"));
    // Setting it again changes nothing, and the file may not be deleted.
    let again = ann.patch("users/ann/", json!({ "avatar": id.to_uppercase() })).await.ok(200);
    assert_eq!(again["avatar"], url(&id));
    let delete = ann.request(Method::DELETE, &format!("files/uploads/{id}/"));
    assert_eq!(ann.send(delete.header("tus-resumable", "1.0.0")).await.status, 404);
    let shared = group(&app.service(), &["ann", "eve"]).await;
    assert_eq!(read(&eve, &id).await, [200, 200], "she shares a group");
    ann.post("messages/", json!({ "group": shared, "body": "hello" })).await.ok(201);
    let mut late = eve.ws().await;
    late.send(json!({ "type": "message.fetch", "data": { "group": shared } })).await;
    assert_eq!(late.until("message.fetch").await["people"]["ann"]["avatar"], url(&id));
}

#[tokio::test]
async fn replaced_and_removed_avatars_give_bytes_back() {
    let app = TestApp::start().await;
    let [ann, bob] = user(&app, ["ann", "bob"]).await;
    let (one, two) = (image(&ann).await, image(&ann).await);
    ann.patch("users/ann/", json!({ "avatar": one })).await.ok(200);
    ann.patch("users/ann/", json!({ "avatar": two })).await.ok(200);
    assert_eq!((read(&ann, &one).await, read(&bob, &two).await), ([404, 404], [200, 200]));
    assert_eq!(count_files(&app).await, 1);
    // An unrelated change keeps the avatar.
    ann.patch("users/ann/", json!({ "display_name": "Ann" })).await.ok(200);
    assert_eq!(read(&bob, &two).await, [200, 200]);
    app.service().put("users/ann/", json!({ "avatar": "https://app.example/a.png" })).await.ok(200);
    assert_eq!(read(&ann, &two).await, [404, 404]);
    let three = image(&ann).await;
    app.service().put("users/ann/", json!({ "avatar": three })).await.ok(200);
    assert_eq!(read(&bob, &three).await, [200, 200]);
    assert_eq!(ann.patch("users/ann/", json!({ "avatar": null })).await.ok(200)["avatar"], Value::Null);
    assert_eq!((read(&ann, &three).await, count_files(&app).await), ([404, 404], 0));
}

#[tokio::test]
async fn unusable_files_are_no_avatars() {
    let app = TestApp::start().await;
    let [ann, bob] = user(&app, ["ann", "bob"]).await;
    let shared = group(&app.service(), &["ann", "bob"]).await;
    let own = image(&ann).await;
    let text = upload(&ann, "a.png", "no image").await.ok(201)["id"].as_str().expect("an id").to_owned();
    let foreign = image(&bob).await;
    let attached = image(&ann).await;
    ann.post("messages/", json!({ "group": shared, "attachments": [attached] })).await.ok(201);
    let begin = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let begun = ann.send(begin.header("upload-length", 9)).await.header("location").to_owned();
    let begun = begun.trim_end_matches('/').rsplit('/').next().expect("an id").to_owned();
    let other = app.service().user("cat").await;
    let shown = image(&ann).await;
    let named = json!({ "name": "tea", "members": ["bob"], "avatar": shown });
    ann.post("groups/", named).await.ok(201);
    for (id, why) in [
        ("00000000-0000-4000-8000-000000000000", "not a file that the user uploaded"),
        (&*foreign, "not a file that the user uploaded"),
        (&*text, "not an image"),
        (&*begun, "not complete"),
        (&*attached, "already in use"),
        (&*shown, "already in use"),
    ] {
        refused(&ann.patch("users/ann/", json!({ "avatar": id })).await, why);
        refused(&ann.patch(&format!("groups/{shared}/"), json!({ "avatar": id })).await, why);
        refused(&app.service().put("users/ann/", json!({ "avatar": id })).await, why);
    }
    refused(&ann.patch("users/ann/", json!({ "avatar": "me.jpg" })).await, "id of an uploaded image");
    ann.patch("users/bob/", json!({ "avatar": own })).await.ok(403);
    other.patch(&format!("groups/{shared}/"), json!({ "avatar": own })).await.ok(404);
    // An avatar cannot be an attachment, either.
    ann.patch("users/ann/", json!({ "avatar": own })).await.ok(200);
    let message = json!({ "group": shared, "body": "x", "attachments": [own] });
    assert_eq!(ann.post("messages/", message).await.ok(400)["errors"][0]["field"], "attachments");
}

#[tokio::test]
async fn service_alone_sets_avatars_where_profiles_are_its_own() {
    let app = TestApp::with(|options| options.users.profile_by_service = true).await;
    let ann = app.user("ann").await;
    let id = image(&ann).await;
    ann.patch("users/ann/", json!({ "avatar": id })).await.ok(403);
    app.service().put("users/ann/", json!({ "avatar": id })).await.ok(200);
}

#[tokio::test]
async fn uploaded_avatar_of_a_group_is_its_members_own() {
    let app = TestApp::start().await;
    let [ann, bob, eve] = user(&app, ["ann", "bob", "eve"]).await;
    let first = image(&ann).await;
    let made = json!({ "name": "tea", "members": ["bob"], "avatar": first });
    let made = ann.post("groups/", made).await.ok(201);
    let path = format!("groups/{}/", made["id"].as_str().expect("an id"));
    assert_eq!(made["avatar"], url(&first));
    assert_eq!((read(&bob, &first).await, read(&eve, &first).await), ([200, 200], [404, 404]));
    let (second, mut socket) = (image(&ann).await, bob.ws().await);
    bob.patch(&path, json!({ "avatar": image(&bob).await })).await.ok(403);
    ann.patch(&path, json!({ "avatar": second })).await.ok(200);
    let changed = socket.until("group.update").await["data"].clone();
    assert_eq!(changed["avatar"], url(&second));
    assert_eq!(changed["entry"]["changes"][0]["keys"], json!(["avatar"]));
    assert_eq!((read(&bob, &first).await, read(&bob, &second).await), ([404, 404], [200, 200]));
    // Users who may join see it, too.
    ann.patch(&path, json!({ "open": true })).await.ok(200);
    assert_eq!(read(&eve, &second).await, [200, 200]);
    ann.patch(&path, json!({ "open": false })).await.ok(200);
    assert_eq!(read(&eve, &second).await, [404, 404]);
    let invites = format!("{path}invites/");
    let code = ann.post(&invites, json!({})).await.ok(201)["code"].as_str().expect("a code").to_owned();
    let preview = eve.get(&format!("invites/{code}/")).await.ok(200);
    assert_eq!((&preview["avatar"], read(&eve, &second).await), (&json!(url(&second)), [200, 200]));
    ann.delete(&format!("{invites}{code}/")).await.ok(200);
    assert_eq!(read(&eve, &second).await, [404, 404]);
    let removed = ann.patch(&path, json!({ "remove": ["bob"], "avatar": second })).await.ok(200);
    assert_eq!((&removed["avatar"], read(&bob, &second).await), (&json!(url(&second)), [404, 404]));
    ann.patch(&path, json!({ "avatar": null })).await.ok(200);
    assert_eq!(read(&ann, &second).await, [404, 404]);
    let third = image(&ann).await;
    app.service().patch(&path, json!({ "avatar": third })).await.ok(200);
    ann.delete(&path).await.ok(200);
    assert_eq!(read(&ann, &third).await, [404, 404]);
    assert_eq!(count_files(&app).await, 1, "that which was refused is left");
}

#[tokio::test]
async fn erased_user_takes_its_avatars_along() {
    let mut app = TestApp::start().await;
    let [ann, bob] = user(&app, ["ann", "bob"]).await;
    let (own, shared) = (image(&ann).await, image(&ann).await);
    ann.patch("users/ann/", json!({ "avatar": own })).await.ok(200);
    let made = json!({ "name": "tea", "admins": ["bob"], "avatar": shared });
    let made = ann.post("groups/", made).await.ok(201);
    let path = format!("groups/{}/", made["id"].as_str().expect("an id"));
    // The files also exist after a restart.
    app.restart().await;
    let (service, bob) = (app.service(), Client::new(&app.url(), Some(bob.token()), "bob"));
    for id in [&own, &shared] {
        assert_eq!(read(&bob, id).await, [200, 200]);
    }
    service.delete("users/ann/").await.ok(200);
    for id in [&own, &shared] {
        assert_eq!(read(&bob, id).await, [404, 404]);
    }
    let wait = Wait::begin();
    while count_files(&app).await > 0 {
        wait.step(|| "some files are left").await;
    }
    assert_eq!(bob.get(&path).await.ok(200)["avatar"], Value::Null);
}
