//! Every route, with what each kind of caller is answered.

use serde_json::{Value, json};

use super::{cell, world};

/// Every route: what nobody, a user who has nothing to do with it, and the service are answered.
pub(super) const ROUTES: &[(&str, &str, [u16; 3])] = &[
    ("post", "/api/v1/users/", [401, 403, 201]),
    ("get", "/api/v1/users/", [401, 200, 200]),
    ("get", "/api/v1/users/{name}/", [401, 200, 200]),
    ("put", "/api/v1/users/{name}/", [401, 403, 200]),
    ("patch", "/api/v1/users/{name}/", [401, 403, 200]),
    ("delete", "/api/v1/users/{name}/", [401, 403, 200]),
    ("post", "/api/v1/users/{name}/tokens/", [401, 403, 201]),
    ("delete", "/api/v1/users/{name}/tokens/", [401, 403, 200]),
    ("post", "/api/v1/groups/", [401, 403, 201]),
    ("get", "/api/v1/groups/", [401, 200, 200]),
    ("get", "/api/v1/groups/{id}/", [401, 404, 200]),
    ("patch", "/api/v1/groups/{id}/", [401, 404, 200]),
    ("delete", "/api/v1/groups/{id}/", [401, 404, 200]),
    ("get", "/api/v1/groups/{id}/messages/", [401, 404, 200]),
    ("post", "/api/v1/groups/{id}/read/", [401, 403, 200]),
    ("post", "/api/v1/groups/{id}/quit/", [401, 403, 200]),
    ("post", "/api/v1/groups/{id}/accept/", [401, 403, 200]),
    ("put", "/api/v1/private/", [401, 403, 201]),
    ("post", "/api/v1/messages/", [401, 403, 201]),
    ("get", "/api/v1/messages/", [401, 400, 400]),
    ("get", "/api/v1/messages/{id}/", [401, 404, 200]),
    ("patch", "/api/v1/messages/{id}/", [401, 404, 200]),
    ("delete", "/api/v1/messages/{id}/", [401, 404, 200]),
    ("post", "/api/v1/relations/blocked/", [401, 403, 200]),
    ("get", "/api/v1/server/", [200, 200, 200]),
    ("post", "/api/v1/accounts/", [201, 201, 201]),
    ("post", "/api/v1/sessions/", [401, 401, 401]),
    ("get", "/api/v1/sessions/", [401, 200, 403]),
    ("delete", "/api/v1/sessions/", [401, 200, 403]),
    ("post", "/api/v1/tickets/", [401, 201, 403]),
];

/// A payload that is right for the route, in the name of the one whose things they are.
pub(super) fn payload(method: &str, path: &str, group: &str, fresh: &str) -> Value {
    match (method, path) {
        ("post", "/api/v1/users/") => json!({ "name": fresh }),
        ("put", "/api/v1/users/{name}/") => json!({ "display_name": fresh }),
        ("patch", "/api/v1/users/{name}/") => json!({ "new_name": fresh }),
        ("post", "/api/v1/users/{name}/tokens/") => json!({ "ttl": 60 }),
        ("post", "/api/v1/groups/") => json!({ "name": "theirs", "author": "owner" }),
        ("patch", "/api/v1/groups/{id}/") => json!({ "name": fresh }),
        ("post", "/api/v1/groups/{id}/read/") => json!({ "author": "owner", "seq": 1 }),
        ("post", "/api/v1/groups/{id}/quit/" | "/api/v1/groups/{id}/accept/") => json!({ "author": "owner" }),
        ("put", "/api/v1/private/") => json!({ "users": ["owner", "member2"] }),
        ("post", "/api/v1/messages/") => json!({ "group": group, "author": "owner", "body": "theirs" }),
        ("patch", "/api/v1/messages/{id}/") => json!({ "body": "theirs" }),
        ("post", "/api/v1/relations/blocked/") => json!({ "author": "owner", "target": "member" }),
        ("post", "/api/v1/accounts/") => json!({ "name": fresh, "password": "a long password" }),
        ("post", "/api/v1/sessions/") => json!({ "name": fresh, "password": "not the password" }),
        _ => Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_decides_by_who_calls() {
    let app = world().await;
    let service = app.service();
    let callers = [app.nobody(), app.sign_in("outsider").await, app.service()];
    for (number, (method, path, expected)) in ROUTES.iter().enumerate() {
        for (caller, expected) in callers.iter().zip(expected) {
            let cell = cell(&service, "owner").await;
            let victim = format!("victim{number}{}", caller.name());
            app.user(&victim).await;
            let id = if path.contains("/messages/{id}") { cell.message_of("owner") } else { &cell.group };
            let filled = path.replace("{name}", &victim).replace("{id}", id);
            let body = payload(method, path, &cell.group, &format!("fresh{number}{}", caller.name()));
            let request = caller.request(method.to_uppercase().parse().expect("a method"), &filled);
            let request = if body.is_null() { request } else { request.json(&body) };
            // A session that is ended is another's than the one that goes on calling.
            let answer = if *method == "delete" && path.ends_with("/sessions/") && caller.name() == "outsider"
            {
                let other = app.sign_in("outsider").await;
                other.delete(&filled).await
            } else {
                caller.send(request).await
            };
            assert_eq!(answer.status, *expected, "{method} {path} by {}: {}", caller.name(), answer.text);
        }
    }
}
