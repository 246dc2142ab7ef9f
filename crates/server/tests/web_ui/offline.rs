//! The page without a reachable server, from the start or later.

use serde_json::json;
use tokio::net::TcpListener;

use crate::page::Page;
use crate::reading::FIRST_AT_TOP;
use crate::{PASSWORD, Stage, WELCOME, sign, write_to};

/// Waits until the page's files are cached.
const FILES_ARE_KEPT: &str = "const cache = await caches.open('chinwag-page');
    const kept = (await cache.keys()).map(({ url }) => new URL(url).pathname);
    return Boolean(navigator.serviceWorker.controller) && kept.includes('/') && kept.some((path) => path.startsWith('/bundle/page.'));";

/// The number of users and groups in the browser's storage of conversations.
const KEPT: &str = "const asked = indexedDB.open('chinwag-known');
    const database = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
    const count = (name) => new Promise((done) => {
        const counted = database.transaction(name).objectStore(name).count();
        counted.onsuccess = () => done(counted.result);
    });
    return [await count('users'), await count('groups')];";

/// A script that checks these numbers.
fn storage_has(wanted: &str) -> String {
    format!("const [users, groups] = await (async () => {{ {KEPT} }})(); return {wanted}")
}

/// Ann, who has written to bob, on a page with cached files.
async fn ann_with_a_kept_page() -> (Stage, Page) {
    let stage = Stage::open().await.with_worker();
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello bob").await;
    ann.sees_sent("hello bob").await;
    ann.wait_for("keep its files", FILES_ARE_KEPT, json!([])).await;
    (stage, ann)
}

#[tokio::test]
async fn a_page_that_opens_without_its_server_shows_what_it_knows() {
    let mut stage = Stage::open().await.with_worker();
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello bob").await;
    bob.press("ann").await;
    bob.say("hello ann").await;
    ann.sees_once("hello ann").await;
    ann.wait_for("keep its files", FILES_ARE_KEPT, json!([])).await;
    ann.wait_for("keep the conversation", &storage_has("users === 1 && groups === 1"), json!([])).await;

    stage.app.stop().await;
    ann.sees("Connection lost. Trying again…").await;
    ann.reload().await;
    ann.sees("Signed in as ann").await;
    ann.sees("Connection lost. Trying again…").await;
    ann.press("bob").await;
    ann.sees_once("hello bob").await;
    ann.sees_once("hello ann").await;
    ann.act("hello ann", "Reply").await;
    ann.say("an answer").await;
    ann.say("written on a page without a server").await;
    ann.sees_once("written on a page without a server").await;
    ann.sees_in("Messages", "Waiting for the connection…").await;
    // Only one of the two unsent messages is a reply; neither may show a deleted original.
    ann.sees_no("Message deleted").await;

    stage.app.restart().await;
    let now = "const now = button('Try now'); now?.click(); return now !== null || !pageText().includes('Connection lost');";
    ann.wait_for("try now", now, json!([])).await;
    ann.is_connected().await;
    bob.sees_once("written on a page without a server").await;
    ann.sees_sent("written on a page without a server").await;
    ann.sees_once("hello ann").await;
    let offers = "return ['Search', 'Attach files'].every((name) => button(name) !== null)";
    ann.wait_for("be offered what the server has", offers, json!([])).await;

    // Nothing remains for the next user.
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    let known = "return Object.values(localStorage).filter((text) => text.includes('hello') || text.includes('ann')).length";
    assert_eq!(ann.run(known).await, 0);
    assert_eq!(ann.run(KEPT).await, json!([0, 0]));
    stage.app.stop().await;
    ann.reload().await;
    ann.sees("Connection lost").await;
    ann.sees_no("hello").await;
    bob.close().await;
}

#[tokio::test]
async fn many_requests_leave_room_for_the_files_of_the_page() {
    let (_stage, ann) = ann_with_a_kept_page().await;
    ann.run(
        "const requests = Array.from({ length: 120 }, (_, number) => `${location.origin}/api/v1/files/${number}/`);
        const files = [`${location.origin}/`, ...requests, `${location.origin}/assets/icons/192.png`];
        (await navigator.serviceWorker.ready).active.postMessage({ files });",
    )
    .await;
    let kept = "const cache = await caches.open('chinwag-page'); return Boolean(await cache.match('/assets/icons/192.png'))";
    ann.wait_for("keep a file that is requested last", kept, json!([])).await;
    ann.close().await;
}

/// Records the URLs of a page's sockets from its start.
const ADDRESSES: &str = "window.asked = []; const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
        constructor(...given) { super(...given); asked.push(new URL(given[0]).search); }
    };";

/// Whether the browser has stored the point from which the page resumes.
const POINT_IS_KEPT: &str = "const asked = indexedDB.open('chinwag-known');
    const database = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
    const read = database.transaction('users').objectStore('users').getAll();
    const users = await new Promise((done) => (read.onsuccess = () => done(read.result)));
    database.close();
    return users.length === 1 && Boolean(users[0].since)";

#[tokio::test]
async fn page_that_opens_without_its_server_asks_for_changes() {
    let (mut stage, ann) = ann_with_a_kept_page().await;
    ann.wait_for("keep its point", POINT_IS_KEPT, json!([])).await;
    ann.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": ADDRESSES })).await;
    for round in 1..=2 {
        ann.run("location.hash = ''; location.href = 'about:blank';").await;
        ann.wait_for("leave the page", "return location.href === 'about:blank'", json!([])).await;
        let meanwhile = format!("while ann was away {round}");
        let pair = stage.app.service().get("groups/?as=bob").await.ok(200);
        let group = pair[0]["id"].clone();
        let message = json!({ "group": group, "author": "bob", "body": meanwhile });
        stage.app.service().post("messages/", message).await.ok(201);
        stage.app.stop().await;
        ann.run(&format!("location.href = '{}/';", stage.app.url())).await;
        ann.sees("Connection lost. Trying again…").await;
        ann.sees("Signed in as ann").await;
        ann.run("asked.length = 0").await;
        stage.app.restart().await;
        let now = "const now = button('Try now'); now?.click(); return now !== null || !pageText().includes('Connection lost');";
        ann.wait_for("try now", now, json!([])).await;
        ann.is_connected().await;
        ann.press("bob").await;
        ann.sees_once(&meanwhile).await;
        ann.sees_once("hello bob").await;
        // The server sends no group again that the page has, and the page stores this connection's point.
        let asked = ann.run("return asked").await;
        let is_return =
            |address: &serde_json::Value| address.as_str().is_some_and(|text| text.starts_with("?groups=0&"));
        assert!(asked.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_return)), "{asked}");
        ann.wait_for("keep its point", POINT_IS_KEPT, json!([])).await;
    }
    ann.close().await;
}

#[tokio::test]
async fn emoji_and_features_are_there_without_the_server() {
    let (mut stage, ann) = ann_with_a_kept_page().await;
    let parts = "const kept = (await (await caches.open('chinwag-page')).keys()).map(({ url }) => new URL(url).pathname);
        const parts = ['chinwag-chat/emoji', 'chinwag-chat/icons', 'chinwag-chat/part', 'chinwag-chat/focus', 'vendor/lit', 'vendor/emoji/en'];
        return parts.every((part) => kept.includes(`/${part}.js`))";
    ann.wait_for("keep the choice of an emoji", parts, json!([])).await;
    ann.wait_for("keep the conversation", &storage_has("users === 1 && groups === 1"), json!([])).await;
    stage.app.stop().await;
    ann.reload().await;
    ann.sees_once("hello bob").await;
    let offers = "return ['Search', 'Attach files'].every((name) => button(name) !== null)";
    ann.wait_for("be offered what the server has", offers, json!([])).await;
    ann.act("hello bob", "Add a reaction").await;
    ann.sees("Smileys & emotion").await;
}

#[tokio::test]
async fn page_opens_while_the_network_is_silent() {
    let (mut stage, ann) = ann_with_a_kept_page().await;
    ann.wait_for("keep the conversation", &storage_has("users === 1 && groups === 1"), json!([])).await;
    let url = stage.app.url();
    stage.app.stop().await;
    // Connections are accepted, and never answered.
    let address = url.trim_start_matches("http://");
    let _silent = TcpListener::bind(address).await.expect("the server is gone from there");
    ann.reload().await;
    ann.sees_once("hello bob").await;
}

#[tokio::test]
async fn a_session_that_has_ended_meanwhile_shows_nothing_more() {
    let (mut stage, ann) = ann_with_a_kept_page().await;
    stage.app.service().delete("users/ann/tokens/").await.ok(200);
    ann.sees(WELCOME).await;
    stage.app.stop().await;
    ann.reload().await;
    ann.sees("Connection lost").await;
    ann.sees_no("hello bob").await;
    stage.app.restart().await;
    ann.sees(WELCOME).await;
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees("Signed in as ann").await;
}

/// Jumps to the newest message until nothing is unread.
const READ_ALL: &str = "walk(document).find((each) => each.matches('.tonewest'))?.click();
    const list = part('Conversation list')[0].innerText;
    return message(arguments[0]).length === 1 && !list.includes('unread')";

/// Waits until the server knows that ann has read everything.
async fn has_read_all(stage: &Stage, page: &Page, group: &str) {
    let path = format!("groups/{group}/?as=ann&fields=unread");
    let look = async || Ok((stage.app.service().get(&path).await.ok(200)["unread"] == 0).then_some(()));
    page.until("have read all", look).await;
}

#[tokio::test]
async fn stored_conversation_moves_to_newer_messages() {
    let mut stage = Stage::with(|options| options.limits.rates.messages_burst = 1000).await.with_worker();
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let group = json!({ "name": "Long", "author": "ann", "members": ["bob"] });
    let group =
        stage.app.service().post("groups/", group).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let say = async |body: String| {
        bob.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
    };
    for number in 1..=30 {
        say(format!("read {number}")).await;
    }
    ann.press("Long").await;
    ann.wait_for("read all", READ_ALL, json!(["read 30"])).await;
    has_read_all(&stage, &ann, &group).await;
    ann.wait_for("keep its files", FILES_ARE_KEPT, json!([])).await;
    for (came, scrolls) in [(1..=40, false), (41..=42, true)] {
        ann.run("location.hash = ''; location.href = 'about:blank';").await;
        ann.wait_for("leave the page", "return location.href === 'about:blank'", json!([])).await;
        for number in came {
            say(format!("line {number}")).await;
        }
        stage.app.stop().await;
        ann.run(&format!("location.href = '{}/';", stage.app.url())).await;
        ann.sees("Connection lost. Trying again…").await;
        ann.press("Long").await;
        let last = if scrolls { "line 40" } else { "read 30" };
        ann.sees_once(last).await;
        // A scroll event need not come from the reader: a new layout moves the end, too.
        let shift = "const view = messages()[0].closest('.scroller'); view.scrollTop -= 2; window.end = view.scrollTop";
        ann.run_async(shift).await;
        if scrolls {
            let wheel = json!({ "type": "mouseWheel", "x": 800, "y": 300, "deltaX": 0, "deltaY": -120 });
            ann.devtools("Input.dispatchMouseEvent", wheel).await;
            let up = "await drawn(); const view = messages()[0].closest('.scroller');
                const place = message('line 35')[0]?.getBoundingClientRect().top;
                const isStill = view.scrollTop < window.end - 60 && place === window.place;
                window.place = place; return isStill";
            ann.wait_for("scroll up", up, json!([])).await;
        }
        stage.app.restart().await;
        let now = "const now = button('Try now'); now?.click(); return now !== null || !pageText().includes('Connection lost');";
        ann.wait_for("try now", now, json!([])).await;
        ann.is_connected().await;
        ann.sees("new messages").await;
        if scrolls {
            let stays =
                "return Math.abs(message('line 35')[0].getBoundingClientRect().top - window.place) < 2";
            ann.wait_for("stay in its place", stays, json!([])).await;
        } else {
            ann.wait_for("see the first new one at the top", FIRST_AT_TOP, json!([])).await;
            ann.wait_for("read all", READ_ALL, json!(["line 40"])).await;
            has_read_all(&stage, &ann, &group).await;
        }
    }
}

#[tokio::test]
async fn the_next_user_of_a_browser_sees_nothing_of_the_last() {
    let (mut stage, ann) = ann_with_a_kept_page().await;
    ann.wait_for("keep a conversation", &storage_has("users === 1 && groups === 1"), json!([])).await;
    // eve replaces ann's session without a sign-out: the cookie changes.
    let other = "await fetch('api/v1/accounts/', { method: 'POST', body: JSON.stringify({ name: 'eve', password: 'a long password' }) })";
    ann.run(other).await;
    stage.app.stop().await;
    ann.reload().await;
    ann.sees("Connection lost").await;
    // The page learns this only from the server.
    stage.app.restart().await;
    ann.sees("Signed in as eve").await;
    ann.sees_no("hello bob").await;
    ann.wait_for("keep nothing of ann's", &storage_has("users === 1 && groups === 0"), json!([])).await;
    stage.app.stop().await;
    ann.reload().await;
    ann.sees("Signed in as eve").await;
    ann.sees_no("hello bob").await;
}

#[tokio::test]
async fn the_page_can_be_installed() {
    let stage = Stage::open().await.with_worker();
    let manifest = stage.app.nobody().get("/manifest.webmanifest").await;
    assert_eq!(manifest.header("content-type"), "application/manifest+json");
    let manifest = manifest.ok(200);
    let icons = manifest["icons"].as_array().expect("a list");
    let has = |key: &str, value: &str| icons.iter().any(|icon| icon[key] == value);
    assert!(has("sizes", "192x192") && has("sizes", "512x512") && has("purpose", "maskable"), "{icons:?}");
    let own = [("assets/icons/touch.png", "image/png"), ("assets/icons/badge.png", "image/png")];
    let icons = icons
        .iter()
        .map(|icon| (icon["src"].as_str().unwrap_or_default(), icon["type"].as_str().unwrap_or_default()));
    for (path, kind) in icons.chain(own) {
        let icon = stage.app.nobody().get(&format!("/{path}")).await;
        assert_eq!((icon.status, icon.header("content-type")), (200, kind), "{path}");
    }
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    let loads = "const link = document.querySelector('link[rel=manifest]'); return (await (await fetch(link.href)).json()).start_url";
    assert_eq!(ann.run(loads).await, "./");
    ann.close().await;
}
