//! The REST transport over a real TCP socket and a real store: the status and body of important rows in the
//! contract's table.

mod credentials;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::{Limits, RateLimits};
use chinwag_core::name::Name;
use chinwag_http::wire::events::EventEncoder;
use chinwag_http::{Options, ServerState, ServiceKey, serve};
use chinwag_hub::Hub;
use chinwag_hub::bus::LocalBus;
use chinwag_store_sqlite::SqliteStore;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const KEY: &str = "the-service-key-of-tests";
const NOBODYS: &str = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";

/// A server for one test.
struct Server {
    address: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(configure: impl FnOnce(&mut Options)) -> Self {
        let limits = Limits { rates: RateLimits::lifted(), ..Limits::default() };
        Self::limited(limits, configure).await
    }

    async fn limited(limits: Limits, configure: impl FnOnce(&mut Options)) -> Self {
        let (bus, events) = LocalBus::new(1024);
        let store = Arc::new(SqliteStore::memory(bus.clone()).expect("a store"));
        let clock = Arc::new(SystemClock::default());
        let app = App::new(store.clone(), clock.clone(), limits);
        let special = ["admin", "system", "tournament"].map(|name| Name::parse(name).expect("a name"));
        app.prepare(special.to_vec()).await.expect("prepared");
        let hub =
            Hub::start(store, bus, events, Arc::new(EventEncoder), clock, chinwag_hub::Options::default());
        let mut options = Options::new(ServiceKey::parse(KEY).expect("a key"));
        configure(&mut options);
        let state = ServerState::new(app, hub, options).expect("state");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, state, async move {
            let _ = stopped.await;
        }));
        // The client needs a TLS provider, although it makes no TLS connection.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { address, client: Client::new(), stop: Some(stop), serving }
    }

    /// Calls with the service key.
    async fn service(&self, request: &str, body: Value) -> (u16, Value) {
        self.call(request, KEY, body).await
    }

    /// Calls with a bearer token.
    async fn call(&self, request: &str, token: &str, body: Value) -> (u16, Value) {
        let authorization = format!("Bearer {token}");
        read(self.send(request, &[("authorization", &authorization)], body).await).await
    }

    async fn send(&self, request: &str, headers: &[(&str, &str)], body: Value) -> Response {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        let method: Method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        request.send().await.expect("an answer")
    }

    /// Creates users and returns a token of each.
    async fn users<const N: usize>(&self, names: [&str; N]) -> [String; N] {
        let mut tokens = names.map(str::to_owned);
        for token in &mut tokens {
            let (status, _) = self.service("POST users/", json!({"name": token})).await;
            assert_eq!(status, 201);
            let (status, made) =
                self.service(&format!("POST users/{token}/tokens/"), json!({"ttl": 60})).await;
            assert_eq!(status, 201, "{made}");
            made["token"].as_str().expect("a token").clone_into(token);
        }
        tokens
    }

    /// Creates a group owned by `owner` and returns its id.
    async fn group(&self, owner: &str, members: &[&str]) -> String {
        let body = json!({"name": "hunters", "author": owner, "members": members});
        let (status, group) = self.service("POST groups/", body).await;
        assert_eq!(status, 201, "{group}");
        group["id"].as_str().expect("an id").to_owned()
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Sends raw bytes, and returns everything that comes back.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("half closed");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn users_are_made_shown_renamed_and_deleted() {
    let server = Server::start().await;
    let (status, made) = server.service("POST users/", json!({"name": "arlan"})).await;
    assert_eq!((status, &made["name"], &made["contacts"]), (201, &json!("arlan"), &json!([])));
    for bad in [json!({"name": "arlan"}), json!({"name": "ARLAN"}), json!({"name": ""}), json!({}), json!([])]
    {
        let (status, problem) = server.service("POST users/", bad.clone()).await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)), "{bad}");
    }
    let (status, all) = server.service("GET users/", Value::Null).await;
    let named = json!([{"name": "admin"}, {"name": "system"}, {"name": "tournament"}, {"name": "arlan"}]);
    assert_eq!((status, all), (200, named));
    let (_, mut whole) = server.service("GET users/arlan/?fields=__all__", Value::Null).await;
    let created = whole["created"].take();
    assert!(created.as_str().is_some_and(|date| date.ends_with('Z')), "{created}");
    assert_eq!(
        whole,
        json!({
            "name": "arlan", "display_name": null, "avatar": null, "data": null, "kind": "person",
            "created": null, "origin": "host", "contacts": [], "groups": [], "blockeds": [], "blocked_by": [],
            "invitations": [], "invited_by": [], "status": "disconnected", "last_seen": null, "presence": {},
            "settings": {
                "added_by": "anyone", "write_first": "anyone", "hide_last_seen": false, "hide_reads": false,
            },
            "admin": false, "suspended": null, "files": {"count": 0, "size": 0},
        })
    );
    let (status, renamed) = server.service("PATCH users/arlan/", json!({"new_name": "astra"})).await;
    assert_eq!((status, &renamed["name"]), (200, &json!("astra")));
    for path in ["users/arlan/", "users/no%20name/", "users/%ff/", "users/x%2Fy/"] {
        assert_eq!(server.service(&format!("GET {path}"), Value::Null).await.0, 404, "{path}");
    }
    assert_eq!(server.service("DELETE users/astra/", Value::Null).await, (200, json!({})));
    assert_eq!(server.service("DELETE users/astra/", Value::Null).await.0, 404);
    assert_eq!(server.service("DELETE users/admin/", Value::Null).await.0, 403);
}

#[tokio::test]
async fn relations_change_at_the_authors_own_path() {
    let server = Server::start().await;
    let [arlan, _] = server.users(["arlan", "astra"]).await;
    let change = |author: &str, name: &str, operation: &str| json!({"contact": {"author": author, "name": name, "operation": operation}});
    let (status, user) = server.service("PATCH users/arlan/", change("arlan", "astra", "invitation")).await;
    assert_eq!((status, &user["invitations"]), (200, &json!(["astra"])));
    let (_, other) = server.service("GET users/astra/?fields=invited_by+name", Value::Null).await;
    assert_eq!(other, json!({"name": "astra", "invited_by": ["arlan"]}));
    let (_, user) = server.service("PATCH users/astra/", change("", "arlan", "contact")).await;
    assert_eq!(user["contacts"], json!(["arlan"]));
    let (_, mut seen) = server.call("GET users/astra/?fields=__all__", &arlan, Value::Null).await;
    assert!(seen["created"].take().is_string());
    let shown = json!({
        "name": "astra", "display_name": null, "avatar": null, "data": null, "kind": "person", "created": null,
        "status": "disconnected", "last_seen": null,
    });
    assert_eq!(seen, shown, "what a contact sees");

    let blocked = |author: &str, target: &str| json!({"author": author, "target": target});
    assert_eq!(server.service("POST relations/blocked/", blocked("astra", "arlan")).await, (200, json!({})));
    server.call("PATCH users/arlan/", &arlan, change("", "astra", "block")).await;
    assert_eq!(server.service("POST relations/blocked/", blocked("astra", "arlan")).await.0, 403);
    assert_eq!(server.call("POST relations/blocked/", &arlan, json!({"target": "astra"})).await.0, 200);
    assert_eq!(server.service("PATCH users/astra/", change("", "arlan", "invitation")).await.0, 403);
    for (path, body, status) in [
        ("users/arlan/", change("astra", "astra", "remove"), 400),
        ("users/arlan/", change("", "arlan", "invitation"), 400),
        ("users/arlan/", change("", "nobody", "invitation"), 400),
        ("users/arlan/", change("", "admin", "invitation"), 400),
        ("users/arlan/", change("", "astra", "hug"), 400),
        ("users/nobody/", change("", "arlan", "block"), 404),
    ] {
        assert_eq!(server.service(&format!("PATCH {path}"), body.clone()).await.0, status, "{path} {body}");
    }
    let own_name_only = server.call("PATCH users/astra/", &arlan, change("", "arlan", "remove")).await;
    assert_eq!(own_name_only.0, 403);
}

#[tokio::test]
async fn groups_are_created_changed_and_deleted_by_role() {
    let server = Server::start().await;
    let [arlan, astra, borys] = server.users(["arlan", "astra", "borys"]).await;
    let id = server.group("arlan", &["astra"]).await;
    let path = format!("groups/{id}/");
    assert_eq!(
        server.call("GET groups/", &astra, Value::Null).await.1,
        json!([{"id": id, "name": "hunters"}])
    );
    assert_eq!(server.call("GET groups/", &borys, Value::Null).await, (200, json!([])));
    let (_, whole) = server.call(&format!("GET {path}?fields=__all__"), &astra, Value::Null).await;
    assert_eq!(
        (&whole["owner"], &whole["unread"], &whole["head"]),
        (&json!(["arlan"]), &json!(0), &json!(1))
    );

    // A hidden group answers exactly like a missing one.
    let hidden = server.call(&format!("GET {path}"), &borys, Value::Null).await;
    assert_eq!(hidden, server.call(&format!("GET groups/{NOBODYS}/"), &borys, Value::Null).await);
    assert_eq!((hidden.0, hidden), (404, server.call("GET groups/x/", &borys, Value::Null).await));

    assert_eq!(server.call(&format!("PATCH {path}"), &astra, json!({"name": "x"})).await.0, 403);
    assert_eq!(server.call(&format!("PATCH {path}"), &borys, json!({"name": "x"})).await.0, 404);
    let (status, changed) = server.call(&format!("PATCH {path}"), &arlan, json!({"admins": ["astra"]})).await;
    assert_eq!((status, &changed["admins"], &changed["members"]), (200, &json!(["astra"]), &json!([])));
    assert_eq!(server.call(&format!("DELETE {path}"), &astra, Value::Null).await.0, 403);
    assert_eq!(server.call(&format!("DELETE {path}"), &arlan, Value::Null).await, (200, json!({})));
    assert_eq!(server.service(&format!("GET {path}"), Value::Null).await.0, 404);
    for bad in [
        json!({"name": "@", "author": "arlan"}),
        json!({"name": "x"}),
        json!({"name": "x", "author": "nobody"}),
        json!({"name": "x", "author": "arlan", "members": ["nobody"]}),
        json!({"name": "x", "author": "arlan", "members": "astra"}),
    ] {
        assert_eq!(server.service("POST groups/", bad.clone()).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn messages_are_sent_once_edited_listed_and_deleted() {
    let server = Server::start().await;
    let [arlan, astra] = server.users(["arlan", "astra"]).await;
    let group = server.group("arlan", &["astra"]).await;
    let body = json!({"group": group, "body": "hi", "client_id": "1", "respond_to": "", "author": ""});
    let (status, sent) = server.call("POST messages/", &arlan, body.clone()).await;
    assert_eq!((status, &sent["author"], &sent["seq"]), (201, &json!("arlan"), &json!(2)));
    assert_eq!(server.call("POST messages/", &arlan, body).await, (201, sent.clone()), "a retry");
    let other = json!({"group": group, "body": "ho", "client_id": "1"});
    assert_eq!(server.call("POST messages/", &arlan, other).await.0, 409);
    let forged = json!({"group": group, "body": "hi", "author": "astra"});
    assert_eq!(server.call("POST messages/", &arlan, forged).await.0, 403);
    let outsider = json!({"group": group, "body": "hi", "author": "tournament"});
    assert_eq!(server.service("POST messages/", outsider).await.0, 403);
    let nowhere = json!({"group": NOBODYS, "body": "hi"});
    assert_eq!(server.call("POST messages/", &arlan, nowhere).await.0, 404);

    let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    assert_eq!(server.call(&format!("GET {path}"), &astra, Value::Null).await, (200, sent));
    let (_, some) = server.call(&format!("GET {path}?fields=body,seq"), &astra, Value::Null).await;
    assert_eq!(some, json!({"body": "hi", "seq": 2}));
    assert_eq!(server.call(&format!("PATCH {path}"), &astra, json!({"body": "x"})).await.0, 403);
    let (status, edited) = server.call(&format!("PATCH {path}"), &arlan, json!({"body": "hello"})).await;
    assert_eq!((status, &edited["body"]), (200, &json!("hello")));

    let seqs = async |query: &str| {
        let (status, list) =
            server.call(&format!("GET groups/{group}/messages/{query}"), &astra, Value::Null).await;
        (
            status,
            list.as_array().map(|list| list.iter().map(|m| m["seq"].as_i64().unwrap()).collect::<Vec<_>>()),
        )
    };
    for n in 0..3 {
        let (status, _) =
            server.call("POST messages/", &astra, json!({"group": group, "body": n.to_string()})).await;
        assert_eq!(status, 201);
    }
    assert_eq!(seqs("").await, (200, Some(vec![6, 5, 4, 2])));
    assert_eq!(seqs("?before=5&limit=1").await, (200, Some(vec![4])));
    assert_eq!(seqs("?after=2&limit=2").await, (200, Some(vec![4, 5])));
    assert_eq!(seqs("?before=2000-01-01T00:00:00Z").await, (200, Some(vec![])));
    for bad in ["?limit=101", "?before=1&after=1", "?before=x", "?fields=x"] {
        assert_eq!(seqs(bad).await.0, 400, "{bad}");
    }
    assert_eq!(server.service("GET messages/", Value::Null).await.0, 400);
    assert_eq!(server.call(&format!("DELETE {path}"), &arlan, Value::Null).await, (200, json!({})));
    assert_eq!(server.call(&format!("GET {path}"), &arlan, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_list_is_complete_or_paged() {
    let server = Server::start().await;
    for n in 0..120 {
        assert_eq!(server.service("POST users/", json!({"name": format!("user{n}")})).await.0, 201);
    }
    let (_, names) = server.service("GET users/", Value::Null).await;
    assert_eq!(names.as_array().map(Vec::len), Some(123));
    let (_, whole) = server.service("GET users/?fields=__all__", Value::Null).await;
    let read: Vec<_> =
        whole.as_array().expect("a list").iter().map(|user| json!({"name": user["name"]})).collect();
    assert_eq!(Value::from(read), names, "streamed in several parts");

    let mut next = Some("/api/v1/users/?limit=50&fields=name".to_owned());
    let mut pages = vec![];
    while let Some(path) = next {
        let response = server
            .send(&format!("GET {path}"), &[("authorization", &format!("Bearer {KEY}"))], Value::Null)
            .await;
        let link = response.headers().get("link").map(|link| link.to_str().expect("ASCII").to_owned());
        next = link.map(|link| link.split(['<', '>']).nth(1).expect("a link").to_owned());
        pages.push(read_list(response).await);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 23]);
    assert_eq!(Value::from(pages.concat()), names);
    for bad in
        ["limit=0", "limit=1001", "cursor=x", "fields=x", "limit=5&cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
    {
        assert_eq!(server.service(&format!("GET users/?{bad}"), Value::Null).await.0, 400, "{bad}");
    }
}

async fn read_list(response: Response) -> Vec<Value> {
    read(response).await.1.as_array().expect("a list").clone()
}

#[tokio::test]
async fn payloads_are_read_under_any_type_and_bad_ones_are_refused() {
    let server = Server::start().await;
    let body = r#"{"name":"arlan"}"#;
    let head = format!("Host: {}\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n", server.address);
    let post = |body: &str| {
        format!("POST /api/v1/users/ HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    assert!(raw(server.address, &post(body)).await.starts_with("HTTP/1.1 201"), "no type, and half closed");
    for bad in ["", "[]", "null", "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"\\ud800\"}"] {
        assert!(raw(server.address, &post(bad)).await.starts_with("HTTP/1.1 400"), "{bad}");
    }
    let long = format!("POST /api/v1/users/ HTTP/1.1\r\n{head}Content-Length: 999999999\r\n\r\n");
    assert!(raw(server.address, &long).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn a_connection_that_sends_no_request_is_closed() {
    let server = Server::with(|options| options.header_timeout = Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("sent");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection stays open");
}

#[tokio::test]
async fn a_stopping_server_closes_idle_connections_and_takes_no_more() {
    let mut server = Server::start().await;
    assert_eq!(server.send("GET /readyz", &[], Value::Null).await.status(), 200);
    server.stop.take().expect("once").send(()).expect("running");
    let ended = tokio::time::timeout(Duration::from_secs(5), &mut server.serving).await;
    assert!(ended.is_ok(), "the server does not end");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_hosts_validator_names_the_user() {
    let host = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/whoami", host.local_addr().expect("an address"));
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = host.accept().await.expect("a connection");
            let mut question = vec![0; 4096];
            let length = stream.read(&mut question).await.expect("a question");
            let question = String::from_utf8_lossy(&question[..length]).to_lowercase();
            assert!(question.starts_with("post /whoami") && !question.contains("x-secret"), "{question}");
            let known = question.contains("cookie: sessionid=good");
            let (status, body) = if known { ("200 OK", r#"{"username":"arlan"}"#) } else { ("401 No", "{}") };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.expect("answered");
        }
    });
    let server = Server::with(|options| options.validate_url = Some(url)).await;
    let asks = async |cookie: &str| {
        let headers = [("cookie", cookie), ("x-secret", "mine")];
        read(server.send("GET sessions/", &headers, Value::Null).await).await
    };
    assert_eq!(asks("sessionid=good").await.0, 401, "a user who is not made yet");
    server.users(["arlan"]).await;
    let (status, session) = asks("sessionid=good").await;
    assert_eq!((status, &session["name"], &session["expires"]), (200, &json!("arlan"), &Value::Null));
    assert!(session["created"].is_string(), "{session}");
    assert_eq!(asks("sessionid=bad").await.0, 401);
    answering.abort();
}
