//! Random histories: a client that received every event, and one that was offline and resumed, must both have
//! the state of a new snapshot.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::text;
use chinwag_testkit::store::Numbers;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

const PEOPLE: [&str; 4] = ["ann", "bob", "cat", "dan"];
const STEPS: usize = 60;

/// The state of a client, built only from the frames that it received.
#[derive(Debug, Clone, Default, PartialEq)]
struct World {
    me: String,
    groups: BTreeMap<String, Group>,
    relations: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Group {
    name: Value,
    roles: BTreeMap<&'static str, BTreeSet<String>>,
    messages: BTreeMap<i64, Value>,
    head: i64,
    last_read: i64,
}

const ROLES: [&str; 4] = ["owner", "admins", "members", "restricts"];
const LISTS: [&str; 5] = ["contacts", "blockeds", "blocked_by", "invitations", "invited_by"];

fn names(value: &Value) -> BTreeSet<String> {
    value.as_array().expect("a list of names").iter().map(text).collect()
}

impl World {
    fn of(me: &str, socket: &Ws) -> Self {
        let mut world = Self { me: me.to_owned(), ..Self::default() };
        for group in socket.summary().as_array().expect("a summary") {
            world.group(group);
            let held = world.groups.get_mut(&text(&group["id"])).expect("just put there");
            held.last_read = group["last_read_seq"].as_i64().unwrap_or(0);
        }
        for list in LISTS {
            world.relations.insert(list.to_owned(), names(&socket.contacts()[list]));
        }
        world
    }

    fn group(&mut self, data: &Value) {
        let held = self.groups.entry(text(&data["id"])).or_default();
        held.name = data["name"].clone();
        held.roles = ROLES.map(|role| (role, names(&data[role]))).into();
        // Blocks in private groups are not part of the log.
        if data["name"] == "@" {
            let restricted = std::mem::take(held.roles.get_mut("restricts").expect("a role"));
            held.roles.get_mut("members").expect("a role").extend(restricted);
        }
        held.head = held.head.max(data["head"].as_i64().unwrap_or_default());
        for message in data["messages"].as_array().expect("messages") {
            held.put(message);
        }
    }

    fn apply(&mut self, frame: &Value) {
        let data = &frame["data"];
        let group =
            data["group"].as_str().or(data["id"].as_str()).and_then(|group| self.groups.get_mut(group));
        if let (Some(seq), Some(held)) = (frame["seq"].as_i64(), group) {
            held.head = held.head.max(seq);
        }
        match frame["type"].as_str().expect("a type") {
            "message.text" | "message.update" => {
                if let Some(held) = self.groups.get_mut(&text(&data["group"])) {
                    held.put(data);
                }
            }
            "message.delete" => {
                if let Some(held) = self.groups.get_mut(&text(&data["group"])) {
                    held.drop(data);
                }
            }
            "message.read" if data["author"] == self.me.as_str() => {
                if let Some(held) = self.groups.get_mut(&text(&data["group"])) {
                    held.last_read = data["seq"].as_i64().expect("a seq");
                }
            }
            "group.update" => self.group(data),
            "group.quit" if data["name"] == self.me.as_str() => {
                self.groups.remove(&text(&data["group"]));
            }
            "group.delete" => drop(self.groups.remove(&text(data))),
            "contact.update" => {
                self.relate(&text(&data["author"]), &text(&data["name"]), &text(&data["operation"]));
            }
            "user.update" => self.rename(&text(&data["name"]), &text(&data["new_name"])),
            _ => {}
        }
    }

    /// Accounts for renames, which take a number of each group's log but have no event there.
    fn pass_renames(&mut self, shown: &Self) {
        for (id, group) in &mut self.groups {
            if let Some(shown) = shown.groups.get(id) {
                assert!(group.head <= shown.head, "{id}");
                group.head = shown.head;
            }
        }
        self.pass_authors(shown);
    }

    /// Accepts former names of authors: a user who was renamed while it was outside of the group keeps its
    /// former name at messages that others hold. Names of different people differ in their letters.
    fn pass_authors(&mut self, shown: &Self) {
        let letters = |message: &Value| {
            let name = message["author"].as_str().unwrap_or_default();
            name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
        };
        for (id, group) in &mut self.groups {
            let Some(now) = shown.groups.get(id) else { continue };
            for (seq, message) in &mut group.messages {
                if let Some(now) = now.messages.get(seq).filter(|now| letters(now) == letters(message)) {
                    message["author"] = now["author"].clone();
                }
            }
        }
    }

    fn relate(&mut self, author: &str, target: &str, operation: &str) {
        let mine = author == self.me;
        let other = if mine { target } else { author };
        // The name of each list, as seen from the other side.
        let (out, back) = if mine { (0, 1) } else { (1, 0) };
        let pairs = [["invitations", "invited_by"], ["blockeds", "blocked_by"]];
        let mut set = |list: &str, on: bool| {
            let held = self.relations.get_mut(list).expect("a list");
            if on {
                held.insert(other.to_owned())
            } else {
                held.remove(other)
            };
        };
        match operation {
            "invitation" => set(pairs[0][out], true),
            "contact" => {
                set("contacts", true);
                pairs[0].iter().for_each(|list| set(list, false));
            }
            "deny" => set(pairs[0][back], false),
            "remove" | "block" => {
                set("contacts", false);
                pairs[0].iter().for_each(|list| set(list, false));
                set(pairs[1][out], operation == "block");
            }
            other => panic!("{other} is no operation"),
        }
    }

    /// Whether this user receives a rename of a user who has blocked it.
    fn learns(&self, blocker: &Self) -> bool {
        let shares = self.groups.iter().any(|(id, held)| held.name != "@" && blocker.groups.contains_key(id));
        let is_blocked = blocker.relations["blockeds"].contains(&self.me);
        shares || !is_blocked || self.relations["blockeds"].contains(&blocker.me)
    }

    fn rename(&mut self, old: &str, new: &str) {
        let swap = |set: &mut BTreeSet<String>| {
            if set.remove(old) {
                set.insert(new.to_owned());
            }
        };
        self.relations.values_mut().for_each(swap);
        for group in self.groups.values_mut() {
            group.roles.values_mut().for_each(swap);
            for message in group.messages.values_mut().filter(|message| message["author"] == old) {
                message["author"] = new.into();
            }
        }
        if self.me == old {
            new.clone_into(&mut self.me);
        }
    }
}

impl Group {
    /// Stores a message without the fields that a group's list of messages omits.
    fn put(&mut self, message: &Value) {
        let mut message = message.clone();
        let fields = message.as_object_mut().expect("a message");
        fields.remove("group");
        fields.remove("client_id");
        self.messages.insert(message["seq"].as_i64().expect("a seq"), message);
    }

    fn drop(&mut self, deleted: &Value) {
        self.messages.remove(&deleted["seq"].as_i64().expect("a seq"));
        for message in self.messages.values_mut().filter(|message| message["respond_to"] == deleted["id"]) {
            message["respond_to"] = Value::Null;
        }
    }
}

/// An action to attempt, allowed or not; the server decides.
fn attempt(random: &mut Numbers, world: &World, people: &[String]) -> (&'static str, Value) {
    let groups: Vec<&String> = world.groups.keys().collect();
    let person = random.pick(people).clone();
    let group = if groups.is_empty() { String::new() } else { (*random.pick(&groups)).clone() };
    let messages: Vec<&Value> =
        world.groups.get(&group).map_or(vec![], |held| held.messages.values().collect());
    let message = if messages.is_empty() { Value::Null } else { random.pick(&messages)["id"].clone() };
    let body = format!("body {}", random.below(1000));
    match random.below(16) {
        0 => ("message.first", json!({ "target": person, "body": body })),
        1 => ("group.create", json!({ "name": format!("group {}", random.below(9)), "members": [person] })),
        2 => ("group.update", json!({ "id": group, "members": [person] })),
        3 => ("group.update", json!({ "id": group, "restricts": [person] })),
        4 => ("group.update", json!({ "id": group, "admins": [person], "name": body })),
        5 => ("group.update", json!({ "id": group, "owner": [person] })),
        6 => ("group.update", json!({ "id": group, "remove": [person] })),
        7 if random.below(3) == 0 => ("group.quit", json!({ "group": group })),
        7 if random.below(3) == 0 => ("group.delete", json!({ "group": group })),
        8 => ("message.update", json!({ "id": message, "body": body })),
        9 => ("message.delete", json!({ "id": message })),
        10 => ("message.text", json!({ "group": group, "body": body, "respond_to": message })),
        11 => {
            let operation = ["invite", "contact", "deny", "remove", "block"][random.below(5)];
            ("contact.update", json!({ "name": person, "operation": operation }))
        }
        12 => ("message.read", json!({ "group": group, "seq": random.below(5) })),
        _ => ("message.text", json!({ "group": group, "body": body })),
    }
}

/// Sends an event, and applies all frames up to its answer.
async fn ask(socket: &mut Ws, world: &mut World, kind: &str, data: Value) {
    socket.send(json!({ "type": kind, "data": data, "ref": "asked" })).await;
    loop {
        let frame = socket.next().await;
        world.apply(&frame);
        if frame["ref"] == "asked" {
            return;
        }
    }
}

/// Applies all frames sent so far.
async fn settle(socket: &mut Ws, world: &mut World) {
    ask(socket, world, "status.update", json!({ "status": "online" })).await;
}

/// The state after a reconnect: the held state plus the missed events.
async fn come_back(held: &World, fresh: &mut Ws) -> World {
    let mut world = held.clone();
    let since: BTreeMap<_, _> = held.groups.iter().map(|(id, group)| (id.clone(), group.head)).collect();
    fresh.send(json!({ "type": "sync.resume", "data": { "groups": since }, "ref": "asked" })).await;
    let done = loop {
        let frame = fresh.next().await;
        world.apply(&frame);
        if frame["ref"] == "asked" {
            break frame;
        }
    };
    for (group, why) in done["data"]["refused"].as_object().expect("what was refused") {
        assert_eq!(why, "not_found", "{group}");
        world.groups.remove(group);
    }
    // New groups, relations and read marks are in the summary.
    let shown = World::of(&world.me, fresh);
    for (id, group) in &shown.groups {
        let held = world.groups.entry(id.clone()).or_insert_with(|| group.clone());
        held.last_read = group.last_read;
    }
    world.relations = shown.relations;
    world
}

async fn history(seed: u64) {
    let app = TestApp::start().await;
    let (mut random, mut people) = (Numbers::of_seed(seed), PEOPLE.map(str::to_owned).to_vec());
    let mut clients = Vec::new();
    for name in PEOPLE {
        let client = app.user(name).await;
        let socket = client.ws().await;
        let world = World::of(name, &socket);
        clients.push((client, socket, world));
    }
    let away = random.below(STEPS);
    let mut left = Vec::new();
    for step in 0..STEPS {
        if step == away {
            for (_, socket, world) in &mut clients {
                settle(socket, world).await;
                left.push(world.clone());
            }
        }
        let who = random.below(clients.len());
        if random.below(25) == 0 {
            let (old, new) = (people[who].clone(), format!("{}{step}", PEOPLE[who]));
            for (_, socket, world) in &mut clients {
                settle(socket, world).await;
            }
            let renamed = app.service().patch(&format!("users/{old}/"), json!({ "new_name": new })).await;
            renamed.ok(200);
            let author = clients[who].2.clone();
            for (_, _, world) in &mut clients {
                // It learns the name from the next summary.
                if !world.learns(&author) {
                    world.rename(&old, &new);
                }
            }
            people[who] = new;
        }
        let (_, socket, world) = &mut clients[who];
        settle(socket, world).await;
        let (kind, data) = attempt(&mut random, world, &people);
        ask(socket, world, kind, data).await;
    }
    for ((client, socket, world), mut held) in clients.iter_mut().zip(left) {
        settle(socket, world).await;
        let mut fresh = client.ws().await;
        let shown = World::of(&world.me, &fresh);
        let mut told = world.clone();
        told.pass_renames(&shown);
        assert_eq!(told, shown, "seed {seed}: told live, and shown at the end");
        // A client learns its own new name when it signs in.
        let (old, new) = (held.me.clone(), world.me.clone());
        if old != new {
            held.rename(&old, &new);
        }
        let mut back = come_back(&held, &mut fresh).await;
        back.pass_renames(&shown);
        assert_eq!(back, shown, "seed {seed}: resumed from step {away}, and shown at the end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_state_plus_events_equals_a_snapshot() {
    let histories = (0..12).map(|seed| tokio::spawn(history(0x5eed + seed)));
    for history in histories.collect::<Vec<_>>() {
        history.await.expect("the history holds");
    }
}
