//! A client that reconnects receives the changes since its last connection.

use chinwag_testkit::browser::Tab;
use chinwag_testkit::client::Client;
use chinwag_testkit::proxy::Proxy;
use serde_json::{Value, json};

use crate::world::{World, load};

/// Records the frames that the page receives and the URLs that it requests.
const KEEPER: &str = "window.frames = []; window.asked = [];
    const Socket = window.WebSocket, ask = window.fetch;
    window.WebSocket = class extends Socket {
        constructor(...given) {
            super(...given);
            asked.push(new URL(given[0]).search);
            this.addEventListener('message', ({ data }) => frames.push(data));
        }
    };
    window.fetch = (...given) => {
        asked.push(String(given[0]).split('/api/v1/')[1] ?? '');
        return ask(...given);
    };";

struct Returns {
    world: World,
    link: Proxy,
    ann: Tab,
    /// The groups of ann and bob, least active first.
    groups: Vec<String>,
    other: Client,
}

impl Returns {
    /// ann's page, which began with ten groups and has loaded all `count`.
    async fn of(count: usize) -> Self {
        let world = World::start().await;
        world.users(&["ann", "bob", "eve"]).await;
        let mut groups = Vec::new();
        for _ in 0..count {
            groups.push(world.group(&["ann", "bob"]).await);
        }
        let link = world.link().await;
        let token = world.service().post("users/ann/tokens/", json!({})).await.ok(201);
        let other = Client::new(&world.url(), token["token"].as_str(), "ann");
        let ann = world.person("ann", &link).await;
        let returns = Self { world, link, ann, groups, other };
        for group in &returns.groups {
            returns.say(group, "first").await;
        }
        returns.ann.run(KEEPER).await;
        load(&returns.ann, "ann", &returns.link, "{ groups: 10, offline: true }").await;
        returns.ann.run("await chat.connect(); while (await chat.loadGroups(100));").await;
        returns.ann.until(&format!("chat.unread === {count} && chat.groups.size === {count}")).await;
        // Wait for the point from which it will resume.
        returns.ann.until("frames.some((text) => JSON.parse(text).data?.since)").await;
        returns
    }

    async fn say(&self, group: &str, body: &str) {
        let message = json!({ "group": group, "author": "bob", "body": body });
        self.world.service().post("messages/", message).await.ok(201);
    }

    async fn disconnect(&self) {
        self.link.cut();
        self.ann.until("chat.state !== 'ready'").await;
        self.ann.run("frames.length = 0; asked.length = 0;").await;
    }

    async fn reconnect(&self) {
        self.link.restore();
        self.ann.run("chat.retry();").await;
        self.ann
            .until("chat.state === 'ready' && frames.some((text) => JSON.parse(text).type === 'sync.done') && [...chat.groups.values()].every((group) => !group.isBehind)")
            .await;
    }

    /// The frames since the reconnect, without counts and presence.
    async fn frames(&self) -> Vec<Value> {
        let frames = self.ann.run("return frames;").await;
        let frames = frames
            .as_array()
            .expect("frames")
            .iter()
            .map(|text| serde_json::from_str::<Value>(text.as_str().expect("a text")).expect("a frame"));
        frames.filter(|frame| frame["type"] != "summary.more" && frame["type"] != "status.update").collect()
    }
}

fn types(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().expect("a type")).collect()
}

#[tokio::test]
async fn return_after_a_day_receives_what_changed_and_nothing_else() {
    let returns = Returns::of(40).await;
    let Returns { world, ann, groups, other, .. } = &returns;
    returns.disconnect().await;
    returns.say(&groups[7], "second").await;
    other.post(&format!("groups/{}/read/", groups[5]), json!({ "seq": 2 })).await.ok(200);
    other.patch(&format!("groups/{}/me/", groups[4]), json!({ "pinned": true })).await.ok(200);
    other.post(&format!("groups/{}/quit/", groups[3]), json!({})).await.ok(200);
    let rename = json!({ "name": "renamed", "author": "ann" });
    world.service().patch(&format!("groups/{}/", groups[2]), rename).await.ok(200);
    let made = json!({ "name": "joined", "author": "bob", "members": ["ann"] });
    let joined = world.service().post("groups/", made).await.ok(201)["id"].clone();
    returns.reconnect().await;
    let frames = returns.frames().await;
    let mut seen = types(&frames);
    let named: Vec<_> = seen.drain(2..4).collect();
    seen[4..6].sort_unstable();
    assert!(named.contains(&"message.text") && named.contains(&"group.update"), "{named:?}");
    let expected = [
        "group.summary",
        "contact.summary",
        "group.update",
        "contact.summary",
        "group.me",
        "message.read",
        "sync.done",
    ];
    assert_eq!(seen, expected);
    let size: usize = frames.iter().map(|frame| frame.to_string().len()).sum();
    assert!(size < 8 * 1024, "{size} characters");
    let asked =
        ann.run("return asked.filter((each) => each.startsWith('?') || each.startsWith('groups/'));").await;
    assert_eq!(asked, json!(["?groups=0&messages=1"]), "no group is requested");
    let held = format!(
        "const [text, read, set, left, renamed] = {}.map((id) => chat.groups.get(id));
        return [bodies(text.id), read.unread, set.settings.pinned, left ?? null, renamed.name, chat.groups.has({joined}),
            chat.conversations[0].id === set.id, chat.groups.size, chat.moreGroups]",
        json!([groups[7], groups[5], groups[4], groups[3], groups[2]])
    );
    let expected = json!([["first", "second"], 0, true, null, "renamed", true, true, 40, 0]);
    assert_eq!(ann.run(&held).await, expected);
    ann.until("chat.unread === 39").await;
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn changed_groups_are_loaded_on_return() {
    let returns = Returns::of(30).await;
    let Returns { link, ann, groups, .. } = &returns;
    ann.run("chat.close();").await;
    load(ann, "ann", link, "{ groups: 5 }").await;
    ann.run("frames.length = 0; await chat.connect();").await;
    ann.until("chat.unread === 30 && frames.some((text) => JSON.parse(text).data?.since)").await;
    returns.disconnect().await;
    for body in ["second", "third"] {
        returns.say(&groups[1], body).await;
    }
    returns.reconnect().await;
    ann.until("chat.unread === 32 && chat.groups.size === 6 && chat.moreGroups === 24").await;
    let shown = format!(
        "const group = chat.conversations[0]; return [group.id, bodies(group.id), group.hasEarlier, group.unread, await chat.loadEarlier(group.id), bodies(group.id), (await chat.loadGroup('{}')).unread]",
        groups[2]
    );
    let expected = json!([groups[1], ["third"], true, 3, 2, ["first", "second", "third"], 1]);
    assert_eq!(ann.run(&shown).await, expected);
    ann.run("while (await chat.loadGroups(100));").await;
    ann.until("chat.groups.size === 30 && chat.moreGroups === 0 && chat.unread === 32").await;
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn useless_point_is_answered_with_everything() {
    let returns = Returns::of(12).await;
    let Returns { world, link, ann, groups, .. } = &returns;
    ann.run("chat.close();").await;
    load(ann, "ann", link, "{ groups: 3 }").await;
    let spoil = "const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) { return send.call(this, text.replace(/\"since\":\"[^\"]*\"/, '\"since\":\"old\"')); };";
    ann.run(&format!("frames.length = 0; await chat.connect(); {spoil}")).await;
    ann.until("chat.unread === 12 && frames.some((text) => JSON.parse(text).data?.since)").await;
    returns.disconnect().await;
    returns.say(&groups[0], "second").await;
    let left = json!({ "author": "ann" });
    world.service().post(&format!("groups/{}/quit/", groups[11]), left).await.ok(200);
    returns.reconnect().await;
    ann.until("chat.groups.size === 11 && chat.moreGroups === 0 && chat.unread === 12").await;
    assert_eq!(ann.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn message_to_a_group_joined_meanwhile_is_sent() {
    let returns = Returns::of(12).await;
    let Returns { world, ann, groups, other, .. } = &returns;
    returns.disconnect().await;
    other.post(&format!("groups/{}/quit/", groups[0]), json!({})).await.ok(200);
    let joined = world.group(&["bob", "ann"]).await;
    ann.run(&format!("window.late = chat.send('{joined}', 'late').sent; late.catch(() => {{}});")).await;
    returns.reconnect().await;
    assert_eq!(ann.run("return (await late).body;").await, "late");
    assert_eq!(ann.run("return faults();").await, json!([]));
}
