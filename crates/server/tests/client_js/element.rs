//! The element in an application's page: opening conversations, counting unread messages, and removal.

use chinwag_testkit::browser::{self, Tab};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::world::{World, load};

/// Creates the element with these attributes as `element`, and records the details of its events in `counts`
/// and `bodies`. The script `then` runs before it is connected.
async fn element(world: &World, attributes: &str, then: &str) -> Tab {
    let tab = browser::open("ann", &world.site.url).await;
    tab.run(&format!(
        "await import('{}/chinwag-chat.js');
        document.body.innerHTML = '<chinwag-chat {attributes}></chinwag-chat>';
        window.element = document.querySelector('chinwag-chat');
        window.counts = [];
        window.bodies = [];
        element.addEventListener('chinwag-unread', ({{ detail }}) => counts.push(detail.count));
        element.addEventListener('chinwag-message', ({{ detail }}) => bodies.push(detail.body));
        element.token = async () => (await fetch('/token?user=ann')).text();
        window.shown = () => element.shadowRoot.querySelector('chinwag-conversation h2')?.textContent;
        {then}",
        world.url()
    ))
    .await;
    tab
}

async fn say(world: &World, group: &str, body: &str) {
    let message = json!({ "group": group, "author": "bob", "body": body });
    world.service().post("messages/", message).await.ok(201);
}

#[tokio::test]
async fn element_opens_groups_that_are_not_here() {
    let (world, oldest) = World::of_two().await;
    let rename = json!({ "name": "oldest", "author": "ann" });
    world.service().patch(&format!("groups/{oldest}/"), rename).await.ok(200);
    for _ in 0..60 {
        world.group(&["ann", "bob"]).await;
    }
    let foreign = world.group(&["bob"]).await;
    let ann = element(&world, "", &format!("element.open({{ group: '{oldest}' }});")).await;
    ann.until("shown() === 'oldest'").await;
    for where_to in ["undefined", "{}", &format!("{{ group: '{foreign}' }}")] {
        ann.run(&format!("element.open({where_to});")).await;
    }
    ann.until("element.shadowRoot.querySelector('.toast')?.textContent.startsWith('This conversation does not exist')").await;
    assert_eq!(ann.run("return shown()").await, "oldest");
    ann.run("element.open({ to: 'bob' });").await;
    ann.until("shown() === 'bob'").await;
}

#[tokio::test]
async fn element_of_one_conversation_counts_it_alone() {
    let (world, shown) = World::of_two().await;
    let other = world.group(&["ann", "bob"]).await;
    say(&world, &other, "elsewhere").await;
    say(&world, &shown, "here").await;
    // A hidden page marks nothing as read.
    let hidden =
        "Object.defineProperty(document, 'hidden', { get: () => true }); document.hasFocus = () => false;";
    let ann = element(&world, &format!("group=\"{shown}\""), hidden).await;
    ann.until("counts.at(-1) === 1").await;
    say(&world, &other, "elsewhere again").await;
    say(&world, &shown, "here again").await;
    ann.until("element.client.unread === 4 && counts.at(-1) === 2 && bodies.length").await;
    ann.run("element.remove();").await;
    assert_eq!(ann.run("return [counts.at(-1), bodies]").await, json!([0, ["here again"]]));
}

#[tokio::test]
async fn element_removed_by_a_listener_does_not_reconnect() {
    let (world, _) = World::of_two().await;
    let token = world.service().post("users/ann/tokens/", json!({})).await.ok(201)["token"].clone();
    let removes = format!(
        "element.token = {token};
        element.addEventListener('chinwag-signedout', () => element.remove());"
    );
    let ann = element(&world, "", &removes).await;
    ann.until("element.client?.state === 'ready'").await;
    world.service().delete("users/ann/tokens/").await.ok(200);
    ann.until("!element.isConnected").await;
    assert_eq!(ann.run("await element.updateComplete; return element.client === null;").await, true);
    // An element that was removed before its first render starts when it is inserted again.
    let again = "window.other = element.cloneNode();
        other.token = 'none';
        document.body.append(other);
        other.remove();
        await other.updateComplete;
        const before = other.client;
        document.body.append(other);
        await other.updateComplete;
        return [before, other.client !== null];";
    assert_eq!(ann.run(again).await, json!([null, true]));
}

#[tokio::test]
async fn closed_chats_and_removed_elements_leave_the_memory() {
    let (world, _) = World::of_two().await;
    let ann = element(&world, "", "").await;
    ann.until("element.client?.state === 'ready'").await;
    let link = world.link().await;
    load(&ann, "ann", &link, "{ away: true, offline: true }").await;
    ann.run(
        "await chat.connect();
        // Only open chats have a timer for the end of muting.
        const mutedUntil = new Date(Date.now() + 3_600_000).toISOString();
        await chat.changeSettings([...chat.groups.keys()][0], { mutedUntil });
        window.kept = [element, element.client, chat, new chat.constructor({ away: true, offline: true })].map((each) => new WeakRef(each));
        element.remove();
        chat.close();
        delete window.element;
        delete window.chat;",
    )
    .await;
    let wait = Wait::begin();
    loop {
        ann.command("HeapProfiler.collectGarbage", json!({})).await;
        let left = ann.run("return kept.map((each) => each.deref() !== undefined)").await;
        if left == json!([false, false, false, false]) {
            return;
        }
        wait.step(|| format!("of element, its client, a closed and a new chat are left: {left}")).await;
    }
}

/// The number of conversations in the browser's storage.
async fn count_kept(tab: &Tab) -> Value {
    tab.run(
        "const database = await new Promise((done) => { const asked = indexedDB.open('chinwag-known'); asked.onsuccess = () => done(asked.result); });
        const asked = database.transaction('users').objectStore('users').getAll();
        return new Promise((done) => (asked.onsuccess = () => done(asked.result[0]?.order.length ?? 0)));",
    )
    .await
}

#[tokio::test]
async fn closed_chat_keeps_its_list_for_itself() {
    let (world, _) = World::of_two().await;
    let ann = browser::open("ann", &world.site.url).await;
    let link = world.link().await;
    load(&ann, "ann", &link, "{ offline: true }").await;
    ann.run("window.later = chat;").await;
    load(&ann, "ann", &link, "{ offline: true }").await;
    ann.run("await chat.connect();").await;
    let keeps = async |count: usize| {
        let wait = Wait::begin();
        while count_kept(&ann).await != count {
            wait.step(|| format!("the browser does not keep {count} conversations")).await;
        }
    };
    keeps(1).await;
    ann.run("chat.close(); await later.connect();").await;
    world.group(&["ann", "bob"]).await;
    keeps(2).await;
    ann.run("dispatchEvent(new PageTransitionEvent('pagehide'));").await;
    assert_eq!(count_kept(&ann).await, 2);
}
