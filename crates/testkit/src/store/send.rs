//! The port for sends: a store that decides many messages in one statement decides each like the rule.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::{Arc, Mutex};

use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::context::Who;
use chinwag_core::event::{Event, Kind};
use chinwag_core::limits::Limits;
use chinwag_core::mention::{Mention, MentionList};
use chinwag_core::message::{Message, MessageDetail};
use chinwag_core::permission::Role;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::send::{Send, Sending, Sent};
use chinwag_core::store::{NewMessage, Tx};
use chinwag_core::suspension::{Suspension, UserStanding};
use chinwag_core::token::{self, TokenHash};
use chinwag_core::user::Caller;
use chinwag_core::{Error, GroupId, MessageId, Result, Seq, UserId};

use super::{Fixture, body, client_id, date, name, uuid};

const VALID: TokenHash = TokenHash([1; 32]);
const EXPIRED: TokenHash = TokenHash([2; 32]);
const UNKNOWN: TokenHash = TokenHash([3; 32]);
/// A date, in seconds since 2024, that no test reaches.
const FAR: i64 = 1_000_000_000;

fn app(f: &Fixture) -> App {
    App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default())
}

fn known(user: UserId) -> Context {
    Context::new(Caller::User(user))
}

fn text(group: GroupId) -> Send {
    Send::new(group, body("hello"))
}

/// Users and groups of every kind that the rule distinguishes.
struct SendFixture {
    callers: Vec<(Context, Option<&'static str>)>,
    groups: Vec<GroupId>,
    /// Messages to reply to: none, one in each group, an erased one, and one that never existed.
    answered: Vec<Option<MessageId>>,
    /// For each group, possible thread roots: replies, a message of another group, and none.
    roots: Vec<Vec<MessageId>>,
}

impl SendFixture {
    async fn new(f: &Fixture) -> Self {
        let ann = f.user("ann").await;
        let others = [f.user("bob").await, f.user("cat").await, f.user("dan").await];
        let gone = f.user("gone").await;
        let task = f.task();
        f.write(move |tx| {
            tx.user_delete(gone, task)?;
            tx.token_insert(&VALID, ann, token::Kind::Token, date(FAR))?;
            tx.token_insert(&EXPIRED, ann, token::Kind::Token, date(0))
        })
        .await;
        let groups = groups(f, ann, others).await;
        let mut answered = vec![None, Some(MessageId(uuid(9_000_000)))];
        for group in &groups {
            answered.push(Some(furnish(f, *group, ann).await));
        }
        let erased = f.send(groups[0], ann).await;
        f.write(move |tx| tx.message_erase(erased.group, erased.seq)).await;
        answered.push(Some(erased.id));
        let mut roots = Vec::new();
        for (group, id) in groups.iter().zip(&answered[2..]) {
            let mut all = thread(f, *group, ann, *id).await;
            all.extend(answered[1..4].iter().flatten().chain([&erased.id]));
            roots.push(all);
        }
        let by_token = |hash| Context::of(Who::Token(hash));
        let service = || Context::new(Caller::Service);
        let callers = vec![
            (known(ann), None),
            (known(ann), Some("ANN")),
            (known(ann), Some("bob")),
            (known(gone), None),
            (by_token(VALID), None),
            (by_token(VALID), Some("bob")),
            (by_token(EXPIRED), None),
            (by_token(UNKNOWN), None),
            (service(), None),
            (service(), Some("ann")),
            (service(), Some("nobody")),
        ];
        Self { callers, groups, answered, roots }
    }

    /// Every combination of caller, group, message to reply to, and `client_id`.
    fn sends(&self) -> Vec<(Context, Send)> {
        let mut sends = Vec::new();
        for (context, author) in &self.callers {
            for (group, roots) in self.groups.iter().zip(&self.roots) {
                let plain = || Send { author: author.map(name), ..text(*group) };
                for respond_to in &self.answered {
                    sends.push((context.clone(), Send { respond_to: *respond_to, ..plain() }));
                    let again = Send { client_id: Some(client_id("sent")), body: body("sent"), ..plain() };
                    sends.push((context.clone(), Send { respond_to: *respond_to, ..again }));
                }
                for thread in roots {
                    sends.push((context.clone(), Send { thread: Some(*thread), ..plain() }));
                    let again = Send { client_id: Some(client_id("reply")), ..plain() };
                    sends.push((context.clone(), Send { thread: Some(*thread), ..again }));
                }
                for (id, text) in [("sent", "sent"), ("sent", "other"), ("erased", "erased")] {
                    let again = Send { client_id: Some(client_id(id)), body: body(text), ..plain() };
                    sends.push((context.clone(), again));
                }
                let fresh = client_id(&format!("fresh {}", sends.len()));
                let dated = Send { client_id: Some(fresh), date: Some(date(7)), ..plain() };
                sends.push((context.clone(), dated));
            }
        }
        sends
    }
}

/// A group for each state of the user's membership.
async fn groups(f: &Fixture, ann: UserId, [bob, cat, dan]: [UserId; 3]) -> Vec<GroupId> {
    let mut groups = Vec::new();
    for role in Role::ALL {
        let group = f.group(&[bob]).await;
        f.write(move |tx| tx.member_set(group, ann, role, date(1))).await;
        groups.push(group);
    }
    let (pending, left, deleted) =
        (f.group(&[bob, ann]).await, f.group(&[bob, ann]).await, f.group(&[bob, ann]).await);
    let task = f.task();
    f.write(move |tx| {
        tx.pending_set(pending, ann, true)?;
        tx.member_remove(left, ann)?;
        tx.group_delete(deleted, task)
    })
    .await;
    groups.extend([pending, left, deleted, f.group_id()]);
    let block = Some(Relation::Block);
    let blocks = [
        (bob, Pair::default()),
        (cat, Pair { mine: block, theirs: None }),
        (dan, Pair { mine: None, theirs: block }),
    ];
    for (other, pair) in blocks {
        let group = f.group_id();
        f.write(move |tx| {
            tx.group_insert(group, "@", Some((ann, other)))?;
            for user in [ann, other] {
                tx.member_set(group, user, Role::Member, date(1))?;
            }
            tx.pair_set(ann, other, pair, date(1))
        })
        .await;
        groups.push(group);
    }
    groups
}

/// Stores a message to reply to in a group, if it exists, and messages with client ids.
async fn furnish(f: &Fixture, group: GroupId, ann: UserId) -> MessageId {
    let [plain, sent, erased] = [f.message(group, ann), f.message(group, ann), f.message(group, ann)];
    let id = plain.id;
    let with =
        |message: NewMessage, id| NewMessage { body: body(id), client_id: Some(client_id(id)), ..message };
    let all = [plain, with(sent, "sent"), with(erased, "erased")];
    f.write(move |tx| {
        if tx.group(group)?.is_none() {
            return Ok(());
        }
        for message in &all {
            let seq = tx.seq_take_for_messages(group, 1, message.date)?;
            tx.message_insert(&NewMessage { seq, ..message.clone() })?;
            if message.client_id.as_ref().is_some_and(|id| id.as_str() == "erased") {
                tx.message_erase(group, seq)?;
            }
        }
        Ok(())
    })
    .await;
    id
}

/// Stores a reply to a message of a group, if it exists, and a reply whose root is erased. Returns their ids and the root's.
async fn thread(f: &Fixture, group: GroupId, ann: UserId, root: Option<MessageId>) -> Vec<MessageId> {
    let root = root.expect("a message of the group");
    let Some(seq) = f.read(move |tx| Ok(tx.message(root)?.map(|message| message.seq))).await else {
        return vec![root];
    };
    let reply =
        NewMessage { thread: Some(seq), client_id: Some(client_id("reply")), ..f.message(group, ann) };
    let reply = f.keep(NewMessage { body: body("hello"), ..reply }).await;
    let gone = f.send(group, ann).await;
    let orphan = f.keep(NewMessage { thread: Some(gone.seq), ..f.message(group, ann) }).await;
    f.write(move |tx| tx.message_erase(group, gone.seq)).await;
    vec![root, reply.id, orphan.id]
}

/// The rule's answer, without any change.
async fn ruled(f: &Fixture, sending: Sending) -> Result<Sent> {
    let found = Arc::new(Mutex::new(None));
    let slot = found.clone();
    let undone = f.store.write(move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
        *slot.lock().expect("no panic") = Some(sending.run(tx, events));
        Err::<(), _>(Error::NotFound("a reason to undo"))
    });
    assert!(matches!(undone.await, Err(Error::NotFound("a reason to undo"))));
    let found = found.lock().expect("no panic").take();
    found.expect("the job ran")
}

/// An answer without random values.
fn shown(answer: Result<Sent>) -> String {
    let said = |message: &Message| {
        let Message { group, author_name, body, respond_to, thread, client_id, .. } = message;
        format!("{} {author_name} {body} {respond_to:?} {thread:?} {client_id:?}", group.0)
    };
    match answer {
        Ok(Sent::New(message)) => {
            format!("new {} {}", said(&message), message.date == date(7))
        }
        Ok(Sent::Before(message)) => format!("before {} {:?}", said(&message), (message.seq, message.date)),
        Err(why) => format!("{why:?}"),
    }
}

pub async fn each_send_is_decided_as_the_rule_decides_it(f: Fixture) {
    let (world, app) = (SendFixture::new(&f).await, app(&f));
    let sends = world.sends();
    let sendings: Vec<_> = sends.iter().map(|(context, send)| app.sending(context, send.clone())).collect();
    let mut expected = Vec::new();
    for sending in &sendings {
        expected.push(shown(ruled(&f, sending.clone()).await));
    }
    f.bus.take();
    let mut published = 0;
    let mut counts = [0; 3];
    for (answer, (expected, (context, send))) in
        f.store.submit_sends(sendings).into_iter().zip(expected.iter().zip(&sends))
    {
        let answer = shown(answer.await);
        assert_eq!(&answer, expected, "{context:?} {send:?}");
        let kind = ["new", "before"].iter().position(|kind| answer.starts_with(kind)).unwrap_or(2);
        counts[kind] += 1;
        published += usize::from(kind == 0);
    }
    assert!(counts.iter().all(|count| *count > 20), "new, before and refused: {counts:?}");
    let is_message = |event: &Event| matches!(event.kind, Kind::MessageText(_));
    assert_eq!(f.bus.take().iter().filter(|event| is_message(event)).count(), published);
}

pub async fn token_of_a_suspended_user_sends_nothing(f: Fixture) {
    let ann = f.user("ann").await;
    let (group, app) = (f.group(&[ann]).await, app(&f));
    f.write(move |tx| tx.token_insert(&VALID, ann, token::Kind::Token, date(FAR))).await;
    let sends = async |until| {
        let suspension = Some(Suspension { until: date(until), reason: None });
        let standing = UserStanding { admin: false, suspension };
        f.write(move |tx| tx.user_standing_set(ann, &standing)).await;
        let context = Context::of(Who::Token(VALID));
        let sending = app.sending(&context, text(group));
        f.store.submit_sends(vec![sending]).pop().expect("an answer").await
    };
    f.bus.take();
    assert!(matches!(sends(FAR).await, Err(Error::Forbidden(_) | Error::Unauthenticated(_))));
    assert_eq!(f.bus.take().len(), 0);
    assert!(sends(0).await.is_ok(), "it has ended");
}

pub async fn a_reply_that_was_sent_has_its_root_as_it_stands(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (group, app) = (f.group(&[ann, bob]).await, app(&f));
    let [root, other] = [f.send(group, ann).await, f.send(group, ann).await];
    f.bus.take();
    let to = |id| Send { thread: Some(id), ..text(group) };
    let sends = [(bob, to(root.id)), (ann, text(group)), (ann, to(root.id)), (bob, to(other.id))];
    let sendings = sends.map(|(user, send)| app.sending(&known(user), send)).to_vec();
    let mut last = Vec::new();
    for answer in f.store.submit_sends(sendings) {
        last.push(answer.await.expect("it is sent").into_message());
    }
    let state = |message: &Message| {
        let state = message.root.as_deref()?;
        let replies = state.replies.as_ref()?;
        assert_eq!(message.thread, Some(state.root));
        Some((state.root.id, replies.count, replies.names.first().map(ToString::to_string)))
    };
    assert_eq!(state(&last[1]), None);
    assert_eq!(state(&last[2]), Some((root.id, 2, Some("ann".into()))));
    assert_eq!(state(&last[3]), Some((other.id, 1, Some("bob".into()))));
    let published: Vec<_> = f.bus.take().into_iter().map(|event| event.kind).collect();
    assert_eq!(published, last.into_iter().map(Kind::MessageText).collect::<Vec<_>>());
}

pub async fn sends_that_come_together_keep_their_order(f: Fixture) {
    let ann = f.user("ann").await;
    let groups = [f.group(&[ann]).await, f.group(&[ann]).await];
    let app = app(&f);
    let numbered = |number: usize| Send { body: body(&number.to_string()), ..text(groups[number % 2]) };
    let sendings = (0..40).map(|number| app.sending(&known(ann), numbered(number))).collect();
    for (number, answer) in f.store.submit_sends(sendings).into_iter().enumerate() {
        let message = answer.await.expect("it is sent").into_message();
        let seq = Seq(i64::try_from(number / 2 + 1).expect("a small number"));
        assert_eq!(
            (&*message.body, message.group, message.seq),
            (&*number.to_string(), groups[number % 2], seq)
        );
    }
}

pub async fn messages_with_mentions_keep_their_order_among_others(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let groups = [f.group(&[ann, bob]).await, f.group(&[ann, bob]).await];
    let app = app(&f);
    let numbered = |number: usize| {
        let mention = number % 3 == 1;
        let list = MentionList::new(mention.then(|| Mention::User(name("bob")))).expect("a list");
        let id = client_id(&number.to_string());
        Send { body: body("hi"), mentions: list, client_id: Some(id), ..text(groups[number % 2]) }
    };
    let sendings = || (0..40).map(|number| app.sending(&known(ann), numbered(number))).collect();
    f.bus.take();
    let mut sent = Vec::new();
    for (number, answer) in f.store.submit_sends(sendings()).into_iter().enumerate() {
        let message = answer.await.expect("it is sent").into_message();
        let seq = Seq(i64::try_from(number / 2 + 1).expect("a small number"));
        assert_eq!((message.group, message.seq), (groups[number % 2], seq));
        assert_eq!(message.detail.mentions.users, if number % 3 == 1 { vec![bob] } else { vec![] });
        sent.push(message);
    }
    let events = f.bus.take();
    for group in groups {
        let told = events.iter().filter(|event| event.group() == Some(group)).filter_map(|event| event.seq);
        assert_eq!(told.collect::<Vec<_>>(), (1..=20).map(Seq).collect::<Vec<_>>());
    }
    // A retry returns the first answer; with other mentions it is a new message.
    for (answer, message) in f.store.submit_sends(sendings()).into_iter().zip(&sent) {
        assert_eq!(answer.await.expect("an answer"), Sent::Before(message.clone()));
    }
    for number in 0..6 {
        let mentions = MentionList::new([Mention::User(name("ann"))]).expect("a list");
        for mentions in [mentions, MentionList::default()] {
            let command = Send { mentions, ..numbered(number) };
            let is_same = command.mentions == numbered(number).mentions;
            let answer = f.store.submit_sends(vec![app.sending(&known(ann), command)]).remove(0).await;
            assert_eq!(matches!(answer, Err(Error::Conflict(_))), !is_same, "{number}: {answer:?}");
        }
    }
}

pub async fn messages_are_published_once_with_their_numbers(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann]).await;
    let app = app(&f);
    f.bus.take();
    let sender = |number| if number % 3 == 0 { bob } else { ann };
    let with_detail = |number| match number % 2 {
        0 => text(group),
        _ => Send {
            detail: MessageDetail { data: Some("{}".into()), ..MessageDetail::default() },
            ..text(group)
        },
    };
    let sendings = (0..30).map(|number| app.sending(&known(sender(number)), with_detail(number))).collect();
    let mut sent = Vec::new();
    for answer in f.store.submit_sends(sendings) {
        sent.extend(answer.await.map(Sent::into_message));
    }
    assert_eq!(sent.len(), 20, "those of the member");
    let ids: Vec<_> = sent.iter().map(|message| message.id).collect();
    let stored: Vec<Message> =
        f.read(move |tx| ids.iter().map(|id| Ok(tx.message(*id)?.expect("it stands"))).collect()).await;
    assert_eq!(sent, stored, "each answer is the message as it is read");
    let events: Vec<_> =
        sent.into_iter().map(|message| (Some(message.seq), Kind::MessageText(message))).collect();
    let published: Vec<_> = f.bus.take().into_iter().map(|event| (event.seq, event.kind)).collect();
    assert_eq!(published, events);
}

pub async fn a_client_id_twice_in_one_batch_is_one_message(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let app = app(&f);
    let once = || Send { client_id: Some(client_id("one")), ..text(group) };
    let sendings = (0..5).map(|_| app.sending(&known(ann), once())).collect();
    let mut answers = Vec::new();
    for answer in f.store.submit_sends(sendings) {
        answers.push(answer.await.expect("an answer"));
    }
    let Sent::New(first) = answers.remove(0) else { panic!("the first is new") };
    assert_eq!(answers, vec![Sent::Before(first); 4]);
    assert_eq!(f.read(move |tx| tx.heads(&[group])).await, [(group, Seq(1))]);
}

pub async fn pending_member_accepts_by_sending(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    f.write(move |tx| tx.pending_set(group, bob, true)).await;
    let app = app(&f);
    let sendings = [ann, bob, ann].map(|user| app.sending(&known(user), text(group)));
    for answer in f.store.submit_sends(sendings.into()) {
        answer.await.expect("it is sent");
    }
    let pending = f.read(move |tx| Ok(tx.membership(group, bob)?.expect("a member").pending)).await;
    assert!(!pending);
    assert_eq!(f.read(move |tx| tx.heads(&[group])).await, [(group, Seq(3))]);
}
