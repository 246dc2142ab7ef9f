//! W12: the time to show a group with its count of unread messages in a long history beside a short one, to the author of
//! all messages, to a user who has read none, and to one who has read all. The use case is called directly.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::store::Store;
use chinwag_core::user::Caller;
use chinwag_core::{Clock, GroupId, Seq, UserId};

use super::{RunSettings, compare_with_shortest, grouped, histories, median};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{self, Plan, World};

const SHORT: u64 = 1_000;
const MEMBERS: usize = 10;
/// The count of unread messages stops here.
const MAX_UNREAD: usize = 100;

/// A kind of reader. The first user is the author of all messages.
#[derive(Clone, Copy)]
enum ReaderKind {
    Author,
    Newcomer,
    UpToDate,
}

const READERS: [(ReaderKind, &str, usize); 3] = [
    (ReaderKind::Author, "who wrote all", 0),
    (ReaderKind::Newcomer, "who read nothing", MAX_UNREAD),
    (ReaderKind::UpToDate, "who read all", 0),
];

/// A group with a history of a given length.
struct UnreadHistory {
    app: App,
    group: GroupId,
    users: [UserId; 3],
    length: u64,
    _world: World,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let (short, most) = if settings.quick { (200, 2000) } else { (SHORT, settings.messages) };
    let mut histories = histories(short, most, |length| UnreadHistory::make(settings, length))?;
    let times = settings.size(2000, 10);
    let mut rows = Vec::new();
    for (reader, name, unread) in READERS {
        let row = |history: &UnreadHistory| {
            let what = format!("W12: {name}, {} messages", history.length);
            let note = format!("beside {short} messages; {} members", grouped(MEMBERS));
            Measurement { note, ..Measurement::new(what, "µs", Goal::AtMost(1.25)) }
        };
        let time = |history: &mut UnreadHistory| history.time(reader, unread, times);
        rows.extend(compare_with_shortest(&mut histories, settings.rounds, row, time)?);
    }
    Ok(rows)
}

impl UnreadHistory {
    fn make(settings: &RunSettings, length: u64) -> Result<Self> {
        let world = World::make(&settings.server, &Plan { messages: length, ..Plan::crowds(1, MEMBERS) })?;
        let (clock, store, group) = (Arc::new(SystemClock::default()), world.open()?, world.groups[0]);
        let users = [world.users[0], world.users[1], world.users[2]];
        read_all(&store, group, users[2], Seq(i64::try_from(length)?), &clock)?;
        let app = App::new(store, clock, Limits::default());
        Ok(Self { app, group, users, length, _world: world })
    }

    /// The median time to show the group, in microseconds.
    fn time(&self, reader: ReaderKind, unread: usize, times: usize) -> Result<f64> {
        let context = Context::new(Caller::User(self.users[reader as usize]));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let begun = Instant::now();
            let seen = runtime.block_on(self.app.group(&context, self.group))?;
            took.push(begun.elapsed().as_secs_f64() * 1e6);
            let found = seen.mark.map(|mark| mark.unread);
            ensure!(found.is_some_and(|found| usize::try_from(found) == Ok(unread)), "{found:?} are unread");
        }
        Ok(median(took))
    }
}

fn read_all(
    store: &Arc<dyn Store>,
    group: GroupId,
    user: UserId,
    seq: Seq,
    clock: &SystemClock,
) -> Result<()> {
    let now = clock.now();
    world::block_on(store.write(move |tx, _| tx.mark_set(group, user, seq, now)))??;
    Ok(())
}
