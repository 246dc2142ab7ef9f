//! W6: the latest messages, a page from anywhere, a page by date, and a send in a long history beside a short one. The use
//! cases are called directly, so that the transport does not hide a difference.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use chinwag_core::app::message::{Point, Send};
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::store::Page;
use chinwag_core::user::Caller;
use chinwag_core::{Clock, Date, GroupId, Seq};

use super::{RunSettings, compare_with_shortest, grouped, histories, median};
use crate::random::Random;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{self, Plan, World};

const PAGE: usize = 20;
const SHORT: u64 = 10_000;

/// A group with a history of a given length.
pub(super) struct GroupHistory {
    app: App,
    clock: Arc<SystemClock>,
    context: Context,
    group: GroupId,
    length: u64,
    random: Random,
    _world: World,
}

#[derive(Clone, Copy)]
pub(super) enum Query {
    Latest,
    Random,
    ByDate,
    Send,
}

pub(super) const QUERIES: [(Query, &str, f64); 4] = [
    (Query::Latest, "latest 20", 1.25),
    (Query::Random, "random page", 1.5),
    (Query::ByDate, "page by date", 1.25),
    (Query::Send, "send", 1.25),
];

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let (short, most) = if settings.quick { (100, 1000) } else { (SHORT, settings.messages) };
    let mut histories = histories(short, most, |length| GroupHistory::make(settings, length))?;
    let times = settings.size(400, 10);
    let mut rows = Vec::new();
    for (query, name, most) in QUERIES {
        let row = |history: &GroupHistory| -> Measurement {
            let what = format!("W6: {name}, {} messages", history.length);
            let members = grouped(settings.members.unwrap_or(10));
            let note = format!("beside {short} messages; {members} members");
            Measurement { note, ..Measurement::new(what, "µs", Goal::AtMost(most)) }
        };
        rows.extend(compare_with_shortest(&mut histories, settings.rounds, row, |history| {
            history.time(query, times)
        })?);
    }
    Ok(rows)
}

impl GroupHistory {
    pub(super) fn make(settings: &RunSettings, length: u64) -> Result<Self> {
        let members = settings.members.unwrap_or(10);
        let world = World::make(&settings.server, &Plan { messages: length, ..Plan::crowds(1, members) })?;
        let clock = Arc::new(SystemClock::default());
        let app = App::new(world.open()?, clock.clone(), Limits::default());
        let context = Context::new(Caller::User(world.users[0]));
        Ok(Self {
            app,
            clock,
            context,
            group: world.groups[0],
            length,
            random: Random::new(length),
            _world: world,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The median time of a query in microseconds.
    pub(super) fn time(&mut self, query: Query, times: usize) -> Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let number = i64::try_from(self.random.below(self.length))? + 1;
            let begun = Instant::now();
            runtime.block_on(self.run(query, number))?;
            took.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(median(took))
    }

    async fn run(&self, query: Query, number: i64) -> Result<()> {
        let point = match query {
            Query::Latest => None,
            Query::Random => Some(Point::Seq(Seq(number))),
            Query::ByDate => {
                let back = (i64::try_from(self.length)? - number) * 1_000_000;
                Some(Point::Date(Date::from_micros(self.clock.now().micros() - back)))
            }
            Query::Send => {
                let send = Send::new(self.group, world::body(1));
                self.app.message_send(&self.context, send).await?;
                return Ok(());
            }
        };
        self.app.messages(&self.context, self.group, Page::before(point, PAGE)).await?;
        Ok(())
    }
}
