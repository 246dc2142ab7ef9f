//! W14: the time of a search page beside 25 ms, the size of the index beside the text, and W5's messages per second with the
//! index beside those without, on SQLite and on PostgreSQL. The use case is called directly.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chinwag_core::app::follower::Claim;
use chinwag_core::app::search::Search;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::message::Body;
use chinwag_core::search::SearchQuery;
use chinwag_core::send::Kept;
use chinwag_core::store::{Follower, NewMessage, Store};
use chinwag_core::user::Caller;
use chinwag_core::{Clock, Date, GroupId, MessageId, Seq, UserId};
use chinwag_testkit::postgres::Server;

use super::fanout::Stage;
use super::{RunSettings, grouped};
use crate::random::Random;
use crate::shared::Shared;
use crate::subject::{Subject, WITHOUT_INDEX};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{self, Plan, World};

const GROUPS: usize = 1000;
const SHORT: u64 = 10_000;
/// The number of different words, the most frequent first, and the words of one text.
const WORDS: f64 = 50_000.0;
const LENGTH: usize = 9;
/// One text in ten is Chinese; its length, and the number of different characters.
const CHINESE: u64 = 10;
const CHARACTERS: u64 = 2500;
const PAGE: usize = 20;
const LIMIT: f64 = 25.0;
/// A history is skipped if writing and indexing it would take longer.
const MAX_BUILD_TIME: Duration = Duration::from_secs(600);
/// Time for the queries of one kind in one round.
const MAX_QUERY_TIME: Duration = Duration::from_secs(15);
/// The fewest queries of one kind in a round that give a p99.
const MIN_QUERIES: usize = 100;
/// The groups of W5, and the messages in flight in each.
const SENDERS: usize = 8;
const IN_FLIGHT: u64 = 32;

/// A kind of query.
#[derive(Clone, Copy)]
enum QueryKind {
    CommonWord,
    RareWord,
    Phrase,
    TwoCharacters,
}

const QUERY_KINDS: [(QueryKind, &str); 4] = [
    (QueryKind::CommonWord, "common word"),
    (QueryKind::RareWord, "rare word"),
    (QueryKind::Phrase, "phrase"),
    (QueryKind::TwoCharacters, "two characters"),
];

/// Texts with a natural distribution of words, the same in every run.
struct Texts {
    random: Random,
}

/// A store with indexed messages.
struct SearchHistory {
    engine: &'static str,
    app: App,
    context: Context,
    length: u64,
    /// The bytes of the texts, and those of the index.
    bytes: (f64, f64),
    indexed_in: Duration,
    texts: Vec<String>,
    world: World,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let (short, most) = if settings.quick { (500, 500) } else { (SHORT, settings.messages) };
    let mut rows = Vec::new();
    let mut length = short;
    while length <= most {
        let begun = Instant::now();
        let searched = SearchHistory::make(settings, length, None)?;
        let expected = begun.elapsed() * 10;
        rows.extend(searched.rows(settings)?);
        length *= 10;
        if length <= most && expected > MAX_BUILD_TIME {
            eprintln!("  {length} messages are left out: to write them would take {} s", expected.as_secs());
            break;
        }
    }
    let server = Arc::new(Server::start_durable());
    // Each row is a round trip on PostgreSQL; ten times as many take too long to write.
    let on_postgres = if settings.quick { short } else { most.min(100_000) };
    rows.extend(SearchHistory::make(settings, on_postgres, Some(&server))?.rows(settings)?);
    rows.push(sends(settings)?);
    Ok(rows)
}

/// W5's messages per second with the index beside those without.
fn sends(settings: &RunSettings) -> Result<Measurement> {
    let plan = Plan::crowds(SENDERS, 2);
    let (with, without) = (World::make(&settings.server, &plan)?, World::make(&settings.server, &plan)?);
    let mut with = (Stage::set(Subject::chinwag(&with.program)?, &with)?, with);
    let mut without =
        (Stage::set(Subject::chinwag_with(&without.program, &WITHOUT_INDEX)?, &without)?, without);
    eprintln!("  messages with the index and without …");
    let what = "W14: W5's messages with the index, beside those without";
    let mut row = Measurement::new(what, "messages/s", Goal::AtLeast(0.85));
    for _ in 0..settings.rounds {
        let rate = |(stage, _): &mut (Stage, World)| -> Result<f64> {
            let run = stage.crowd.send_windowed(IN_FLIGHT, settings.stretch)?;
            Ok(run.messages as f64 / run.seconds)
        };
        row.pairs.push((rate(&mut with)?, rate(&mut without)?));
    }
    for (stage, world) in [with, without] {
        stage.subject.stop()?;
        world.check(&stage.crowd.sent())?;
    }
    Ok(row)
}

impl Texts {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    fn next(&mut self) -> String {
        if self.random.below(CHINESE) == 0 {
            let character = |_| char::from_u32(0x4e00 + self.random.below(CHARACTERS) as u32).unwrap_or('一');
            return (0..LENGTH).map(character).collect();
        }
        (0..LENGTH).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// A random word, distributed by Zipf's law.
    fn word(&mut self) -> String {
        let uniform = (self.random.below(1 << 24) + 1) as f64 / f64::from(1 << 24);
        word(WORDS.powf(uniform) as u64 - 1)
    }
}

/// The word of a rank. Frequent words are shorter.
fn word(mut rank: u64) -> String {
    let mut word = String::new();
    while word.len() < 2 || rank > 0 {
        word.push(char::from(b"bcdfghklmnprstvz"[(rank % 16) as usize]));
        rank /= 16;
        word.push(char::from(b"aeiou"[(rank % 5) as usize]));
        rank /= 5;
    }
    word
}

impl SearchHistory {
    fn make(settings: &RunSettings, length: u64, server: Option<&Arc<Server>>) -> Result<Self> {
        let groups = settings.size(GROUPS, 50);
        let every = |_: usize, plan: &Plan| -> Vec<usize> { (0..plan.groups).collect() };
        let plan = Plan { users: 1, groups, groups_of: every, messages: 0, contacts: 0 };
        let world = match server {
            Some(server) => World::make_shared(Shared::by_one(server), &settings.server, &plan)?,
            None => World::make(&settings.server, &plan)?,
        };
        let (user, mut source) = (world.users[0], Texts::new(length));
        let engine = if server.is_some() { "PostgreSQL" } else { "SQLite" };
        eprintln!("  {engine}: {length} messages are written …");
        let texts: Vec<_> = (0..length).map(|_| source.next()).collect();
        world::block_on(fill(&world.open()?, &world.groups, user, &texts))??;
        let before = Self::size(&world)?;
        eprintln!("  {engine}: they are indexed …");
        let begun = Instant::now();
        world::block_on(index(&App::new(
            world.open()?,
            Arc::new(SystemClock::default()),
            Limits::default(),
        )))??;
        let indexed_in = begun.elapsed();
        let bytes = (texts.iter().map(String::len).sum::<usize>() as f64, Self::size(&world)? - before);
        let app = App::new(world.open()?, Arc::new(SystemClock::default()), Limits::default());
        let context = Context::new(Caller::User(user));
        Ok(Self { engine, app, context, length, bytes, indexed_in, texts, world })
    }

    /// The bytes of the database file while it is closed, or of the index's tables.
    fn size(world: &World) -> Result<f64> {
        match world.shared() {
            Ok(shared) => shared.bytes_of(&["chinwag.search_words", "chinwag.search_groups"]),
            Err(_) => Ok(file_size(&world.program.data().join("chinwag.db"))?),
        }
    }

    fn rows(&self, settings: &RunSettings) -> Outcome {
        let (engine, length) = (self.engine, self.length);
        let times = settings.size(1000, 10);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut rows = Vec::new();
        for (sought, name) in QUERY_KINDS {
            let what = format!("W14 on {engine}: {name}, {length} messages, p99");
            let mut row = Measurement::new(what, "ms", Goal::AtMost(1.0));
            eprintln!("  {engine}: {name}, {length} messages …");
            let (mut median, mut asked) = (0.0, times);
            for round in 0..settings.rounds {
                let mut random = Random::new(round as u64 + 1);
                let (begun, mut took) = (Instant::now(), Vec::with_capacity(times));
                for number in 0..times {
                    if number >= MIN_QUERIES && begun.elapsed() > MAX_QUERY_TIME {
                        break;
                    }
                    let query = self.query(sought, &mut random);
                    took.push(runtime.block_on(self.time(&query))?);
                }
                took.sort_by(f64::total_cmp);
                (median, asked) = (took[took.len() / 2], asked.min(took.len()));
                row.pairs.push((took[took.len() * 99 / 100], LIMIT));
            }
            let groups = grouped(self.world.groups.len());
            row.note = format!("median {median:.2} ms; {groups} groups; {asked} queries a round");
            rows.push(row);
        }
        let what = format!("W14 on {engine}: index beside text, {length} messages");
        let mut size = Measurement::new(what, "KiB", Goal::AtMost(1.5));
        size.pairs.push((self.bytes.1 / 1024.0, self.bytes.0 / 1024.0));
        size.note = format!("built in {:.1} s", self.indexed_in.as_secs_f64());
        rows.push(size);
        Ok(rows)
    }

    /// A query made of words from a random message.
    fn query(&self, sought: QueryKind, random: &mut Random) -> String {
        let is_chinese = matches!(sought, QueryKind::TwoCharacters);
        let text = loop {
            let text = &self.texts[random.below(self.length) as usize];
            if text.is_ascii() != is_chinese {
                break text;
            }
        };
        let words: Vec<_> = text.split(' ').collect();
        match sought {
            QueryKind::CommonWord => word(random.below(10)),
            // Rare words are long.
            QueryKind::RareWord => {
                words.iter().max_by_key(|word| word.len()).map_or("", |word| *word).to_owned()
            }
            QueryKind::Phrase => {
                let at = random.below(LENGTH as u64 - 1) as usize;
                format!("\"{} {}\"", words[at], words[at + 1])
            }
            QueryKind::TwoCharacters => {
                text.chars().skip(random.below(LENGTH as u64 - 1) as usize).take(2).collect()
            }
        }
    }

    /// The time of the first page in milliseconds.
    async fn time(&self, query: &str) -> Result<f64> {
        let parsed = SearchQuery::parse(query).map_err(anyhow::Error::msg)?;
        let begun = Instant::now();
        let page = self.app.search(&self.context, Search::new(parsed, PAGE)).await?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(!page.hits.is_empty() || page.next.is_some(), "{query} is not found");
        Ok(took)
    }
}

/// Writes texts to the groups in turn, one second apart, up to now.
async fn fill(store: &Arc<dyn Store>, groups: &[GroupId], user: UserId, texts: &[String]) -> Result<()> {
    let clock = Arc::new(SystemClock::default());
    let first = clock.now().micros() - i64::try_from(texts.len())? * 1_000_000;
    for (part, some) in texts.chunks(groups.len() * 5).enumerate() {
        let (groups, clock, at) = (groups.to_vec(), clock.clone(), part * groups.len() * 5);
        let bodies: Vec<_> = some.iter().map(|text| Body::parse(text, 4096).expect("letters")).collect();
        let filled = store.write(move |tx, _| {
            for (number, body) in bodies.iter().enumerate() {
                let group = groups[(at + number) % groups.len()];
                let date = Date::from_micros(first + i64::try_from(at + number).unwrap_or(0) * 1_000_000);
                let seq: Seq = tx.seq_take_for_messages(group, 1, date)?;
                let kept = Kept { id: MessageId::new(&*clock), date, seq };
                tx.message_insert(&NewMessage::new(group, kept, user, body.clone()))?;
            }
            Ok(())
        });
        filled.await?;
    }
    Ok(())
}

/// Indexes all messages.
async fn index(app: &App) -> Result<()> {
    let mut candidate = app.candidate(Follower::SearchIndex, Duration::from_secs(5));
    let Claim::Mine { lease, .. } = candidate.take().await? else { anyhow::bail!("somebody else indexes") };
    while !app.index_step(lease).await?.is_last {}
    if app.index_is_scattered().await? {
        while !app.index_merge(lease).await? {}
    }
    candidate.release(lease).await?;
    Ok(())
}

fn file_size(file: &Path) -> Result<f64> {
    Ok(std::fs::metadata(file)?.len() as f64)
}
