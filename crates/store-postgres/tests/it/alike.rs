//! Messages that are sent in batches get the same answers, and leave the same logs, as messages that are sent
//! one after the other as jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::ban::BanUpdate;
use chinwag_core::app::group::{Leave, Roles};
use chinwag_core::app::group_update::Update;
use chinwag_core::app::identity::{IssueToken, SpelledName};
use chinwag_core::app::message::{Send, Sent};
use chinwag_core::app::{Context, Who};
use chinwag_core::group_details::GroupDetailsUpdate;
use chinwag_core::log::LogEntry;
use chinwag_core::message::{ClientId, Message};
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use chinwag_core::{Date, Error, GroupId, MessageId, Result, UserId};
use chinwag_store_postgres::Options;
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::store::Numbers;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::world::{ByJobs, Node, by, name, open, text};

const NAMES: [&str; 5] = ["ann", "bob", "cat", "dan", "eve"];
const GROUPS: usize = 4;
const BURSTS: usize = 12;
const BURST: usize = 40;

/// A randomly drawn message, in terms that are the same for both worlds.
#[derive(Debug, Clone)]
struct Drawn {
    /// The service, one of the users, or a deleted user.
    caller: Option<usize>,
    /// Whether the user authenticates by token. The deleted user shows a ticket, which is not a token.
    by_token: bool,
    author: Option<&'static str>,
    group: usize,
    body: usize,
    client_id: Option<usize>,
    /// The index of the answered message among those that were sent.
    respond_to: Option<usize>,
    date: bool,
}

struct World {
    node: Node,
    users: Vec<UserId>,
    /// A token of each user, and a ticket of one.
    tokens: Vec<TokenHash>,
    groups: Vec<GroupId>,
    /// The sent messages, in the order of their answers.
    sent: Vec<MessageId>,
    /// The group and number of each message.
    places: HashMap<MessageId, (usize, i64)>,
    _database: Database,
}

impl World {
    async fn new(by_jobs: bool) -> Self {
        let database = Database::new();
        let bus = Arc::<Recorder>::default();
        let options = Options { senders: 3, ..Options::default() };
        let store = open(&database.url(), &options, &bus).await;
        let node =
            if by_jobs { Node::over(Arc::new(ByJobs(store)), bus) } else { Node::over(Arc::new(store), bus) };
        let mut users = Vec::new();
        for name in NAMES {
            users.push(node.user(name).await);
        }
        let mut tokens = Vec::new();
        for user in &users {
            let name = SpelledName::parse(NAMES[tokens.len()]).expect("a name");
            let asked = IssueToken { name, ttl: Duration::from_secs(600), adopt: false };
            let app = &node.app;
            let token = app.token_create(&Context::new(Caller::Service), asked).await;
            tokens.push(token.expect("a token").secret.hash());
            if tokens.len() == users.len() {
                tokens.push(app.ticket_create(&by(*user), None).await.expect("a ticket").secret.hash());
            }
        }
        users.push(UserId(1_000_000));
        let mut groups = Vec::new();
        for _ in 0..GROUPS {
            groups.push(node.group(&NAMES[..4]).await);
        }
        groups.push(GroupId(Uuid::from_u128(7)));
        Self { node, users, tokens, groups, sent: Vec::new(), places: HashMap::new(), _database: database }
    }

    fn send(&self, drawn: &Drawn) -> (Context, Send) {
        let who = match drawn.caller {
            None => Who::Known(Caller::Service),
            Some(user) if drawn.by_token => Who::Token(self.tokens[user]),
            Some(user) => Who::Known(Caller::User(self.users[user])),
        };
        let respond_to = drawn.respond_to.map(|number| match self.sent.len() {
            0 => MessageId(Uuid::from_u128(9)),
            count => self.sent[number % count],
        });
        let send = Send {
            author: drawn.author.map(name),
            respond_to,
            date: drawn.date.then(|| Date::from_micros(1_000_001)),
            client_id: drawn.client_id.map(|id| ClientId::stored(&format!("id {id}"))),
            ..text(self.groups[drawn.group], &format!("body {}", drawn.body))
        };
        (Context::of(who), send)
    }

    /// Sends messages, all at once or one by one.
    async fn burst(&mut self, drawn: &[Drawn], at_once: bool) -> Vec<String> {
        let sends: Vec<_> = drawn.iter().map(|drawn| self.send(drawn)).collect();
        let app = &self.node.app;
        let sending =
            |(context, send): (Context, Send)| async move { app.message_send(&context, send).await };
        let mut answers = Vec::new();
        if at_once {
            answers = join_all(sends.into_iter().map(sending)).await;
        } else {
            for send in sends {
                answers.push(sending(send).await);
            }
        }
        for message in answers.iter().flatten() {
            let (Sent::New(message) | Sent::Before(message)) = message;
            let group = self.groups.iter().position(|group| *group == message.group).expect("a group");
            if self.places.insert(message.id, (group, message.seq.0)).is_none() {
                self.sent.push(message.id);
            }
        }
        // The answers of different groups are in no particular order.
        self.sent.sort_by_key(|id| self.places[id]);
        answers.into_iter().map(|answer| self.described(answer)).collect()
    }

    fn described(&self, answer: Result<Sent>) -> String {
        match answer {
            Ok(Sent::New(message)) => format!("new {}", self.message(&message)),
            Ok(Sent::Before(message)) => format!("before {}", self.message(&message)),
            Err(why) => format!("{why:?}"),
        }
    }

    fn message(&self, message: &Message) -> String {
        let answers = message.respond_to.map(|id| self.places[&id]);
        let (place, author, id) = (self.places.get(&message.id), &message.author_name, &message.client_id);
        let date = Some(message.date).filter(|date| date.micros() < 2_000_000);
        format!(
            "{place:?} {author} {} {answers:?} {id:?} {date:?} {:?}",
            message.body,
            message.edited.is_some()
        )
    }

    async fn logs(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for group in &self.groups {
            for row in self.node.log(*group).await {
                let what = match (row.entry, row.message) {
                    (LogEntry::MessageSent, Some(message)) => self.message(&message),
                    (LogEntry::MessageDeleted { seq, .. }, None) => format!("deleted {seq}"),
                    other => format!("{other:?}"),
                };
                lines.push(format!("{} {what}", row.seq));
            }
        }
        lines
    }

    /// Randomly changes permissions, and deletes messages.
    async fn unsettle(&self, numbers: &mut Numbers) {
        let group = self.groups[numbers.below(GROUPS)];
        let who = name(NAMES[1 + numbers.below(3)]);
        let service = Context::new(Caller::Service);
        let mut update = Update {
            author: None,
            group,
            name: None,
            owner: None,
            roles: Roles::default(),
            remove: vec![],
            bans: BanUpdate::default(),
            details: GroupDetailsUpdate::default(),
        };
        match numbers.below(4) {
            0 => update.roles.restricts.push(who),
            1 => update.roles.members.push(who),
            2 => update.remove.push(who),
            _ => {
                let victim = self.sent.get(numbers.below(self.sent.len().max(1)));
                if let Some(id) = victim {
                    // It may be deleted already.
                    let _ = self.node.app.message_delete(&service, *id).await;
                }
                return;
            }
        }
        // Removing a user who is not a member fails.
        let _ = self.node.app.group_update(&service, update).await;
    }
}

fn draw(numbers: &mut Numbers) -> Drawn {
    let anybody = if numbers.below(4) == 0 { NAMES.len() + 1 } else { 4 };
    let caller = (numbers.below(4) > 0).then(|| numbers.below(anybody));
    let own = caller.and_then(|caller| NAMES.get(caller).copied());
    let author = match numbers.below(9) {
        0 => Some(NAMES[numbers.below(NAMES.len())]),
        1 if caller.is_none() => Some("nobody"),
        1 => own,
        2 if caller.is_some() => None,
        _ => own.or(caller.is_none().then(|| NAMES[numbers.below(4)])),
    };
    Drawn {
        caller,
        by_token: numbers.below(2) == 0,
        author,
        group: if numbers.below(20) == 0 { GROUPS } else { numbers.below(GROUPS) },
        body: usize::from(numbers.below(4) == 0),
        client_id: (numbers.below(2) == 0).then(|| numbers.below(5)),
        respond_to: (numbers.below(5) == 0).then(|| numbers.below(1000)),
        date: numbers.below(4) == 0,
    }
}

async fn the_same_from(seed: u64) {
    let (mut batched, mut one_by_one) = (World::new(false).await, World::new(true).await);
    let (mut numbers, mut kinds) = (Numbers(seed), [0; 3]);
    for _ in 0..BURSTS {
        let drawn: Vec<_> = (0..BURST).map(|_| draw(&mut numbers)).collect();
        let (one, other) = (batched.burst(&drawn, true).await, one_by_one.burst(&drawn, false).await);
        for ((drawn, one), other) in drawn.iter().zip(&one).zip(&other) {
            assert_eq!(one, other, "{drawn:?}");
            kinds[if one.starts_with("new") { 0 } else { 1 + usize::from(!one.starts_with("before")) }] += 1;
        }
        for _ in 0..3 {
            let same = numbers.0;
            batched.unsettle(&mut Numbers(same)).await;
            one_by_one.unsettle(&mut numbers).await;
        }
        assert_eq!(batched.logs().await, one_by_one.logs().await);
    }
    assert!(kinds.iter().all(|count| *count > 20), "new, before and refused: {kinds:?}");
    let commits = batched.node.bus.batches().len();
    assert!(commits < kinds[0], "messages shared commits: {commits} for {kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_decided_like_its_messages_one_by_one() {
    for seed in [0x0ddb_a115, 0x00c0_ffee] {
        the_same_from(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_deleted_takes_no_more_messages() {
    let mut world = World::new(false).await;
    let delete = Leave { author: None, group: world.groups[0] };
    world.node.app.group_delete(&Context::new(Caller::Service), delete).await.expect("it is deleted");
    let drawn = |caller| Drawn {
        caller,
        by_token: false,
        author: Some("ann"),
        group: 0,
        body: 0,
        client_id: None,
        respond_to: None,
        date: false,
    };
    let answers = world.burst(&[drawn(None), drawn(Some(0))], true).await;
    let refused = format!("{:?}", Error::NotFound("group"));
    assert_eq!(answers, [refused.clone(), refused]);
}
