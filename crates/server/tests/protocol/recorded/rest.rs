//! The requests of the session: every route, with valid and invalid payloads.

use chinwag_testkit::client::Client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, text};

const NOTHING: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";

pub(super) async fn play(session: &mut Session) {
    users(session).await;
    let group = groups(session).await;
    messages(session, &group).await;
    private(session).await;
    lists(session, &group).await;
    accounts(session).await;
    refusals(session, &group).await;
    bots(session, &group).await;
    reports(session, &group).await;
    audit(session).await;
    end(session, &group).await;
}

async fn users(session: &mut Session) {
    session.part("Users over REST");
    let (service, ann) = (session.service.clone(), session.app.sign_in("ann").await);
    session.ask(&service, Method::POST, "users/", json!({ "name": "eve" })).await;
    session.ask(&service, Method::POST, "users/", json!({ "name": "EVE" })).await;
    session.ask(&ann, Method::POST, "users/", json!({ "name": "fay" })).await;
    let put = json!({
        "display_name": "Eve", "avatar": "https://example.org/eve.png", "data": { "b": 1, "a": [null] },
        "kind": "bot", "adopt": false,
    });
    session.ask(&service, Method::PUT, "users/eve/", put.clone()).await;
    session.ask(&service, Method::PUT, "users/fay/", json!({ "display_name": null, "mood": "fine" })).await;
    session.ask(&ann, Method::PUT, "users/eve/", put).await;
    let rename = json!({ "new_name": "eva" });
    session.ask(&service, Method::PATCH, "users/eve/", rename).await;
    session.ask(&service, Method::PATCH, "users/eve/", json!({ "new_name": "ann" })).await;
    let contact =
        |name: &str, operation: &str| json!({ "contact": { "name": name, "operation": operation } });
    session.ask(&ann, Method::PATCH, "users/ann/", contact("eva", "invitation")).await;
    session.ask(&ann, Method::PATCH, "users/ann/", contact("ann", "block")).await;
    let other = json!({ "contact": { "author": "bob", "name": "eva", "operation": "block" } });
    session.ask(&ann, Method::PATCH, "users/ann/", other.clone()).await;
    session.ask(&service, Method::PATCH, "users/ann/", other).await;
    let settings = json!({ "settings": {
        "added_by": "contacts", "write_first": "nobody", "hide_last_seen": true, "hide_reads": false, "tone": 1,
    } });
    session.ask(&ann, Method::PATCH, "users/ann/", settings).await;
    session.ask(&ann, Method::PATCH, "users/bob/", json!({ "settings": {} })).await;
    session.ask(&ann, Method::PATCH, "users/ann/", json!({ "kind": "bot" })).await;
    let suspension = json!({ "suspended": { "until": "2999-01-01T00:00:00Z", "reason": "spam" } });
    session.ask(&ann, Method::PATCH, "users/eva/", suspension.clone()).await;
    session.ask(&service, Method::PATCH, "users/eva/", suspension).await;
    session.ask(&service, Method::PATCH, "users/eva/", json!({ "suspended": null, "admin": true })).await;
    let bad = json!({ "suspended": { "until": "1999-01-01T00:00:00Z", "reason": "" }, "admin": null });
    session.ask(&service, Method::PATCH, "users/eva/", bad).await;
    session.ask(&service, Method::PATCH, "users/eva/", json!({ "admin": false })).await;
    session.ask(&service, Method::GET, "settings/", Value::Null).await;
    session.ask(&ann, Method::GET, "settings/", Value::Null).await;
    let profile = json!({ "display_name": "Ann Lee", "settings": { "hide_last_seen": true } });
    session.ask(&ann, Method::PATCH, "users/ann/", profile).await;
    session.ask(&ann, Method::PATCH, "users/ann/", json!({ "avatar": "https://a.example/a" })).await;
    session.ask(&ann, Method::PATCH, "users/ann/", json!({ "display_name": null })).await;
    session.ask(&ann, Method::PATCH, "users/ann/", json!({ "new_name": "a", "settings": {} })).await;
    session.ask(&service, Method::PATCH, "users/none/", json!({ "new_name": "some" })).await;
    let blocked = |author: &str, target: &str| json!({ "author": author, "target": target });
    session.ask(&service, Method::POST, "relations/blocked/", blocked("ann", "bob")).await;
    session.ask(&service, Method::POST, "relations/blocked/", blocked("ann", "a b")).await;
    session.ask(&service, Method::POST, "relations/blocked/", blocked("", "bob")).await;
    session.ask(&ann, Method::POST, "relations/blocked/", blocked("bob", "ann")).await;
    for fields in ["", "?fields=__all__", "?fields=name+status,kind", "?fields=mood"] {
        session.ask(&service, Method::GET, &format!("users/ann/{fields}"), Value::Null).await;
        session.ask(&ann, Method::GET, &format!("users/bob/{fields}"), Value::Null).await;
    }
    session.ask(&ann, Method::GET, "users/a%20b/", Value::Null).await;
}

async fn groups(session: &mut Session) -> String {
    session.part("Groups over REST");
    let (service, ann, bob) =
        (session.service.clone(), session.app.sign_in("ann").await, session.app.sign_in("bob").await);
    let group = json!({ "name": " rest ", "author": "ann", "admins": ["bob"], "members": ["cat"], "restricts": ["dan"] });
    let made = session.ask(&service, Method::POST, "groups/", group).await;
    let id = text(&made.json["id"]);
    let path = format!("groups/{id}/");
    session.ask(&ann, Method::POST, "groups/", json!({ "name": "mine", "author": "bob" })).await;
    session.ask(&ann, Method::POST, "groups/", json!({ "name": "mine", "members": ["eva"] })).await;
    session.ask(&ann, Method::PATCH, &path, json!({ "name": "renamed", "members": ["dan"] })).await;
    session.ask(&ann, Method::PATCH, &path, json!({ "owner": ["bob"], "author": "ann" })).await;
    session.ask(&ann, Method::PATCH, &path, json!({ "remove": ["bob"] })).await;
    session.ask(&service, Method::PATCH, &path, json!({ "remove": ["dan"], "restricts": ["cat"] })).await;
    session.ask(&service, Method::PATCH, &path, json!({ "members": ["nobody-at-all"] })).await;
    let details = json!({
        "description": "Tea\nand cake", "data": { "b": 1 }, "open": true, "slow": 5, "keep": 30, "avatar": "https://a.example/g.png",
    });
    session.ask(&service, Method::PATCH, &path, details.clone()).await;
    session.ask(&bob, Method::PATCH, &path, details).await;
    session
        .ask(
            &bob,
            Method::PATCH,
            &path,
            json!({ "description": "", "avatar": null, "slow": 0, "keep": null }),
        )
        .await;
    session
        .ask(
            &bob,
            Method::PATCH,
            &path,
            json!({ "description": "\t", "slow": 21_601, "keep": 0, "open": null }),
        )
        .await;
    session.ask(&bob, Method::GET, &format!("{path}messages/?entries=all"), Value::Null).await;
    for query in ["", "?limit=1&q=B", "?role=admin", "?role=boss"] {
        session.ask(&bob, Method::GET, &format!("{path}members/{query}"), Value::Null).await;
    }
    session.ask(&bob, Method::GET, &format!("{path}messages/?entries=some"), Value::Null).await;
    for fields in ["", "?fields=__all__", "?fields=head,name", "?fields=mood"] {
        session.ask(&bob, Method::GET, &format!("{path}{fields}"), Value::Null).await;
        session.ask(&service, Method::GET, &format!("{path}{fields}"), Value::Null).await;
    }
    session.ask(&bob, Method::GET, &format!("groups/{NOTHING}/"), Value::Null).await;
    session.ask(&bob, Method::POST, &format!("{path}read/"), json!({ "seq": 1 })).await;
    session.ask(&bob, Method::POST, &format!("{path}read/"), json!({ "date": "x" })).await;
    session.ask(&bob, Method::POST, &format!("{path}accept/"), json!({})).await;
    let settings = json!({ "notify": "none", "muted_until": "2031-05-12T10:29:16Z", "pinned": true });
    session.ask(&bob, Method::PATCH, &format!("{path}me/"), settings).await;
    session.ask(&bob, Method::PATCH, &format!("{path}me/"), json!({ "muted_until": null })).await;
    session.ask(&bob, Method::PATCH, &format!("{path}me/"), json!({ "notify": "some" })).await;
    session.ask(&bob, Method::PATCH, &format!("{path}me/"), json!({})).await;
    session.ask(&bob, Method::GET, "unread/", Value::Null).await;
    session.ask(&service, Method::GET, "unread/", Value::Null).await;
    let cat = session.app.sign_in("cat").await;
    session.ask(&cat, Method::POST, &format!("{path}quit/"), json!({ "author": "cat" })).await;
    session.ask(&cat, Method::POST, &format!("{path}quit/"), json!({ "author": "ann" })).await;
    id
}

async fn messages(session: &mut Session, group: &str) {
    session.part("Messages over REST");
    let (service, ann, bob) =
        (session.service.clone(), session.app.sign_in("ann").await, session.app.sign_in("bob").await);
    let send = json!({ "group": group, "body": "first", "client_id": "r1", "tone": "kind" });
    let sent = session.ask(&ann, Method::POST, "messages/", send.clone()).await;
    let id = text(&sent.json["id"]);
    session.ask(&ann, Method::POST, "messages/", send).await;
    let other = json!({ "group": group, "body": "second", "client_id": "r1" });
    session.ask(&ann, Method::POST, "messages/", other).await;
    let dated = json!({
        "group": group, "body": "imported", "author": "bob", "respond_to": id, "date": "2024-05-12T10:29:16.000949Z",
    });
    session.ask(&service, Method::POST, "messages/", dated.clone()).await;
    session.ask(&bob, Method::POST, "messages/", dated).await;
    session
        .ask(&ann, Method::POST, "messages/", json!({ "group": group, "body": "x", "author": "bob" }))
        .await;
    let path = format!("messages/{id}/");
    for fields in ["", "?fields=body+seq", "?fields=__all__", "?fields=mood"] {
        session.ask(&ann, Method::GET, &format!("{path}{fields}"), Value::Null).await;
    }
    session.ask(&ann, Method::PATCH, &path, json!({ "body": "mended" })).await;
    session.ask(&bob, Method::PATCH, &path, json!({ "body": "not mine" })).await;
    session.ask(&ann, Method::PATCH, &path, json!({ "mentions": ["bob", "@all", "bob"] })).await;
    session.ask(&ann, Method::PATCH, &path, json!({ "mentions": ["bob", "nobody"] })).await;
    session.ask(&bob, Method::GET, "unread/", Value::Null).await;
    let reaction = format!("{path}reactions/%F0%9F%91%8D/");
    session.ask(&bob, Method::PUT, &reaction, Value::Null).await;
    session.ask(&service, Method::PUT, &reaction, json!({ "author": "ann", "tone": 1 })).await;
    session.ask(&bob, Method::PUT, &format!("{path}reactions/no/"), Value::Null).await;
    session.ask(&ann, Method::GET, &format!("{path}reactions/?limit=1"), Value::Null).await;
    session.ask(&bob, Method::DELETE, &reaction, Value::Null).await;
    let pin = format!("{path}pin/");
    session.ask(&ann, Method::PUT, &pin, Value::Null).await;
    session.ask(&service, Method::PUT, &pin, json!({ "author": "ann", "note": 1 })).await;
    session.ask(&bob, Method::PUT, &pin, Value::Null).await;
    session.ask(&bob, Method::GET, &format!("groups/{group}/pins/?fields=id+pinned"), Value::Null).await;
    session.ask(&ann, Method::DELETE, &pin, Value::Null).await;
    let reply = json!({ "group": group, "body": "in a thread", "thread": id });
    let replied = session.ask(&bob, Method::POST, "messages/", reply).await;
    let deeper = json!({ "group": group, "body": "too deep", "thread": replied.json["id"] });
    session.ask(&bob, Method::POST, "messages/", deeper).await;
    session.ask(&ann, Method::GET, &format!("{path}thread/?limit=1"), Value::Null).await;
    session.ask(&ann, Method::GET, &format!("{path}?fields=replies"), Value::Null).await;
    for path in ["messages/", "messages/?q=in+threa*", "messages/?q=imported&limit=1", "search/?q=b"] {
        session.ask(&ann, Method::GET, path, Value::Null).await;
    }
    for query in [
        "",
        "?limit=1",
        "?after=2&fields=body,seq",
        "?before=3",
        "?before=1&after=1",
        "?limit=0",
        "?thread=none&fields=body",
        "?thread=some",
        "?before=x",
        "?ids=x",
    ] {
        let history = format!("groups/{group}/messages/{query}");
        session.ask(&bob, Method::GET, &history, Value::Null).await;
    }
    session.ask(&bob, Method::POST, &format!("groups/{group}/read/"), json!({ "seq": 6 })).await;
    session.ask(&bob, Method::DELETE, &path, Value::Null).await;
    session.ask(&bob, Method::DELETE, &path, Value::Null).await;
}

async fn private(session: &mut Session) {
    session.part("Private groups over REST");
    let (service, bob) = (session.service.clone(), session.app.sign_in("bob").await);
    session.ask(&bob, Method::PUT, "private/", json!({ "user": "dan" })).await;
    session.ask(&bob, Method::PUT, "private/", json!({ "user": "dan" })).await;
    session.ask(&bob, Method::PUT, "private/", json!({ "user": "ann" })).await;
    session.ask(&service, Method::PUT, "private/", json!({ "users": ["bob", "eva"] })).await;
    session.ask(&service, Method::PUT, "private/", json!({ "users": ["bob"] })).await;
    session.ask(&bob, Method::PUT, "private/", json!({})).await;
}

async fn lists(session: &mut Session, group: &str) {
    session.part("Lists");
    let (service, ann) = (session.service.clone(), session.app.sign_in("ann").await);
    for path in [
        "users/",
        "users/?limit=2&fields=name,origin",
        "users/?names=ann,nobody-at-all&name=bob&fields=name+status",
        "users/?q=e&fields=name+display_name",
        "users/?cursor=AAAA",
        "users/?limit=x",
        "users/?names=ann&limit=1",
        "groups/",
        "groups/?limit=1&fields=id,name,head",
        "groups/?fields=name+owner",
        "groups/?mood=fine",
    ] {
        session.ask(&ann, Method::GET, path, Value::Null).await;
        session.ask(&service, Method::GET, path, Value::Null).await;
    }
    session.ask(&ann, Method::PUT, &format!("groups/{group}/"), json!({})).await;
    session.ask(&ann, Method::GET, "nothing/", Value::Null).await;
    let nobody = session.app.nobody();
    session.ask(&nobody, Method::GET, "server/", Value::Null).await;
    session.ask(&nobody, Method::GET, "users/", Value::Null).await;
}

async fn accounts(session: &mut Session) {
    session.part("Accounts");
    let (service, nobody) = (session.service.clone(), session.app.nobody());
    let account = |name: &str, password: &str| json!({ "name": name, "password": password });
    let made = session.ask(&nobody, Method::POST, "accounts/", account("gil", "a long password")).await;
    let gil = nobody.bearing(made.json["token"].as_str().expect("a token"));
    session.ask(&nobody, Method::POST, "accounts/", account("gil", "a long password")).await;
    session.ask(&nobody, Method::POST, "accounts/", account("hal", "short")).await;
    session.ask(&nobody, Method::POST, "accounts/", account("hal", "password")).await;
    session.ask(&nobody, Method::POST, "sessions/", account("gil", "a long password")).await;
    session.ask(&nobody, Method::POST, "sessions/", account("gil", "a wrong password")).await;
    session.ask(&gil, Method::GET, "sessions/", Value::Null).await;
    session.ask(&service, Method::GET, "sessions/", Value::Null).await;
    session.ask(&nobody, Method::GET, "sessions/", Value::Null).await;
    let change = |old: &str, new: &str| json!({ "old": old, "new": new });
    session.ask(&gil, Method::PATCH, "accounts/me/", change("a wrong password", "another password")).await;
    session.ask(&gil, Method::PATCH, "accounts/me/", change("a long password", "short")).await;
    session.ask(&gil, Method::PATCH, "accounts/me/", change("a long password", "another password")).await;
    let ann = session.app.sign_in("ann").await;
    keys(session, &ann).await;
    session.ask(&ann, Method::PATCH, "accounts/me/", change("a long password", "another password")).await;
    session.ask(&service, Method::PATCH, "accounts/me/", change("a long password", "another password")).await;
    session.ask(&gil, Method::PUT, "users/gil/password/", json!({ "password": "another password" })).await;
    session
        .ask(&service, Method::PUT, "users/ann/password/", json!({ "password": "another password" }))
        .await;
    session.ask(&nobody, Method::POST, "sessions/", account("gil", "another password")).await;
    let listed = session.ask(&gil, Method::GET, "users/gil/sessions/", Value::Null).await;
    session.ask(&ann, Method::GET, "users/gil/sessions/", Value::Null).await;
    let other = format!("users/gil/sessions/{}/", text(&listed.json[0]["id"]));
    session.ask(&ann, Method::DELETE, &other, Value::Null).await;
    session.ask(&gil, Method::DELETE, &other, Value::Null).await;
    session.ask(&gil, Method::DELETE, &other, Value::Null).await;
    session.ask(&gil, Method::DELETE, "users/gil/tokens/?others=true", Value::Null).await;
    session.ask(&gil, Method::POST, "tickets/", Value::Null).await;
    session.ask(&service, Method::POST, "tickets/", Value::Null).await;
    session.ask(&gil, Method::DELETE, "sessions/", Value::Null).await;
    session.ask(&gil, Method::GET, "sessions/", Value::Null).await;
    session.ask(&service, Method::PUT, "users/gil/", json!({ "display_name": "Gil" })).await;
    session.ask(&service, Method::POST, "users/gil/tokens/", json!({ "ttl": 60 })).await;
    session.ask(&service, Method::POST, "users/gil/tokens/", json!({ "ttl": 60, "adopt": true })).await;
    session.ask(&service, Method::POST, "users/ann/tokens/", json!({ "ttl": 0 })).await;
    session.ask(&service, Method::DELETE, "users/gil/tokens/", Value::Null).await;
    session.ask(&nobody, Method::POST, "accounts/", account("ida", "a long password")).await;
    session
        .ask(&service, Method::PUT, "users/ida/password/", json!({ "password": "another password" }))
        .await;
    session.ask(&nobody, Method::POST, "sessions/", account("ida", "another password")).await;
}

async fn keys(session: &mut Session, user: &Client) {
    let service = session.service.clone();
    let new = json!({ "scopes": ["admin", "read"], "ttl": 600 });
    let made = session.ask(&service, Method::POST, "keys/", new).await;
    session.ask(user, Method::POST, "keys/", json!({ "scopes": ["read"] })).await;
    session.ask(&service, Method::POST, "keys/", json!({ "scopes": ["all"], "ttl": 0 })).await;
    let admin = service.bearing(made.json["key"].as_str().expect("a key"));
    session.ask(&admin, Method::GET, "keys/", Value::Null).await;
    session.ask(&admin, Method::POST, "keys/", json!({ "scopes": ["write"] })).await;
    session.ask(&admin, Method::POST, "users/", json!({ "name": "any" })).await;
    let path = format!("keys/{}/", text(&made.json["id"]));
    session.ask(&admin, Method::GET, &path, Value::Null).await;
    session.ask(&admin, Method::DELETE, &path, Value::Null).await;
    session.ask(&admin, Method::GET, &path, Value::Null).await;
    session.ask(&service, Method::DELETE, &path, Value::Null).await;
}

/// Sends each payload without its keys, and with values of wrong types.
async fn refusals(session: &mut Session, group: &str) {
    session.part("Payloads that are refused over REST");
    let service = session.service.clone();
    let path = |end: &str| format!("groups/{group}/{end}");
    let payloads: [(Method, String, &[&str]); 15] = [
        (Method::POST, "users/".into(), &["name"]),
        (Method::PUT, "users/ann/".into(), &["display_name", "avatar", "data", "kind", "adopt"]),
        (Method::PATCH, "users/ann/".into(), &["contact"]),
        (Method::PATCH, "users/ann/".into(), &["settings"]),
        (Method::PATCH, "users/ann/".into(), &["display_name", "avatar", "data", "kind"]),
        (Method::POST, "users/ann/tokens/".into(), &["ttl", "adopt"]),
        (Method::POST, "groups/".into(), &["author", "name", "admins", "members", "restricts"]),
        (Method::PATCH, path(""), &["author", "name", "owner", "admins", "members", "restricts", "remove"]),
        (Method::POST, path("read/"), &["author", "seq", "date"]),
        (Method::PUT, "private/".into(), &["user", "users"]),
        (
            Method::POST,
            "messages/".into(),
            &["author", "group", "body", "respond_to", "thread", "date", "client_id", "mentions"],
        ),
        (Method::POST, "relations/blocked/".into(), &["author", "target"]),
        (Method::POST, "accounts/".into(), &["name", "password"]),
        (Method::PATCH, "accounts/me/".into(), &["old", "new"]),
        (Method::PUT, "users/ann/password/".into(), &["password"]),
    ];
    for (method, path, keys) in payloads {
        session.ask(&service, method.clone(), &path, json!({ "odd": 1 })).await;
        for odd in [json!(7.5), json!(["a b"]), json!({ "added_by": "all", "name": 7 })] {
            let body: Value = keys.iter().map(|key| ((*key).to_owned(), odd.clone())).collect();
            session.ask(&service, method.clone(), &path, body).await;
        }
    }
    session.ask(&service, Method::POST, "groups/", json!([])).await;
    session.ask(&service, Method::POST, &path("quit/"), json!({ "author": 7 })).await;
    session.ask(&service, Method::POST, &path("accept/"), json!({ "author": "a b" })).await;
    session.ask(&service, Method::POST, "sessions/", json!({ "name": 7 })).await;
    session.ask(&service, Method::PATCH, &format!("messages/{NOTHING}/"), json!({ "body": 7 })).await;
}

async fn bots(session: &mut Session, group: &str) {
    session.part("Bots over REST");
    let service = session.service.clone();
    session
        .ask(&service, Method::PUT, "users/robot/", json!({ "kind": "bot", "display_name": "Robot" }))
        .await;
    session.ask(&service, Method::PATCH, &format!("groups/{group}/"), json!({ "members": ["robot"] })).await;
    let key = json!({ "groups": [group], "may": ["read", "send"] });
    let made = session.ask(&service, Method::POST, "users/robot/keys/", key).await;
    let path = format!("users/robot/keys/{}/", text(&made.json["id"]));
    let robot = service.bearing(&text(&made.json["key"]));
    session.ask(&robot, Method::POST, "messages/", json!({ "group": group, "body": "beep" })).await;
    session.ask(&robot, Method::GET, "users/", Value::Null).await;
    session.ask(&service, Method::GET, "users/robot/keys/", Value::Null).await;
    session.ask(&service, Method::DELETE, &path, Value::Null).await;
    session.ask(&robot, Method::POST, "messages/", json!({ "group": group, "body": "beep" })).await;
    session.ask(&service, Method::POST, "users/robot/keys/", json!({ "groups": [], "may": ["all"] })).await;
    let made = session.ask(&service, Method::POST, "users/robot/hooks/", json!({ "group": group })).await;
    let path = format!("users/robot/hooks/{}/", text(&made.json["id"]));
    let url = text(&made.json["url"]);
    let message =
        json!({ "text": "<https://a.example|Build 7> &lt;b&gt;", "username": "Builder", "channel": "#a" });
    session.ask(&service, Method::POST, &url, message).await;
    session.ask(&service, Method::POST, &url, json!({ "text": "" })).await;
    session.ask(&service, Method::GET, "users/robot/hooks/", Value::Null).await;
    session.ask(&service, Method::DELETE, &path, Value::Null).await;
    session.ask(&service, Method::POST, &url, json!({ "text": "late" })).await;
    session.ask(&service, Method::POST, "users/ann/hooks/", json!({ "group": group })).await;
}

async fn reports(session: &mut Session, group: &str) {
    session.part("Reports");
    let (service, ann, bob) =
        (session.service.clone(), session.app.sign_in("ann").await, session.app.sign_in("bob").await);
    let message = json!({ "group": group, "body": "bad words" });
    let sent = session.ask(&ann, Method::POST, "messages/", message).await;
    let path = format!("messages/{}/reports/", text(&sent.json["id"]));
    let made = session.ask(&bob, Method::POST, &path, json!({ "reason": "rude", "mood": 1 })).await;
    session.ask(&bob, Method::POST, &path, json!({ "reason": "very rude" })).await;
    session.ask(&bob, Method::POST, &path, json!({ "reason": "" })).await;
    session.ask(&service, Method::POST, &path, json!({ "reason": "rude" })).await;
    for query in ["", "?state=open&limit=1", "?state=shut"] {
        session.ask(&service, Method::GET, &format!("reports/{query}"), Value::Null).await;
    }
    session.ask(&bob, Method::GET, "reports/", Value::Null).await;
    let path = format!("reports/{}/", text(&made.json["id"]));
    session.ask(&service, Method::PATCH, &path, json!({ "note": "looking" })).await;
    session.ask(&service, Method::PATCH, &path, json!({ "state": "resolved", "note": null })).await;
    session.ask(&service, Method::PATCH, &path, json!({ "state": "shut", "note": "" })).await;
    session.ask(&service, Method::PATCH, &path, json!({})).await;
    session.ask(&service, Method::PATCH, &format!("reports/{NOTHING}/"), json!({ "state": "open" })).await;
}

async fn audit(session: &mut Session) {
    session.part("Audit log");
    let (service, bob) = (session.service.clone(), session.app.sign_in("bob").await);
    for query in ["?action=report.update&limit=1", "?target=ann&action=user.delete", "?action=report"] {
        session.ask(&service, Method::GET, &format!("audit/{query}"), Value::Null).await;
    }
    session.ask(&bob, Method::GET, "audit/", Value::Null).await;
}

async fn end(session: &mut Session, group: &str) {
    session.part("Deletions over REST");
    let (service, bob) = (session.service.clone(), session.app.sign_in("bob").await);
    session.ask(&service, Method::PATCH, "users/bob/", json!({ "new_name": "bobby" })).await;
    session.ask(&bob, Method::DELETE, &format!("groups/{group}/"), Value::Null).await;
    session.ask(&bob, Method::DELETE, &format!("groups/{group}/"), Value::Null).await;
    session.ask(&service, Method::DELETE, "users/eva/", Value::Null).await;
    session.ask(&service, Method::DELETE, "users/admin/", Value::Null).await;
    session.ask(&service, Method::DELETE, "users/eva/", Value::Null).await;
}
