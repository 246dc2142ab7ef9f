//! Threads.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::log::LogEntry;
use chinwag_core::message::Message;
use chinwag_core::store::{Edge, NewMessage, Page, PriorMessage, PriorThread, Shown};
use chinwag_core::thread::{REPLIES_COUNTED, RootState, ThreadRoot};
use chinwag_core::{Date, GroupId, MessageId, Name, Seq, UserId};

use super::{Fixture, client_id, date, name};

/// The number of replies, the date of the newest, and the names of the newest authors.
type Shows = Option<(u32, Date, Vec<Name>)>;

async fn reply(f: &Fixture, group: GroupId, author: UserId, root: Seq) -> NewMessage {
    f.keep(NewMessage { thread: Some(root), ..f.message(group, author) }).await
}

fn shows(message: &Message) -> Shows {
    let replies = message.replies.clone()?;
    Some((replies.count, replies.last, replies.names))
}

async fn found(f: &Fixture, id: MessageId) -> Message {
    f.read(move |tx| tx.message(id)).await.expect("it stands")
}

async fn erase(f: &Fixture, message: &NewMessage) {
    let (group, seq) = (message.group, message.seq);
    f.write(move |tx| tx.message_erase(group, seq)).await;
}

pub async fn a_root_shows_its_replies_wherever_it_is_read(f: Fixture) {
    let [ann, bob, cat, dan] =
        [f.user("ann").await, f.user("bob").await, f.user("cat").await, f.user("dan").await];
    let (id, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    let root = f.send(id, ann).await;
    assert_eq!(shows(&found(&f, root.id).await), None);
    for author in [ann, dan, bob, cat] {
        reply(&f, id, author, root.seq).await;
    }
    let last = reply(&f, id, bob, root.seq).await;
    let elsewhere = f.send(other, ann).await;
    let only = reply(&f, other, ann, elsewhere.seq).await;
    let shown = Some((5, last.date, vec![name("bob"), name("cat"), name("dan")]));
    assert_eq!(shows(&found(&f, root.id).await), shown);
    let reply = found(&f, last.id).await;
    assert_eq!((reply.thread, shows(&reply)), (Some(ThreadRoot { id: root.id, seq: root.seq }), None));
    let (page, log, summaries, view) = f
        .read(move |tx| {
            let page = tx.messages(id, &Page { edge: Edge::Newest, limit: 9 })?;
            let shown = Shown { messages: 9, members: 9 };
            Ok((page, tx.log(id, Seq(0), 9)?, tx.summaries(ann, &[id, other], shown)?, tx.view(id)?))
        })
        .await;
    assert_eq!(page.last().map(shows), Some(shown.clone()));
    assert_eq!(log[0].message.as_ref().map(shows), Some(shown.clone()));
    assert_eq!(summaries[0].view.messages.last().map(shows), Some(shown.clone()));
    let one = Some((1, only.date, vec![name("ann")]));
    assert_eq!(summaries[1].view.messages.last().map(shows), Some(one));
    assert_eq!(view.expect("a view").messages.last().map(shows), Some(shown.clone()));
    for _ in 0..2 {
        let entry = LogEntry::MessageEdited(root.seq);
        f.write(move |tx| {
            let seq = tx.seq_take(id, 1)?;
            tx.log_insert(id, seq, &entry)
        })
        .await;
    }
    let log = f.read(move |tx| tx.log(id, Seq(0), 99)).await;
    let of_root = log.iter().filter_map(|row| row.message.as_ref()).filter(|message| message.id == root.id);
    assert_eq!(of_root.map(shows).collect::<Vec<_>>(), vec![shown.clone(); 3], "each time it is in the log");
    let states = f.read(move |tx| tx.roots(id, &[root.seq, last.seq, Seq(99)])).await;
    let state = |message: &NewMessage, shown: Shows| {
        let of = |state: &RootState| state.root == ThreadRoot { id: message.id, seq: message.seq };
        let replies = states.iter().find(|state| of(state)).expect("its state").replies.clone();
        assert_eq!(replies.map(|replies| (replies.count, replies.last, replies.names)), shown);
    };
    assert_eq!(states.len(), 2);
    state(&root, shown);
    state(&last, None);
}

pub async fn a_root_steps_back_with_its_replies(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let root = f.send(id, ann).await;
    let (one, two) = (reply(&f, id, ann, root.seq).await, reply(&f, id, bob, root.seq).await);
    erase(&f, &two).await;
    assert_eq!(shows(&found(&f, root.id).await), Some((1, one.date, vec![name("ann")])));
    erase(&f, &one).await;
    assert_eq!(shows(&found(&f, root.id).await), None);
    let three = reply(&f, id, bob, root.seq).await;
    f.write(move |tx| tx.user_rename(bob, &name("eve"))).await;
    assert_eq!(shows(&found(&f, root.id).await), Some((1, three.date, vec![name("eve")])));
    let own = reply(&f, id, ann, root.seq).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(
        shows(&found(&f, root.id).await),
        Some((1, own.date, vec![name("ann")])),
        "not of who is no more"
    );
}

pub async fn replies_outlive_their_root(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let (root, of_bob) = (f.send(id, ann).await, f.send(id, bob).await);
    let (left, other) = (reply(&f, id, ann, root.seq).await, reply(&f, id, ann, of_bob.seq).await);
    erase(&f, &root).await;
    assert_eq!(found(&f, left.id).await.thread, None);
    assert!(found(&f, other.id).await.thread.is_some());
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(found(&f, other.id).await.thread, None);
    assert_eq!(f.read(move |tx| tx.roots(id, &[root.seq, of_bob.seq])).await, []);
    let under = reply(&f, id, ann, left.seq).await;
    assert_eq!(found(&f, under.id).await.thread.map(|root| root.id), Some(left.id));
    let again = found(&f, left.id).await;
    assert_eq!((shows(&again), again.thread), (Some((1, under.date, vec![name("ann")])), None));
}

pub async fn a_thread_and_the_rest_of_a_group_are_paged(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let root = f.send(id, ann).await; // 1
    let gone = f.send(id, ann).await; // 2
    for thread in [Some(1), None, Some(1), Some(2), Some(1), None] {
        f.keep(NewMessage { thread: thread.map(Seq), ..f.message(id, ann) }).await; // 3 to 8
    }
    erase(&f, &gone).await;
    let first = f.read(move |tx| tx.message_at_seq(id, Seq(1))).await.expect("the root").1;
    let numbers = |page: &[Message]| page.iter().map(|message| message.seq.0).collect::<Vec<_>>();
    let seqs = async |thread: Seq, edge, limit| {
        numbers(&f.read(move |tx| tx.thread_messages(id, thread, &Page { edge, limit })).await)
    };
    let inside = root.seq;
    assert_eq!(seqs(inside, Edge::Newest, 9).await, [7, 5, 3]);
    assert_eq!(seqs(inside, Edge::Newest, 2).await, [7, 5]);
    assert_eq!(seqs(inside, Edge::BeforeSeq(Seq(7)), 1).await, [5]);
    assert_eq!(seqs(inside, Edge::AfterSeq(Seq(3)), 9).await, [5, 7]);
    assert_eq!(seqs(inside, Edge::AfterDate(first), 1).await, [3]);
    assert_eq!(seqs(inside, Edge::BeforeDate(date(0)), 9).await, [0; 0]);
    assert_eq!(seqs(Seq(4), Edge::Newest, 9).await, [0; 0]);
    let outside = async |edge, limit, within| {
        let part = f.read(move |tx| tx.messages_outside(id, &Page { edge, limit }, within)).await;
        (numbers(&part.messages), part.next)
    };
    assert_eq!(outside(Edge::Newest, 9, 99).await, (vec![8, 6, 4, 1], None), "6 has lost its root");
    assert_eq!(outside(Edge::BeforeSeq(Seq(8)), 2, 99).await, (vec![6, 4], None));
    assert_eq!(outside(Edge::AfterSeq(Seq(1)), 2, 99).await, (vec![4, 6], None));
    assert_eq!(outside(Edge::AfterDate(first), 9, 99).await, (vec![4, 6, 8], None));
    assert_eq!(outside(Edge::BeforeDate(date(0)), 9, 99).await, (vec![], None));
    // A part ends with its numbers, and the next begins there.
    assert_eq!(outside(Edge::Newest, 9, 4).await, (vec![8, 6], Some(Edge::BeforeSeq(Seq(5)))));
    assert_eq!(outside(Edge::Newest, 2, 4).await, (vec![8, 6], None), "the page is full");
    assert_eq!(outside(Edge::BeforeSeq(Seq(4)), 9, 2).await, (vec![], Some(Edge::BeforeSeq(Seq(2)))));
    assert_eq!(outside(Edge::BeforeSeq(Seq(2)), 9, 2).await, (vec![1], None));
    assert_eq!(outside(Edge::AfterSeq(Seq(2)), 9, 3).await, (vec![4], Some(Edge::AfterSeq(Seq(5)))));
    assert_eq!(outside(Edge::AfterSeq(Seq(5)), 9, 3).await, (vec![6, 8], None));
    assert_eq!(f.read(move |tx| tx.messages_by(id, ann, 9)).await[1].thread, Some(root.seq));
}

pub async fn a_retry_finds_the_thread_of_the_first(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let root = f.send(id, ann).await;
    let sent = NewMessage { thread: Some(root.seq), client_id: Some(client_id("1")), ..f.message(id, ann) };
    let sent = f.keep(sent).await;
    let thread = |stands| Some(PriorThread { root: ThreadRoot { id: root.id, seq: root.seq }, stands });
    let prior = async || -> Option<PriorMessage> {
        f.read(move |tx| tx.message_prior(id, ann, &client_id("1"))).await
    };
    assert_eq!(prior().await.map(|prior| (prior.id, prior.thread)), Some((sent.id, thread(true))));
    erase(&f, &root).await;
    assert_eq!(prior().await.and_then(|prior| prior.thread), thread(false));
}

pub async fn replies_are_counted_up_to_a_bound(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let root = f.send(id, ann).await;
    reply(&f, id, bob, root.seq).await;
    let many: Vec<_> =
        (0..REPLIES_COUNTED).map(|_| NewMessage { thread: Some(root.seq), ..f.message(id, ann) }).collect();
    f.write(move |tx| {
        let first = tx.seq_take(id, many.len())?;
        let numbered =
            many.iter().zip(first.0..).map(|(each, seq)| NewMessage { seq: Seq(seq), ..each.clone() });
        tx.messages_insert(&numbered.collect::<Vec<_>>())
    })
    .await;
    let replies = found(&f, root.id).await.replies.expect("replies");
    assert_eq!((replies.count, replies.names), (REPLIES_COUNTED, vec![name("ann")]));
}
