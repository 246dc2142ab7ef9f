//! Users who make random changes, and clients that disconnect and resume: after each resume, a client must have the same state
//! as a new client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Incoming, TrialSocket};
use crate::client::Client;
use crate::setup::befriend;
use crate::store::Numbers;

/// Users who randomly change groups, relations, profiles, marks and settings over REST at several nodes.
pub struct RandomChanges {
    users: Vec<Client>,
    urls: Vec<String>,
    groups: Arc<Mutex<Vec<String>>>,
    is_over: AtomicBool,
    changes: AtomicU64,
}

impl RandomChanges {
    /// Puts users, some of whom are contacts, into a few groups.
    pub async fn new(users: Vec<Client>, urls: Vec<String>) -> Self {
        befriend(&users[0], &users[1]).await;
        let turmoil = Self {
            users,
            urls,
            groups: Arc::default(),
            is_over: AtomicBool::new(false),
            changes: AtomicU64::new(0),
        };
        for owner in 0..turmoil.users.len() {
            turmoil.make_group(&turmoil.users[owner], &mut Numbers::of_seed(owner as u64)).await;
        }
        turmoil
    }

    /// The number of successful changes.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Stops [`run`](Self::run).
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether it has been stopped.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Makes changes until it is stopped.
    pub async fn run(&self, mut random: Numbers) {
        while !self.is_over() {
            self.change(&mut random).await;
        }
    }

    /// Makes one change, which may be refused or may fail with its node.
    pub async fn change(&self, random: &mut Numbers) {
        let user = random.pick(&self.users);
        let other = random.pick(&self.users).name();
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let group = random.pick(&groups);
        let (method, path, body) = match random.below(20) {
            0..5 => (Method::POST, "messages/".to_owned(), json!({ "group": group, "body": "news" })),
            5 | 6 => (Method::POST, format!("groups/{group}/read/"), json!({ "seq": 1 + random.below(8) })),
            7 => {
                let settings = json!({ "pinned": random.below(2) == 0, "notify": *random.pick(&["all", "none", "mentions"]) });
                (Method::PATCH, format!("groups/{group}/me/"), settings)
            }
            8 => (Method::PATCH, format!("groups/{group}/me/"), json!({ "hidden": random.below(2) == 0 })),
            9 => (
                Method::PATCH,
                format!("groups/{group}/"),
                json!({ "name": format!("g{}", random.below(99)) }),
            ),
            10 | 11 => (Method::PATCH, format!("groups/{group}/"), json!({ "members": [other] })),
            12 => (Method::PATCH, format!("groups/{group}/"), json!({ "remove": [other] })),
            13 => (Method::PATCH, format!("groups/{group}/"), json!({ "admins": [other] })),
            14 => (Method::POST, format!("groups/{group}/quit/"), json!({})),
            15 => (Method::POST, format!("groups/{group}/accept/"), json!({})),
            16 if random.below(4) == 0 => (Method::DELETE, format!("groups/{group}/"), json!({})),
            16 => return self.make_group(user, random).await,
            17 => (Method::PUT, "private/".to_owned(), json!({ "user": other })),
            18 => {
                // Changes of a profile are not delivered over a block or after its end. So only one user blocks, and only one other.
                let is_blocker = user.name() == self.users[2].name() && other == self.users[3].name();
                let operations = ["contact", "contact", "remove", "block", "unblock"];
                let operation = *random.pick(&operations[..if is_blocker { 5 } else { 2 }]);
                let contact = json!({ "author": user.name(), "name": other, "operation": operation });
                (Method::PATCH, format!("users/{}/", user.name()), json!({ "contact": contact }))
            }
            _ => {
                let shown = json!({ "display_name": format!("Name {}", random.below(99)) });
                (Method::PATCH, format!("users/{}/", user.name()), shown)
            }
        };
        self.send(user, random, method, &path, &body).await;
    }

    async fn make_group(&self, owner: &Client, random: &mut Numbers) {
        let members: Vec<_> = self.users.iter().filter(|_| random.below(2) == 0).map(Client::name).collect();
        let made = json!({ "name": "made", "members": members });
        let Some(made) = self.send(owner, random, Method::POST, "groups/", &made).await else { return };
        if let Some(id) = made["id"].as_str() {
            self.groups.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        }
    }

    async fn send(
        &self,
        user: &Client,
        random: &mut Numbers,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Option<Value> {
        let url: &String = random.pick(&self.urls);
        let user = Client::new(url, Some(user.token()), user.name());
        let answer = user.request(method, path).json(body).send().await.ok()?;
        let is_made = answer.status().is_success();
        self.changes.fetch_add(u64::from(is_made), Ordering::Relaxed);
        is_made.then_some(answer.json().await.ok()?)
    }
}

/// A client that disconnects and resumes, and its state.
#[derive(Debug, Clone, Default)]
pub struct ReturningClient {
    groups: BTreeMap<String, Value>,
    contacts: Value,
    profiles: BTreeMap<String, Value>,
    since: Option<String>,
    name: String,
    /// How often it resumed with `since`, and how often that was refused.
    pub returns: usize,
    pub refused: usize,
}

/// The compared keys of a group.
const KEYS: [&str; 10] = [
    "name",
    "owner",
    "admins",
    "members",
    "restricts",
    "head",
    "last_read_seq",
    "open",
    "members_count",
    "me",
];
const SETTINGS: [&str; 6] = ["notify", "muted_until", "hidden", "pinned", "marked_unread", "pending"];

impl ReturningClient {
    /// Resumes at a node: names some of its groups, and applies the answer. False if the node has failed meanwhile.
    pub async fn comes_back(&mut self, client: &Client, random: &mut Numbers) -> bool {
        self.try_to_come_back(client, random).await.is_some()
    }

    async fn try_to_come_back(&mut self, client: &Client, random: &mut Numbers) -> Option<()> {
        let url = client.rest().server().to_owned();
        let mut socket = TrialSocket::connect_by(&url, "?groups=0&messages=1", client.token()).await?;
        let mut is_named = |group: &Value| group["me"]["pending"] != true && random.below(3) > 0;
        let named = self.groups.iter().filter(|(_, group)| is_named(group));
        let named: BTreeMap<_, _> = named.map(|(id, group)| (id.clone(), group["head"].clone())).collect();
        let (first, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            named.iter().partition(|(id, _)| id.as_bytes()[7].is_multiple_of(2));
        let mut last = json!({ "groups": rest, "all": true });
        if let Some(since) = &self.since {
            last["since"] = since.clone().into();
            self.returns += 1;
        }
        for data in [json!({ "groups": first, "more": true }), last] {
            let frame = json!({ "type": "sync.resume", "data": data, "ref": "resume" });
            socket.send(frame).await.then_some(())?;
        }
        // The state is incomplete until the end of the answer.
        let mut next = Self { name: client.name().to_owned(), ..self.clone() };
        let done = loop {
            match socket.next().await {
                Incoming::Frame(frame) if frame["ref"] == "resume" => break frame,
                Incoming::Frame(frame) => next.take(&frame),
                Incoming::End(_) => return None,
            }
        };
        if done["type"] != "sync.done" {
            // A failing node has lost its database.
            assert_eq!(done["code"], 503, "{done}");
            return None;
        }
        next.finish(client, &done["data"], &named.into_keys().collect()).await?;
        *self = next;
        Some(())
    }

    /// Handles the end of an answer to a request that named groups.
    async fn finish(&mut self, client: &Client, data: &Value, named: &BTreeSet<String>) -> Option<()> {
        for (id, why) in data["refused"].as_object().expect("reasons") {
            match (id.as_str(), why.as_str()) {
                ("since", Some("too_far")) => self.refused += 1,
                (id, Some("not_found")) => drop(self.groups.remove(id)),
                (id, Some("pending")) => {
                    let path = format!("groups/{id}/?fields=__all__");
                    let answer = client.request(Method::GET, &path).send().await.ok()?;
                    self.groups.remove(id);
                    if answer.status().is_success() {
                        self.groups.insert(id.to_owned(), answer.json().await.ok()?);
                    }
                }
                _ => panic!("{id} is refused: {why}"),
            }
        }
        let heads = data["groups"].as_object().expect("heads");
        for (id, head) in heads.iter().filter(|(id, _)| named.contains(*id)) {
            if let Some(group) = self.groups.get_mut(id) {
                group["head"] = head.clone();
            }
        }
        self.since = data["since"].as_str().map(str::to_owned);
        Some(())
    }

    /// Applies an event of the answer, or a live one before it.
    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        let id = ["id", "group"]
            .into_iter()
            .find_map(|key| data[key].as_str())
            .or(data.as_str())
            .unwrap_or_default();
        let kind = frame["type"].as_str().expect("a type");
        match kind {
            "group.update" if data["head"].is_number() => {
                drop(self.groups.insert(id.to_owned(), data.clone()));
            }
            "group.quit" | "group.delete" => drop(self.groups.remove(id)),
            "contact.summary" => self.contacts = data.clone(),
            "user.update" => {
                let name = data["new_name"].as_str().or(data["name"].as_str()).expect("a name");
                self.profiles.insert(name.to_owned(), data["display_name"].clone());
            }
            _ => {}
        }
        let in_group = if kind == "message.text" { data["group"].as_str().unwrap_or_default() } else { id };
        let Some(group) = self.groups.get_mut(in_group) else { return };
        match kind {
            "group.update" => {
                for key in KEYS.iter().filter(|key| !data[**key].is_null()) {
                    group[*key] = data[*key].clone();
                }
            }
            "message.read" if data["author"] == self.name => group["last_read_seq"] = data["seq"].clone(),
            "group.me" => {
                for key in SETTINGS {
                    group["me"][key] = data[key].clone();
                }
            }
            // A hidden group returns with its next message.
            "message.text" => group["me"]["hidden"] = false.into(),
            _ => {}
        }
    }

    /// Asserts that the state equals that of a new client.
    pub async fn equals_a_new_client(&mut self, client: &Client) {
        let socket = client.ws().await;
        let shown = socket.summary().as_array().expect("groups");
        let fresh: BTreeMap<String, Value> = shown
            .iter()
            .map(|group| (group["id"].as_str().expect("an id").to_owned(), state(group)))
            .collect();
        let held: BTreeMap<_, _> = self.groups.iter().map(|(id, group)| (id.clone(), state(group))).collect();
        let differing = fresh.keys().chain(held.keys()).find(|id| fresh.get(*id) != held.get(*id));
        if let Some(id) = differing {
            panic!("{}: {id} is held as {:?}, and is {:?}", client.name(), held.get(id), fresh.get(id));
        }
        for list in ["contacts", "blockeds", "invitations", "invited_by"] {
            assert_eq!(self.contacts[list], socket.contacts()[list], "{list} of {}", client.name());
        }
        let names = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let pairs = shown.iter().filter(|group| group["name"] == "@");
        let others = pairs.flat_map(|group| [names(&group["members"]), names(&group["restricts"])].concat());
        let known: Vec<_> = names(&socket.contacts()["contacts"]).into_iter().chain(others).collect();
        // A missing profile is requested when it is needed. From then on its changes are delivered.
        let mut profiles = BTreeMap::new();
        for name in known.iter().filter_map(Value::as_str).filter(|name| !may_block(client.name(), name)) {
            let user = client.get(&format!("users/{name}/?fields=name+display_name")).await;
            let (held, shown) = (self.profiles.get(name), user.json["display_name"].clone());
            assert!(
                user.status != 200 || held.is_none_or(|held| *held == shown),
                "{name}: {held:?}, not {shown}"
            );
            profiles.insert(name.to_owned(), shown);
        }
        self.profiles = profiles;
        socket.vanish();
    }
}

/// Whether one of two users may have blocked the other; see [`RandomChanges::change`].
fn may_block(one: &str, other: &str) -> bool {
    [one, other].iter().all(|name| name.ends_with(['2', '3']))
}

/// The compared parts of a group. Clients compute counts, and the restriction of a private group, themselves.
fn state(group: &Value) -> Value {
    let mut state = json!({});
    for key in KEYS.iter().filter(|key| group["name"] != "@" || !["members", "restricts"].contains(key)) {
        state[*key] = group[*key].clone();
    }
    state["me"] = SETTINGS.iter().map(|key| ((*key).to_owned(), group["me"][*key].clone())).collect();
    state
}

/// Lets clients resume during random changes for a while, and asserts that all equal new clients. `urls` are the nodes.
pub async fn return_during_changes(
    turmoil: Arc<RandomChanges>,
    clients: Vec<Client>,
    urls: &[String],
    seed: u64,
    time: Duration,
) -> Vec<ReturningClient> {
    let (mut tasks, end) = (Vec::new(), Instant::now() + time);
    for number in 0..2 {
        let turmoil = turmoil.clone();
        tasks.push(tokio::spawn(async move { turmoil.run(Numbers::of_seed(seed * 7 + number)).await }));
    }
    let mut random = Numbers::of_seed(seed);
    let mut returning: Vec<_> = clients.iter().map(|_| ReturningClient::default()).collect();
    while Instant::now() < end {
        for (client, held) in clients.iter().zip(&mut returning) {
            let url: &String = random.pick(urls);
            let at_node = Client::new(url, Some(client.token()), client.name());
            held.comes_back(&at_node, &mut random).await;
        }
    }
    turmoil.end();
    for task in tasks {
        task.await.expect("the changes end");
    }
    for (client, held) in clients.iter().zip(&mut returning) {
        let at_node = Client::new(&urls[0], Some(client.token()), client.name());
        assert!(held.comes_back(&at_node, &mut random).await, "nothing is in the way");
        held.equals_a_new_client(&at_node).await;
    }
    returning
}
