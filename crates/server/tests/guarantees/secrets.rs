//! Credentials, valid or not, never appear in logs, metrics or refusals.

use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::jwt::{Host, SECRET};
use chinwag_testkit::process::Program;
use chinwag_testkit::ws::Ws;
use reqwest::Method;
use serde_json::{Value, json};

use crate::text;

/// Every credential that was used, and the texts to search for it: refusals and public answers.
#[derive(Default)]
struct Ledger {
    secrets: Vec<String>,
    public: Vec<String>,
    refused: usize,
}

impl Ledger {
    fn secret(&mut self, secret: &str) -> String {
        self.secrets.push(secret.to_owned());
        secret.to_owned()
    }

    /// Records an answer, which must be a refusal.
    fn refusal(&mut self, answer: &Answer) {
        // 503: the keys for this token cannot be fetched.
        let is_refused = (400..500).contains(&answer.status) || answer.status == 503;
        assert!(is_refused, "{}: {}", answer.status, answer.text);
        self.refused += 1;
        self.public.push(format!("{:?} {}", answer.headers, answer.text));
    }
}

/// Nothing listens there.
const JWKS: &str = "http://host:within-an-address@127.0.0.1:1/within-an-address?key=within-an-address";

/// Wrong credentials in every position that may have one.
async fn used_wrongly(ledger: &mut Ledger, url: &str, right: &str) {
    let wrong = [
        ledger.secret("wrong-bearer-0123456789-0123456789"),
        ledger.secret(&format!("{right}x")),
        ledger.secret(&right.chars().rev().collect::<String>()),
        ledger.secret("wrong.jwt-like0123456789.signature0123456789"),
    ];
    for wrong in &wrong {
        let nobody = Client::new(url, None, "nobody");
        let bearer = Client::new(url, Some(wrong), "wrong");
        ledger.refusal(&bearer.get("users/").await);
        ledger.refusal(&bearer.post("tickets/", json!({})).await);
        let cookie = format!("access={wrong}");
        ledger.refusal(&nobody.send(nobody.request(Method::GET, "groups/").header("cookie", &cookie)).await);
        let basic = format!("Basic {wrong}");
        ledger.refusal(
            &nobody.send(nobody.request(Method::GET, "groups/").header("authorization", basic)).await,
        );
        let ticket = format!("/chat/?ticket={wrong}");
        let offered = format!("chinwag, bearer.{wrong}");
        for refused in [
            bearer.try_ws("/chat/", &[]).await,
            nobody.try_ws("/chat/", &[("cookie", &cookie)]).await,
            nobody.try_ws("/chat/", &[("sec-websocket-protocol", &offered)]).await,
            nobody.try_ws(&ticket, &[]).await,
        ] {
            let refused = refused.expect_err("it is wrong");
            assert_eq!(refused.status, 401);
            ledger.refused += 1;
            ledger.public.push(refused.body);
        }
        ledger.refusal(&nobody.get(&format!("users/?token={wrong}&access_token={wrong}")).await);
    }
}

/// Passwords that are correct, wrong, too short, too long, of another type, and in invalid JSON.
async fn passwords(ledger: &mut Ledger, nobody: &Client) -> String {
    let right = ledger.secret("the-right-password-of-cat");
    let account = json!({ "name": "cat", "password": right });
    let made = nobody.post("accounts/", account.clone()).await.ok(201);
    let token = ledger.secret(&text(&made["token"]));
    ledger.refusal(&nobody.post("accounts/", account.clone()).await);
    let session = nobody.post("sessions/", account).await.ok(201);
    ledger.secret(&text(&session["token"]));
    let (wrong, short) = (ledger.secret("the-wrong-password-of-cat"), ledger.secret("sh0rt.!"));
    let long = ledger.secret(&"l0ng-password-".repeat(20));
    let odd = ledger.secret("0dd-password-in-a-list");
    for password in [json!(wrong), json!(short), json!(long), json!([odd]), json!({ "of": odd })] {
        let asked = json!({ "name": "cat", "password": password });
        ledger.refusal(&nobody.post("sessions/", asked).await);
        if password != json!(wrong) {
            ledger.refusal(&nobody.post("accounts/", json!({ "name": "dan", "password": password })).await);
        }
    }
    let broken = format!(r#"{{"name": "cat", "password": "{odd}" "#);
    for path in ["sessions/", "accounts/"] {
        ledger.refusal(&nobody.send(nobody.request(Method::POST, path).body(broken.clone())).await);
        let key = json!({ "name": "x/y", &odd: 1, "password": odd });
        ledger.refusal(&nobody.post(path, key).await);
    }
    token
}

/// A valid JWT of the host application, and invalid ones. Their parts are secret, too.
async fn jwts(ledger: &mut Ledger, url: &str) -> String {
    let host = Host::default();
    let claims = json!({ "sub": "ann", "exp": 4_000_000_000_i64, "mark": "within-a-jwt-0123456789" });
    let good = host.token("HS256", &claims);
    Client::new(url, Some(&good), "ann").get("sessions/").await.ok(200);
    let with = |header: Value| host.sign(&header, &claims);
    let wrong = [
        with(json!({ "alg": "none" })),
        with(json!({ "alg": "ES256", "kid": "a-kid-that-nobody-has" })),
        host.token("HS256", &json!({ "sub": "ann", "exp": "never", "mark": "within-another-jwt" })),
    ];
    for wrong in &wrong {
        ledger.refusal(&Client::new(url, Some(wrong), "wrong").get("sessions/").await);
        let offered = format!("chinwag, bearer.{wrong}");
        let nobody = Client::new(url, None, "nobody");
        let refused = nobody.try_ws("/chat/", &[("sec-websocket-protocol", &offered)]).await;
        ledger.public.push(refused.expect_err("it is wrong").body);
    }
    for part in wrong.iter().chain([&good]).flat_map(|jwt| jwt.split('.')).filter(|part| part.len() > 16) {
        ledger.secret(part);
    }
    for inside in ["within-a-jwt-0123456789", "within-another-jwt", "a-kid-that-nobody-has"] {
        ledger.secret(inside);
    }
    ledger.secret(&good)
}

/// A socket that sends its credentials in valid and invalid events.
async fn send_credentials(ledger: &mut Ledger, mut socket: Ws, token: &str) {
    for (kind, data) in [
        ("message.text", json!({ "group": "nonsense", "token": token, "body": "x" })),
        ("group.quit", json!({ "group": { "password": token } })),
        ("sync.resume", json!({ "groups": [token] })),
    ] {
        let frame = socket.ask(kind, data).await;
        assert_eq!(frame["type"], "error.data", "{frame}");
        ledger.public.push(frame.to_string());
    }
    socket.send_text(&format!(r#"{{"type": "message.text", "data": {{"token": "{token}""#)).await;
    ledger.public.push(socket.expect("error.decode").await.to_string());
}

/// Valid, ended and unknown invite codes in all paths with a code.
async fn codes(ledger: &mut Ledger, ann: &Client) {
    let group = text(&ann.post("groups/", json!({ "name": "g" })).await.ok(201)["id"]);
    let made = ann.post(&format!("groups/{group}/invites/"), json!({})).await.ok(201);
    let code = ledger.secret(&text(&made["code"]));
    let own = format!("groups/{group}/invites/{code}/");
    ann.get(&own).await.ok(200);
    ann.get(&format!("invites/{code}/")).await.ok(200);
    ann.post(&format!("invites/{code}/"), json!({})).await.ok(200);
    ann.delete(&own).await.ok(200);
    let unknown = ledger.secret("cw_invite_unknown0123456789abcd");
    for code in [code, unknown] {
        ledger.refusal(&ann.get(&format!("groups/{group}/invites/{code}/")).await);
        ledger.refusal(&ann.get(&format!("invites/{code}")).await);
        ledger.refusal(&ann.post(&format!("invites/{code}/"), json!({ "group": code })).await);
        ledger.refusal(&ann.get(&format!("nowhere/{code}/")).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_is_in_a_log_a_metric_or_a_refusal() {
    let program = Program::new(env!("CARGO_BIN_EXE_chinwag"));
    let running = program.serve_with(|command| {
        command.env("CHINWAG_LOG__LEVEL", "debug").env("CHINWAG_LOG__FORMAT", "json");
        command.env("CHINWAG_AUTH__SIGNUP", "true");
        command.env("CHINWAG_AUTH__JWT__SECRET", SECRET).env("CHINWAG_AUTH__JWT__JWKS", JWKS);
    });
    let mut ledger = Ledger::default();
    ledger.secret(SECRET);
    ledger.secret("within-an-address");
    let key = ledger.secret(&program.key());
    let service = program.service(&running);
    let ann = service.user("ann").await;
    let token = ledger.secret(ann.token());
    let nobody = Client::new(running.url(), None, "nobody");
    let cats = passwords(&mut ledger, &nobody).await;
    let jwt = jwts(&mut ledger, running.url()).await;
    for right in [&key, &token, &cats, &jwt] {
        Box::pin(used_wrongly(&mut ledger, running.url(), right)).await;
    }
    let cookie = format!("access={cats}");
    nobody.try_ws("/chat/", &[("cookie", &cookie)]).await.expect("it is right").close().await;
    let offered = format!("chinwag, bearer.{cats}");
    nobody
        .try_ws("/chat/", &[("sec-websocket-protocol", &offered)])
        .await
        .expect("it is right")
        .close()
        .await;
    let ticket = ann.post("tickets/", json!({})).await.ok(201);
    let ticket = ledger.secret(ticket["ticket"].as_str().or(ticket["token"].as_str()).expect("a ticket"));
    let path = format!("/chat/?ticket={ticket}");
    let socket = nobody.try_ws(&path, &[]).await.expect("a ticket");
    send_credentials(&mut ledger, socket, &token).await;
    let again = nobody.try_ws(&path, &[]).await.expect_err("it was used");
    ledger.public.push(again.body);
    codes(&mut ledger, &ann).await;
    ann.delete("sessions/").await.ok(200);
    ledger.refusal(&ann.get("users/").await);
    for path in ["/metrics", "/readyz", "/healthz"] {
        let shown = nobody.get(path).await.text;
        assert!(!shown.is_empty(), "{path}");
        ledger.public.push(shown);
    }

    let output = running.stop();
    let lines: Vec<Value> =
        output.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for word in ["a credential was refused", "the JWKS could not be read: the known keys stay in use"] {
        assert!(lines.iter().any(|line| line["message"] == word), "{word}");
    }
    let answered = lines.iter().filter(|line| line["message"] == "answered").count();
    assert!(
        answered > ledger.refused && ledger.refused > 80,
        "{answered} in the log, {} refused",
        ledger.refused
    );
    ledger.public.push(output.stdout);
    ledger.public.push(output.stderr);
    for secret in &ledger.secrets {
        for text in &ledger.public {
            assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
        }
    }
}
