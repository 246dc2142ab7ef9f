//! Attachments of messages over both transports. Other tests cover the bytes of files.

use chinwag_core::app::file::{CompleteFile, ReserveFile};
use chinwag_core::app::{App, Context, Who};
use chinwag_core::file::{Dimensions, FileName, StoredFile, StoredThumbnail};
use chinwag_core::file_store::Attempt;
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use chinwag_core::{Error, FileId, Name, Result};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, id, send, two, users};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

/// Begins an upload without bytes.
async fn begin(app: &App, author: &str) -> FileId {
    let author = Some(Name::parse(author).expect("a name"));
    let command = ReserveFile { author, name: FileName::cleaned("día.png"), size: 100, resumable: true };
    app.file_reserve(&Context::new(Caller::Service), command).await.expect("a reservation").id
}

/// A complete file.
pub(crate) async fn upload(app: &App, author: &str) -> String {
    let id = begin(app, author).await;
    let thumbnail = StoredThumbnail { dimensions: Dimensions { width: 8, height: 6 }, hash: "aGk=".into() };
    let complete = CompleteFile {
        id,
        attempt: Attempt::ONLY,
        media_type: "image/png".into(),
        size: 70,
        dimensions: Some(Dimensions { width: 16, height: 12 }),
        thumbnail: Some(thumbnail),
        thumbnail_size: 5,
    };
    app.file_complete(complete).await.expect("a file");
    id.to_string()
}

/// The JSON of such a file.
fn object(id: &str) -> Value {
    let url = format!("/api/v1/files/{id}/thumbnail/image.webp");
    let thumbnail = json!({ "url": url, "width": 8, "height": 6, "hash": "aGk=" });
    json!({
        "id": id, "name": "día.png", "type": "image/png", "size": 70, "width": 16, "height": 12,
        "thumbnail": thumbnail, "alt": null,
    })
}

/// The same with an alternative text.
fn described(id: &str, alt: &str) -> Value {
    let mut file = object(id);
    file["alt"] = json!(alt);
    file
}

fn objects(ids: &[&String]) -> Value {
    ids.iter().map(|id| object(id)).collect()
}

/// The file, if this client may read it.
pub(crate) async fn readable(app: &App, client: &Client, file: &str) -> Result<StoredFile> {
    let who = Who::Token(TokenHash::of(client.token()));
    app.file(&Context::of(who), file.parse().expect("an id")).await
}

pub(crate) async fn is_missing(app: &App, client: &Client, file: &str) -> bool {
    matches!(readable(app, client, file).await, Err(Error::NotFound("file")))
}

#[tokio::test]
async fn a_message_carries_its_files_wherever_it_is_read() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (one, two) = (upload(app.app(), "ann").await, upload(app.app(), "ann").await);
    let both = objects(&[&two, &one]);
    let message = json!({ "group": group, "body": "look", "attachments": [two, one] });
    let message = ann.post("messages/", message).await.ok(201);
    assert_eq!(message["attachments"], both);
    assert_eq!(b.until("message.text").await["data"]["attachments"], both);

    let three = upload(app.app(), "ann").await;
    let event = a.ask("message.text", json!({ "to": group, "body": null, "attachments": [three] })).await;
    assert_eq!((&event["data"]["body"], &event["data"]["attachments"]), (&json!(""), &objects(&[&three])));
    let reply = json!({ "group": group, "body": "plain", "thread": id(&message) });
    assert_eq!(bob.post("messages/", reply).await.ok(201)["attachments"], json!([]));

    let path = format!("messages/{}/", id(&message));
    let edited = ann.patch(&path, json!({ "body": " " })).await.ok(200);
    assert_eq!((&edited["body"], &edited["attachments"]), (&json!(""), &both), "an edit keeps the files");
    let seen = b.until("message.update").await;
    assert_eq!((&seen["data"]["body"], &seen["data"]["attachments"]), (&json!(""), &both));
    bob.put(&format!("{path}pin/"), json!({})).await.ok(403);
    ann.put(&format!("{path}pin/"), json!({})).await.ok(200);
    ann.put(&format!("{path}reactions/👍/"), json!({})).await.ok(200);

    let histories = [
        bob.get(&path).await.ok(200),
        bob.get(&format!("groups/{group}/messages/?ids={}", id(&message))).await.ok(200)[0].take(),
        bob.get(&format!("groups/{group}/pins/")).await.ok(200)[0].take(),
        bob.ws().await.summary()[0]["messages"][2].clone(),
    ];
    for found in histories {
        assert_eq!((&found["id"], &found["attachments"]), (&message["id"], &both));
        assert_eq!((&found["pinned"], &found["reactions"]["👍"]["count"]), (&json!(true), &json!(1)));
    }
    let mut late = bob.ws().await;
    late.send(json!({ "type": "sync.resume", "data": { "groups": { group.as_str(): 1 } } })).await;
    let resumed = late.until("message.text").await;
    assert_eq!(resumed["data"]["attachments"], both);
}

#[tokio::test]
async fn files_are_attached_once_by_their_author() {
    let app = TestApp::start().await;
    let (ann, mut a, _, _) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (mine, used, foreign) =
        (upload(app.app(), "ann").await, upload(app.app(), "ann").await, upload(app.app(), "bob").await);
    let unfinished = begin(app.app(), "ann").await.to_string();
    let unknown = "00000000-0000-4000-8000-000000000000".to_owned();
    let sent = json!({ "group": group, "body": "first", "attachments": [used] });
    ann.post("messages/", sent).await.ok(201);
    let eleven: Vec<_> =
        (0..11).map(|number| format!("00000000-0000-4000-8000-0000000000{number:02}")).collect();
    for bad in [
        json!([unknown]),
        json!([mine, foreign]),
        json!([used]),
        json!([mine, mine]),
        json!([unfinished]),
        json!(eleven),
        json!(["photo.png"]),
        json!([7]),
        json!("photo.png"),
    ] {
        let message = json!({ "group": group, "body": "look", "attachments": bad });
        let refused = ann.post("messages/", message.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "attachments", "{refused}");
        let refused = a.ask("message.text", message).await;
        let field = &refused["data"]["errors"][0]["field"];
        assert_eq!((&refused["type"], field), (&json!("error.data"), &json!("attachments")), "{refused}");
    }
    let history = ann.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!(history.as_array().map(Vec::len), Some(1), "nothing was stored");
    let message = json!({ "group": group, "body": "look", "attachments": [mine] });
    ann.post("messages/", message).await.ok(201);
}

#[tokio::test]
async fn alternative_texts_are_kept_with_files() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (one, two) = (upload(app.app(), "ann").await, upload(app.app(), "ann").await);
    let files = json!([{ "id": one, "alt": " A beach\nat noon " }, { "id": two, "alt": null }]);
    let message = json!({ "group": group, "client_id": "c", "attachments": files });
    let sent = ann.post("messages/", message.clone()).await.ok(201);
    let expected = json!([described(&one, "A beach\nat noon"), object(&two)]);
    assert_eq!(sent["attachments"], expected);
    assert_eq!(b.until("message.text").await["data"]["attachments"], expected);
    let edited = ann.patch(&format!("messages/{}/", id(&sent)), json!({ "body": "Nice" })).await.ok(200);
    assert_eq!(edited["attachments"], expected, "an edit keeps them");
    assert_eq!(bob.get(&format!("messages/{}/", id(&sent))).await.ok(200)["attachments"], expected);
    assert_eq!(bob.get(&format!("files/{one}/")).await.ok(200), expected[0]);
    assert_eq!(ann.post("messages/", message.clone()).await.ok(201)["attachments"], expected);
    let mut other = message;
    other["attachments"][0]["alt"] = json!("A bench");
    ann.post("messages/", other).await.ok(409);

    let three = upload(app.app(), "ann").await;
    let most = "é".repeat(1000);
    for (alt, field) in [
        (json!(format!("{most}é")), "attachments[1].alt"),
        (json!("bell \u{7}"), "attachments[1].alt"),
        (json!(7), "attachments[1].alt"),
    ] {
        let files = json!([three, { "id": three, "alt": alt }]);
        let message = json!({ "group": group, "attachments": files });
        let refused = ann.post("messages/", message.clone()).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        let refused = a.ask("message.text", message).await;
        assert_eq!(refused["data"]["errors"][0]["field"], field, "{refused}");
    }
    for bad in [json!([{ "alt": "A beach" }]), json!([{ "id": 7 }]), json!([[three]])] {
        let refused = ann.post("messages/", json!({ "group": group, "attachments": bad })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "attachments", "{refused}");
    }
    let files = json!([{ "id": three, "alt": most }]);
    let event = a.ask("message.first", json!({ "target": "bob", "attachments": files })).await;
    assert_eq!(event["data"]["messages"][0]["attachments"], json!([described(&three, &most)]));
}

#[tokio::test]
async fn a_body_may_be_empty_beside_files_alone() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let bodies = [json!(""), json!(" \n"), json!(null), json!("\u{2800}")];
    for body in &bodies {
        for files in [json!([]), json!(null)] {
            let message = json!({ "group": group, "body": body, "attachments": files });
            let refused = ann.post("messages/", message).await.ok(400);
            assert_eq!(refused["errors"][0]["field"], "body", "{body}");
        }
    }
    ann.post("messages/", json!({ "group": group })).await.ok(400);
    for body in bodies {
        let file = upload(app.app(), "ann").await;
        let message = json!({ "group": group, "body": body, "attachments": [file] });
        assert_eq!(ann.post("messages/", message).await.ok(201)["body"], "");
    }
    let file = upload(app.app(), "ann").await;
    let message = ann.post("messages/", json!({ "group": group, "attachments": [file] })).await.ok(201);
    assert_eq!(message["body"], "");
    let captioned = json!({ "group": group, "body": "x", "attachments": [upload(app.app(), "ann").await] });
    let captioned = ann.post("messages/", captioned).await.ok(201);
    let edited = ann.patch(&format!("messages/{}/", id(&captioned)), json!({ "body": null })).await.ok(200);
    assert_eq!(edited["body"], "");
    let plain = send(&ann, &group, "plain").await;
    for body in [json!(" "), json!(null)] {
        let refused = ann.patch(&format!("messages/{}/", id(&plain)), json!({ "body": body })).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "body");
    }
    let long = json!({ "group": group, "body": "x".repeat(4097), "attachments": [file] });
    ann.post("messages/", long).await.ok(400);
}

#[tokio::test]
async fn a_retry_has_the_same_files() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let (one, two) = (upload(app.app(), "ann").await, upload(app.app(), "ann").await);
    let message =
        |files: Value| json!({ "group": group, "body": "x", "client_id": "c", "attachments": files });
    let first = ann.post("messages/", message(json!([one, two]))).await.ok(201);
    let again = ann.post("messages/", message(json!([one, two]))).await.ok(201);
    assert_eq!(first, again);
    for other in [json!([two, one]), json!([one]), json!([])] {
        ann.post("messages/", message(other)).await.ok(409);
    }
    let plain = json!({ "group": group, "body": "y", "client_id": "d" });
    ann.post("messages/", plain.clone()).await.ok(201);
    let mut with_file = plain;
    with_file["attachments"] = json!([upload(app.app(), "ann").await]);
    ann.post("messages/", with_file).await.ok(409);

    ann.delete(&format!("messages/{}/", id(&first))).await.ok(200);
    let after = ann.post("messages/", message(json!([one, two]))).await.ok(201);
    assert_eq!((&after["id"], &after["attachments"]), (&first["id"], &json!([])), "the files are gone");
}

#[tokio::test]
async fn first_messages_and_those_of_a_service_carry_files() {
    let app = TestApp::start().await;
    let (ann, mut a, _, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let (one, two) = (upload(app.app(), "ann").await, upload(app.app(), "ann").await);
    a.ask("message.first", json!({ "target": "bob", "attachments": [one] })).await;
    let opened = b.until("group.update").await;
    let first = &opened["data"]["messages"][0];
    assert_eq!((&first["body"], &first["attachments"]), (&json!(""), &objects(&[&one])));
    let group = id(&opened["data"]);
    let next =
        a.ask("message.first", json!({ "target": "bob", "attachments": [two], "client_id": "n" })).await;
    assert_eq!(next["data"]["attachments"], objects(&[&two]));

    let (of_ann, of_bob) = (upload(app.app(), "ann").await, upload(app.app(), "bob").await);
    let by_service = |file: &str| json!({ "group": group, "author": "ann", "attachments": [file] });
    let refused = app.service().post("messages/", by_service(&of_bob)).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "attachments");
    app.service().post("messages/", by_service(&of_ann)).await.ok(201);
    assert!(readable(app.app(), &ann, &of_ann).await.is_ok());
}

#[tokio::test]
async fn messages_with_files_keep_their_order_among_others() {
    let app = TestApp::start().await;
    let (_, mut a, _, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    b.until("group.update").await;
    let mut sent = Vec::new();
    for number in 0..12 {
        let files: Vec<_> = if number % 3 == 0 { vec![upload(app.app(), "ann").await] } else { vec![] };
        sent.push(json!({ "group": group, "body": number.to_string(), "attachments": files }));
    }
    for data in &sent {
        a.send(json!({ "type": "message.text", "data": data })).await;
    }
    for data in &sent {
        let event = b.until("message.text").await;
        assert_eq!(event["data"]["body"], data["body"]);
        let files = event["data"]["attachments"].as_array().expect("a list").len();
        assert_eq!(files, data["attachments"].as_array().expect("a list").len());
    }
}

#[tokio::test]
async fn readers_of_a_message_may_read_its_file() {
    let app = TestApp::start().await;
    let names = ["ann", "bob", "eve", "tam"];
    let [ann, bob, eve, tam] =
        <[Client; 4]>::try_from(users(&app.service(), &names).await).expect("four users");
    let group = group(&app.service(), &["ann", "bob", "tam"]).await;
    let file = upload(app.app(), "bob").await;
    assert!(readable(app.app(), &bob, &file).await.is_ok());
    assert!(is_missing(app.app(), &ann, &file).await, "no message carries it yet");
    let message = json!({ "group": group, "attachments": [file] });
    let message = bob.post("messages/", message).await.ok(201);
    for reader in [&ann, &bob, &tam] {
        assert!(readable(app.app(), reader, &file).await.is_ok());
    }
    assert!(is_missing(app.app(), &eve, &file).await);
    tam.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200);
    assert!(is_missing(app.app(), &tam, &file).await);
    bob.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200);
    assert!(readable(app.app(), &bob, &file).await.is_ok(), "the user who uploaded it has left");
    ann.delete(&format!("messages/{}/", id(&message))).await.ok(200);
    for reader in [&ann, &bob] {
        assert!(is_missing(app.app(), reader, &file).await, "the message is deleted");
    }
}

#[tokio::test]
async fn files_end_with_their_group_and_their_user() {
    let app = TestApp::start().await;
    let names = ["ann", "bob"];
    let [ann, bob] = <[Client; 2]>::try_from(users(&app.service(), &names).await).expect("two users");
    let (first, second) =
        (group(&app.service(), &["ann", "bob"]).await, group(&app.service(), &["bob", "ann"]).await);
    let mut files = Vec::new();
    for group in [&first, &second] {
        let file = upload(app.app(), "ann").await;
        ann.post("messages/", json!({ "group": group, "attachments": [file] })).await.ok(201);
        files.push(file);
    }
    files.push(upload(app.app(), "ann").await);
    ann.delete(&format!("groups/{first}/")).await.ok(200);
    for reader in [&ann, &bob] {
        assert!(is_missing(app.app(), reader, &files[0]).await, "the group is deleted");
    }
    assert!(readable(app.app(), &bob, &files[1]).await.is_ok());
    app.service().delete("users/ann/").await.ok(200);
    assert!(is_missing(app.app(), &bob, &files[1]).await, "the author is deleted");
    let wait = Wait::begin();
    while !app.app().files_after(None, 10).await.expect("files").is_empty() {
        wait.step(|| "some files are left").await;
    }
}
