//! Faults between a node and its database.

use std::future::poll_fn;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use chinwag_core::app::message::Sent;
use chinwag_core::app::work::StepLimits;
use chinwag_core::clock::SystemClock;
use chinwag_core::store::Task;
use chinwag_core::{Error, GroupId, TaskId, UserId};
use chinwag_store_postgres::{Claim, OpenError, Options};
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::fault::{Faults, Faulty};
use chinwag_testkit::postgres::{Database, Server};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_postgres::NoTls;

use crate::world::{LONG, Node, by, name, once, open, text};

/// Short timeouts, so that tests can wait for them.
fn brisk() -> Options {
    Options {
        patience: Duration::from_secs(2),
        statement: Duration::from_secs(1),
        lock: Duration::from_millis(300),
        connect: Duration::from_secs(1),
        ..Options::default()
    }
}

struct Linked {
    proxy: Proxy,
    node: Node,
    ann: UserId,
    group: GroupId,
    database: Database,
}

/// A node whose link to the database can be cut.
async fn linked() -> Linked {
    let database = Database::new();
    let proxy = Proxy::to(database.server()).await;
    let node = Node::open(&database.url_by(proxy.address()), brisk()).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    Linked { proxy, node, ann, group, database }
}

impl Linked {
    async fn send(&self, client_id: &str) -> Result<Sent, Error> {
        self.node.app.message_send(&by(self.ann), once(self.group, "hi", client_id)).await
    }

    /// Retries until the link is back and a message is sent.
    async fn sends_again(&self, client_id: &str) -> Sent {
        let wait = Wait::begin();
        loop {
            match self.send(client_id).await {
                Ok(sent) => return sent,
                Err(why) => wait.step(|| format!("it does not recover: {why}")).await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unconfirmed_message_is_unknown_and_retried_once() {
    let linked = linked().await;
    for round in 0..5 {
        let id = format!("id {round}");
        linked.send(&format!("before {round}")).await.expect("the link stands");
        linked.proxy.cut_after(b"COMMIT");
        let outcome = linked.send(&id).await;
        linked.proxy.has_cut().await;
        assert!(matches!(outcome, Err(Error::Unknown)), "{outcome:?}");
        linked.proxy.restore();
        linked.sends_again(&id).await;
        let count =
            linked.database.ask(&format!("SELECT count(*) FROM chinwag.messages WHERE client_id = '{id}'"));
        assert_eq!(count, [["1"]]);
    }
    let seqs: Vec<_> = linked.node.log(linked.group).await.iter().map(|entry| entry.seq.0).collect();
    assert_eq!(seqs, (1..=11).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unconfirmed_job_is_unknown_and_not_run_again() {
    let linked = linked().await;
    let group = linked.group;
    for _ in 0..5 {
        let before = linked.node.head(group).await;
        linked.proxy.cut_after(b"COMMIT");
        let outcome = linked.node.store.write(move |tx, _| tx.seq_take(group, 1)).await;
        linked.proxy.has_cut().await;
        assert!(matches!(outcome, Err(Error::Unknown)), "{outcome:?}");
        linked.proxy.restore();
        linked.sends_again(&format!("after {before}")).await;
        let taken = linked.node.head(group).await - before;
        assert!(taken == 1 || taken == 2, "its own number at most once, and the message's: {taken}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_link_was_cut_before_it_could_commit_is_run_again() {
    let linked = linked().await;
    let group = linked.group;
    for _ in 0..5 {
        linked.proxy.cut();
        linked.proxy.restore();
        let write = linked.node.store.write(move |tx, _| tx.seq_take(group, 1)).await;
        write.expect("nobody sees that the link was cut");
        linked.node.head(group).await;
    }
    assert_eq!(linked.node.head(group).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_whose_transaction_never_began_are_unknown() {
    let linked = linked().await;
    let (context, send) = (by(linked.ann), text(linked.group, "hi"));
    linked.node.app.message_send(&context, send.clone()).await.expect("the link stands");
    // A server answers so when the statement is cancelled.
    linked.proxy.replace(b"BEGIN; SET LOCAL", b"BEGIM; SET LOCAL");
    let outcome = linked.node.app.message_send(&context, send).await;
    assert!(matches!(outcome, Err(Error::Unknown)), "{outcome:?}");
    let count = linked.database.ask("SELECT count(*) FROM chinwag.messages");
    assert_eq!(count, [["2"]], "it was kept once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_transaction_never_began_changes_nothing() {
    let linked = linked().await;
    let group = linked.group;
    linked.proxy.replace(b"BEGIN ISOLATION LEVEL SERIALIZABLE", b"BEGIM ISOLATION LEVEL SERIALIZABLE");
    let outcome = linked.node.store.write(move |tx, _| tx.seq_take(group, 1)).await;
    assert!(outcome.is_err(), "{outcome:?}");
    linked.proxy.restore();
    assert_eq!(linked.node.head(group).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_to_a_server_that_takes_no_writes_are_made_anew() {
    let server = Server::start_new();
    let (database, other) = (server.database(), server.database());
    // Each has a link from the beginning on.
    let node = Node::open(&database.url(), Options { writers: 1, senders: 1, ..brisk() }).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let send = async || node.app.message_send(&by(ann), text(group, "hi")).await;
    send().await.expect("it is sent");
    // Existing connections are read-only now, and new ones are not.
    let name = database.name();
    database.ask(&format!("ALTER DATABASE {name} SET default_transaction_read_only = off"));
    database.ask("ALTER SYSTEM SET default_transaction_read_only = on");
    database.ask("SELECT pg_reload_conf()");
    let wait = Wait::begin();
    while other.ask("SHOW default_transaction_read_only") != [["on"]] {
        wait.step(|| "the server does not reload").await;
    }
    send().await.expect("another link takes it");
    node.store.write(move |tx, _| tx.seq_take(group, 1)).await.expect("and the job");
    assert_eq!(node.head(group).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standby_is_neither_read_nor_claimed() {
    let mut server = Server::start_new();
    let database = server.database();
    let node = Node::open(&database.url(), brisk()).await;
    let ann = node.user("ann").await;
    let read = async || node.store.read(move |tx| tx.user(ann)).await;
    let claim = async || Claim::take(&database.url(), &Options { connect: LONG, ..brisk() }, None).await;
    read().await.expect("it is the primary");
    // A server that is demoted restarts.
    server.put("standby.signal", "");
    server.stop();
    server.start();
    let answer = read().await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    let why = claim().await.expect_err("its lock would claim nothing");
    assert!(matches!(why, OpenError::ReadOnly { .. }), "{why}");
    database.ask("SELECT pg_promote()");
    let wait = Wait::begin();
    while read().await.is_err() {
        wait.step(|| "it does not recover").await;
    }
    claim().await.expect("it is the primary again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_database_is_unavailable_and_recovers_unaided() {
    let mut server = Server::start_new();
    let database = server.database();
    let node = Node::open(&database.url(), brisk()).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let context = by(ann);
    node.app.message_send(&context, text(group, "before")).await.expect("it is sent");
    server.kill();
    let begun = Instant::now();
    let sends = (0..100).map(|_| node.app.message_send(&context, text(group, "lost")));
    for outcome in join_all(sends).await {
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    }
    let written = node.store.write(move |tx, _| tx.seq_take(group, 1)).await;
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    let read = node.store.read(move |tx| tx.group(group)).await;
    assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    assert!(matches!(node.store.ready().await, Err(Error::Unavailable(_))));
    assert!(begun.elapsed() < WAIT_TIMEOUT, "{:?}", begun.elapsed());
    server.start();
    let wait = Wait::begin();
    while node.store.ready().await.is_err() {
        wait.step(|| "it does not recover").await;
    }
    node.app.message_send(&context, text(group, "after")).await.expect("it is sent");
    assert_eq!(node.log(group).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_link_ends_by_its_deadline_with_bounded_queues() {
    let database = Database::new();
    let proxy = Proxy::to(database.server()).await;
    let options = Options { queue: 4, readers: 1, writers: 1, senders: 1, ..brisk() };
    let node = Node::open(&database.url_by(proxy.address()), options).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let context = by(ann);
    node.app.message_send(&context, text(group, "before")).await.expect("it is sent");
    proxy.stall();
    let begun = Instant::now();
    let sends = join_all((0..20).map(|_| node.app.message_send(&context, text(group, "stalled"))));
    let writes = join_all((0..20).map(|_| node.store.write(move |tx, _| tx.seq_take(group, 1))));
    let reads = join_all((0..20).map(|_| node.store.read(move |tx| tx.group(group))));
    let (sends, writes, reads) = tokio::join!(sends, writes, reads);
    assert!(
        sends.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_) | Error::Unknown))),
        "{sends:?}"
    );
    assert!(writes.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_)))), "{writes:?}");
    assert!(reads.iter().all(|outcome| matches!(outcome, Err(Error::Unavailable(_)))), "{reads:?}");
    assert!(begun.elapsed() < WAIT_TIMEOUT, "{:?}", begun.elapsed());
    proxy.restore();
    // The link of the sender is not the one that answers `ready`.
    let wait = Wait::begin();
    while node.store.ready().await.is_err()
        || node.app.message_send(&context, text(group, "after")).await.is_err()
    {
        wait.step(|| "it does not recover").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_host_gives_way_to_the_next() {
    let (database, silent) = (Database::new(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let hosts = format!("{},{}", silent.local_addr().expect("an address"), database.server());
    let url = database.url().replace(&database.server().to_string(), &hosts);
    let node = Node::open(&url, brisk()).await;
    silent.set_nonblocking(true).expect("it waits for nobody");
    let tried = || silent.incoming().map_while(Result::ok).count();
    assert!(tried() > 0);
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    node.app.message_send(&by(ann), text(group, "hi")).await.expect("it is sent");
    assert_eq!(tried(), 0, "the silent one is tried after the other now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_plans_are_made_anew() {
    let database = Database::new();
    let options = Options { writers: 1, senders: 1, ..brisk() };
    let node = Node::open(&database.url(), options).await;
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let read = async || {
        let read = node.store.write(move |tx, _| Ok(tx.user(ann)?.map(|user| user.name))).await;
        assert_eq!(read.expect("the job succeeds"), Some(name("ann")));
    };
    node.app.message_send(&by(ann), text(group, "before")).await.expect("it is sent");
    read().await;
    // As another node's migration may do while this node serves.
    database.ask("ALTER TABLE chinwag.users ALTER COLUMN name TYPE varchar");
    node.app.message_send(&by(ann), text(group, "after")).await.expect("it is sent");
    read().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_group_is_unavailable_and_others_go_on() {
    let database = Database::new();
    let node = Node::open(&database.url(), brisk()).await;
    let ann = node.user("ann").await;
    let (held, free) = (node.group(&["ann"]).await, node.group(&["ann"]).await);
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a link");
    tokio::spawn(connection);
    client.batch_execute("BEGIN").await.expect("a transaction");
    let hold = format!("SELECT 1 FROM chinwag.groups WHERE id = '{held}' FOR UPDATE");
    client.batch_execute(&hold).await.expect("a lock");
    let context = by(ann);
    // Initially, all of them are in one batch.
    let sends = (0..20).map(|number| [held, free][number % 2]).map(|group| text(group, "hi"));
    let answers = join_all(sends.map(|send| node.app.message_send(&context, send))).await;
    for (number, answer) in answers.iter().enumerate() {
        match number % 2 {
            0 => assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}"),
            _ => assert!(answer.is_ok(), "{answer:?}"),
        }
    }
    let written = node.store.write(move |tx, _| tx.seq_take(held, 1)).await;
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    client.batch_execute("ROLLBACK").await.expect("no lock");
    node.app.message_send(&context, text(held, "hi")).await.expect("it is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_of_one_message_delays_no_other_group() {
    let database = Database::new();
    let options = Options { senders: 2, patience: LONG, statement: LONG, lock: LONG, ..Options::default() };
    let node = Node::open(&database.url(), options).await;
    let (ann, mut groups) = (node.user("ann").await, Vec::new());
    for _ in 0..4 {
        groups.push(node.group(&["ann"]).await);
    }
    let [one, two, accepted, other] = groups[..] else { panic!("there are four") };
    node.store.write(move |tx, _| tx.pending_set(accepted, ann, true)).await.expect("it is pending");
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a link");
    tokio::spawn(connection);
    let hold = format!(
        "BEGIN; SELECT 1 FROM chinwag.memberships WHERE group_id = '{accepted}' FOR UPDATE;
        SAVEPOINT job; SELECT 1 FROM chinwag.groups WHERE id IN ('{one}', '{two}') FOR UPDATE"
    );
    client.batch_execute(&hold).await.expect("locks");
    let context = by(ann);
    let send = |group| Box::pin(node.app.message_send(&context, text(group, "hi")));
    let mut sends = Vec::new();
    let wait = Wait::begin();
    for (waiting, group) in [one, two].into_iter().enumerate() {
        sends.push(queued(send(group)).await);
        while database.ask("SELECT 1 FROM pg_locks WHERE NOT granted").len() <= waiting {
            wait.step(|| "no sender waits").await;
        }
    }
    // Both senders wait, so that these messages form one batch.
    let accepting = queued(send(accepted)).await;
    sends.push(queued(send(other)).await);
    client.batch_execute("ROLLBACK TO job").await.expect("the senders go on");
    for sent in join_all(sends).await {
        sent.expect("it is sent");
    }
    timeout(WAIT_TIMEOUT, send(other)).await.expect("it does not wait for the job").expect("it is sent");
    client.batch_execute("ROLLBACK").await.expect("the job goes on");
    accepting.await.expect("it is sent");
}

/// The future of a message that is queued.
async fn queued<F: Future + Unpin>(mut sending: F) -> F {
    let is_pending = poll_fn(|context| Poll::Ready(Pin::new(&mut sending).poll(context).is_pending())).await;
    assert!(is_pending, "it is not queued");
    sending
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_whose_transaction_took_too_long_is_run_again() {
    let database = Database::new();
    let node = Node::open(&database.url(), brisk()).await;
    node.user("ann").await;
    let group = node.group(&["ann"]).await;
    // The server's transaction_timeout, once.
    database.ask(
        "CREATE SEQUENCE chinwag.attempts;
        CREATE FUNCTION chinwag.time_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('chinwag.attempts') = 1 THEN RAISE EXCEPTION 'too long' USING ERRCODE = '25P04'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER time_out BEFORE UPDATE ON chinwag.groups FOR EACH ROW EXECUTE FUNCTION chinwag.time_out()",
    );
    node.store.write(move |tx, _| tx.seq_take(group, 1)).await.expect("another link takes it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_at_a_time_does_a_step_of_a_task() {
    let database = Database::new();
    let node = Node::open(&database.url(), brisk()).await;
    let (id, task) = (TaskId::new(&SystemClock::default()), Task::EraseOld { groups: Vec::new() });
    node.store.write(move |tx, _| tx.task_insert(id, &task)).await.expect("a task");
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a link");
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT 1 FROM chinwag.tasks FOR UPDATE").await.expect("a lock");
    let step = async || node.app.work(StepLimits { rows: 10, groups: 1 }).await.expect("an answer");
    assert_eq!(step().await, None);
    client.batch_execute("ROLLBACK").await.expect("no lock");
    assert!(step().await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_take_groups_crosswise_on_two_nodes_all_succeed() {
    let database = Database::new();
    // The server detects a deadlock only after a second.
    let options = Options { patience: LONG, ..Options::default() };
    let nodes = [
        Node::open(&database.url(), options.clone()).await,
        Node::open(&database.url(), options.clone()).await,
    ];
    nodes[0].user("ann").await;
    let groups = [nodes[0].group(&["ann"]).await, nodes[0].group(&["ann"]).await];
    let jobs = (0..24).map(|number: usize| {
        let (one, other) = (groups[number % 2], groups[1 - number % 2]);
        nodes[number / 2 % 2].store.write(move |tx, _| {
            tx.seq_take(one, 1)?;
            tx.seq_take(other, 1)
        })
    });
    for outcome in join_all(jobs).await {
        outcome.expect("a deadlock is nobody's business");
    }
    assert_eq!([nodes[0].head(groups[0]).await, nodes[0].head(groups[1]).await], [25, 25]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_panic_leave_their_group_to_others() {
    let database = Database::new();
    let (bus, faults) = (Arc::<Recorder>::default(), Arc::<Faults>::default());
    let store = Arc::new(open(&database.url(), &brisk(), &bus).await);
    let node = Node::over(Arc::new(Faulty::new(store, faults.clone())), bus);
    let ann = node.user("ann").await;
    let group = node.group(&["ann"]).await;
    let context = by(ann);
    let send = async || {
        let sent = node.app.message_send(&context, text(group, "hi"));
        timeout(WAIT_TIMEOUT, sent).await.expect("it is answered")
    };
    // More often than there are sender threads.
    for _ in 0..=brisk().senders {
        faults.panic_in_write();
        let outcome = send().await;
        assert!(matches!(outcome, Err(Error::Unknown)), "{outcome:?}");
    }
    send().await.expect("it is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_database_is_gone_can_be_dropped() {
    let database = Database::new();
    let proxy = Proxy::to(database.server()).await;
    let url = database.url_by(proxy.address());
    let store = open(&url, &brisk(), &Arc::<Recorder>::default()).await;
    proxy.stall();
    let begun = Instant::now();
    drop(store);
    assert!(begun.elapsed() < WAIT_TIMEOUT, "{:?}", begun.elapsed());
}
