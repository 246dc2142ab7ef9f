//! Messages on the fast path: in batches, in order, each once.

use std::thread;
use std::time::Duration;

use chinwag_core::app::Context;
use chinwag_core::app::ban::BanUpdate;
use chinwag_core::app::group::Roles;
use chinwag_core::app::group_update::Update;
use chinwag_core::app::message::Sent;
use chinwag_core::event::Event;
use chinwag_core::group_details::GroupDetailsUpdate;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::store::{Tx, WriteJob};
use chinwag_core::suspension::{Suspension, UserStanding};
use chinwag_core::token::{Kind, TokenHash};
use chinwag_core::user::Caller;
use chinwag_core::{Date, Error};
use chinwag_store_postgres::Options;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::wait::Wait;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use crate::world::{Node, by, name, once, text};

async fn two_nodes(database: &Database) -> [Node; 2] {
    [
        Node::open(&database.url(), Options::default()).await,
        Node::open(&database.url(), Options::default()).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_one_sender_keep_their_order_and_share_commits() {
    let database = Database::new();
    let node = Node::open(&database.url(), Options::default()).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let (context, begin) = (by(ann), node.head(group).await);
    let texts: Vec<_> = (0..300).map(|number| format!("message {number}")).collect();
    let before = node.bus.batches().len();
    let sent = join_all(texts.iter().map(|body| node.app.message_send(&context, text(group, body)))).await;
    for ((body, sent), seq) in texts.iter().zip(sent).zip(begin + 1..) {
        let message = sent.expect("it is sent").into_message();
        assert_eq!((&*message.body, message.seq.0), (body.as_str(), seq));
    }
    let commits = node.bus.batches().len() - before;
    assert!(commits <= 10, "300 messages took {commits} commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_message_in_a_batch_refuses_itself_alone() {
    let database = Database::new();
    let node = Node::open(&database.url(), Options::default()).await;
    let ann = node.user("ann").await;
    let groups = [node.group(&["ann"]).await, node.group(&["ann"]).await];
    database.ask(
        "CREATE FUNCTION chinwag.refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''a bad message''; END';
        CREATE TRIGGER refuse BEFORE INSERT ON chinwag.messages FOR EACH ROW WHEN (NEW.body = 'bad')
            EXECUTE FUNCTION chinwag.refuse()",
    );
    let context = by(ann);
    let bodies = (0..60).map(|number| if number == 31 { "bad" } else { "good" });
    let sends = bodies.zip(groups.iter().cycle()).map(|(body, group)| text(*group, body));
    let answers = join_all(sends.map(|send| node.app.message_send(&context, send))).await;
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(number, 31),
            Err(why) => {
                assert_eq!(number, 31);
                assert!(matches!(why, Error::Internal(text) if text.contains("a bad message")), "{why:?}");
            }
        }
    }
    assert_eq!([node.log(groups[0]).await.len(), node.log(groups[1]).await.len()], [31, 30]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_id_50_times_over_two_nodes_is_one_message() {
    let database = Database::new();
    let nodes = two_nodes(&database).await;
    let ann = nodes[0].user("ann").await;
    let group = nodes[0].group(&["ann"]).await;
    let context = by(ann);
    let sends = (0..50).map(|number| nodes[number % 2].app.message_send(&context, once(group, "once", "id")));
    let answers = join_all(sends).await;
    let new = answers.iter().filter(|answer| matches!(answer, Ok(Sent::New(_)))).count();
    let messages: Vec<_> =
        answers.into_iter().map(|answer| answer.expect("an answer").into_message()).collect();
    assert_eq!(new, 1);
    assert!(messages.iter().all(|message| *message == messages[0]));
    assert_eq!(nodes[0].log(group).await.len(), 2);
}

/// 64 writers on two nodes, and jobs that change the group between their messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_two_nodes_number_one_log_without_a_gap() {
    let database = Database::new();
    let nodes = two_nodes(&database).await;
    let ann = nodes[0].user("ann").await;
    nodes[0].user("bob").await;
    let groups = [nodes[0].group(&["ann", "bob"]).await, nodes[0].group(&["ann", "bob"]).await];
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let app = nodes[writer % 2].app.clone();
        writers.spawn(async move {
            for turn in 0..8 {
                let group = groups[(writer + turn) % 2];
                if (writer + turn) % 16 == 3 {
                    let mut roles = Roles::default();
                    let list = if turn % 2 == 0 { &mut roles.restricts } else { &mut roles.members };
                    list.push(name("bob"));
                    let update = Update {
                        author: None,
                        group,
                        name: None,
                        owner: None,
                        roles,
                        remove: vec![],
                        bans: BanUpdate::default(),
                        details: GroupDetailsUpdate::default(),
                    };
                    app.group_update(&Context::new(Caller::Service), update).await.expect("a change");
                } else {
                    app.message_send(&by(ann), text(group, "hi")).await.expect("it is sent");
                }
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("a writer is done");
    }
    for group in groups {
        let log: Vec<_> = nodes[0].log(group).await.iter().map(|entry| entry.seq.0).collect();
        assert_eq!(log, (1..=nodes[1].head(group).await).collect::<Vec<_>>());
        let mut told = Vec::new();
        for node in &nodes {
            let of_group = |event: &Event| event.to == chinwag_core::event::Audience::Group(group);
            let seqs: Vec<_> =
                node.bus.events().iter().filter(|e| of_group(e)).filter_map(|e| e.seq).collect();
            assert!(seqs.is_sorted(), "{seqs:?}");
            told.extend(seqs.into_iter().map(|seq| seq.0));
        }
        told.sort_unstable();
        assert_eq!(told, log, "each is told once");
    }
}

/// Another node always sends between the job's read and its change of the group.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_gets_its_turn_while_another_node_keeps_sending() {
    let database = Database::new();
    let nodes = two_nodes(&database).await;
    let ann = nodes[0].user("ann").await;
    let group = nodes[0].group(&["ann"]).await;
    let mut senders = JoinSet::new();
    for _ in 0..8 {
        let app = nodes[1].app.clone();
        senders.spawn(async move {
            loop {
                app.message_send(&by(ann), text(group, "hi")).await.expect("it is sent");
            }
        });
    }
    let slow = move |tx: &mut dyn Tx, _: &mut Vec<Event>| {
        tx.group(group)?;
        thread::sleep(Duration::from_millis(25));
        tx.seq_take(group, 1)
    };
    for _ in 0..3 {
        nodes[0].store.write(slow).await.expect("its turn");
    }
    senders.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_disconnected_senders_are_sent() {
    let database = Database::new();
    let node = Node::open(&database.url(), Options::default()).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    for _ in 0..20 {
        let context = by(ann);
        let mut sending = Box::pin(node.app.message_send(&context, text(group, "hi")));
        std::future::poll_fn(|cx| std::task::Poll::Ready(sending.as_mut().poll(cx).is_ready())).await;
    }
    // Dropping the store joins its threads after the last message.
    drop(node);
    let rows = database.ask("SELECT count(*) FROM chinwag.messages");
    assert_eq!(rows, [["20"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_right_is_answered_after_messages_decided_before() {
    let database = Database::new();
    let nodes = two_nodes(&database).await;
    let (ann, bob) = (nodes[0].user("ann").await, nodes[0].user("bob").await);
    let (group, token, until) =
        (nodes[0].group(&["ann"]).await, TokenHash([7; 32]), Date::from_micros(i64::MAX));
    nodes[0]
        .store
        .write(move |tx, _| tx.token_insert(&token, ann, Kind::Token, until))
        .await
        .expect("a token");
    // Another transaction inserts a message with the same client_id, for which the decided batch waits.
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a link");
    tokio::spawn(connection);
    let hold = format!(
        "BEGIN; INSERT INTO chinwag.messages (group_id, seq, author_id, date, id, client_id, body, body_hash)
        VALUES ('{group}', 999, {}, 1, gen_random_uuid(), 'once', 'x', sha256('x'))",
        ann.0
    );
    client.batch_execute(&hold).await.expect("a message");
    let (app, head) = (nodes[0].app.clone(), nodes[0].head(group).await);
    let sent = tokio::spawn(async move { app.message_send(&by(ann), once(group, "late", "once")).await });
    let wait = Wait::begin();
    while database.ask("SELECT 1 FROM pg_locks WHERE NOT granted").is_empty() {
        wait.step(|| "the batch does not wait").await;
    }
    let suspension = Some(Suspension { until, reason: None });
    let standing = UserStanding { admin: false, suspension };
    let block = Pair { mine: Some(Relation::Block), theirs: None };
    let jobs: [WriteJob; 4] = [
        Box::new(|tx, _| tx.feed_switch(true)),
        Box::new(move |tx, _| tx.pair_set(bob, ann, block, until)),
        Box::new(move |tx, _| tx.user_standing_set(ann, &standing)),
        Box::new(move |tx, _| tx.tokens_delete(ann)),
    ];
    let mut answered = JoinSet::new();
    for job in jobs {
        let store = nodes[1].store.clone();
        answered.spawn(async move {
            store.submit_write(job).await.expect("it is committed");
            store.read(move |tx| tx.group(group)).await.expect("a read").expect("the group stands").head.0
        });
    }
    let committed = "SELECT 1 FROM chinwag.feed WHERE enabled
        UNION ALL SELECT 1 FROM chinwag.relations
        UNION ALL SELECT 1 FROM chinwag.users WHERE suspended_until > 0
        UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM chinwag.tokens)";
    while database.ask(committed).len() < 4 {
        wait.step(|| "the jobs are not committed").await;
    }
    client.batch_execute("ROLLBACK").await.expect("it ends");
    sent.await.expect("no panic").expect("it was decided before");
    assert_eq!(answered.join_all().await, [head + 1; 4]);
}
