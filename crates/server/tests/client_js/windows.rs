//! A connection that begins with a window of groups, and loads the others on demand.

use chinwag_testkit::browser::Tab;
use chinwag_testkit::client::Client;
use chinwag_testkit::proxy::Proxy;
use serde_json::{Value, json};

use crate::faults::cut_off;
use crate::late::HOLD;
use crate::world::{World, load};

/// Counts the frames that the page receives, and the size of frames and answers.
const METER: &str = "window.received = { frames: 0, size: 0, requests: [] };
    const Socket = window.WebSocket, ask = window.fetch;
    window.WebSocket = class extends Socket {
        constructor(...given) {
            super(...given);
            this.addEventListener('message', ({ data }) => { received.frames++; received.size += data.length; });
        }
    };
    window.fetch = async (...given) => {
        const answer = await ask(...given);
        received.requests.push(String(given[0]).split('/api/v1/')[1]);
        received.size += (await answer.clone().text()).length;
        return answer;
    };
    window.measured = () => { const found = received; window.received = { frames: 0, size: 0, requests: [] }; return found; };";

/// Groups of ann and bob, least active first, each with two messages by bob.
async fn groups(world: &World, count: usize) -> Vec<String> {
    let mut groups = Vec::new();
    for _ in 0..count {
        groups.push(world.group(&["ann", "bob"]).await);
    }
    for group in &groups {
        for body in ["first", "second"] {
            say(world, group, body).await;
        }
    }
    groups
}

async fn say(world: &World, group: &str, body: &str) {
    let message = json!({ "group": group, "author": "bob", "body": body });
    world.service().post("messages/", message).await.ok(201);
}

/// ann on another device.
async fn elsewhere(world: &World) -> Client {
    let token = world.service().post("users/ann/tokens/", json!({})).await.ok(201);
    Client::new(&world.url(), token["token"].as_str(), "ann")
}

/// ann's page, connected with a window of `groups` groups.
async fn connected(world: &World, link: &Proxy, groups: usize) -> Tab {
    let ann = world.person("ann", link).await;
    ann.run(METER).await;
    load(&ann, "ann", link, &format!("{{ groups: {groups} }}")).await;
    ann.run("window.came = []; chat.addEventListener('message', ({ detail }) => came.push(detail.message.body)); await chat.connect();")
        .await;
    ann
}

async fn of_many(count: usize) -> (World, Proxy, Vec<String>) {
    let world = World::start().await;
    world.users(&["ann", "bob", "eve"]).await;
    let groups = groups(&world, count).await;
    let link = world.link().await;
    (world, link, groups)
}

#[tokio::test]
async fn other_groups_are_paged_and_count_as_unread_at_once() {
    let (world, link, groups) = of_many(65).await;
    let ann = connected(&world, &link, 20).await;
    ann.until("chat.unread === 130").await;
    let newest: Vec<_> = groups.iter().rev().collect();
    let shown = "return [chat.groups.size, chat.moreGroups, chat.conversations.map(({ id }) => id)]";
    assert_eq!(ann.run(shown).await, json!([20, 45, newest[..20]]));
    let first = ann.run("const group = chat.conversations[0]; return [bodies(group.id), group.hasEarlier, group.unread, await chat.loadEarlier(group.id), bodies(group.id)]").await;
    assert_eq!(first, json!([["second"], true, 2, 1, ["first", "second"]]));
    let pages = "return [await chat.loadGroups(30), chat.moreGroups, chat.unread, await chat.loadGroups(), chat.moreGroups, chat.unread, await chat.loadGroups()]";
    assert_eq!(ann.run(pages).await, json!([30, 15, 130, 15, 0, 130, 0]));
    assert_eq!(ann.run(shown).await, json!([65, 0, newest]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn an_application_without_the_option_has_all_groups() {
    let (world, link, groups) = of_many(60).await;
    let ann = world.person("ann", &link).await;
    ann.run("await chat.connect();").await;
    let shown = "const group = chat.groups.get('ID'); return [chat.groups.size, chat.moreGroups, chat.unread, bodies(group.id), group.hasEarlier]";
    let shown = ann.run(&shown.replace("ID", &groups[0])).await;
    assert_eq!(shown, json!([60, 0, 120, ["first", "second"], false]));
}

#[tokio::test]
async fn an_event_brings_its_group() {
    let (world, link, groups) = of_many(30).await;
    let ann = connected(&world, &link, 10).await;
    ann.until("chat.unread === 60").await;
    say(&world, &groups[0], "third").await;
    ann.until("came.length === 1 && chat.unread === 61").await;
    let shown = format!(
        "return [came, chat.conversations[0].id === '{}', chat.conversations[0].unread, chat.moreGroups]",
        groups[0]
    );
    assert_eq!(ann.run(&shown).await, json!([["third"], true, 3, 19]));
    // Changes on another device count.
    let other = elsewhere(&world).await;
    other.post(&format!("groups/{}/read/", groups[1]), json!({ "seq": 3 })).await.ok(200);
    ann.until("chat.unread === 59").await;
    other.patch(&format!("groups/{}/me/", groups[2]), json!({ "notify": "none" })).await.ok(200);
    ann.until(&format!("chat.unread === 57 && chat.groups.get('{}')?.muted", groups[2])).await;
    other.post(&format!("groups/{}/quit/", groups[3]), json!({})).await.ok(200);
    ann.until("chat.unread === 55 && chat.moreGroups === 17").await;
    // A reaction and a rename load no group.
    let rename = json!({ "name": "renamed", "author": "ann" });
    world.service().patch(&format!("groups/{}/", groups[4]), rename).await.ok(200);
    world
        .service()
        .post("groups/", json!({ "name": "joined", "author": "bob", "members": ["ann"] }))
        .await
        .ok(201);
    ann.until("chat.groups.size === 13").await;
    assert_eq!(ann.run(&format!("return chat.groups.has('{}')", groups[4])).await, false);
    assert_eq!(ann.run(&format!("return (await chat.loadGroup('{}')).name", groups[4])).await, "renamed");
    ann.until("chat.unread === 55").await;
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn overtaken_count_is_requested_again() {
    let (world, link, groups) = of_many(8).await;
    let ann = connected(&world, &link, 2).await;
    ann.until("chat.unread === 16").await;
    ann.run(HOLD).await;
    ann.run("window.holds = (url) => url === 'unread/';").await;
    let other = elsewhere(&world).await;
    let reads = async |group: &str| {
        other.post(&format!("groups/{group}/read/"), json!({ "seq": 3 })).await.ok(200);
    };
    reads(&groups[0]).await;
    ann.until("window.release").await;
    let frames = ann.run("return received.frames;").await.as_u64().expect("a number");
    reads(&groups[1]).await;
    ann.until(&format!("received.frames > {frames}")).await;
    ann.run("release();").await;
    ann.until("chat.unread === 12").await;
}

#[tokio::test]
async fn newest_message_is_known_after_a_deletion() {
    let (world, link, groups) = of_many(2).await;
    for number in 0..30 {
        say(&world, &groups[0], &number.to_string()).await;
    }
    let ann = connected(&world, &link, 2).await;
    // Of the other group, only the newest message is held.
    ann.run(&format!("await chat.loadAround('{}', 5, 10);", groups[0])).await;
    for (group, before) in [(&groups[0], "28"), (&groups[1], "first")] {
        let latest = format!("chat.groups.get('{group}').latest");
        let id = ann.run(&format!("return {latest}.id;")).await;
        world.service().delete(&format!("messages/{}/", id.as_str().expect("an id"))).await.ok(200);
        ann.until(&format!("{latest}?.body === '{before}'")).await;
    }
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn many_events_at_once_bring_groups_without_a_gap() {
    let (world, link, groups) = of_many(40).await;
    let ann = connected(&world, &link, 5).await;
    for round in 0..3 {
        for group in &groups[..20] {
            say(&world, group, &format!("round {round}")).await;
        }
    }
    ann.until("chat.unread === 140 && came.length === 60 && [...chat.groups.values()].every((group) => !group.isBehind)")
        .await;
    let heads = "return [...chat.groups.values()].filter(({ head, latest }) => head !== latest.seq).length";
    assert_eq!(ann.run(heads).await, 0);
    for group in &groups[..20] {
        ann.run(&format!("while (chat.groups.get('{group}').hasEarlier) await chat.loadEarlier('{group}');"))
            .await;
        let held = ann.run(&format!("return bodies('{group}');")).await;
        assert_eq!(held, json!(["first", "second", "round 0", "round 1", "round 2"]));
    }
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn groups_are_loaded_by_id_name_and_pin() {
    let world = World::start().await;
    world.users(&["ann", "bob", "eve"]).await;
    let private = world.service().put("private/", json!({ "users": ["ann", "bob"] })).await.ok(201);
    let groups = groups(&world, 12).await;
    let other = elsewhere(&world).await;
    other.patch(&format!("groups/{}/me/", groups[0]), json!({ "pinned": true })).await.ok(200);
    let foreign = world.group(&["bob"]).await;
    let link = world.link().await;
    let ann = connected(&world, &link, 3).await;
    ann.until(&format!("chat.conversations[0].id === '{}' && chat.groups.size === 4", groups[0])).await;
    let both = format!(
        "const [one, same] = await Promise.all([chat.loadGroup('{0}'), chat.loadGroup('{0}')]); return [one === same, one === await chat.loadGroup('{0}'), one.id]",
        groups[2]
    );
    assert_eq!(ann.run(&both).await, json!([true, true, groups[2]]));
    let missing = format!("return chat.loadGroup('{foreign}').catch(({{ code }}) => code)");
    assert_eq!(ann.run(&missing).await, 404);
    let found = "return [chat.privateWith('bob') ?? null, (await chat.loadPrivate('BOB')).id, chat.privateWith('bob').id, (await chat.loadPrivate('eve')) ?? null]";
    assert_eq!(ann.run(found).await, json!([null, private["id"], private["id"], null]));
    // A message to a group that is not loaded waits until it is.
    let sent = format!("return (await chat.send('{}', 'hello').sent).group", groups[4]);
    assert_eq!(ann.run(&sent).await, json!(groups[4]));
    assert_eq!(ann.run(&format!("return bodies('{}').at(-1)", groups[4])).await, "hello");
    let refused = format!(
        "return Promise.all(['{foreign}', 'junk'].map((id) => chat.send(id, 'hello').sent.catch(({{ code }}) => code)))"
    );
    assert_eq!(ann.run(&refused).await, json!([404, 404]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn closed_chat_rejects_the_load_of_a_group() {
    let (world, link, groups) = of_many(3).await;
    let ann = connected(&world, &link, 2).await;
    cut_off(&ann, &link).await;
    let load = format!(
        "const load = chat.loadGroup('{}').catch(({{ code }}) => code); chat.close(); return load;",
        groups[0]
    );
    assert_eq!(ann.run(&load).await, 0);
}

#[tokio::test]
async fn a_return_receives_what_changed_and_little_else() {
    let (world, link, groups) = of_many(120).await;
    // A second page loads every group at each connection, for comparison.
    let whole = world.person("ann", &link).await;
    whole.run(METER).await;
    load(&whole, "ann", &link, "{}").await;
    whole.run("await chat.connect();").await;
    let whole = whole.run("return measured();").await;

    let ann = connected(&world, &link, 10).await;
    let first = ann.run("return measured();").await;
    ann.run("while (await chat.loadGroups(100)); for (const { id } of chat.conversations) while (chat.groups.get(id).hasEarlier) await chat.loadEarlier(id);")
        .await;
    ann.until("chat.unread === 240").await;
    link.cut();
    ann.until("chat.state !== 'ready'").await;
    let other = elsewhere(&world).await;
    say(&world, &groups[119], "in the window").await;
    say(&world, &groups[7], "came up").await;
    other.post(&format!("groups/{}/read/", groups[5]), json!({ "seq": 3 })).await.ok(200);
    other
        .patch(&format!("groups/{}/me/", groups[4]), json!({ "muted_until": "2100-01-01T00:00:00Z" }))
        .await
        .ok(200);
    other.post(&format!("groups/{}/quit/", groups[3]), json!({})).await.ok(200);
    let rename = json!({ "name": "renamed", "author": "ann" });
    world.service().patch(&format!("groups/{}/", groups[2]), rename).await.ok(200);
    let made = json!({ "name": "joined", "author": "bob", "members": ["ann"] });
    let joined = world.service().post("groups/", made).await.ok(201)["id"].clone();
    ann.run("measured();").await;
    link.restore();
    ann.until(&format!(
        "chat.state === 'ready' && came.length === 2 && chat.unread === 236 && chat.groups.has({joined})
        && chat.groups.get('{}').muted && !chat.groups.has('{}') && chat.groups.get('{}').name === 'renamed'",
        groups[4], groups[3], groups[2]
    ))
    .await;
    let back = ann.run("return measured();").await;
    println!("all groups: {whole}\nten groups: {first}\na return to 120: {back}");
    assert_eq!(
        ann.run(&format!("return bodies('{}')", groups[7])).await,
        json!(["first", "second", "came up"])
    );
    assert_eq!(ann.run("return [chat.groups.size, chat.moreGroups]").await, json!([120, 0]));
    assert_eq!(ann.run("return faults();").await, json!([]));
    let size = |measured: &Value| measured["size"].as_u64().expect("a number");
    assert!(size(&first) * 5 < size(&whole), "{first} {whole}");
    assert!(size(&back) * 2 < size(&whole), "{back} {whole}");
    let frames = back["frames"].as_u64().expect("a number");
    assert!(frames < 12, "{back}");
}

#[tokio::test]
async fn another_history_replaces_all_groups() {
    let (mut world, link, groups) = of_many(12).await;
    let ann = connected(&world, &link, 5).await;
    ann.run("while (await chat.loadGroups(100));").await;
    ann.until("chat.groups.size === 12").await;
    link.cut();
    world.stop();
    let renewed = world.program().run(&["history", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{}", renewed.stderr);
    world.serve();
    say(&world, &groups[0], "after").await;
    link.restore();
    ann.run("chat.retry();").await;
    ann.until("chat.state === 'ready' && chat.unread === 25").await;
    let held = format!("return [bodies('{}'), bodies('{}'), chat.moreGroups]", groups[0], groups[1]);
    assert_eq!(ann.run(&held).await, json!([["after"], ["second"], 0]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn resume_names_no_more_groups_than_a_server_takes() {
    let (world, _) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    let resumes = format!(
        "const {{ Sync }} = await import('http://{}/chinwag/sync.js');
        const resumes = (count) => {{
            const groups = new Map(Array.from({{ length: count }}, (_, id) => [id, {{}}]));
            return Object.assign(new Sync({{ groups }}), {{ since: 'a point' }}).prepare(true);
        }};
        return [1, 9_000, 10_001].map(resumes);",
        link.address()
    );
    assert_eq!(ann.run(&resumes).await, json!([true, true, false]));
}

#[tokio::test]
async fn deletion_of_an_older_message_is_announced() {
    let (world, link, groups) = of_many(1).await;
    let ann = connected(&world, &link, 1).await;
    let path = format!("groups/{}/messages/", groups[0]);
    let history = elsewhere(&world).await.get(&path).await.ok(200);
    let first = history.as_array().expect("a list").last().expect("a message");
    assert_eq!(first["body"], "first");
    ann.run("window.deleted = []; chat.addEventListener('messages', ({ detail }) => deleted.push(...detail.deleted));")
        .await;
    let id = first["id"].as_str().expect("an id");
    world.service().delete(&format!("messages/{id}/")).await.ok(200);
    ann.until("deleted.length === 1").await;
    assert_eq!(
        ann.run("return [deleted[0], bodies(chat.conversations[0].id)]").await,
        json!([id, ["second"]])
    );
}

#[tokio::test]
async fn groups_without_messages_keep_their_place() {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let mut created = Vec::new();
    for has_message in [false, true, false, true, false] {
        created.push(world.group(&["ann", "bob"]).await);
        if has_message {
            say(&world, created.last().expect("a group"), "hello").await;
        }
    }
    let link = world.link().await;
    let ann = connected(&world, &link, 3).await;
    ann.run("await chat.loadGroups();").await;
    created.reverse();
    assert_eq!(ann.run("return chat.conversations.map(({ id }) => id)").await, json!(created));
    // One that was made while the page was away is the latest.
    cut_off(&ann, &link).await;
    created.insert(0, world.group(&["ann", "bob"]).await);
    link.restore();
    ann.run("chat.retry();").await;
    ann.until("chat.conversations.length === 6").await;
    assert_eq!(ann.run("return chat.conversations.map(({ id }) => id)").await, json!(created));
}
