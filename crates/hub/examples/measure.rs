//! Measures the hub alone, with no network: `cargo run --release -p chinwag-hub --example measure`.
//!
//! Prints the number of frames per second that reach 1000 reading sockets of one group, the latency until one
//! event has reached them all, and the memory of an idle socket in 20 groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::event::{Event, Kind};
use chinwag_core::permission::Role;
use chinwag_core::store::{Store, Tx};
use chinwag_core::{Date, GroupId, MessageId, Name, Result, Seq, UserId};
use chinwag_hub::bus::LocalBus;
use chinwag_hub::{Connection, Encode, Hub, Identity, Memberships, Options, TakeOutcome};
use chinwag_store_sqlite::SqliteStore;
use uuid::Uuid;

const RECEIVERS: usize = 1000;
const EVENTS: usize = 5000;
const IDLE: usize = 15_000;
const GROUPS_EACH: usize = 20;
/// Members of each group of the idle sockets.
const CROWD: usize = 50;

struct Fixed;

impl Encode for Fixed {
    fn event(&self, _: &Event, _: Option<&str>) -> Bytes {
        Bytes::from(vec![b'x'; 300])
    }

    fn ping(&self) -> Bytes {
        Bytes::from_static(b"ping")
    }
}

struct Setting {
    store: Arc<dyn Store>,
    bus: Arc<LocalBus>,
    hub: Arc<Hub>,
}

fn start() -> Setting {
    let (bus, events) = LocalBus::new(1024);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::memory(bus.clone()).expect("a store opens"));
    let (encode, clock) = (Arc::new(Fixed), Arc::new(SystemClock::default()));
    let hub = Hub::start(store.clone(), bus.clone(), events, encode, clock, Options::default());
    Setting { store, bus, hub }
}

impl Setting {
    async fn write(&self, job: impl Fn(&mut dyn Tx) -> Result<()> + Send + 'static) {
        self.store.write(move |tx, _| job(tx)).await.expect("the store writes");
    }

    /// Creates `count` users, each a member of the groups that `groups` returns for it.
    async fn people(&self, count: usize, groups: impl Fn(usize) -> Vec<GroupId> + Send + 'static) {
        let now = Date::from_micros(0);
        self.write(move |tx| {
            for n in 0..count {
                let name = Name::stored(&format!("user{n}"));
                let user = tx.user_insert(&name, false, now)?.expect("the name is free").id;
                for group in groups(n) {
                    if tx.group(group)?.is_none() {
                        tx.group_insert(group, "group", None)?;
                    }
                    tx.member_set(group, user, Role::Member, now)?;
                }
            }
            Ok(())
        })
        .await;
    }

    async fn connect(&self, n: usize) -> Connection {
        let name = Name::stored(&format!("user{n}"));
        let named = name.clone();
        let user = self.store.read(move |tx| tx.user_named(&named)).await.expect("the store reads");
        let user: UserId = user.expect("the user is there").id;
        let identity = Identity { user, name, token: None, expires: None, scope: None };
        let connection = self.hub.register(identity).expect("there is room");
        let shown = |tx: &dyn Tx, user| {
            let groups = tx.groups_of(user, None, 100)?;
            let accepted = groups.iter().map(|group| (group.id, group.head)).collect();
            Ok(((), Memberships { accepted, ..Memberships::default() }))
        };
        let shown = self.hub.subscribe(&connection, shown).await.expect("the store reads");
        let ((), heads) = shown.expect("the user is there");
        self.hub.go_live(&connection, Vec::new(), &heads);
        connection
    }
}

async fn deliveries() {
    let setting = start();
    let group = GroupId(Uuid::from_u128(1));
    setting.people(RECEIVERS, move |_| vec![group]).await;
    let read = Arc::new(AtomicU64::new(0));
    for n in 0..RECEIVERS {
        let (connection, read) = (setting.connect(n).await, read.clone());
        tokio::spawn(async move {
            let mut frames = Vec::new();
            loop {
                connection.wait().await;
                while connection.take(&mut frames) == TakeOutcome::Frames {}
                read.fetch_add(frames.len() as u64, Ordering::Relaxed);
                frames.clear();
            }
        });
    }
    let event = move |seq: usize| {
        let seq = Seq(i64::try_from(seq).expect("it is small"));
        let id = MessageId(Uuid::nil());
        Event::in_group(Kind::MessageDelete { id, group, seq, root: None }, group, seq)
    };
    let until = |count: u64| {
        let read = read.clone();
        async move {
            while read.load(Ordering::Relaxed) < count {
                tokio::task::yield_now().await;
            }
        }
    };
    let mut took = Vec::new();
    for seq in 1..=200 {
        let begun = Instant::now();
        setting.bus.publish(vec![event(seq)]);
        until((seq * RECEIVERS) as u64).await;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    println!("one event to {RECEIVERS} sockets: median {:?}, slowest of 200 {:?}", took[100], took[199]);
    let begun = Instant::now();
    let bus = setting.bus.clone();
    tokio::task::spawn_blocking(move || (201..=200 + EVENTS).for_each(|seq| bus.publish(vec![event(seq)])))
        .await
        .expect("the writer ends");
    until(((200 + EVENTS) * RECEIVERS) as u64).await;
    let rate = (EVENTS * RECEIVERS) as u128 * 1000 / begun.elapsed().as_millis().max(1);
    println!("deliveries: {rate} a second; {:?}", setting.hub.counts());
}

async fn idle() {
    let setting = start();
    setting
        .people(IDLE, |n| {
            (0..GROUPS_EACH)
                .map(|k| GroupId(Uuid::from_u128((n / CROWD * GROUPS_EACH + k) as u128)))
                .collect()
        })
        .await;
    // Read everything once before measuring, so that the store's caches are not attributed to the hub.
    for n in 0..IDLE {
        let name = Name::stored(&format!("user{n}"));
        let all = setting.store.read(move |tx| {
            let user = tx.user_named(&name)?.expect("the user is there").id;
            Ok((tx.contacts(user)?.len(), tx.groups_of(user, None, 100)?.len()))
        });
        assert_eq!(all.await.expect("the store reads"), (0, GROUPS_EACH));
    }
    let mut connections = Vec::with_capacity(IDLE);
    for n in 0..1000 {
        connections.push(setting.connect(n).await);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = resident();
    for n in 1000..IDLE {
        connections.push(setting.connect(n).await);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (resident() - before) / (IDLE - 1000);
    println!("memory: {each} bytes resident for each idle socket in {GROUPS_EACH} groups of {CROWD}");
    println!("{:?}", setting.hub.counts());
}

/// This process's resident memory, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.expect("a number of pages") * 4096
}

#[tokio::main]
async fn main() {
    deliveries().await;
    idle().await;
}
