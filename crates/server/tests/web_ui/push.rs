//! The page's service worker in a real browser, which is given push messages as its push service would: the browser cannot
//! reach one here, so that `ServiceWorker.deliverPushMessage` of its debugging protocol stands for it, with the decrypted payload.

use serde_json::{Value, json};

use crate::Stage;
use crate::page::Page;

/// The notifications that the service worker shows.
const SHOWN: &str = "const registration = await navigator.serviceWorker.ready;
    const notifications = await registration.getNotifications();
    return notifications.map(({ title, body, tag }) => [title, body, tag]);";

async fn deliver(page: &Page, origin: &str, payload: &Value) {
    for registration in 0..3 {
        let message = json!({
            "origin": origin, "registrationId": registration.to_string(), "data": payload.to_string(),
        });
        // Other registrations than the page's own are none.
        page.devtools("ServiceWorker.deliverPushMessage", message).await;
    }
}

#[tokio::test]
async fn pushed_message_is_shown_and_closed_when_it_is_read() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let made = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", made).await.ok(201)["id"].clone();
    let sent = bob.post("messages/", json!({ "group": group, "body": "peas" })).await.ok(201);
    let origin = stage.app.url();
    ann.devtools("Browser.grantPermissions", json!({ "origin": origin, "permissions": ["notifications"] }))
        .await;
    ann.devtools("ServiceWorker.enable", json!({})).await;
    ann.looks("have a service worker", "await navigator.serviceWorker.ready; return true", json!([])).await;
    let payload = json!({
        "group": group, "title": "The garden", "message": sent["id"], "seq": sent["seq"], "author": "bob", "body": "peas",
        "unread": 1,
    });
    deliver(&ann, &origin, &payload).await;
    let tag = format!("chinwag-{}", group.as_str().expect("an id"));
    let expected = json!([["The garden", "bob: peas", tag]]);
    let shown = format!(
        "const seen = await (async () => {{ {SHOWN} }})(); return JSON.stringify(seen) === JSON.stringify(arguments[0])"
    );
    ann.looks("show the notification", &shown, json!([expected])).await;
    // A withheld text, and one that is no JSON, are shown all the same.
    let bare = json!({ "group": group, "message": sent["id"], "seq": sent["seq"], "unread": 1 });
    deliver(&ann, &origin, &bare).await;
    ann.looks("show the next one in its place", &shown, json!([[["Chinwag", "New message", tag]]])).await;
    ann.press("The garden").await;
    ann.looks("close it when it is read", &shown, json!([[]])).await;
    ann.close().await;
}
