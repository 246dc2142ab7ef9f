//! Followers work on one node at a time. When that node dies or is paused, another takes over, and the first
//! changes nothing more.

use std::collections::BTreeMap;
use std::time::Duration;

use chinwag_testkit::postgres::Database;
use chinwag_testkit::trial::{bound, report};
use chinwag_testkit::wait::Wait;
use tokio::time::Instant;

use crate::cluster::Cluster;

/// Number of expired tokens. A step deletes a thousand.
const TOKENS: usize = 8_000;
/// Upper bound: a lease, a lock, and the timeout after which the database rolls back the transaction of a
/// paused node.
const WITHIN: Duration = Duration::from_secs(40);
/// Delays every step in the database, and records its node there. The record is numbered at commit.
const RECORDER: &str = "
    CREATE SEQUENCE public.commits;
    CREATE TABLE public.steps (id bigserial PRIMARY KEY, node text, term bigint, tokens bigint, committed bigint);
    CREATE FUNCTION public.record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.steps (node, term, tokens)
            SELECT current_setting('application_name'), f.term, g.count
            FROM chinwag.followers f, (SELECT count(*) FROM gone) g WHERE f.follower = 0 AND g.count > 0;
        PERFORM pg_sleep(0.3) WHERE EXISTS (SELECT 1 FROM gone);
        RETURN NULL;
    END $$;
    CREATE FUNCTION public.commit_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE public.steps SET committed = nextval('public.commits') WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER commit_step AFTER INSERT ON public.steps DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.commit_step();
    CREATE TRIGGER record AFTER DELETE ON chinwag.tokens REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION public.record()";

/// Two nodes, of which the first is deleting expired tokens.
async fn at_work() -> Cluster {
    let mut cluster = Cluster::on(Database::new(), 0, &[]).await;
    for _ in 0..2 {
        let node = cluster.node(&[("CHINWAG_PRESENCE__LEASE", "2s")]).await;
        cluster.nodes.push(node);
    }
    cluster.nodes[0].start();
    cluster.users("user", 1).await;
    // A node looks for work when it starts.
    cluster.nodes[0].running().terminate();
    cluster.nodes[0].wait();
    cluster.database.ask(RECORDER);
    cluster.database.ask("UPDATE chinwag.followers SET position = NULL WHERE follower = 0");
    cluster.database.ask(&format!(
        "INSERT INTO chinwag.tokens (hash, user_id, kind, expires, number)
        SELECT sha256(n::text::bytea), (SELECT max(id) FROM chinwag.users), 1, 1, n FROM generate_series(1, {TOKENS}) n"
    ));
    cluster.nodes[0].start();
    steps(&cluster, 0, 2).await;
    cluster.nodes[1].start();
    cluster
}

/// Waits until a node has committed at least this number of steps.
async fn steps(cluster: &Cluster, node: usize, least: usize) {
    let sql = format!("SELECT count(*) FROM public.steps WHERE node = '{}'", cluster.nodes[node].session());
    let wait = Wait::within(bound(WITHIN));
    while cluster.database.ask(&sql)[0][0].parse::<usize>().expect("a count") < least {
        wait.step(|| format!("node {node} has not done {least} steps")).await;
    }
}

/// Waits until all tokens are deleted, and asserts that the nodes never worked at the same time.
async fn assert_done_by_one_at_a_time(cluster: &Cluster) {
    let wait = Wait::within(bound(WITHIN));
    let left = || cluster.database.ask("SELECT count(*) FROM chinwag.tokens WHERE expires = 1")[0][0].clone();
    while left() != "0" {
        wait.step(|| format!("{} expired tokens are left", left())).await;
    }
    let rows = cluster.database.ask("SELECT node, term, tokens FROM public.steps ORDER BY committed");
    let mut holders = BTreeMap::new();
    let (mut last, mut deleted) = (0, 0);
    for row in &rows {
        let term: i64 = row[1].parse().expect("a number");
        assert!(term >= last, "a step of an ended term was committed: {rows:?}");
        assert_eq!(*holders.entry(term).or_insert(&row[0]), &row[0], "two nodes in one term: {rows:?}");
        last = term;
        deleted += row[2].parse::<usize>().expect("a count");
    }
    assert_eq!((deleted, holders.len()), (TOKENS, 2), "each once, by two nodes: {rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_a_killed_node_goes_on_at_another() {
    let mut cluster = at_work().await;
    cluster.nodes[0].kill();
    let died = Instant::now();
    steps(&cluster, 1, 1).await;
    let gone_on = died.elapsed();
    assert_done_by_one_at_a_time(&cluster).await;
    report("followers", "kill -9 of the node that works", format!("gone on after {gone_on:.1?}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_node_deletes_nothing_after_its_lease_has_ended() {
    let cluster = at_work().await;
    cluster.nodes[0].running().pause();
    let paused = Instant::now();
    steps(&cluster, 1, 2).await;
    let gone_on = paused.elapsed();
    cluster.nodes[0].running().resume();
    let wait = Wait::within(bound(WITHIN));
    // Its step is refused, or the database has already rolled it back.
    let refusals = ["another node has taken over", "expired tokens could not be deleted"];
    while !refusals.iter().any(|refusal| cluster.nodes[0].running().stderr().contains(refusal)) {
        wait.step(|| format!("the paused node did not notice: {}", cluster.nodes[0].running().stderr()))
            .await;
    }
    assert_done_by_one_at_a_time(&cluster).await;
    report("followers", "SIGSTOP of the node that works", format!("gone on after {gone_on:.1?}"));
}
