//! Late answers: they must not overwrite newer events.

use chinwag_testkit::browser::Tab;
use chinwag_testkit::proxy::Proxy;
use serde_json::{Value, json};

use crate::faults::{agrees, connect, cut_off, keeps};
use crate::world::{World, load};

/// Holds the first answer to a request selected by `holds`, until `release` is called.
pub(crate) const HOLD: &str = "const ask = window.fetch;
    window.answered = [];
    window.fetch = async (...given) => {
        const answer = await ask(...given);
        const url = String(given[0]).split('/api/v1/')[1] ?? '';
        answered.push(url);
        if (window.holds?.(url)) await new Promise((go) => Object.assign(window, { holds: null, release: go }));
        return answer;
    };";

async fn say(world: &World, group: &str, body: &str) -> Value {
    let message = json!({ "group": group, "author": "bob", "body": body });
    world.service().post("messages/", message).await.ok(201)
}

async fn say_numbers(world: &World, group: &str, count: usize) {
    for number in 0..count {
        say(world, group, &number.to_string()).await;
    }
}

/// A connected page of ann that can hold answers.
async fn ann_of(world: &World) -> (Proxy, Tab) {
    let (ann, link) = world.person_with_link("ann").await;
    ann.run(HOLD).await;
    connect(&ann).await;
    (link, ann)
}

#[tokio::test]
async fn messages_between_two_pages_of_history_are_held() {
    let (world, group) = World::of_two().await;
    say_numbers(&world, &group, 10).await;
    let (_link, ann) = ann_of(&world).await;
    ann.run(&format!(
        "window.holds = (url) => url.includes('&before='); window.around = chat.loadAround('{group}', 4, 40);"
    ))
    .await;
    ann.until("window.release && answered.some((url) => url.includes('&after='))").await;
    say(&world, &group, "late").await;
    let rename = json!({ "name": "renamed", "author": "ann" });
    world.service().patch(&format!("groups/{group}/"), rename).await.ok(200);
    ann.until(&format!("chat.groups.get('{group}').name === 'renamed'")).await;
    ann.run("release(); await around;").await;
    agrees(&ann, &group, &world.log(&group).await).await;
    let entry = format!("return chat.groups.get('{group}').entries.at(-1)?.changes[0].kind;");
    assert_eq!(ann.run(&entry).await, "renamed");
}

#[tokio::test]
async fn page_brings_back_nothing_that_was_erased_meanwhile() {
    let (world, group) = World::of_two().await;
    say_numbers(&world, &group, 30).await;
    let (_link, ann) = ann_of(&world).await;
    ann.run(&format!(
        "window.holds = (url) => url.includes('&before='); window.earlier = chat.loadEarlier('{group}');"
    ))
    .await;
    ann.until("window.release").await;
    world.service().delete("users/bob/").await.ok(200);
    ann.until(&format!("chat.groups.get('{group}').latest === null")).await;
    ann.run("release(); await earlier;").await;
    assert_eq!(ann.run(&format!("return bodies('{group}');")).await, json!([]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn late_count_includes_newer_messages() {
    let (world, group) = World::of_two().await;
    let first = say(&world, &group, "first").await;
    say_numbers(&world, &group, 20).await;
    let (_link, ann) = ann_of(&world).await;
    ann.run("window.holds = (url) => url.includes('fields=unread');").await;
    // This message is older than the page's, so the client requests the count from the server.
    world.service().delete(&format!("messages/{}/", first["id"].as_str().expect("an id"))).await.ok(200);
    ann.until("window.release").await;
    say(&world, &group, "late").await;
    ann.until(&format!("chat.groups.get('{group}').latest?.body === 'late'")).await;
    ann.run("release();").await;
    ann.until(&format!("chat.groups.get('{group}').unread === 21")).await;
}

#[tokio::test]
async fn count_that_fails_is_requested_again() {
    let (world, group) = World::of_two().await;
    let first = say(&world, &group, "first").await;
    say_numbers(&world, &group, 20).await;
    let (_link, ann) = ann_of(&world).await;
    ann.run(
        "const ask = window.fetch;
        window.fetch = async (url, options) => {
            if (!url.includes('fields=unread')) return ask(url, options);
            Object.assign(window, { fetch: ask, failed: true });
            return new Response('{}', { status: 503 });
        };",
    )
    .await;
    world.service().delete(&format!("messages/{}/", first["id"].as_str().expect("an id"))).await.ok(200);
    ann.until(&format!("window.failed && chat.groups.get('{group}').uncounted")).await;
    say(&world, &group, "late").await;
    ann.until(&format!("chat.groups.get('{group}').unread === 21")).await;
}

#[tokio::test]
async fn closed_chat_leaves_unsent_messages_to_the_next_one() {
    let (world, group) = World::of_two().await;
    let (link, ann) = ann_of(&world).await;
    cut_off(&ann, &link).await;
    ann.run(&format!("chat.send('{group}', 'left behind');")).await;
    keeps(&ann, 1).await;
    ann.reload().await;
    link.restore();
    load(&ann, "ann", &link, "{}").await;
    ann.run(HOLD).await;
    // A second chat starts before the server has answered the first, as in a framework that renders twice.
    ann.run("window.first = chat; chat.connect().catch(() => {}); chat.close();").await;
    ann.until("answered.some((url) => url.startsWith('sessions/'))").await;
    assert_eq!(ann.run("return first.me;").await, Value::Null);
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.until(&format!("bodies('{group}').length === 1 && chat.unsentCount === 0")).await;
}

/// Records pending timers and requested URLs.
const WATCHED: &str = "const [wait, end, ask] = [window.setTimeout, window.clearTimeout, window.fetch];
    window.timers = new Set();
    window.asked = [];
    window.setTimeout = (work, ...given) => {
        const timer = wait((...all) => { timers.delete(timer); work(...all); }, ...given);
        timers.add(timer);
        return timer;
    };
    window.clearTimeout = (timer) => { timers.delete(timer); end(timer); };
    window.fetch = (...given) => { asked.push(String(given[0])); return ask(...given); };";

/// A server with a group of ann and `member000` to `member100`, whose events do not list them.
async fn large_group() -> (World, String) {
    let world = World::start().await;
    let names: Vec<_> = (0..101).map(|number| format!("member{number:03}")).collect();
    let names: Vec<_> = ["ann"].into_iter().chain(names.iter().map(String::as_str)).collect();
    world.users(&names).await;
    let group = world.group(&names).await;
    (world, group)
}

#[tokio::test]
async fn deleted_member_of_a_large_group_is_not_counted() {
    let (world, group) = large_group().await;
    let (_link, ann) = ann_of(&world).await;
    let count = format!("chat.groups.get('{group}').membersCount");
    assert_eq!(ann.run(&format!("return {count};")).await, 102);
    world.service().delete("users/member007/").await.ok(200);
    ann.until(&format!("{count} === 101")).await;
}

#[tokio::test]
async fn closed_chat_requests_nothing_more() {
    let (world, group) = large_group().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(WATCHED).await;
    connect(&ann).await;
    ann.run(
        "chat.addEventListener('group', () => {
            chat.close();
            asked.length = 0;
        }, { once: true });",
    )
    .await;
    let rename = json!({ "name": "renamed", "author": "ann" });
    world.service().patch(&format!("groups/{group}/"), rename).await.ok(200);
    ann.until("chat.state === 'closed' && timers.size === 0").await;
    assert_eq!(ann.run("return asked;").await, json!([]));
    // The next connection does.
    connect(&ann).await;
    ann.until("asked.some((url) => url.includes('fields=owner'))").await;
}

#[tokio::test]
async fn entries_are_requested_where_messages_are_held() {
    let (world, group) = World::of_two().await;
    say_numbers(&world, &group, 30).await;
    let (link, ann) = ann_of(&world).await;
    ann.run("chat.close();").await;
    load(&ann, "ann", &link, "{ held: 100 }").await;
    connect(&ann).await;
    say_numbers(&world, &group, 230).await;
    ann.until(&format!("chat.groups.get('{group}').latest.body === '229'")).await;
    let entries = format!(
        "answered.length = 0; await chat.loadEntries('{group}');
        return [chat.groups.get('{group}').lacksEntries, answered.length];"
    );
    // A whole page, and the end.
    assert_eq!(ann.run(&entries).await, json!([false, 2]));
}

#[tokio::test]
async fn scrolling_back_keeps_the_entries_in_view() {
    let (world, group) = World::of_two().await;
    for number in 0..420 {
        let rename = json!({ "name": number.to_string(), "author": "ann" });
        world.service().patch(&format!("groups/{group}/"), rename).await.ok(200);
    }
    let (_link, ann) = ann_of(&world).await;
    let scrolled = format!(
        "const group = chat.groups.get('{group}');
        await chat.loadEntries(group.id);
        while (group.hasEarlier) await chat.loadEarlier(group.id, 100);
        const back = [group.entries[0].changes[0].kind, group.entries.length];
        while (group.hasLater) await chat.loadLater(group.id, 100);
        return [...back, group.entries.at(-1).changes[0].name, group.entries.length, group.lacksEntries];"
    );
    assert_eq!(ann.run(&scrolled).await, json!(["created", 400, "419", 400, false]));
}

/// Fires the timeouts of the first summary and of an acknowledgement at once, as on a slow network.
const HASTY: &str = "const wait = window.setTimeout;
    let short = 0;
    window.setTimeout = (work, delay, ...given) => wait(work, delay === short ? 0 : delay, ...given);
    const shorten = (delay) => { short = delay; queueMicrotask(() => (short = 0)); };
    window.WebSocket = class extends WebSocket {
        constructor(...given) { super(...given); shorten(20_000); }
        send(frame) { shorten(15_000); super.send(frame); }
    };";

#[tokio::test]
async fn slow_network_is_waited_for() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    ann.run(HASTY).await;
    connect(&ann).await;
    cut_off(&ann, &link).await;
    say(&world, &group, "meanwhile").await;
    link.restore();
    ann.until(&format!("chat.state === 'ready' && bodies('{group}').length === 1")).await;
    assert_eq!(ann.run("return faults();").await, json!([]));
}
