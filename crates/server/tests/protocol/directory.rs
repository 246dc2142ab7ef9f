//! The directory: which users a user can find, over both transports.

use chinwag_core::limits::Directory;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Client, encoded};
use chinwag_testkit::setup::id;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};

async fn app(directory: Directory) -> TestApp {
    TestApp::with(|options| options.users.directory = directory).await
}

async fn group(client: &Client, body: Value) -> String {
    id(&client.post("groups/", body).await.ok(201))
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let users = client.get(&format!("users/{query}")).await.ok(200);
    let name = |user: &Value| user["name"].as_str().expect("a name").to_owned();
    users.as_array().expect("a list").iter().map(name).collect()
}

/// The answers to ann for everything that she can do with a name, with the name removed.
async fn answers(ann: &Client, socket: &mut Ws, group: &str, name: &str) -> Vec<(u16, String)> {
    let relation = json!({ "contact": { "name": name, "operation": "invitation" } });
    let requests = [
        (Method::GET, format!("users/{name}/"), Value::Null),
        (Method::GET, format!("users/?names={name}"), Value::Null),
        (Method::PATCH, format!("users/{name}/"), json!({ "new_name": "other" })),
        (Method::DELETE, format!("users/{name}/"), Value::Null),
        (Method::DELETE, format!("users/{name}/tokens/"), Value::Null),
        (Method::PATCH, "users/ann/".into(), relation),
        (Method::POST, "relations/blocked/".into(), json!({ "target": name })),
        (Method::PUT, "private/".into(), json!({ "user": name })),
        (Method::POST, "groups/".into(), json!({ "name": "g", "members": [name] })),
        (Method::PATCH, format!("groups/{group}/"), json!({ "restricts": [name] })),
        (Method::PATCH, format!("groups/{group}/"), json!({ "remove": [name] })),
        (Method::PATCH, format!("groups/{group}/"), json!({ "owner": name })),
    ];
    let mut found = Vec::new();
    for (method, path, body) in requests {
        let answer = ann.send(ann.request(method, &path).json(&body)).await;
        found.push((answer.status, answer.text.replace(name, "X")));
    }
    for (event, data) in [
        ("message.first", json!({ "target": name, "body": "hello" })),
        ("contact.update", json!({ "name": name, "operation": "invitation" })),
        ("group.create", json!({ "name": "g", "members": [name] })),
        ("group.update", json!({ "id": group, "admins": [name] })),
    ] {
        let answer = socket.ask(event, data).await;
        let code = answer["code"].as_u64().and_then(|code| u16::try_from(code).ok());
        let data = format!("{}{}", answer["type"], answer["data"]).replace(name, "X");
        found.push((code.unwrap_or_default(), data));
    }
    found
}

#[tokio::test]
async fn strangers_are_unknown_without_a_directory() {
    let app = app(Directory::None).await;
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let mut socket = ann.ws().await;
    let own = group(&ann, json!({ "name": "own" })).await;
    let known = answers(&ann, &mut socket, &own, "bob").await;
    assert_eq!(known, answers(&ann, &mut socket, &own, "zed").await);
    assert!(known.iter().all(|(code, _)| matches!(code, 200 | 400 | 404)), "{known:?}");
    assert_eq!(bob.get("groups/").await.ok(200), json!([]), "nothing came of it");

    // The service puts them into one group; then they find each other.
    let shared = json!({ "author": "bob", "name": "shared", "members": ["ann"] });
    let shared = group(&app.service(), shared).await;
    ann.get("users/bob/").await.ok(200);
    assert_eq!(listed(&ann, "?names=bob,zed").await, ["bob"]);
    assert_eq!(socket.ask("message.first", json!({ "target": "bob", "body": "hi" })).await["seq"], 1);
    let invite = json!({ "contact": { "name": "bob", "operation": "invitation" } });
    ann.patch("users/ann/", invite).await.ok(200);
    app.service().delete(&format!("groups/{shared}/")).await.ok(200);
    bob.get("users/ann/").await.ok(200);
}

#[tokio::test]
async fn users_are_listed_by_the_rule_of_the_directory() {
    for directory in [Directory::All, Directory::Exact, Directory::None] {
        let app = app(directory).await;
        let service = app.service();
        let ann = app.user("ann").await;
        for name in ["zed", "friend", "eve", "fellow", "a,b"] {
            app.user(name).await;
        }
        for (author, name, operation) in
            [("ann", "friend", "invitation"), ("friend", "ann", "contact"), ("eve", "ann", "invitation")]
        {
            let change = json!({ "contact": { "author": author, "name": name, "operation": operation } });
            service.patch(&format!("users/{author}/"), change).await.ok(200);
        }
        group(&service, json!({ "author": "fellow", "name": "g", "members": ["ann"] })).await;
        let everybody = ["admin", "system", "tournament", "ann", "zed", "friend", "eve", "fellow", "a,b"];
        assert_eq!(listed(&service, "").await, everybody);
        assert_eq!(listed(&service, "?names=zed,ann").await, ["zed", "ann"]);
        let all = listed(&ann, "").await;
        match directory {
            Directory::All => assert_eq!(all, everybody),
            _ => assert_eq!(all, ["ann", "friend", "fellow"]),
        }
        let page = ann.get("users/?limit=2").await;
        assert_eq!(page.json.as_array().map(Vec::len), Some(2));
        assert!(page.header("link").contains("rel=\"next\""), "{directory:?}");

        let asked = format!("?names=fellow,nobody,ZED,zed,%3C&name={}&names=eve,ann", encoded("a,b"));
        let named = listed(&ann, &asked).await;
        match directory {
            Directory::None => assert_eq!(named, ["fellow", "eve", "ann"]),
            _ => assert_eq!(named, ["fellow", "zed", "a,b", "eve", "ann"]),
        }
        ann.get(&format!("users/?names={}", "a,".repeat(101))).await.ok(400);
    }
}

#[tokio::test]
async fn lists_are_searched_by_the_beginning_of_names() {
    for directory in [Directory::All, Directory::Exact, Directory::None] {
        let app = app(directory).await;
        let service = app.service();
        let ann = app.user("ann").await;
        for name in ["Élodie", "elan", "bob", "el", "zed"] {
            app.user(name).await;
        }
        service.put("users/bob/", json!({ "display_name": "ELECTRA" })).await.ok(200);
        group(&service, json!({ "author": "bob", "name": "g", "members": ["ann", "Élodie"] })).await;
        let everybody = ["Élodie", "elan", "bob", "el"];
        assert_eq!(listed(&service, "?q=EL").await, everybody);
        assert_eq!(listed(&service, "?q=EL&limit=2").await, everybody[..2]);
        let expected = match directory {
            Directory::All => &everybody[..],
            Directory::Exact => &["Élodie", "bob", "el"],
            Directory::None => &["Élodie", "bob"],
        };
        assert_eq!(listed(&ann, "?q=EL").await, expected, "{directory:?}");
        let (mut path, mut seen) = ("users/?q=EL&limit=1".to_owned(), Vec::new());
        loop {
            let page = ann.get(&path).await;
            seen.extend(page.json.as_array().expect("a list").iter().map(|user| user["name"].clone()));
            let link = page.header("link");
            let Some((_, rest)) = link.split_once("/api/v1/") else { break };
            path = rest.split_once('>').expect("the end of a link").0.to_owned();
        }
        assert_eq!(seen, expected, "{directory:?}");
        ann.get(&format!("users/?q={}", "a".repeat(129))).await.ok(400);
    }
}
