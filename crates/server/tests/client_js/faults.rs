//! Faults of the network and the server: no message is lost, duplicated or reordered.

use std::time::Duration;

use chinwag_testkit::browser::{self, Tab};
use chinwag_testkit::client::Client;
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::wait::{self, Wait};
use serde_json::{Value, json};

use crate::sick::BrokenServer;
use crate::world::{World, load};

/// The messages of a group in the page, in the server's form.
const HELD: &str =
    "chat.groups.get(GROUP).messages.map(({ id, seq, author, body }) => ({ id, seq, author, body }))";

/// Connects, and loads all messages of the group.
pub(crate) async fn connect(tab: &Tab) {
    tab.run("await chat.connect();").await;
}

/// Cuts a page's link, and waits until the module waits for its next attempt.
pub(crate) async fn cut_off(tab: &Tab, link: &Proxy) {
    link.cut();
    tab.until("chat.state === 'waiting'").await;
}

/// Asserts that a page holds exactly the server's messages and that its events announced exactly those.
pub(crate) async fn agrees(tab: &Tab, group: &str, log: &[Value]) {
    let head = log.last().expect("there are messages")["seq"].clone();
    tab.until(&format!("chat.groups.get('{group}').head >= {head} && !chat.unsentCount")).await;
    let held = tab.run(&format!("return {};", HELD.replace("GROUP", &format!("'{group}'")))).await;
    let of = |message: &Value| json!({ "id": message["id"], "seq": message["seq"], "author": message["author"], "body": message["body"] });
    let log: Vec<_> = log.iter().map(of).collect();
    assert_eq!(held, Value::Array(log));
    assert_eq!(tab.run("return faults();").await, json!([]));
}

/// The number of messages in the browser's outbox storage for this origin.
const KEPT: &str = "const database = await new Promise((done) => { const asked = indexedDB.open('chinwag'); asked.onsuccess = () => done(asked.result); });
    return new Promise((done) => { const asked = database.transaction('unsent').objectStore('unsent').count(); asked.onsuccess = () => done(asked.result); });";

/// Waits until the outbox storage holds this many messages.
pub(crate) async fn keeps(tab: &Tab, count: usize) {
    let wait = Wait::begin();
    while tab.run(KEPT).await != count {
        wait.step(|| format!("the browser does not keep {count} messages")).await;
    }
}

#[tokio::test]
async fn kills_and_cuts_leave_each_message_once_in_both_clients() {
    let (mut world, group) = World::of_two().await;
    let (anns, bobs) = (world.link().await, world.link().await);
    let (ann, bob) =
        tokio::join!(browser::open("ann", &world.site.url), browser::open("bob", &world.site.url));
    // Hold every message, for the comparison.
    load(&ann, "ann", &anns, "{ held: 100_000 }").await;
    load(&bob, "bob", &bobs, "{ held: 100_000 }").await;
    connect(&ann).await;
    connect(&bob).await;
    for tab in [&ann, &bob] {
        tab.run(&format!(
            "window.sent = 0; window.writing = setInterval(() => {{
                const name = chat.me;
                chat.send('{group}', `${{name}} ${{++sent}}`);
            }}, 100);"
        ))
        .await;
    }
    for round in 1..=3 {
        let goes_on =
            async |tab: &Tab| tab.until(&format!("arrived.get('{group}')?.length >= {}", round * 10)).await;
        goes_on(&ann).await;
        goes_on(&bob).await;
        world.kill();
        ann.until("chat.state !== 'ready'").await;
        world.serve();
        ann.until("chat.state === 'ready'").await;
        anns.cut();
        ann.until("chat.state !== 'ready'").await;
        // Bob remains connected.
        bob.until("chat.state === 'ready'").await;
        bob.until(&format!("chat.groups.get('{group}').latest.author === 'bob'")).await;
        anns.restore();
        bobs.stall();
        // None of his messages is answered.
        bob.until("chat.unsentCount > 3").await;
        bobs.restore();
    }
    let mut sent = Vec::new();
    for tab in [&ann, &bob] {
        sent.push(tab.run("clearInterval(writing); return sent;").await.as_u64().expect("a number"));
        tab.until("chat.state === 'ready' && chat.unsentCount === 0").await;
    }
    let log = world.log(&group).await;
    assert_eq!(log.len() as u64, sent[0] + sent[1]);
    for (tab, name, count) in [(&ann, "ann", sent[0]), (&bob, "bob", sent[1])] {
        agrees(tab, &group, &log).await;
        let own: Vec<_> = log.iter().filter(|message| message["author"] == name).collect();
        let expected: Vec<_> = (1..=count).map(|number| format!("{name} {number}")).collect();
        assert_eq!(own.iter().map(|message| message["body"].as_str().unwrap()).collect::<Vec<_>>(), expected);
        // Each message by the other user was announced once.
        let others = log.len() as u64 - count;
        assert_eq!(tab.run(&format!("return arrived.get('{group}').length;")).await, others);
    }
}

#[tokio::test]
async fn offline_messages_survive_a_reload_and_are_sent_once() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    ann.run(&format!("await chat.send('{group}', 'before').sent;")).await;
    // The server stores one message, and ann never receives its acknowledgement.
    ann.run(
        "WebSocket.prototype.send = new Proxy(WebSocket.prototype.send, {
        apply(send, socket, frame) {
            socket.onmessage = null;
            return Reflect.apply(send, socket, frame);
        },
    });",
    )
    .await;
    ann.run(&format!("chat.send('{group}', 'on the way');")).await;
    let wait = Wait::begin();
    while world.log(&group).await.len() < 2 {
        wait.step(|| "the message is not stored").await;
    }
    link.cut();
    ann.run(&format!("for (const body of ['first', 'second', 'third']) chat.send('{group}', body);")).await;
    ann.run("chat.send({ to: 'bob' }, 'in private');").await;
    ann.until("chat.state === 'waiting' && chat.unsentCount === 5").await;
    // The unsent messages are listed under the group or user to whom they are addressed.
    let shown = ann
        .run(&format!("return [chat.groups.get('{group}').unsent, chat.unsentTo('BOB')].map((list) => list.map(({{ body }}) => body));"))
        .await;
    assert_eq!(shown, json!([["on the way", "first", "second", "third"], ["in private"]]));
    keeps(&ann, 5).await;
    assert_eq!(ann.run("return faults();").await, json!([]));
    ann.reload().await;
    assert_eq!(ann.run(KEPT).await, 5);
    link.restore();
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.until("chat.groups.size === 2 && chat.unsentCount === 0").await;
    let log = world.log(&group).await;
    let bodies: Vec<_> = log.iter().map(|message| message["body"].as_str().unwrap()).collect();
    assert_eq!(bodies, ["before", "on the way", "first", "second", "third"]);
    agrees(&ann, &group, &log).await;
    assert_eq!(ann.run("return bodies(chat.privateWith('bob').id);").await, json!(["in private"]));
    keeps(&ann, 0).await;
}

#[tokio::test]
async fn a_token_that_ends_is_followed_by_another_without_a_loss() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("window.ttl = 2;").await;
    connect(&ann).await;
    ann.run(&format!(
        "window.sent = 0; window.ended = 0; chat.addEventListener('signedout', () => ended++);
        window.writing = setInterval(() => chat.send('{group}', `${{++sent}}`), 100);"
    ))
    .await;
    ann.until("tokens >= 4").await;
    // Requests over REST renew the token, too.
    ann.run(&format!("await chat.loadAround('{group}', 1);")).await;
    let sent = ann.run("clearInterval(writing); window.ttl = 3600; return sent;").await.as_u64().unwrap();
    ann.until("chat.state === 'ready' && chat.unsentCount === 0").await;
    let log = world.log(&group).await;
    assert_eq!(log.len() as u64, sent);
    ann.run(&format!("await chat.loadLatest('{group}'); while (chat.groups.get('{group}').hasEarlier) await chat.loadEarlier('{group}');")).await;
    agrees(&ann, &group, &log).await;
    assert_eq!(ann.run("return ended;").await, 0);
}

#[tokio::test]
async fn an_ended_session_is_reported_and_unsent_messages_are_kept() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let ann = browser::open("ann", &world.site.url).await;
    let token = world.service().post("users/ann/tokens/", json!({ "ttl": 3 })).await.ok(201)["token"].clone();
    load(&ann, "ann", &link, &format!("{{ token: {token} }}")).await;
    ann.run("window.reasons = []; chat.addEventListener('signedout', ({ detail }) => reasons.push(detail.reason));").await;
    connect(&ann).await;
    link.cut();
    ann.run(&format!("chat.send('{group}', 'late');")).await;
    let anns = Client::new(&world.url(), token.as_str(), "ann");
    let wait = Wait::begin();
    while anns.get("sessions/").await.status == 200 {
        wait.step(|| "the token does not expire").await;
    }
    link.restore();
    ann.until("chat.state === 'closed' && reasons.length").await;
    assert_eq!(ann.run("return [reasons, chat.me, chat.groups.size];").await, json!([["ended"], null, 0]));
    let why = ann.try_run("await chat.connect();").await.unwrap_err();
    assert!(why.contains("ChinwagError"), "{why}");
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.until("chat.unsentCount === 0").await;
    ann.until(&format!("bodies('{group}').length")).await;
    assert_eq!(world.log(&group).await.len(), 1);
}

#[tokio::test]
async fn messages_are_sent_without_storage_and_a_warning_is_given() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    // The user has forbidden all pages to store data.
    let settings = json!({ "profile": { "default_content_setting_values": { "cookies": 2 } } });
    let ann = browser::open_with("ann", &world.site.url, &settings).await;
    load(&ann, "ann", &link, "{}").await;
    connect(&ann).await;
    ann.until("!chat.persistent").await;
    cut_off(&ann, &link).await;
    ann.run(&format!("chat.send('{group}', 'one'); chat.send('{group}', 'two');")).await;
    link.restore();
    ann.until("chat.state === 'ready' && chat.unsentCount === 0").await;
    agrees(&ann, &group, &world.log(&group).await).await;
    assert_eq!(ann.run(&format!("return bodies('{group}');")).await, json!(["one", "two"]));
}

#[tokio::test]
async fn a_server_that_answers_errors_and_nonsense_is_waited_out() {
    let (mut world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let who = "200 OK\r\nContent-Length: 29\r\n\r\n{\"name\":\"ann\",\"expires\":null}";
    for (name, rest, chat) in [
        ("500", "500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}", ""),
        ("503", "503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", ""),
        ("html", "200 OK\r\nContent-Length: 15\r\n\r\n<h1>Sorry.</h1>", ""),
        ("json", "200 OK\r\nContent-Length: 10\r\n\r\n{\"name\":1}", ""),
        ("noise", "\u{1}\u{2}\u{3} nothing at all\r\n\r\n", ""),
        ("handshake", who, "503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
    ] {
        world.stop();
        ann.until("chat.state !== 'ready'").await;
        ann.run(&format!("chat.send('{group}', '{name}');")).await;
        let sick = BrokenServer::at(world.address, rest, chat);
        // Connect twice, so that the client recovers from the failure and fails again.
        for _ in 0..2 {
            let before = sick.asked();
            ann.run("chat.retry();").await;
            wait::until("a call of the page", || sick.asked() > before).await;
            ann.until("chat.state === 'waiting' && chat.problem").await;
            let code = ann.run("return chat.problem.code;").await;
            assert_eq!(code, name.parse::<u16>().unwrap_or(0), "{name}");
        }
        sick.end().await;
        world.serve();
        ann.run("chat.retry();").await;
        ann.until("chat.state === 'ready' && chat.unsentCount === 0").await;
    }
    // Messages kept while the user seemed to be another one are restored a little later.
    ann.until(&format!("bodies('{group}').length === 6")).await;
    let log = world.log(&group).await;
    assert_eq!(log.len(), 6);
    agrees(&ann, &group, &log).await;
}

#[tokio::test]
async fn two_tabs_send_each_message_once() {
    let (world, group) = World::of_two().await;
    let (left, right) = (world.link().await, world.link().await);
    let first = world.person("ann", &left).await;
    let second = first.another("ann's other tab", &world.site.url).await;
    // Both tabs must use the same server address, because the outbox storage is per page and server.
    load(&second, "ann", &right, "{}").await;
    second.run(&format!("chat.close(); window.chat = new chat.constructor({{ server: 'http://{}', token: () => fetch('/token?user=ann').then((answer) => answer.text()) }}); listen(chat);", left.address())).await;
    connect(&first).await;
    connect(&second).await;
    for tab in [&first, &second] {
        tab.run(&format!(
            "for (let number = 1; number <= 10; number++) chat.send('{group}', `${{number}}`);"
        ))
        .await;
    }
    for tab in [&first, &second] {
        tab.until(&format!("chat.unsentCount === 0 && chat.groups.get('{group}').messages.length === 20"))
            .await;
        agrees(tab, &group, &world.log(&group).await).await;
    }
    cut_off(&first, &left).await;
    first.run(&format!("for (const body of ['left', 'behind']) chat.send('{group}', body);")).await;
    keeps(&first, 2).await;
    first.close().await;
    left.restore();
    second.run("chat.retry();").await;
    second.until(&format!("bodies('{group}').includes('behind') && chat.unsentCount === 0")).await;
    let log = world.log(&group).await;
    assert_eq!(log.len(), 22);
    agrees(&second, &group, &log).await;
}

#[tokio::test]
async fn a_stream_keeps_its_order_within_bounded_memory() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let ann = browser::open("ann", &world.site.url).await;
    load(&ann, "ann", &link, "{ held: 100 }").await;
    connect(&ann).await;
    let service = world.service();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    for number in 1..=1000 {
        tick.tick().await;
        let message = json!({ "group": group, "author": "bob", "body": number.to_string() });
        service.post("messages/", message).await.ok(201);
    }
    ann.until(&format!("chat.groups.get('{group}').latest?.body === '1000'")).await;
    let log = world.log(&group).await;
    agrees(&ann, &group, &log[900..]).await;
    assert_eq!(ann.run("return mostHeld;").await, 100);
    let arrived = ann.run(&format!("return arrived.get('{group}');")).await;
    assert_eq!(arrived.as_array().unwrap().len(), 1000);
    assert_eq!(
        ann.run(&format!(
            "const {{ hasEarlier, unread }} = chat.groups.get('{group}'); return [hasEarlier, unread];"
        ))
        .await,
        json!([true, 100])
    );
}

/// Drops one frame before the page sees it, and delivers another twice.
const A_FRAME_IS_LOST: &str = "
    const dispatch = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
    Object.defineProperty(WebSocket.prototype, 'onmessage', {
        ...dispatch,
        set(take) {
            dispatch.set.call(this, take && ((event) => {
                if (event.data.includes('\"lost\"') && !window.lost) return void (window.lost = true);
                take(event);
                if (event.data.includes('\"twice\"')) take(event);
            }));
        },
    });";

#[tokio::test]
async fn a_gap_is_filled_first_and_a_repeated_event_is_ignored() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(A_FRAME_IS_LOST).await;
    connect(&ann).await;
    let service = world.service();
    let say = async |body: &str| {
        service.post("messages/", json!({ "group": group, "author": "bob", "body": body })).await.ok(201)
    };
    for body in ["one", "twice", "lost"] {
        say(body).await;
    }
    ann.until("window.lost").await;
    assert_eq!(ann.run(&format!("return bodies('{group}');")).await, json!(["one", "twice"]));
    // The next event reveals the gap.
    let message = say("after").await;
    ann.until(&format!("bodies('{group}').length === 4")).await;
    let path = format!("messages/{}/", message["id"].as_str().unwrap());
    service.patch(&path, json!({ "body": "after all" })).await.ok(200);
    ann.until(&format!("bodies('{group}').includes('after all')")).await;
    agrees(&ann, &group, &world.log(&group).await).await;
    assert_eq!(ann.run(&format!("return arrived.get('{group}').length;")).await, 4);
}

/// More events than the server sends in a resume.
#[tokio::test]
async fn groups_that_cannot_resume_are_loaded_again() {
    let mut world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let (far, lost, back) = (
        world.group(&["ann", "bob"]).await,
        world.group(&["bob", "ann"]).await,
        world.group(&["ann", "bob"]).await,
    );
    let service = world.service();
    let say = async |group: &str, body: String| {
        service.post("messages/", json!({ "group": group, "author": "bob", "body": body })).await.ok(201);
    };
    say(&far, "before".into()).await;
    say(&back, "before".into()).await;
    let saved = world.program().folder().join("saved.db");
    let output = world.program().run(&["backup", saved.to_str().unwrap()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    say(&back, "to be forgotten".into()).await;
    ann.until(&format!("bodies('{back}').length === 2")).await;

    cut_off(&ann, &link).await;
    for number in 0..1005 {
        say(&far, number.to_string()).await;
    }
    service.patch(&format!("groups/{lost}/"), json!({ "remove": ["ann"] })).await.ok(200);
    link.restore();
    ann.run("chat.retry();").await;
    ann.until(&format!("chat.groups.size === 2 && chat.groups.get('{far}').latest.body === '1004'")).await;
    let log = world.log(&far).await;
    agrees(&ann, &far, &log[log.len() - 20..]).await;
    assert_eq!(
        ann.run(&format!("return [chat.groups.get('{far}').hasEarlier, chat.groups.get('{far}').unread];"))
            .await,
        json!([true, 100])
    );
    ann.run(&format!("await chat.loadEarlier('{far}', 100);")).await;
    agrees(&ann, &far, &log[log.len() - 120..]).await;

    // The server is restored to an earlier state, with fewer messages than the page holds.
    world.stop();
    ann.until("chat.state !== 'ready'").await;
    std::fs::remove_dir_all(world.program().data()).expect("the data are there");
    let output = world.program().run(&["restore", saved.to_str().unwrap()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    world.serve();
    ann.run("chat.retry();").await;
    ann.until(&format!("chat.state === 'ready' && chat.groups.size === 3 && bodies('{back}').length === 1"))
        .await;
    agrees(&ann, &back, &world.log(&back).await).await;
    agrees(&ann, &far, &world.log(&far).await).await;
}

#[tokio::test]
async fn silently_dead_link_is_detected_and_replaced() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    link.stall();
    // The events of a phone that changes its network.
    ann.run(
        "const begun = performance.now();
        chat.addEventListener('state', () => (window.lostAfter ??= performance.now() - begun));
        dispatchEvent(new Event('online'));",
    )
    .await;
    ann.until("window.lostAfter").await;
    // Sooner than the silence timeout alone, but not at once: the network may only be slow.
    let after = ann.run("return lostAfter;").await.as_f64().expect("a number");
    assert!((5_000.0..25_000.0).contains(&after), "{after}");
    link.restore();
    ann.until("chat.state === 'ready'").await;
    ann.run(&format!("await chat.send('{group}', 'here again').sent;")).await;
    agrees(&ann, &group, &world.log(&group).await).await;
}

#[tokio::test]
async fn a_page_starts_over_when_the_store_was_restored() {
    let mut world = World::start().await;
    world.users(&["ann"]).await;
    let group = world.group(&["ann"]).await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let send = async |from: usize, to: usize| {
        ann.run(&format!("for (let n = {from}; n < {to}; n++) await chat.send('{group}', 'm' + n).sent;"))
            .await;
    };
    send(0, 10).await;
    let output = world.program().run(&["backup", "monday"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    send(10, 15).await;
    ann.run(&format!("chat.markRead('{group}');")).await;
    world.stop();
    ann.until("chat.state !== 'ready'").await;
    let output = world.program().run(&["restore", "monday", "--force"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    // Other users write until the new head is above the page's.
    link.cut();
    world.serve();
    for number in 0..10 {
        let message = json!({ "group": group, "author": "ann", "body": format!("new {number}") });
        world.service().post("messages/", message).await.ok(201);
    }
    link.restore();
    ann.until("chat.state === 'ready'").await;
    agrees(&ann, &group, &world.log(&group).await).await;
}
