//! Bad input gives an error that names the field, never a 5xx or a closed socket, and changes nothing.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup;
use chinwag_testkit::wait::Wait;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// A group of `ann` and `bob`, owned by `ann`.
async fn group(app: &TestApp) -> String {
    setup::users(&app.service(), &["ann", "bob"]).await;
    setup::group(&app.service(), &["ann", "bob"]).await
}

/// A socket of ann's, after its presence was announced to everyone.
async fn ann_online(app: &TestApp) -> Ws {
    let socket = app.sign_in("ann").await.ws().await;
    let wait = Wait::begin();
    while app.service().get("users/ann/?fields=__all__").await.ok(200)["status"] != "online" {
        wait.step(|| "ann is not online".to_owned()).await;
    }
    socket
}

async fn state(app: &TestApp, group: &str) -> (Value, Value) {
    let service = app.service();
    let whole = service.get(&format!("groups/{group}/?fields=__all__")).await.ok(200);
    let mut users = service.get("users/?fields=__all__").await.ok(200);
    for user in users.as_array_mut().expect("users") {
        // While a user is connected, this is the current time.
        user["last_seen"].take();
    }
    (whole, users)
}

#[tokio::test]
async fn malformed_events_are_answered_and_the_socket_stays_usable() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let mut socket = ann_online(&app).await;
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let before = state(&app, &group).await;
    let cases: Vec<(String, &str, u64)> = vec![
        (String::new(), "error.decode", 400),
        ("hello".into(), "error.decode", 400),
        ("{".into(), "error.decode", 400),
        ("[]".into(), "error.decode", 400),
        ("null".into(), "error.decode", 400),
        ("\"text\"".into(), "error.decode", 400),
        (r#"{"type":"message.text","data":{}} trailing"#.into(), "error.decode", 400),
        (r#"{"type":"message.text","type":"message.read","data":{}}"#.into(), "error.decode", 400),
        (deep("[", "]"), "error.decode", 400),
        (deep("{\"a\":", "}"), "error.decode", 400),
        (r#"{"type":"message.text","data":"#.to_owned() + &deep("[", "]") + "}", "error.data", 400),
        ("{}".into(), "error.type", 400),
        (r#"{"type":7,"data":{}}"#.into(), "error.type", 400),
        (r#"{"type":"message.nothing","data":{}}"#.into(), "error.type", 404),
        (r#"{"type":"","data":{}}"#.into(), "error.type", 404),
        (r#"{"type":"message.text"}"#.into(), "error.data", 400),
        (r#"{"type":"message.text","data":null}"#.into(), "error.data", 400),
        (r#"{"type":"message.text","data":[1]}"#.into(), "error.data", 400),
        (r#"{"type":"message.text","data":{"a":1,"a":2}}"#.into(), "error.data", 400),
        (r#"{"type":"message.text","data":{"body":"\ud800"}}"#.into(), "error.data", 400),
        (r#"{"type":"message.text","data":{},"ref":7}"#.into(), "error.data", 400),
        (format!(r#"{{"type":"message.text","data":{{}},"ref":"{}"}}"#, "r".repeat(65)), "error.data", 400),
    ];
    for (text, kind, code) in cases {
        socket.send_text(&text).await;
        let answer = socket.next().await;
        let shown: String = text.chars().take(80).collect();
        assert_eq!(
            (answer["type"].as_str(), answer["code"].as_u64()),
            (Some(kind), Some(code)),
            "{shown}: {answer}"
        );
        assert!(
            answer["data"]["detail"].as_str().is_some_and(|detail| detail.len() > 5),
            "{shown}: {answer}"
        );
    }
    socket.send_message(Message::binary(vec![0, 159, 146, 150])).await;
    assert_eq!(socket.next().await["type"], "error.decode");
    let sent = socket.ask("message.read", json!({ "group": group, "seq": 1 })).await;
    assert_eq!(sent["type"], "message.read");
    assert_eq!(state(&app, &group).await, before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table reads by its rows")]
async fn events_with_wrong_data_name_the_field_and_change_nothing() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let mut socket = ann_online(&app).await;
    let before = state(&app, &group).await;
    let long = "x".repeat(4097);
    let cases = vec![
        ("message.text", json!({ "body": "x" }), "group"),
        ("message.text", json!({ "group": 7, "body": "x" }), "group"),
        ("message.text", json!({ "group": "7", "body": "x" }), "group"),
        ("message.text", json!({ "group": group }), "body"),
        ("message.text", json!({ "group": group, "body": "" }), "body"),
        ("message.text", json!({ "group": group, "body": " \n\t" }), "body"),
        ("message.text", json!({ "group": group, "body": "\u{2800}" }), "body"),
        ("message.text", json!({ "group": group, "body": "\u{200b} \u{3164}" }), "body"),
        ("message.text", json!({ "group": group, "body": long }), "body"),
        ("message.text", json!({ "group": group, "body": "a\u{0}b" }), "body"),
        ("message.text", json!({ "group": group, "body": ["x"] }), "body"),
        ("message.text", json!({ "group": group, "body": "x", "respond_to": "no id" }), "respond_to"),
        ("message.text", json!({ "group": group, "body": "x", "client_id": "" }), "client_id"),
        ("message.text", json!({ "group": group, "body": "x", "client_id": "c".repeat(65) }), "client_id"),
        ("message.text", json!({ "group": group, "body": "x", "client_id": 1 }), "client_id"),
        ("message.first", json!({ "target": "nobody" }), "target"),
        ("message.first", json!({ "target": "admin", "body": "x" }), "target"),
        ("message.first", json!({ "target": "a b" }), "target"),
        ("message.fetch", json!({ "group": group, "before": -1 }), "before"),
        ("message.fetch", json!({ "group": group, "before": "1" }), "before"),
        ("message.fetch", json!({ "group": group, "before": 1.5 }), "before"),
        ("message.fetch", json!({ "group": group, "before": 9_223_372_036_854_775_808_u64 }), "before"),
        ("message.fetch", json!({ "group": group, "limit": 0 }), "limit"),
        ("message.fetch", json!({ "group": group, "limit": 101 }), "limit"),
        ("message.fetch", json!({ "group": group, "date": "yesterday" }), "date"),
        ("message.read", json!({ "group": group }), "seq"),
        ("message.read", json!({ "group": group, "seq": -1 }), "seq"),
        ("message.read", json!({ "group": group, "seq": "1" }), "seq"),
        ("message.read", json!({ "group": group, "seq": 9_223_372_036_854_775_807_i64 }), "seq"),
        ("message.update", json!({ "id": "x", "body": "x" }), "id"),
        ("message.update", json!({ "id": group }), "body"),
        ("message.update", json!({ "id": group, "colour": "red" }), "body"),
        ("message.delete", json!({}), "id"),
        ("status.update", json!({ "status": "away" }), "status"),
        ("status.update", json!({}), "status"),
        ("contact.update", json!({ "name": "bob", "operation": "hug" }), "operation"),
        ("contact.update", json!({ "name": "ann", "operation": "block" }), "name"),
        ("contact.update", json!({ "name": "nobody", "operation": "block" }), "name"),
        ("contact.update", json!({ "name": "system", "operation": "invite" }), "name"),
        ("group.create", json!({}), "name"),
        ("group.create", json!({ "name": "@" }), "name"),
        ("group.create", json!({ "name": " " }), "name"),
        ("group.create", json!({ "name": "\u{2060}\u{feff}" }), "name"),
        ("group.create", json!({ "name": "@\u{200b}" }), "name"),
        ("group.create", json!({ "name": "＠" }), "name"),
        ("group.update", json!({ "id": group, "name": "\u{2800}" }), "name"),
        ("group.create", json!({ "name": "a\nb" }), "name"),
        ("group.create", json!({ "name": "x".repeat(201) }), "name"),
        ("group.create", json!({ "name": "g", "members": ["bob", "nobody"] }), "members[1]"),
        ("group.create", json!({ "name": "g", "members": ["tournament"] }), "members"),
        ("group.create", json!({ "name": "g", "members": "bob" }), "members"),
        ("group.create", json!({ "name": "g", "members": [null] }), "members[0]"),
        ("group.update", json!({ "id": group }), "name"),
        ("group.update", json!({ "group": group, "author": "ann", "colour": "red" }), "name"),
        ("group.update", json!({ "id": group, "remove": ["nobody"] }), "remove[0]"),
        ("group.update", json!({ "id": group, "remove": ["bob"], "admins": ["bob"] }), "remove"),
        ("group.update", json!({ "id": group, "owner": ["ann", "bob"] }), "owner"),
        ("group.quit", json!({ "group": null }), "group"),
        ("group.delete", json!({ "id": 1 }), "group"),
        ("typing.start", json!({ "group": "here" }), "group"),
    ];
    for (kind, data, field) in cases {
        let answer = socket.ask(kind, data.clone()).await;
        let shown: String = data.to_string().chars().take(120).collect();
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error.data"), &json!(400)),
            "{kind} {shown}: {answer}"
        );
        assert_eq!(answer["data"]["errors"][0]["field"], field, "{kind} {shown}: {answer}");
    }
    assert_eq!(state(&app, &group).await, before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table reads by its rows")]
async fn payloads_with_wrong_fields_are_refused_by_field_over_rest() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let service = app.service();
    let before = state(&app, &group).await;
    let names: Vec<_> = (0..10_001).map(|n| format!("u{n}")).collect();
    let cases = vec![
        ("POST", "users/".to_owned(), json!({}), "name"),
        ("POST", "users/".into(), json!({ "name": "" }), "name"),
        ("POST", "users/".into(), json!({ "name": "ann" }), "name"),
        ("POST", "users/".into(), json!({ "name": "ANN" }), "name"),
        ("POST", "users/".into(), json!({ "name": "x".repeat(129) }), "name"),
        ("POST", "users/".into(), json!({ "name": "аnn" }), "name"),
        ("POST", "users/".into(), json!({ "name": "@me" }), "name"),
        ("POST", "users/".into(), json!({ "name": "." }), "name"),
        ("POST", "users/".into(), json!({ "name": "．．" }), "name"),
        ("POST", "users/".into(), json!({ "name": "\u{301}a" }), "name"),
        ("PATCH", "users/ann/".into(), json!({ "new_name": ".." }), "new_name"),
        ("POST", "accounts/".into(), json!({ "name": "..", "password": "a long password" }), "name"),
        ("POST", "users/".into(), json!({ "name": "a\u{202e}b" }), "name"),
        ("POST", "users/".into(), json!({ "name": 7 }), "name"),
        ("PATCH", "users/ann/".into(), json!({}), "new_name"),
        ("PATCH", "users/ann/".into(), json!({ "new_name": "bob" }), "new_name"),
        (
            "PATCH",
            "users/ann/".into(),
            json!({ "contact": { "name": "bob", "operation": "hug" } }),
            "contact.operation",
        ),
        (
            "PATCH",
            "users/ann/".into(),
            json!({ "contact": { "name": "nobody", "operation": "block" } }),
            "contact.name",
        ),
        ("POST", "groups/".into(), json!({ "name": "g" }), "author"),
        ("POST", "groups/".into(), json!({ "name": "g", "author": "nobody" }), "author"),
        ("POST", "groups/".into(), json!({ "name": "@", "author": "ann" }), "name"),
        ("POST", "groups/".into(), json!({ "name": "g", "author": "ann", "admins": names }), "admins"),
        ("PATCH", format!("groups/{group}/"), json!({ "name": "" }), "name"),
        ("PATCH", format!("groups/{group}/"), json!({ "name": "﹫" }), "name"),
        ("PATCH", format!("groups/{group}/"), json!({ "owner": ["nobody"] }), "owner"),
        ("POST", "messages/".into(), json!({ "author": "ann", "body": "x" }), "group"),
        ("POST", "messages/".into(), json!({ "group": group, "body": "x" }), "author"),
        (
            "POST",
            "messages/".into(),
            json!({ "author": "ann", "group": group, "body": "x", "date": "soon" }),
            "date",
        ),
        ("POST", "messages/".into(), json!({ "author": "ann", "group": group, "body": "" }), "body"),
        (
            "POST",
            "messages/".into(),
            json!({ "author": "ann", "group": group, "body": "\u{ad}\u{200e}" }),
            "body",
        ),
        ("POST", "relations/blocked/".into(), json!({ "author": "ann", "target": 7 }), "target"),
        ("POST", "relations/blocked/".into(), json!({ "target": "ann" }), "author"),
        ("PUT", "private/".into(), json!({ "users": ["ann"] }), "users"),
        ("PUT", "private/".into(), json!({ "users": ["ann", "nobody"] }), "users[1]"),
        ("POST", format!("groups/{group}/read/"), json!({ "author": "ann" }), "seq"),
        ("POST", "users/ann/tokens/".into(), json!({ "ttl": 0 }), "ttl"),
        ("POST", "users/ann/tokens/".into(), json!({ "ttl": 31_536_001 }), "ttl"),
        ("POST", "users/ann/tokens/".into(), json!({ "ttl": "1" }), "ttl"),
        ("POST", "accounts/".into(), json!({ "name": "eve", "password": "short" }), "password"),
        ("POST", "accounts/".into(), json!({ "name": "eve", "password": "PassWord1" }), "password"),
        ("POST", "accounts/".into(), json!({ "name": "bob", "password": "long enough" }), "name"),
    ];
    for (method, path, body, field) in cases {
        let request = service.request(method.parse().expect("a method"), &path).json(&body);
        let answer = service.send(request).await;
        assert_eq!(answer.status, 400, "{method} {path} {body}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let named = answer.json["errors"][0]["field"].as_str().expect("a field");
        assert!(
            named == field || named.ends_with(&format!(".{field}")),
            "{method} {path} {body}: {}",
            answer.text
        );
    }
    assert_eq!(state(&app, &group).await, before);
}

#[tokio::test]
async fn nul_is_refused_in_each_text_that_a_query_compares() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let (service, ann) = (app.service(), app.sign_in("ann").await);
    let members = format!("groups/{group}/members/");
    for (client, path, field) in [
        (&service, "users/", "q"),
        (&ann, &members, "q"),
        (&ann, &members, "like"),
        (&ann, "groups/?open=true&", "q"),
        (&ann, "search/", "q"),
        (&ann, "messages/", "q"),
        (&service, "audit/", "actor"),
        (&service, "audit/", "target"),
        (&service, "audit/", "address"),
    ] {
        let path = if path.contains('?') { path.to_owned() } else { format!("{path}?") };
        let refused = client.get(&format!("{path}{field}=a%00")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{path}");
    }
}

#[tokio::test]
async fn a_patch_without_any_known_key_is_refused() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let service = app.service();
    let ann = app.sign_in("ann").await;
    let message = setup::id(&setup::send(&ann, &group, "hello").await);
    let of_author = json!({ "author": "ann" });
    for (path, first) in [
        (format!("groups/{group}/"), "name"),
        (format!("groups/{group}/me/"), "notify"),
        (format!("messages/{message}/"), "body"),
        ("users/ann/".into(), "new_name"),
        ("accounts/me/".into(), "old"),
    ] {
        for body in [json!({}), json!({ "colour": "red" }), of_author.clone()] {
            let refused = ann.patch(&path, body.clone()).await.ok(400);
            assert_eq!(refused["errors"][0]["field"], first, "{path} {body}: {refused}");
            if path != "accounts/me/" {
                service.patch(&path, body).await.ok(400);
            }
        }
    }
    // A known key with its current value is a success, even if it clears an empty one.
    for body in [json!({ "admins": [] }), json!({ "description": null }), json!({ "name": "g" })] {
        ann.patch(&format!("groups/{group}/"), body).await.ok(200);
    }
    assert_eq!(setup::head(&ann, &group).await, 2);
}

#[tokio::test]
async fn null_is_refused_where_it_clears_nothing() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let (service, ann) = (app.service(), app.sign_in("ann").await);
    let message = format!("messages/{}/", setup::id(&setup::send(&ann, &group, "hello").await));
    let refused = [
        (ann.post("messages/", json!({ "group": group, "body": "hi", "mentions": null })).await, "mentions"),
        (ann.patch(&message, json!({ "body": "hi", "mentions": null })).await, "mentions"),
        (ann.post(&format!("groups/{group}/invites/"), json!({ "ttl": null })).await, "ttl"),
        (service.post("users/ann/tokens/", json!({ "ttl": null })).await, "ttl"),
        (ann.patch("users/ann/", json!({ "settings": { "added_by": null } })).await, "settings.added_by"),
        (
            ann.patch("users/ann/", json!({ "settings": { "write_first": null } })).await,
            "settings.write_first",
        ),
    ];
    for (answer, field) in refused {
        assert_eq!(answer.ok(400)["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn bodies_that_are_no_objects_are_400_and_too_large_ones_413() {
    let app = TestApp::start().await;
    let service = app.service();
    let nested = "[".repeat(10_000) + &"]".repeat(10_000);
    let cases: Vec<(Vec<u8>, u16)> = vec![
        (b"".to_vec(), 400),
        (b"name=ann".to_vec(), 400),
        (b"[]".to_vec(), 400),
        (b"null".to_vec(), 400),
        (b"{\"name\":\"a\",\"name\":\"b\"}".to_vec(), 400),
        (b"{\"name\":\"\\ud800\"}".to_vec(), 400),
        (b"{\"name\":\"\xff\"}".to_vec(), 400),
        (nested.into_bytes(), 400),
        (format!("{{\"name\":\"x\",\"pad\":\"{}\"}}", "x".repeat(300 * 1024)).into_bytes(), 413),
    ];
    for (body, status) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = service.send(service.request(reqwest::Method::POST, "users/").body(body)).await;
        assert_eq!(answer.status, status, "{shown}: {}", answer.text);
        assert_eq!(answer.json["status"], status, "{shown}: {}", answer.text);
    }
    let plain = service.request(reqwest::Method::POST, "users/").body("{\"name\":\"plain\"}");
    assert_eq!(service.send(plain).await.status, 201, "no content type is JSON");
}

#[tokio::test]
async fn missing_paths_are_404_and_wrong_methods_405() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let service = app.service();
    let nil = "00000000-0000-0000-0000-000000000000";
    for path in [
        "users/nobody/",
        "users/a%20b/",
        "groups/7/",
        &format!("groups/{nil}/"),
        &format!("messages/{nil}/"),
        "nothing/",
        "/nothing",
    ] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json["status"]), (404, &json!(404)), "{path}: {}", answer.text);
    }
    let answer = service.delete("users/").await;
    assert_eq!(answer.status, 405);
    let allow = answer.header("allow");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let page = |query: &str| format!("groups/{group}/messages/?{query}");
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "before=-1",
        "before=x",
        "after=9223372036854775808",
        "fields=nothing",
    ] {
        assert_eq!(service.get(&page(query)).await.status, 400, "{query}");
    }
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=forged&limit=1", "fields=nothing"] {
        assert_eq!(service.get(&format!("users/?{query}")).await.status, 400, "{query}");
        assert_eq!(service.get(&format!("groups/?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_its_socket_with_1009() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let mut socket = ann.ws().await;
    socket.send_text(&"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(socket.close_code().await, Some(1009));
    let mut socket = ann.ws().await;
    socket.send_text(&"x".repeat(64 * 1024)).await;
    assert_eq!(socket.next().await["type"], "error.decode");
}

#[tokio::test]
async fn texts_are_returned_byte_for_byte() {
    let app = TestApp::start().await;
    let group = group(&app).await;
    let mut socket = app.sign_in("ann").await.ws().await;
    for body in [
        "<script>alert(1)</script> & \"'`",
        "'; DROP TABLE messages; --",
        "\r\nSet-Cookie: a=b\r\n\r\n",
        "\u{202e}gnihton \u{2066}\u{2069}\u{200f}",
        "👩‍👩‍👧‍👦 e\u{301} é ﷽ \u{feff}",
        "  spaces around  ",
        "x\u{1}\u{7f}\u{85}\u{2028}",
        &"👾".repeat(4096),
    ] {
        let sent = socket.ask("message.text", json!({ "group": group, "body": body })).await;
        assert_eq!(sent["data"]["body"], body);
        let stored =
            app.service().get(&format!("messages/{}/", sent["data"]["id"].as_str().expect("an id"))).await;
        assert_eq!(stored.ok(200)["body"], body);
    }
}
