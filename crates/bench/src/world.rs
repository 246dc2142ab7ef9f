//! The users, groups and messages that a workload starts with. They are written through the store before the server starts,
//! because requests would take longer than the measurement. After the server's end, the checks read the store again.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::event::Event;
use chinwag_core::message::Body;
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::send::Kept;
use chinwag_core::store::{Edge, NewMessage, Page, Store, Tx};
use chinwag_core::token::{Kind, Secret, SecretKind};
use chinwag_core::{Clock, Date, GroupId, MessageId, Name, Seq, UserId};
use chinwag_store_sqlite::{Options, SqliteStore};
use chinwag_testkit::process::Program;

use crate::frame;
use crate::shared::Shared;

/// Rows per transaction.
const CHUNK: usize = 5_000;
const PAGE: usize = 1_000;

/// A bus without subscribers.
pub(crate) struct NullBus;

impl Bus for NullBus {
    fn publish(&self, _: Vec<Event>) {}
    fn publish_ephemeral(&self, _: Vec<Event>) {}
}

/// The content of a world.
pub(crate) struct Plan {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    /// The groups of a user.
    pub(crate) groups_of: fn(usize, &Plan) -> Vec<usize>,
    /// Messages in each group at the start.
    pub(crate) messages: u64,
    /// The number of contacts of each user, who are the users after it.
    pub(crate) contacts: usize,
}

/// A world in a data folder, or in a database.
pub(crate) struct World {
    pub(crate) program: Program,
    shared: Option<Shared>,
    pub(crate) users: Vec<UserId>,
    pub(crate) tokens: Vec<String>,
    pub(crate) groups: Vec<GroupId>,
    /// The groups of each user.
    pub(crate) groups_of: Vec<Vec<usize>>,
    pub(crate) messages: u64,
}

impl Plan {
    /// `groups` groups of `size` members, each user in one.
    pub(crate) fn crowds(groups: usize, size: usize) -> Self {
        let groups_of = |user: usize, plan: &Plan| vec![user * plan.groups / plan.users];
        Self { users: groups * size, groups, groups_of, messages: 0, contacts: 0 }
    }
}

/// A user's name.
pub(crate) fn name(user: usize) -> String {
    format!("user{user}")
}

/// Runs a future that waits only for the store.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

impl World {
    /// Makes the world in a new data folder.
    pub(crate) fn make(binary: &Path, plan: &Plan) -> Result<Self> {
        Self::make_in(None, binary, plan)
    }

    /// The same in a database.
    pub(crate) fn make_shared(shared: Shared, binary: &Path, plan: &Plan) -> Result<Self> {
        Self::make_in(Some(shared), binary, plan)
    }

    fn make_in(shared: Option<Shared>, binary: &Path, plan: &Plan) -> Result<Self> {
        let program = Program::new(binary);
        DirBuilder::new().mode(0o700).create(program.data())?;
        let clock = Arc::new(SystemClock::default());
        let groups_of: Vec<_> = (0..plan.users).map(|user| (plan.groups_of)(user, plan)).collect();
        let mut world = Self {
            program,
            shared,
            users: Vec::new(),
            tokens: (0..plan.users)
                .map(|_| Secret::new(SecretKind::Token, &*clock).expose().to_owned())
                .collect(),
            groups: (0..plan.groups).map(|_| GroupId::new(&*clock)).collect(),
            groups_of,
            messages: plan.messages,
        };
        // Without durability: a loss of power only costs a measurement.
        let store = world.open_store(false)?;
        block_on(world.fill(&store, plan, clock))??;
        drop(store);
        // Otherwise the kernel writes back for half a minute during the measurement.
        rustix::fs::sync();
        Ok(world)
    }

    async fn fill(&mut self, store: &Arc<dyn Store>, plan: &Plan, clock: Arc<SystemClock>) -> Result<()> {
        let now = clock.now();
        let groups = self.groups.clone();
        let make =
            move |tx: &mut dyn Tx| groups.iter().try_for_each(|id| tx.group_insert(*id, "group", None));
        store.write(move |tx, _| make(tx)).await?;
        let mut owned = vec![false; self.groups.len()];
        for chunk in (0..plan.users).collect::<Vec<_>>().chunks(CHUNK / 20) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|user| {
                    // The first member of a group is its owner.
                    let mut role = |group: usize| {
                        if std::mem::replace(&mut owned[group], true) { Role::Member } else { Role::Owner }
                    };
                    let groups: Vec<_> = self.groups_of[*user]
                        .iter()
                        .map(|group| (self.groups[*group], role(*group)))
                        .collect();
                    (
                        Name::stored(&name(*user)),
                        chinwag_core::token::TokenHash::of(&self.tokens[*user]),
                        groups,
                    )
                })
                .collect();
            let made = store.write(move |tx, _| {
                rows.iter()
                    .map(|(name, token, groups)| {
                        let user = tx.user_insert(name, false, now)?.expect("the name is free").id;
                        tx.token_insert(
                            token,
                            user,
                            Kind::Token,
                            Date::from_micros(now.micros() + 86_400_000_000),
                        )?;
                        groups
                            .iter()
                            .try_for_each(|(group, role)| tx.member_set(*group, user, *role, now))?;
                        Ok(user)
                    })
                    .collect::<chinwag_core::Result<Vec<_>>>()
            });
            self.users.extend(made.await?);
        }
        let pair = Pair { mine: Some(Relation::Contact), theirs: Some(Relation::Contact) };
        for (at, user) in self.users.iter().copied().enumerate().filter(|_| plan.contacts > 0) {
            let others: Vec<_> =
                (1..=plan.contacts).map(|step| self.users[(at + step) % self.users.len()]).collect();
            store
                .write(move |tx, _| others.iter().try_for_each(|other| tx.pair_set(user, *other, pair, now)))
                .await?;
        }
        for (group, id) in self.groups.iter().enumerate().filter(|_| plan.messages > 0) {
            let author = self.groups_of.iter().position(|groups| groups.contains(&group)).unwrap_or(0);
            fill_group(store, &clock, *id, self.users[author], plan.messages).await?;
        }
        Ok(())
    }

    /// The services of a world in a shared database.
    pub(crate) fn shared(&self) -> Result<&Shared> {
        self.shared.as_ref().context("it is in a folder")
    }

    /// Opens its store with the server's durability.
    pub(crate) fn open(&self) -> Result<Arc<dyn Store>> {
        self.open_store(true)
    }

    fn open_store(&self, durable: bool) -> Result<Arc<dyn Store>> {
        if let Some(shared) = &self.shared {
            return shared.open();
        }
        let options = Options { durable, ..Options::default() };
        let file = self.program.data().join("chinwag.db");
        Ok(Arc::new(SqliteStore::open(&file, options, Arc::new(NullBus))?))
    }

    /// The first group that a user is in.
    pub(crate) fn group_of(&self, user: usize) -> usize {
        self.groups_of[user][0]
    }

    /// A user's handshake, which names the group for a bare server.
    pub(crate) fn handshake(&self, user: usize) -> String {
        format!(
            "GET /chat/?g={} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {}\r\n\r\n",
            self.group_of(user),
            self.tokens[user]
        )
    }

    /// Checks that the first group's log has `sent` new messages, each once, in any order. The server must have stopped.
    pub(crate) fn check_count(&self, sent: u64) -> Result<()> {
        let store = self.open()?;
        let mut kept = block_on(numbers(&store, self.groups[0], Seq(i64::try_from(self.messages)?)))??;
        kept.sort_unstable();
        ensure!(kept.iter().copied().eq(1..=sent), "of {sent} messages {} are in the store", kept.len());
        Ok(())
    }

    /// Checks that every group's log has the new messages 1 to `sent`, each once and in order. The server must have stopped.
    pub(crate) fn check(&self, sent: &[u64]) -> Result<()> {
        let store = self.open()?;
        for (group, sent) in self.groups.iter().zip(sent) {
            let kept = block_on(numbers(&store, *group, Seq(i64::try_from(self.messages)?)))??;
            let right = kept.iter().copied().eq(1..=*sent);
            ensure!(right, "of {sent} messages of a group {} are in the store, or not in order", kept.len());
        }
        Ok(())
    }

    /// Checks that every group's log has the new messages 1 to a number, each once and in order, except for messages whose
    /// deletion was requested. The server must have stopped.
    pub(crate) fn check_kept(&self, groups: &[(u64, BTreeSet<u64>)]) -> Result<()> {
        let store = self.open()?;
        for (group, (sent, deleted)) in self.groups.iter().zip(groups) {
            let kept = block_on(numbers(&store, *group, Seq(i64::try_from(self.messages)?)))??;
            ensure!(kept.is_sorted_by(|one, next| one < next), "a message exists twice, or not in order");
            let expected = (1..=*sent).filter(|number| !deleted.contains(number));
            let is_kept = |number: u64| kept.binary_search(&number).is_ok();
            let missing = expected.filter(|number| !is_kept(*number)).count();
            ensure!(missing == 0, "{missing} of {sent} messages of a group are not in the store");
            ensure!(kept.last() <= Some(sent), "a message is in the store that was not acknowledged");
        }
        Ok(())
    }
}

/// Appends `count` messages to a group, one second apart, up to now.
pub(crate) async fn fill_group(
    store: &Arc<dyn Store>,
    clock: &Arc<SystemClock>,
    group: GroupId,
    author: UserId,
    count: u64,
) -> Result<()> {
    let first = clock.now().micros() - i64::try_from(count)? * 1_000_000;
    let mut done = 0;
    while done < count {
        // The last one gets its own commit, which indexes the earlier ones by date.
        let most = (count - done - 1).clamp(1, CHUNK as u64);
        let (clock, last) = (clock.clone(), first + i64::try_from(done + most)? * 1_000_000);
        let filled = store.write(move |tx, _| {
            let newest = Date::from_micros(last);
            let seq = tx.seq_take_for_messages(group, usize::try_from(most).unwrap_or(usize::MAX), newest)?;
            for number in 0..i64::try_from(most).unwrap_or(i64::MAX) {
                let seq = Seq(seq.0 + number);
                let date = Date::from_micros(first + seq.0 * 1_000_000);
                let id = MessageId::new(&*clock);
                let body = body(u64::try_from(seq.0).unwrap_or(0));
                tx.message_insert(&NewMessage::new(group, Kept { id, date, seq }, author, body))?;
            }
            Ok(())
        });
        filled.await?;
        done += most;
    }
    Ok(())
}

/// A body of typical length.
pub(crate) fn body(number: u64) -> Body {
    Body::parse(&frame::body(number, 0), 4096).expect("letters and digits")
}

async fn numbers(store: &Arc<dyn Store>, group: GroupId, after: Seq) -> Result<Vec<u64>> {
    let (mut numbers, mut after) = (Vec::new(), after);
    loop {
        let page = Page { edge: Edge::AfterSeq(after), limit: PAGE };
        let messages = store.read(move |tx| tx.messages(group, &page)).await?;
        let Some(last) = messages.last() else { return Ok(numbers) };
        after = last.seq;
        for message in &messages {
            numbers.push(frame::number_in(&message.body).context("a body that nobody has sent")?);
        }
    }
}
