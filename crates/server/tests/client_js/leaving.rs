//! A page that is closed: read marks still reach the server.

use chinwag_testkit::browser;
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::faults::{connect, cut_off, keeps};
use crate::world::{World, load};

/// Reads the group in a page without timers, so that only closing it sends the read mark.
fn read_in(group: &str) -> String {
    format!("await chat.connect(); window.setTimeout = () => 0; chat.markRead('{group}');")
}

async fn has_read(world: &World, group: &str, seq: &Value) {
    let wait = Wait::begin();
    let path = format!("groups/{group}/?as=ann&fields=last_read_seq");
    loop {
        let shown = world.service().get(&path).await.ok(200);
        if shown["last_read_seq"] == *seq {
            return;
        }
        wait.step(|| format!("the mark of {seq} did not come: {shown}")).await;
    }
}

#[tokio::test]
async fn read_marks_outlive_their_page() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let say = async || {
        let sent = json!({ "author": "bob", "group": group, "body": "hello" });
        world.service().post("messages/", sent).await.ok(201)["seq"].clone()
    };
    // The tab is closed.
    let seq = say().await;
    let ann = world.person("ann", &link).await;
    let other = ann.another("ann", &world.site.url).await;
    ann.run(&read_in(&group)).await;
    ann.close().await;
    has_read(&world, &group, &seq).await;
    // The tab navigates to another page.
    let seq = say().await;
    load(&other, "ann", &link, "{}").await;
    other.run(&read_in(&group)).await;
    other.go("about:blank").await;
    has_read(&world, &group, &seq).await;
}

#[tokio::test]
async fn hidden_page_sends_its_read_marks_at_once() {
    let (world, group) = World::of_two().await;
    let sent = json!({ "author": "bob", "group": group, "body": "hello" });
    let seq = world.service().post("messages/", sent).await.ok(201)["seq"].clone();
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(&read_in(&group)).await;
    ann.run(
        "Object.defineProperty(document, 'hidden', { get: () => true });
        document.dispatchEvent(new Event('visibilitychange'));",
    )
    .await;
    has_read(&world, &group, &seq).await;
}

/// Holds the answer to a read mark, and refuses it with `refuse`. The tokens of another `user` follow those of ann.
const HELD: &str = "const ask = window.fetch;
    let first;
    window.user = 'ann';
    window.fetch = async (url, options) => {
        const token = options?.headers?.Authorization;
        first ??= token;
        if (url.includes('/read/')) return new Promise((done) => (window.refuse = () => done(new Response('{}', { status: 503 }))));
        if (user !== 'ann' && token === first) return new Response('{}', { status: 401 });
        return ask(url.replace('user=ann', `user=${user}`), options);
    };";

#[tokio::test]
async fn read_mark_of_one_user_is_not_sent_for_the_next() {
    let world = World::start().await;
    world.users(&["ann", "bob", "eve"]).await;
    let group = world.group(&["eve", "ann", "bob"]).await;
    let sent = json!({ "author": "eve", "group": group, "body": "hello" });
    world.service().post("messages/", sent).await.ok(201);
    let (page, _link) = world.person_with_link("ann").await;
    page.run(HELD).await;
    page.run(&format!("await chat.connect(); chat.markRead('{group}'); chat.close();")).await;
    page.until("window.refuse").await;
    let next = format!(
        "user = 'bob';
        await chat.connect();
        refuse();
        await (await fetch(location.href)).text();
        await chat._flushReads();
        return [chat.me, chat.groups.get('{group}').unread];"
    );
    assert_eq!(page.run(&next).await, json!(["bob", 1]));
}

#[tokio::test]
#[should_panic(expected = "ann: the browser has ended")]
async fn killed_browser_fails_its_test_at_once() {
    let ann = browser::open_with("ann", "about:blank", &json!({})).await;
    ann.crash_browser();
    ann.until("false").await;
}

#[tokio::test]
#[should_panic(expected = "ann: the page has ended")]
async fn killed_page_fails_its_test_at_once() {
    browser::blank("ann").await.command("Page.crash", json!({})).await;
}

#[tokio::test]
async fn refused_message_is_reported_after_a_new_sign_in() {
    let world = World::start().await;
    world.users(&["ann"]).await;
    let (ann, _link) = world.person_with_link("ann").await;
    let refused = "await chat.connect();
        await chat.send({ to: 'nobody' }, 'hello').sent.catch(() => {});
        return chat.unsentTo('nobody')[0].state;";
    assert_eq!(ann.run(refused).await, "failed");
    let again = "window.heard = [];
        chat.close();
        chat.addEventListener('unsent', ({ detail }) => heard.push(detail.to));
        await chat.connect();";
    ann.run(again).await;
    ann.until("heard.includes('nobody')").await;
}

#[tokio::test]
async fn discarded_message_is_not_kept_when_the_storage_is_full() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    cut_off(&ann, &link).await;
    ann.run(&format!("window.first = chat.send('{group}', 'first');")).await;
    keeps(&ann, 1).await;
    ann.run(&format!(
        "IDBObjectStore.prototype.put = () => {{ throw new DOMException('full', 'QuotaExceededError'); }};
        chat.send('{group}', 'second');"
    ))
    .await;
    ann.until("!chat.persistent").await;
    ann.run("chat.discard(first.client_id);").await;
    keeps(&ann, 0).await;
}

/// Whether a group of this name is stored for a page without a connection.
const STORED: &str = "window.stored = async (name) => {
        const asked = indexedDB.open('chinwag-known');
        const database = await new Promise((done) => (asked.onsuccess = () => done(asked.result)));
        const read = database.transaction('groups').objectStore('groups').getAll();
        const groups = await new Promise((done) => (read.onsuccess = () => done(read.result)));
        database.close();
        return groups.some((group) => group.name === name);
    };";

#[tokio::test]
async fn group_that_was_not_stored_is_stored_with_the_next() {
    let (world, first) = World::of_two().await;
    let second = world.group(&["ann", "bob"]).await;
    let link = world.link().await;
    let ann = browser::open("ann", &world.site.url).await;
    load(&ann, "ann", &link, "{ offline: true }").await;
    connect(&ann).await;
    ann.run(STORED).await;
    ann.until("await stored('g')").await;
    ann.run(
        "const { commit } = IDBTransaction.prototype;
        IDBTransaction.prototype.commit = function () {
            IDBTransaction.prototype.commit = commit;
            this.abort();
            window.aborted = true;
        };",
    )
    .await;
    for (group, name, then) in [
        (first, "first", "window.aborted"),
        (second, "second", "await stored('first') && await stored('second')"),
    ] {
        let rename = json!({ "name": name, "author": "ann" });
        world.service().patch(&format!("groups/{group}/"), rename).await.ok(200);
        ann.until(then).await;
    }
}

#[tokio::test]
async fn later_version_upgrades_the_storage_of_an_open_page() {
    let (world, _group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let upgrade = "const asked = indexedDB.open('chinwag', 2);
        return new Promise((done) => {
            asked.onblocked = () => done('blocked');
            asked.onsuccess = () => done('upgraded');
        });";
    assert_eq!(ann.run(upgrade).await, "upgraded");
}

#[tokio::test]
async fn next_user_begins_without_a_chosen_status() {
    let (world, _) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("window.user = 'ann';
        window.own = new chat.constructor({ server: chat.server, token: () => fetch('/token?user=' + user).then((answer) => answer.text()) });
        await own.connect(); own.setStatus('disconnected');").await;
    let status = "return [own.me, own.statusOf(own.me)]";
    assert_eq!(ann.run(status).await, json!(["ann", "disconnected"]));
    ann.run("await own.signOut(); user = 'bob'; await own.connect();").await;
    assert_eq!(ann.run(status).await, json!(["bob", "online"]));
}
