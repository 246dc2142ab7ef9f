//! Replacement of the original service: the recorded calls of its backend, without content type and
//! credentials, and its browser client, which handles only the events that it knows.

use std::collections::BTreeSet;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::setup::text;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};

/// A server with the configuration of docs/in-place-of-django.md.
async fn server() -> TestApp {
    TestApp::with(|options| {
        options.http.open = true;
        options.limits.message_chars = 512;
        options.limits.show_blocked_by = true;
    })
    .await
}

/// A call as the backend makes it.
async fn call(app: &TestApp, method: Method, path: &str, body: &str) -> Answer {
    let nobody = app.nobody();
    let request = nobody.request(method, path);
    nobody.send(if body.is_empty() { request } else { request.body(body.to_owned()) }).await
}

async fn post(app: &TestApp, path: &str, body: &str) -> Answer {
    call(app, Method::POST, path, body).await
}

async fn patch(app: &TestApp, path: &str, body: &str) -> Answer {
    call(app, Method::PATCH, path, body).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    call(app, Method::GET, path, "").await
}

async fn people(app: &TestApp, names: &[&str]) {
    for name in names {
        post(app, "users/", &format!(r#"{{"name":"{name}"}}"#)).await.ok(201);
    }
}

#[tokio::test]
async fn page_of_another_origin_reads_nothing_here() {
    let app = server().await;
    people(&app, &["ann"]).await;
    let nobody = app.nobody();
    for path in ["groups/", "groups/?as=ann", "users/ann/?fields=__all__&as=ann"] {
        let from = |origin: String| nobody.request(Method::GET, path).header("origin", origin);
        assert_eq!(nobody.send(from("https://evil.example".into())).await.status, 403, "{path}");
        assert_eq!(nobody.send(from(app.url())).await.status, 200, "{path}");
    }
}

fn relate(author: &str, name: &str, operation: &str) -> String {
    json!({ "contact": { "author": author, "name": name, "operation": operation } }).to_string()
}

/// The relations in a user's own object.
async fn relations(app: &TestApp, name: &str) -> Value {
    let mut user = get(app, &format!("users/{name}/?fields=__all__")).await.ok(200);
    let user = user.as_object_mut().expect("an object");
    user.retain(|key, names| {
        let is_list =
            ["contacts", "blockeds", "blocked_by", "invitations", "invited_by"].contains(&key.as_str());
        is_list && names.as_array().is_some_and(|names| !names.is_empty())
    });
    json!(user)
}

#[tokio::test]
async fn users_are_answered_as_recorded() {
    let app = server().await;
    assert_eq!(post(&app, "users/", r#"{"name":"arlan"}"#).await.ok(201)["name"], "arlan");
    for body in [r#"{"name":"arlan"}"#, r#"{"name":""}"#, r#""""#, "{}", "not JSON", ""] {
        post(&app, "users/", body).await.ok(400);
    }
    let listed = get(&app, "users/").await.ok(200);
    let names = ["admin", "system", "tournament", "arlan"].map(|name| json!({ "name": name }));
    assert_eq!(listed, json!(names));
    let all = get(&app, "users/arlan/?fields=__all__").await.ok(200);
    assert_eq!(all["name"], "arlan");
    for key in ["contacts", "groups", "blockeds", "blocked_by", "invitations", "invited_by"] {
        assert_eq!(all[key], json!([]), "{key}");
    }
    let renamed = patch(&app, "users/arlan/", r#"{"new_name":"blade"}"#).await.ok(200);
    assert_eq!(renamed["name"], "blade");
    get(&app, "users/nobody/").await.ok(404);
    call(&app, Method::DELETE, "users/blade/", "").await.ok(200);
    call(&app, Method::DELETE, "users/blade/", "").await.ok(404);
}

#[tokio::test]
async fn relations_are_answered_as_recorded() {
    let app = server().await;
    people(&app, &["arlan", "astra"]).await;
    patch(&app, "users/arlan/", &relate("arlan", "astra", "invitation")).await.ok(200);
    assert_eq!(relations(&app, "arlan").await, json!({ "invitations": ["astra"] }));
    assert_eq!(relations(&app, "astra").await, json!({ "invited_by": ["arlan"] }));
    patch(&app, "users/astra/", &relate("astra", "arlan", "contact")).await.ok(200);
    assert_eq!(relations(&app, "arlan").await, json!({ "contacts": ["astra"] }));
    assert_eq!(relations(&app, "astra").await, json!({ "contacts": ["arlan"] }));
    patch(&app, "users/arlan/", &relate("arlan", "astra", "block")).await.ok(200);
    assert_eq!(relations(&app, "arlan").await, json!({ "blockeds": ["astra"] }));
    assert_eq!(relations(&app, "astra").await, json!({ "blocked_by": ["arlan"] }));
    patch(&app, "users/astra/", &relate("astra", "arlan", "invitation")).await.ok(403);
    for (name, operation) in [("astra", "greet"), ("arlan", "invitation"), ("nobody", "invitation")] {
        patch(&app, "users/arlan/", &relate("arlan", name, operation)).await.ok(400);
    }
}

#[tokio::test]
async fn game_service_learns_who_may_write_to_whom() {
    let app = server().await;
    people(&app, &["arlan", "astra", "borys"]).await;
    patch(&app, "users/arlan/", &relate("arlan", "astra", "block")).await.ok(200);
    let ask = async |author: &str, target: &str| {
        let body = json!({ "author": author, "target": target }).to_string();
        post(&app, "relations/blocked/", &body).await.status
    };
    assert_eq!(ask("astra", "arlan").await, 403);
    assert_eq!(ask("arlan", "astra").await, 200, "who has blocked may ask");
    assert_eq!(ask("borys", "arlan").await, 200);
    let long = "x".repeat(200);
    for unknown in ["nobody", "", "no body", &long] {
        assert_eq!(ask("arlan", unknown).await, 404, "{unknown:?} as the target");
        assert_eq!(ask(unknown, "arlan").await, 404, "{unknown:?} as the author");
    }
    for body in
        [r#"{"author":"arlan"}"#, r#"{"target":"arlan"}"#, r#"{"author":"arlan","target":7}"#, "{}", "no"]
    {
        post(&app, "relations/blocked/", body).await.ok(400);
    }
}

#[tokio::test]
async fn groups_are_answered_as_recorded() {
    let app = server().await;
    people(&app, &["luciole", "sam", "xueyi", "acheron"]).await;
    let body = r#"{"name": "Stellaron Hunter Chatgroup's", "author": "luciole", "admins":["sam"],
        "members": ["xueyi", "acheron"], "restricts": []}"#;
    let made = post(&app, "groups/", body).await.ok(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with(|c: char| c.is_ascii_lowercase()), "{id} is no class in CSS");
    let left_out =
        post(&app, "groups/", r#"{"name":"two","author":"sam","members":["xueyi"]}"#).await.ok(201);
    for body in [r#"{"name":"@","author":"sam"}"#, r#"{"name":"g","author":"nobody"}"#, r#"{"author":"sam"}"#]
    {
        post(&app, "groups/", body).await.ok(400);
    }
    let twice = r#"{"name":"g","author":"sam","admins":["xueyi"],"members":["xueyi"],"restricts":["xueyi"]}"#;
    let twice = post(&app, "groups/", twice).await.ok(201);
    let path = format!("groups/{}/?fields=admins+members+restricts", text(&twice["id"]));
    assert_eq!(
        get(&app, &path).await.ok(200),
        json!({ "admins": ["xueyi"], "members": [], "restricts": [] })
    );

    let one = json!({ "id": id, "name": "Stellaron Hunter Chatgroup's" });
    assert_eq!(get(&app, &format!("groups/{id}/")).await.ok(200), one);
    let listed = get(&app, "groups/").await.ok(200);
    assert!(listed.as_array().expect("a list").contains(&one), "{listed}");
    post(&app, "messages/", &json!({ "author": "sam", "group": id, "body": "first" }).to_string())
        .await
        .ok(201);
    post(&app, "messages/", &json!({ "author": "sam", "group": id, "body": "second" }).to_string())
        .await
        .ok(201);
    let all = get(&app, &format!("groups/{id}/?fields=__all__")).await.ok(200);
    let roles = ["owner", "admins", "members", "restricts"].map(|key| all[key].clone());
    assert_eq!(roles, [json!(["luciole"]), json!(["sam"]), json!(["xueyi", "acheron"]), json!([])]);
    assert_eq!(all["messages"][0]["body"], "second", "newest first");
    for key in ["id", "author", "date", "body"] {
        assert!(all["messages"][0][key].is_string(), "{key}");
    }
    let change = r#"{"name":"Hunters","admins":["acheron"],"members":[],"restricts":["xueyi"],"remove":[]}"#;
    patch(&app, &format!("groups/{id}/"), change).await.ok(200);
    let saved = get(&app, &format!("groups/{id}/?fields=name+admins+restricts")).await.ok(200);
    assert_eq!(saved["name"], "Hunters");
    assert_eq!((&saved["admins"], &saved["restricts"]), (&json!(["sam", "acheron"]), &json!(["xueyi"])));
    for id in [&id, &text(&left_out["id"])] {
        call(&app, Method::DELETE, &format!("groups/{id}/"), "").await.ok(200);
        get(&app, &format!("groups/{id}/")).await.ok(404);
    }
}

#[tokio::test]
async fn messages_are_answered_as_recorded() {
    let app = server().await;
    people(&app, &["arlan", "astra"]).await;
    let group =
        post(&app, "groups/", r#"{"name":"final","author":"tournament","members":["arlan"]}"#).await.ok(201);
    let group = group["id"].as_str().expect("an id");
    let send = async |author: &str, group: &str, body: &str| {
        post(&app, "messages/", &json!({ "author": author, "group": group, "body": body }).to_string()).await
    };
    let sent = send("tournament", group, "The final begins").await.ok(201);
    send("arlan", group, &"é".repeat(512)).await.ok(201);
    send("arlan", group, &"é".repeat(513)).await.ok(400);
    send("astra", group, "let me in").await.ok(403);
    send("arlan", "11111111-1111-4111-8111-111111111111", "where").await.ok(404);
    let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    assert_eq!(get(&app, &path).await.ok(200), sent);
    assert_eq!(
        patch(&app, &path, r#"{"body":"The final has begun"}"#).await.ok(200)["body"],
        "The final has begun"
    );
    call(&app, Method::DELETE, &path, "").await.ok(200);
    get(&app, &path).await.ok(404);
}

/// The original's browser client: its display after the events that it received.
struct Page {
    socket: Ws,
    /// One row per announcement of a group.
    rows: Vec<String>,
    /// Displayed messages: group, author, body.
    shown: Vec<(String, String, String)>,
    contacts: BTreeSet<String>,
    statuses: Vec<(String, String)>,
    /// The relation events: author, name, operation.
    told: Vec<(String, String, String)>,
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap_or_else(|| panic!("the client reads a list: {value}")).iter().map(text).collect()
}

impl Page {
    /// Opens `/chat/` with the cookie `access`.
    async fn open(app: &TestApp, name: &str) -> Self {
        let token = post(app, &format!("users/{name}/tokens/"), r#"{"ttl":3600}"#).await.ok(201);
        let cookie = format!("csrftoken=x; access={}", text(&token["token"]));
        let headers = [("cookie", cookie.as_str()), ("origin", &app.url())];
        let socket = app.nobody().try_ws("/chat/", &headers).await.expect("the handshake is accepted");
        let mut page = Self {
            rows: Vec::new(),
            shown: Vec::new(),
            contacts: BTreeSet::new(),
            statuses: Vec::new(),
            told: Vec::new(),
            socket,
        };
        let (groups, contacts) = (page.socket.summary().clone(), page.socket.contacts().clone());
        for group in groups.as_array().expect("an array") {
            page.add(group);
            texts(&group["restricts"]);
        }
        page.contacts = texts(&contacts["contacts"]).into_iter().collect();
        for list in ["blockeds", "blocked_by", "invitations", "invited_by"] {
            texts(&contacts[list]);
        }
        page
    }

    fn add(&mut self, group: &Value) {
        let id = text(&group["id"]);
        texts(&group["members"]);
        for message in group["messages"].as_array().expect("a list").iter().rev() {
            text(&message["date"]);
            self.shown.push((id.clone(), text(&message["author"]), text(&message["body"])));
        }
        self.rows.push(id);
    }

    /// Reads events until the display matches.
    async fn until(&mut self, shows: impl Fn(&Self) -> bool) {
        while !shows(self) {
            let frame = self.socket.next().await;
            self.take(&frame);
        }
    }

    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        match frame["type"].as_str().expect("a type") {
            "group.update" => {
                text(&data["name"]);
                self.add(data);
            }
            "group.delete" => {
                let id = text(data);
                // The client calls querySelector("." + id).
                assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), ".{id} is no selector");
                self.rows.retain(|row| *row != id);
            }
            "message.text" => {
                text(&data["date"]);
                self.shown.push((text(&data["group"]), text(&data["author"]), text(&data["body"])));
            }
            "contact.update" => {
                self.told.push((text(&data["author"]), text(&data["name"]), text(&data["operation"])));
            }
            "status.update" => self.statuses.push((text(&data["author"]), text(&data["status"]))),
            _ => {}
        }
    }

    async fn send(&mut self, kind: &str, data: Value) {
        self.socket.send(json!({ "type": kind, "data": data })).await;
    }

    async fn relate(&mut self, name: &str, operation: &str) {
        self.send("contact.update", json!({ "author": "", "name": name, "operation": operation })).await;
    }

    async fn write(&mut self, group: &str, body: &str) {
        let date = "2024-05-12T10:29:16.000949";
        let data = json!({ "group": group, "body": body, "respond_to": "", "date": date, "author": "" });
        self.send("message.text", data).await;
    }

    fn bodies(&self) -> Vec<&str> {
        self.shown.iter().map(|(_, _, body)| body.as_str()).collect()
    }
}

#[tokio::test]
async fn browser_client_shows_a_private_conversation_once() {
    let app = server().await;
    people(&app, &["arlan", "astra"]).await;
    let (mut arlan, mut astra) = (Page::open(&app, "arlan").await, Page::open(&app, "astra").await);
    arlan.relate("astra", "invitation").await;
    astra.until(|page| page.told.len() == 1).await;
    astra.relate("arlan", "contact").await;
    for page in [&mut arlan, &mut astra] {
        page.until(|page| page.told.len() == 2 && !page.statuses.is_empty()).await;
    }
    let told = [("arlan", "astra", "invitation"), ("astra", "arlan", "contact")];
    let told =
        told.map(|(author, name, operation)| (author.to_owned(), name.to_owned(), operation.to_owned()));
    assert_eq!((&arlan.told[..], &astra.told[..]), (&told[..], &told[..]));
    assert_eq!(arlan.statuses, [("astra".to_owned(), "online".to_owned())]);

    arlan.send("message.first", json!({ "target": "astra", "body": "hello" })).await;
    astra.until(|page| page.rows.len() == 1).await;
    let group = astra.rows[0].clone();
    astra.write(&group, "hello you").await;
    arlan.until(|page| page.shown.len() == 2).await;
    arlan.send("message.first", json!({ "target": "astra", "body": "again" })).await;
    for page in [&mut arlan, &mut astra] {
        page.until(|page| page.shown.len() == 3).await;
        assert_eq!(page.rows, [group.as_str()]);
        assert_eq!(page.bodies(), ["hello", "hello you", "again"]);
    }
    // A block adds no row, and lifting it shows no message twice.
    arlan.relate("astra", "block").await;
    astra.until(|page| page.told.len() == 3).await;
    astra.write(&group, "blocked").await;
    assert_eq!(astra.socket.until("error.data").await["code"], 403);
    arlan.relate("astra", "remove").await;
    astra.until(|page| page.told.len() == 4).await;
    astra.write(&group, "back").await;
    for page in [&mut arlan, &mut astra] {
        page.until(|page| page.shown.len() == 4).await;
        assert_eq!(page.rows, [group.as_str()]);
        assert_eq!(page.bodies(), ["hello", "hello you", "again", "back"]);
        let ends: Vec<_> =
            page.told[2..].iter().map(|(author, name, _)| (author.as_str(), name.as_str())).collect();
        assert_eq!(ends, [("arlan", "astra"), ("arlan", "astra")]);
    }
    let reopened = Page::open(&app, "astra").await;
    assert_eq!((reopened.rows.len(), reopened.bodies()), (1, astra.bodies()));
    assert!(reopened.contacts.is_empty());
}

#[tokio::test]
async fn browser_client_shows_a_tournament_until_it_ends() {
    let app = server().await;
    people(&app, &["arlan", "astra"]).await;
    let (mut arlan, mut astra) = (Page::open(&app, "arlan").await, Page::open(&app, "astra").await);
    let body = r#"{"name":"final","author":"tournament","members":["arlan"],"restricts":["astra"]}"#;
    let group = text(&post(&app, "groups/", body).await.ok(201)["id"]);
    let body = json!({ "author": "tournament", "group": group, "body": "It begins" }).to_string();
    post(&app, "messages/", &body).await.ok(201);
    for page in [&mut arlan, &mut astra] {
        page.until(|page| page.shown.len() == 1).await;
        assert_eq!((&page.rows[..], page.bodies()), (&[group.clone()][..], vec!["It begins"]));
        assert_eq!(page.shown[0].1, "tournament");
    }
    call(&app, Method::DELETE, &format!("groups/{group}/"), "").await.ok(200);
    for page in [&mut arlan, &mut astra] {
        page.until(|page| page.rows.is_empty()).await;
    }
}

#[tokio::test]
async fn socket_answers_what_the_original_does() {
    let app = server().await;
    people(&app, &["arlan", "astra"]).await;
    let nobody: Client = app.nobody();
    for cookie in ["access=unknown", "other=x"] {
        let refused = nobody.try_ws("/chat/", &[("cookie", cookie)]).await.expect_err("it is refused");
        assert_eq!(refused.status, 401);
    }
    let mut arlan = Page::open(&app, "arlan").await;
    arlan.socket.send_text("not JSON").await;
    let frame = arlan.socket.next().await;
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error.decode"), &json!(400)));
    arlan.socket.send_text(r#"{"type":"message.text"}"#).await;
    let frame = arlan.socket.next().await;
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error.data"), &json!(400)));
    arlan.send("message.first", json!({ "target": "astra", "body": "one" })).await;
    let group = text(&arlan.socket.until("group.update").await["data"]["id"]);
    let read = json!({ "group": group, "date": "2100-01-01T00:00:00.000000" });
    arlan.send("message.read", read).await;
    let read = arlan.socket.until("message.read").await["data"].clone();
    assert_eq!((&read["author"], &read["group"]), (&json!("arlan"), &json!(group)));
    text(&read["date"]);
    arlan.send("message.fetch", json!({ "group": group, "date": "2100-01-01T00:00:00.000000" })).await;
    let fetched = arlan.socket.until("message.fetch").await["data"].clone();
    assert_eq!((&fetched["author"], &fetched["group"]), (&json!("arlan"), &json!(group)));
    assert_eq!(fetched["history"][0]["body"], "one");
    arlan.send("status.update", json!({ "status": "afk" })).await;
    assert_eq!(
        arlan.socket.until("status.update").await["data"],
        json!({ "author": "arlan", "status": "afk" })
    );
}
