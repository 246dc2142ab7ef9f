//! Messages that the server defers because of its rate limit.

use chinwag_testkit::browser;
use chinwag_testkit::wait::Wait;
use serde_json::json;

use crate::faults::agrees;
use crate::world::World;

/// A burst of two messages, then one per second.
const SLOW: [(&str, &str); 2] =
    [("CHINWAG_LIMITS__MESSAGES_BURST", "2"), ("CHINWAG_LIMITS__MESSAGES_PER_SECOND", "1")];
const MANY: usize = 8;

#[tokio::test]
async fn messages_over_the_rate_wait_and_arrive_in_order() {
    let (world, group) = World::of_two_with(&SLOW).await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(&format!(
        "await chat.connect();
        window.seen = {{ put: 0, failed: 0 }};
        chat.addEventListener('unsent', ({{ detail }}) => {{
            for (const {{ state, retryAt }} of detail.group.unsent) {{
                if (state === 'failed') seen.failed++;
                if (retryAt > Date.now()) seen.put++;
            }}
        }});
        for (let number = 1; number <= {MANY}; number++) chat.send('{group}', String(number));"
    ))
    .await;
    ann.until("chat.unsentCount === 0").await;
    let seen = ann.run("return [seen.put > 0, seen.failed];").await;
    assert_eq!(seen, json!([true, 0]), "some are put off, none is shown as failed");
    let log = world.log(&group).await;
    let bodies: Vec<_> = log.iter().map(|message| message["body"].as_str().expect("a body")).collect();
    let expected: Vec<_> = (1..=MANY).map(|number| number.to_string()).collect();
    assert_eq!(bodies, expected);
    agrees(&ann, &group, &log).await;
}

#[tokio::test]
async fn a_message_that_waits_is_discarded_and_the_next_goes() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    // The first message is deferred for a minute; the others are accepted.
    ann.run(&format!(
        "await chat.connect();
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (frame) {{
            if (!frame.includes('client_id')) return send.call(this, frame);
            WebSocket.prototype.send = send;
            const data = {{ detail: 'too many requests: try again in 60 s', retry_after: 60 }};
            const answer = {{ type: 'error.data', code: 429, data, ref: JSON.parse(frame).ref }};
            setTimeout(() => this.onmessage({{ data: JSON.stringify(answer) }}));
        }};
        window.first = chat.send('{group}', 'first');
        window.second = chat.send('{group}', 'second');"
    ))
    .await;
    ann.until(&format!("chat.groups.get('{group}').unsent[0].retryAt > Date.now()")).await;
    let states = format!("return chat.groups.get('{group}').unsent.map(({{ state }}) => state);");
    assert_eq!(ann.run(&states).await, json!(["waiting", "waiting"]));
    ann.run("chat.discard(first.client_id); await second.sent;").await;
    assert_eq!(world.log(&group).await.len(), 1);
}

#[tokio::test]
async fn refused_read_mark_is_sent_again_after_a_pause() {
    let (world, group) = World::of_two().await;
    let message = json!({ "author": "bob", "group": group, "body": "hello" });
    world.service().post("messages/", message).await.ok(201);
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(&format!(
        "await chat.connect();
        const [send, wait] = [WebSocket.prototype.send, window.setTimeout];
        window.delays = [];
        window.setTimeout = (work, delay, ...given) => {{
            delays.push(delay);
            return wait(work, delay === 7000 ? 0 : delay, ...given);
        }};
        WebSocket.prototype.send = function (frame) {{
            const {{ type, ref }} = JSON.parse(frame);
            if (type !== 'message.read') return send.call(this, frame);
            WebSocket.prototype.send = send;
            const answer = {{ type: 'error.data', code: 429, data: {{ detail: 'too many requests', retry_after: 7 }}, ref }};
            wait(() => this.onmessage({{ data: JSON.stringify(answer) }}));
        }};
        chat.markRead('{group}');"
    ))
    .await;
    ann.until("delays.includes(7000)").await;
    assert_eq!(ann.run("return delays.filter((delay) => delay === 300).length;").await, 1);
    let wait = Wait::begin();
    let path = format!("groups/{group}/?as=ann&fields=last_read_seq");
    while world.service().get(&path).await.ok(200)["last_read_seq"] != 2 {
        wait.step(|| "the mark did not come").await;
    }
}

#[tokio::test]
async fn server_features_are_public() {
    let world = World::start().await;
    let nobody = browser::open("nobody", &world.site.url).await;
    // The call needs no token.
    let offer = nobody
        .run(&format!(
            "const {{ Chinwag }} = await import('{0}/chinwag.js');
            const token = () => {{ throw new Error('nobody is signed in'); }};
            const {{ signup, features, limits }} = await new Chinwag({{ server: '{0}', token }}).serverInfo();
            return [signup, features.includes('rename'), limits['limits.message_chars']];",
            world.url()
        ))
        .await;
    assert_eq!(offer, json!([true, true, 4096]));
}

#[tokio::test]
async fn client_pauses_after_a_close_for_too_much() {
    let world = World::start().await;
    world.users(&["ann"]).await;
    let group = world.group(&["ann"]).await;
    let (ann, _link) = world.person_with_link("ann").await;
    let closed = ann
        .run(&format!(
            "await chat.connect();
            const send = WebSocket.prototype.send;
            const socket = await new Promise((found) => {{
                WebSocket.prototype.send = function (frame) {{
                    WebSocket.prototype.send = send;
                    found(this);
                    return send.call(this, frame);
                }};
                chat.setStatus('online');
            }});
            const code = new Promise((done) => socket.addEventListener('close', (event) => done(event.code)));
            const pause = new Promise((done) => {{
                chat.addEventListener('state', () => chat.state === 'waiting' && done(chat.retryAt - Date.now()));
            }});
            const resume = JSON.stringify({{ type: 'sync.resume', data: {{ groups: {{ '{group}': 0 }} }} }});
            for (let count = 0; count < 30; count++) socket.send(resume);
            return [await code, await pause];"
        ))
        .await;
    assert_eq!(closed[0], 4029);
    // Ten seconds plus up to one of jitter, with a tolerance for timers.
    assert!(closed[1].as_f64().is_some_and(|pause| (9_900.0..11_100.0).contains(&pause)), "{closed}");
    // Limits are counted per socket.
    ann.run("chat.retry();").await;
    ann.until("chat.state === 'ready'").await;
}
