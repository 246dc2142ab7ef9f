//! Every route, with the expected answer for each kind of caller.

use chinwag_http::{ROUTES, RouteEntry, RouteExample};
use chinwag_testkit::client::Client;
use reqwest::RequestBuilder;

use super::{Cell, cell, world};

/// The example of a route as a request about `victim` and the owner of the cell's group.
pub(super) fn example(
    route: &RouteEntry,
    caller: &Client,
    cell: &Cell,
    victim: &str,
    fresh: &str,
) -> RequestBuilder {
    let path = route.example_path(victim, &cell.group, cell.message_of("owner"));
    let request = caller.request(route.method.to_uppercase().parse().expect("a method"), &path);
    let ids = RouteExample { group: &cell.group, author: "owner", other: "member2", fresh };
    let body = (route.rules.example)(&ids);
    if body.is_null() { request } else { request.json(&body) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_decides_by_who_calls() {
    let app = world().await;
    let service = app.service();
    let callers = [app.nobody(), app.sign_in("outsider").await, app.service()];
    for (number, route) in ROUTES.iter().enumerate() {
        let RouteEntry { method, path, rules } = route;
        for (caller, expected) in callers.iter().zip(rules.answers) {
            let cell = cell(&service, "owner").await;
            let victim = format!("victim{number}{}", caller.name());
            app.user(&victim).await;
            let fresh = format!("fresh{number}{}", caller.name());
            // End another session than the caller's own, which is still needed.
            let ends_session = path.ends_with("/sessions/") && *method == "delete";
            let other = if ends_session && caller.name() == "outsider" {
                Some(app.sign_in("outsider").await)
            } else {
                None
            };
            let caller = other.as_ref().unwrap_or(caller);
            let answer = caller.send(example(route, caller, &cell, &victim, &fresh)).await;
            assert_eq!(answer.status, expected, "{method} {path} by {}: {}", caller.name(), answer.text);
        }
    }
}
