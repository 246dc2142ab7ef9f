//! Every action of the service and of admins has an entry in the audit log, and no entry contains a secret.

use std::collections::BTreeSet;

use chinwag_http::{ROUTES, RouteEntry, WebhookOptions};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::setup::{group, id, send, text};
use chinwag_testkit::wait::WAIT_TIMEOUT;
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "long enough to be a password";
const OTHER_PASSWORD: &str = "another password, as long";
/// A secret in a webhook's URL.
const IN_ADDRESS: &str = "secret-of-the-address";
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Routes whose changes have no entry: users' own reads and writes, also when the service makes them for a
/// user.
const EXEMPT: &[(&str, &str)] = &[
    // It expires within minutes.
    ("post", "/api/v1/tickets/"),
    ("post", "/api/v1/files/"),
    ("post", "/api/v1/files/uploads/"),
    ("patch", "/api/v1/files/uploads/{id}/"),
    ("delete", "/api/v1/files/uploads/{id}/"),
    ("post", "/api/v1/groups/{id}/read/"),
    ("post", "/api/v1/messages/"),
    ("patch", "/api/v1/messages/{id}/"),
    ("put", "/api/v1/messages/{id}/reactions/{emoji}/"),
    ("delete", "/api/v1/messages/{id}/reactions/{emoji}/"),
    ("put", "/api/v1/messages/{id}/pin/"),
    ("delete", "/api/v1/messages/{id}/pin/"),
    ("post", "/api/v1/push/subscriptions/"),
    ("delete", "/api/v1/push/subscriptions/{id}/"),
    ("post", "/hooks/{secret}/"),
    // It changes nothing.
    ("post", "/api/v1/relations/blocked/"),
    // `oidc.rs` tests signing in through a provider.
    ("post", "/api/v1/oidc/"),
];

/// A server with a record of the called routes and the used secrets.
struct Watch {
    app: TestApp,
    service: Client,
    called: BTreeSet<(&'static str, &'static str)>,
    secrets: Vec<String>,
}

/// The caller of an action, and the actor in its entry.
struct Actor<'a>(&'a Client, &'a str);

impl Watch {
    async fn start() -> Self {
        let app = TestApp::with(|options| {
            options.limits.feed.enabled = true;
            options.limits.consent = true;
            options.http.webhooks = WebhookOptions { private: true, timeout: WAIT_TIMEOUT };
        });
        let app = app.await;
        let service = app.service();
        let secrets = [PASSWORD, OTHER_PASSWORD, IN_ADDRESS, service.token()].map(str::to_owned).into();
        Self { app, service, called: BTreeSet::new(), secrets }
    }

    async fn newest(&self, limit: usize) -> Vec<Value> {
        let entries = self.service.get(&format!("audit/?limit={limit}")).await.ok(200);
        entries.as_array().expect("a list").clone()
    }

    /// Sends `METHOD path` and expects one new entry `action target`; the target `*` matches any.
    async fn act(&mut self, actor: &Actor<'_>, request: &str, payload: Value, entry: &str) -> Value {
        let before = self.newest(1).await;
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let method: Method = method.parse().expect("a method");
        self.called.insert(route(&method, path));
        let asked = actor.0.request(method, path);
        let answer = actor.0.send(if payload.is_null() { asked } else { asked.json(&payload) }).await;
        assert!((200..300).contains(&answer.status), "{request}: {}", answer.text);
        self.keep_secrets(&answer);
        let new = self.newest(20).await.into_iter().take_while(|each| Some(each) != before.first());
        let new: Vec<_> = new.collect();
        assert_eq!(new.len(), 1, "{request}: {new:?}");
        let (action, target) = entry.split_once(' ').expect("an action and a target");
        assert_eq!((&new[0]["action"], &new[0]["actor"]), (&json!(action), &json!(actor.1)), "{request}");
        assert_eq!(new[0]["address"], "127.0.0.1", "{request}");
        assert!(target == "*" || new[0]["target"] == target, "{request}: {}", new[0]);
        answer.json
    }

    fn keep_secrets(&mut self, answer: &Answer) {
        let values = ["token", "key", "secret", "code"].map(|key| answer.json[key].as_str());
        self.secrets.extend(values.into_iter().flatten().map(str::to_owned));
        let parts = answer.json["url"].as_str().into_iter().flat_map(|url| url.split('/'));
        self.secrets.extend(parts.filter(|part| part.starts_with("cw_hook_")).map(str::to_owned));
    }

    async fn accounts(&mut self) {
        let (nobody, service) = (self.app.nobody(), self.service.clone());
        let una = json!({ "name": "una", "password": PASSWORD });
        let made = self.act(&Actor(&nobody, "una"), "POST accounts/", una, "account.create una").await;
        let una = service.bearing(&text(&made["token"]));
        let change = json!({ "old": PASSWORD, "new": OTHER_PASSWORD });
        self.act(&Actor(&una, "una"), "PATCH accounts/me/", change, "password.set una").await;
        let again = json!({ "name": "una", "password": OTHER_PASSWORD });
        let begun = self.act(&Actor(&nobody, "una"), "POST sessions/", again, "session.create una").await;
        let other = service.bearing(&text(&begun["token"]));
        self.act(&Actor(&other, "una"), "DELETE sessions/", Value::Null, "session.delete una").await;
        let given = json!({ "password": PASSWORD });
        let path = "PUT users/una/password/";
        self.act(&Actor(&service, "service"), path, given, "password.set una").await;
        let uno = service.sign_up("uno", PASSWORD).await;
        let ticket = uno.post("tickets/", json!({})).await.ok(201);
        self.secrets.extend([text(&ticket["ticket"]), uno.token().to_owned()]);
        for wrong in ["cw_key_ofnobodyofnobodyofnobody", "cw_token_ofnobodyofnobodyofnobody"] {
            nobody.bearing(wrong).get("users/").await.ok(401);
            self.secrets.push(wrong.to_owned());
        }
        let typed = "a password that was mistyped";
        nobody.post("sessions/", json!({ "name": "una", "password": typed })).await.ok(401);
        self.secrets.push(typed.to_owned());
    }

    async fn users(&mut self) {
        let service = self.service.clone();
        let by = Actor(&service, "service");
        self.app.user("al").await;
        self.act(&by, "POST users/", json!({ "name": "bo" }), "user.create bo").await;
        self.act(&by, "PUT users/bo/", json!({ "display_name": "Bo" }), "user.update bo").await;
        self.act(&by, "PUT users/bea/", json!({ "display_name": "Bea" }), "user.create bea").await;
        let until = json!({ "until": "2099-01-01T00:00:00Z", "reason": "spam" });
        let block = json!({ "author": "bo", "name": "al", "operation": "block" });
        for (patch, entry) in [
            (json!({ "display_name": "B" }), "user.update bo"),
            (json!({ "settings": { "hide_reads": true } }), "user.update bo"),
            (json!({ "admin": true }), "user.admin bo"),
            (json!({ "admin": false }), "user.admin bo"),
            (json!({ "suspended": until }), "user.suspend bo"),
            (json!({ "suspended": null }), "user.unsuspend bo"),
            (json!({ "contact": block }), "relation.update bo"),
        ] {
            self.act(&by, "PATCH users/bo/", patch, entry).await;
        }
        self.act(&by, "PATCH users/bea/", json!({ "new_name": "be" }), "user.rename bea").await;
        for _ in 0..2 {
            self.act(&by, "POST users/bo/tokens/", json!({}), "token.create bo").await;
        }
        let sessions = service.get("users/bo/sessions/").await.ok(200);
        let path = format!("DELETE users/bo/sessions/{}/", id(&sessions[0]));
        self.act(&by, &path, Value::Null, "session.delete bo").await;
        self.act(&by, "DELETE users/bo/tokens/", Value::Null, "sessions.delete bo").await;
        self.act(&by, "DELETE users/bo/", Value::Null, "user.delete bo").await;
    }

    async fn groups(&mut self) {
        let service = self.service.clone();
        let by = Actor(&service, "service");
        for name in ["owner", "guest", "shy", "rude"] {
            self.app.user(name).await;
        }
        let new = json!({ "name": "Tea", "author": "owner", "open": true });
        let tea = id(&self.act(&by, "POST groups/", new, "group.create *").await);
        let (path, of_tea) = (format!("groups/{tea}/"), |action: &str| format!("{action} {tea}"));
        let guest = || json!({ "author": "guest" });
        for patch in [json!({ "name": "Coffee" }), json!({ "ban": ["rude"] }), json!({ "unban": ["rude"] })] {
            self.act(&by, &format!("PATCH {path}"), patch, &of_tea("group.update")).await;
        }
        let pinned = json!({ "author": "owner", "pinned": true });
        self.act(&by, &format!("PATCH {path}me/"), pinned, &of_tea("group.settings")).await;
        self.act(&by, &format!("POST {path}join/"), guest(), &of_tea("group.join")).await;
        self.act(&by, &format!("POST {path}quit/"), guest(), &of_tea("group.quit")).await;
        let made = self.act(&by, &format!("POST {path}invites/"), json!({}), &of_tea("invite.create")).await;
        let code = text(&made["code"]);
        self.act(&by, &format!("POST invites/{code}/"), guest(), &of_tea("group.join")).await;
        let made = self.act(&by, &format!("POST {path}invites/"), json!({}), &of_tea("invite.create")).await;
        let request = format!("DELETE {path}invites/{}/", text(&made["code"]));
        self.act(&by, &request, Value::Null, &of_tea("invite.delete")).await;
        let owner = self.app.sign_in("owner").await;
        owner.patch(&path, json!({ "members": ["shy"] })).await.ok(200);
        let shy = json!({ "author": "shy" });
        self.act(&by, &format!("POST {path}accept/"), shy, &of_tea("group.join")).await;
        let users = json!({ "users": ["owner", "guest"] });
        self.act(&by, "PUT private/", users, "group.create *").await;
        self.act(&by, &format!("DELETE {path}"), Value::Null, &of_tea("group.delete")).await;
    }

    async fn credentials(&mut self) {
        let service = self.service.clone();
        let by = Actor(&service, "service");
        service.put("users/robot/", json!({ "kind": "bot" })).await.ok(201);
        let room = group(&service, &["owner"]).await;
        let (key, hook) = (json!({ "groups": [room], "may": ["send"] }), json!({ "group": room }));
        for (path, payload, noun) in [
            ("users/robot/keys/", key, "bot_key"),
            ("users/robot/hooks/", hook, "hook"),
            ("keys/", json!({ "scopes": ["read"] }), "key"),
        ] {
            let made = self.act(&by, &format!("POST {path}"), payload, &format!("{noun}.create *")).await;
            let (ended, entry) =
                (format!("DELETE {path}{}/", id(&made)), format!("{noun}.delete {}", id(&made)));
            self.act(&by, &ended, Value::Null, &entry).await;
        }
        let url = format!("http://127.0.0.1:1/{IN_ADDRESS}?token={IN_ADDRESS}");
        let new = json!({ "url": url, "types": ["user.delete"] });
        let webhook = id(&self.act(&by, "POST webhooks/", new, "webhook.create *").await);
        let cursor = text(&service.get("events/").await.ok(200)["cursor"]);
        let path = format!("webhooks/{webhook}/");
        for (request, payload, action) in [
            (format!("PATCH {path}"), json!({ "types": ["user.update"] }), "webhook.update"),
            (format!("PATCH {path}"), json!({ "secret": WEBHOOK_SECRET }), "webhook.update"),
            (format!("POST {path}test/"), Value::Null, "webhook.test"),
            (format!("POST {path}replay/"), json!({ "after": cursor }), "webhook.replay"),
            (format!("DELETE {path}"), Value::Null, "webhook.delete"),
        ] {
            self.act(&by, &request, payload, &format!("{action} {webhook}")).await;
        }
        self.secrets.push(WEBHOOK_SECRET.to_owned());
    }

    /// The actions of an admin.
    async fn admins(&mut self) {
        let service = self.service.clone();
        let room = group(&service, &["owner", "guest"]).await;
        let owner = self.app.sign_in("owner").await;
        let (first, second) = (send(&owner, &room, "bad words").await, send(&owner, &room, "more").await);
        let mut reports = Vec::new();
        for message in [&first, &second] {
            let (path, new) = (id(message), json!({ "author": "guest", "reason": "rude" }));
            let request = format!("POST messages/{path}/reports/");
            reports.push(id(&self.act(&Actor(&service, "service"), &request, new, "report.create *").await));
        }
        let warden = self.app.user("warden").await;
        service.patch("users/warden/", json!({ "admin": true })).await.ok(200);
        let by = Actor(&warden, "warden");
        let (request, report) = (format!("PATCH reports/{}/", reports[0]), &reports[0]);
        self.act(&by, &request, json!({ "state": "resolved" }), &format!("report.update {report}")).await;
        self.act(&by, &request, json!({ "note": "talked" }), &format!("report.update {report}")).await;
        let request = format!("DELETE messages/{}/", id(&first));
        self.act(&by, &request, Value::Null, &format!("message.delete {}", id(&first))).await;
        warden.ws().await.ask("message.delete", json!({ "id": id(&second) })).await;
        let newest = &self.newest(1).await[0];
        let entry = (&newest["action"], &newest["actor"], &newest["target"], &newest["address"]);
        assert_eq!(entry, (&json!("message.delete"), &json!("warden"), &second["id"], &json!("127.0.0.1")));
        let until = json!({ "until": "2099-01-01T00:00:00Z", "reason": null });
        let guest = "PATCH users/guest/";
        self.act(&by, guest, json!({ "suspended": until }), "user.suspend guest").await;
        self.act(&by, guest, json!({ "suspended": null }), "user.unsuspend guest").await;
    }
}

/// The route of a path. If several match, the one with the fewest parameters.
fn route(method: &Method, path: &str) -> (&'static str, &'static str) {
    let path = format!("/api/v1/{path}");
    let is_key = |part: &str| part.starts_with('{');
    let fits = |route: &&RouteEntry| {
        let (parts, asked) = (route.path.split('/'), path.split('/'));
        method.as_str().eq_ignore_ascii_case(route.method)
            && parts.clone().count() == asked.clone().count()
            && parts.zip(asked).all(|(part, asked)| part == asked || is_key(part))
    };
    let found = ROUTES.iter().filter(fits).min_by_key(|route| route.path.matches('{').count());
    let route = found.unwrap_or_else(|| panic!("no route {method} {path}"));
    (route.method, route.path)
}

#[tokio::test]
async fn every_change_by_service_and_admins_leaves_an_entry() {
    let mut watch = Watch::start().await;
    watch.accounts().await;
    watch.users().await;
    watch.groups().await;
    watch.credentials().await;
    watch.admins().await;
    for route in ROUTES.iter().filter(|route| !["get", "head", "options"].contains(&route.method)) {
        let (pair, is_called) =
            ((route.method, route.path), watch.called.contains(&(route.method, route.path)));
        assert!(EXEMPT.contains(&pair) != is_called, "{} {}: call it in this test", route.method, route.path);
    }
    assert!(watch.secrets.len() >= 20, "{:?}", watch.secrets);
    let whole = watch.service.get("audit/").await;
    assert_eq!(whole.status, 200);
    for secret in &watch.secrets {
        assert!(!whole.text.contains(secret.as_str()), "{secret} is in the audit log");
    }
}
