//! Notifications pushed to a browser whose page is closed.
//!
//! Everything is real except the push service: a browser only subscribes at its vendor's service. A
//! [`HookReceiver`] replaces that, and the decrypted message reaches the browser through
//! `ServiceWorker.deliverPushMessage`.

use std::time::Duration;

use chinwag_http::PushOptions;
use chinwag_testkit::browser;
use chinwag_testkit::push::Device;
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use chinwag_testkit::webhook::{HookReceiver, Reply};
use serde_json::{Value, json};

use crate::Stage;
use crate::page::Page;

/// Subscribes at the test's push service.
const SUBSCRIBE: &str = "{
    const json = SUBSCRIPTION;
    const current = () => localStorage.getItem('subscribed');
    const subscription = () => current() && {
        endpoint: json.endpoint,
        options: { applicationServerKey: Uint8Array.from(current().split(','), Number).buffer },
        toJSON: () => json,
        unsubscribe: async () => { localStorage.removeItem('subscribed'); return true },
    };
    PushManager.prototype.getSubscription = async () => subscription() || null;
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        localStorage.setItem('subscribed', String(applicationServerKey));
        return subscription();
    };
}";

/// Browser preferences that allow notifications.
fn allowed() -> Value {
    json!({ "profile": { "default_content_setting_values": { "notifications": 1 } } })
}

/// A user whose browser allows notifications, and a device that decrypts for it.
async fn reachable_person(stage: &Stage, name: &str, service: &HookReceiver) -> (Page, Device) {
    let device = Device::at(service, name);
    // Only the full browser supports notifications.
    let tab = browser::open_with(name, "about:blank", &allowed()).await;
    let source = SUBSCRIBE.replace("SUBSCRIPTION", &device.subscription().to_string());
    tab.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    (stage.person_in(tab).await, device)
}

/// Leaves the chat for another page of the server, which can still query notifications. Waits until the user is
/// offline.
async fn close_page(stage: &Stage, page: &Page) {
    page.go(&format!("{}/docs/", stage.app.url())).await;
    let wait = Wait::begin();
    while stage.app.service().get("users/ann/?fields=status").await.ok(200)["status"] != "disconnected" {
        wait.step(|| "ann is still there").await;
    }
}

/// Delivers a message from the push service until the browser shows these notifications: titles, texts and
/// tags. The browser drops messages while the worker is being replaced.
async fn deliver(page: &Page, origin: &str, data: &str, expected: Value) {
    let wait = Wait::begin();
    loop {
        let message = json!({ "origin": origin, "registrationId": "0", "data": data });
        page.devtools("ServiceWorker.deliverPushMessage", message).await;
        let shown = shown(page).await;
        if shown == expected {
            return;
        }
        wait.step(|| format!("the notifications are {shown}")).await;
    }
}

/// The notifications that the browser shows.
async fn shown(page: &Page) -> Value {
    page.run_async(
        "const registration = await navigator.serviceWorker.getRegistration();
        const notices = await registration.getNotifications();
        return notices.map(({ title, body, tag }) => [title, body, tag]);",
    )
    .await
}

/// Rejects notifications by a page, as Chrome on Android does.
const ANDROID: &str = "window.Notification = class {
        static permission = 'granted';
        constructor() { throw new TypeError('Illegal constructor'); }
    };
    document.hasFocus = () => false;";

#[tokio::test]
async fn android_shows_a_pages_notification_by_its_worker() {
    let stage = Stage::open().await.with_worker();
    let tab = browser::open_with("ann", "about:blank", &allowed()).await;
    tab.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": ANDROID })).await;
    let ann = stage.person_in(tab).await;
    let worker = "return Boolean(document.querySelector('chinwag-chat').worker)";
    ann.wait_for("have its service worker", worker, json!([])).await;
    let bob = stage.app.user("bob").await;
    let made = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", made).await.ok(201)["id"].clone();
    ann.sees("The garden").await;
    bob.post("messages/", json!({ "group": group, "body": "peas" })).await.ok(201);
    let tag = format!("chinwag-{}", group.as_str().expect("an id"));
    let wait = Wait::begin();
    while shown(&ann).await != json!([["bob in The garden", "peas", tag]]) {
        wait.step(|| "there is no notification").await;
    }
    ann.close().await;
}

#[tokio::test]
async fn message_is_pushed_to_a_closed_page_and_shown() {
    let service = HookReceiver::answering(|_| Reply::Status(201)).await;
    let stage = Stage::with(|options| {
        options.limits.push.delay = Duration::ZERO;
        options.http.push = PushOptions { private: true, timeout: WAIT_TIMEOUT, ..PushOptions::default() };
    });
    let stage = stage.await.with_worker();
    let (ann, device) = reachable_person(&stage, "ann", &service).await;
    let bob = stage.app.user("bob").await;
    let made = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", made).await.ok(201)["id"].clone();
    ann.sees("The garden").await;
    ann.press("Your profile").await;
    ann.sees("while the page is in the background or closed").await;
    ann.press("Turn off notifications").await;
    ann.sees("Turn on notifications").await;
    ann.press("Close").await;
    let say = async |body: &str| {
        bob.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
    };
    ann.devtools("ServiceWorker.enable", json!({})).await;
    close_page(&stage, &ann).await;
    say("unheard").await;
    ann.go(&stage.app.url()).await;
    ann.press("Your profile").await;
    ann.press("Turn on notifications").await;
    ann.sees("while the page is in the background or closed").await;
    ann.press("Close").await;
    close_page(&stage, &ann).await;
    say("peas").await;
    let payload = device.count(&service, 1).await.remove(0);
    let (origin, tag) = (stage.app.url(), format!("chinwag-{}", group.as_str().expect("an id")));
    deliver(&ann, &origin, &payload.to_string(), json!([["The garden", "bob: peas", tag]])).await;
    // A notification without text replaces it, and one that is not JSON is still shown.
    let bare = json!({ "group": group, "seq": payload["seq"] });
    deliver(&ann, &origin, &bare.to_string(), json!([["Chinwag", "New message", tag]])).await;
    // The browser restores the page from its back/forward cache, without a connection.
    ann.back().await;
    ann.press("The garden").await;
    ann.sees_once("peas").await;
    let wait = Wait::begin();
    while shown(&ann).await != json!([]) {
        wait.step(|| "the notification of a message that is read stays").await;
    }
    deliver(&ann, &origin, "peas", json!([["Chinwag", "New message", "chinwag"]])).await;
    ann.close().await;
}
