//! Nodes that start, nodes that report why they cannot, and `chinwag check` and `chinwag user` beside running
//! nodes.

use std::collections::BTreeSet;
use std::process::Command;

use chinwag_testkit::postgres::{Database, Server};
use chinwag_testkit::process::{Output, Program, Running, finish};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::until;

use crate::cluster::Cluster;

const SECRET: &str = "CHINWAG_CLUSTER_SECRET";
const KEY: &str = "CHINWAG_SERVICE_KEY";
const LONG: &str = "0123456789abcdef0123456789abcdef";

/// The program with its links.
fn command(program: &Program, args: &[&str], database: &str, redis: Option<&str>) -> Command {
    let mut command = program.command(args);
    command.env("CHINWAG_DATABASE", database).env("CHINWAG_LISTEN", "127.0.0.1:0");
    // Suppress the warning that this PostgreSQL does not sync to disk.
    command.env("CHINWAG_LOG__LEVEL", "error").env("CHINWAG_START_TIMEOUT", "0s");
    if let Some(redis) = redis {
        command.env("CHINWAG_REDIS", redis).env(SECRET, LONG).env(KEY, LONG);
    }
    command
}

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}

/// The message of `serve` and `check` when they refuse to start: one sentence, and nothing is created.
fn refusal(database: &str, redis: Option<&str>) -> String {
    let program = program();
    let output = finish(command(&program, &["serve"], database, redis), "");
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(!program.data().exists(), "nothing is made");
    let sentence = sentence(&output).to_owned();
    let looked = finish(command(&program, &["check"], database, redis), "");
    assert_eq!(looked.code, Some(1), "{looked:?}");
    assert!(looked.stdout.contains(&format!("problem  {sentence}\n")), "{sentence}\n{}", looked.stdout);
    for said in [&output.stdout, &output.stderr, &looked.stdout, &looked.stderr] {
        assert!(!said.contains("pass-word") && !said.contains(LONG), "{said}");
    }
    sentence
}

fn sentence(output: &Output) -> &str {
    let sentence = output.stderr.strip_prefix("chinwag: ").and_then(|line| line.strip_suffix('\n'));
    sentence.filter(|line| !line.contains('\n')).unwrap_or_else(|| panic!("not one sentence: {output:?}"))
}

fn tables(database: &Database) -> usize {
    let sql = "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'chinwag')";
    database.ask(sql)[0][0].parse().expect("a count")
}

/// The database's address with a user and a password.
fn as_user(database: &Database, user: &str, name: &str) -> String {
    format!("postgres://{user}:pass-word@{}/{name}?sslmode=disable", database.server())
}

#[test]
fn an_unfit_postgresql_is_refused_and_left_unchanged() {
    let database = Database::new();
    let nowhere = as_user(&database, "chinwag", "x").replace(&database.server().to_string(), "127.0.0.1:1");
    for (url, why) in [
        (nowhere, "the database at 127.0.0.1:1 does not answer"),
        (as_user(&database, "stranger", database.name()), "refuses the user stranger"),
        (as_user(&database, "chinwag", "nosuch"), "has no database nosuch: create it with createdb"),
        ("postgres://chinwag:pass-word@h:port/d".into(), "cannot be read"),
    ] {
        let said = refusal(&url, None);
        assert!(said.contains(why), "{url}: {said}");
    }
    database.ask("CREATE TABLE orders (id integer)");
    let said = refusal(&database.url(), None);
    assert!(said.contains("is not empty and does not belong to Chinwag"), "{said}");
    assert_eq!(tables(&database), 1);

    let database = Database::new();
    let program = program();
    assert_eq!(Running::start(command(&program, &["serve"], &database.url(), None)).stop().code, Some(0));
    database.ask("UPDATE chinwag.about SET version = 99");
    let said = refusal(&database.url(), None);
    assert!(said.contains("was written by a newer chinwag (its schema is 99"), "{said}");
    assert_eq!(database.ask("SELECT version FROM chinwag.about"), [["99"]]);
}

#[test]
fn an_unfit_redis_is_refused_and_nothing_is_made() {
    let database = Database::new();
    let (master, locked) = (Redis::start(), Redis::with(&["--requirepass", "right-word"]));
    let port = master.address().port().to_string();
    let replica = Redis::with(&["--replicaof", "127.0.0.1", &port]);
    for (url, why) in [
        ("redis://:pass-word@127.0.0.1:1".to_owned(), "127.0.0.1:1"),
        (locked.url().replace("redis://", "redis://:pass-word@"), "password"),
        (replica.url(), "replica"),
    ] {
        let said = refusal(&database.url(), Some(&url));
        assert!(said.to_lowercase().contains(why), "{url}: {said}");
    }
    assert_eq!(tables(&database), 0);
    let program = program();
    let mut keyless = command(&program, &["serve"], &database.url(), Some(&master.url()));
    keyless.env_remove(KEY);
    let output = finish(keyless, "");
    assert!(sentence(&output).contains("give every node the same CHINWAG_SERVICE_KEY"), "{output:?}");
    assert_eq!((output.code, program.data().exists(), tables(&database)), (Some(1), false, 0));
}

#[test]
fn node_waits_for_postgresql_and_redis_at_its_start() {
    let (mut server, redis, program) = (Server::start_new(), Redis::start(), program());
    let database = server.database();
    server.stop();
    redis.kill();
    let mut command = command(&program, &["serve"], &database.url(), Some(&redis.url()));
    command.env("CHINWAG_START_TIMEOUT", "10m").env("CHINWAG_LOG__LEVEL", "warn");
    let mut node = Running::launch(command);
    node.wait_for_log(&format!("waiting up to 10m: the database at {} does not answer", server.address()));
    server.start();
    node.wait_for_log(&format!("waiting up to 10m: Redis at {} is not reachable", redis.address()));
    assert!(!program.data().exists(), "nothing is made");
    redis.start_again();
    node.wait_until_ready();
    let output = node.stop();
    assert_eq!(output.code, Some(0), "{output:?}");
    let waits = output.stderr.lines().filter_map(|line| line.split_once("waiting up to"));
    let reasons: Vec<_> = waits.map(|(_, reason)| reason).collect();
    let unique: BTreeSet<_> = reasons.iter().collect();
    assert_eq!(unique.len(), reasons.len(), "each reason is logged once: {}", output.stderr);
}

#[test]
fn standby_that_takes_over_is_warned_of() {
    let (mut server, program) = (Server::start_new(), program());
    let database = server.database();
    let mut command = command(&program, &["serve"], &database.url(), None);
    command.env("CHINWAG_LOG__LEVEL", "warn");
    let mut node = Running::start(command);
    server.stop();
    server.put("standby.signal", "");
    server.start();
    database.ask("SELECT pg_promote()");
    node.wait_for_log("standby has taken over");
    assert_eq!(node.stop().code, Some(0));
}

#[test]
fn signal_ends_a_node_that_waits_at_its_start() {
    let program = program();
    let mut command = command(&program, &["serve"], "postgres://chinwag:pass-word@127.0.0.1:1/x", None);
    command.env("CHINWAG_START_TIMEOUT", "10m").env("CHINWAG_LOG__LEVEL", "warn");
    let mut node = Running::launch(command);
    node.wait_for_log("waiting up to 10m");
    let output = node.stop();
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!program.data().exists(), "nothing is made");
}

#[test]
fn wait_at_the_start_ends_with_its_reason() {
    let program = program();
    let mut command = command(&program, &["serve"], "postgres://chinwag:pass-word@127.0.0.1:1/x", None);
    command.env("CHINWAG_START_TIMEOUT", "1s");
    let output = finish(command, "");
    assert_eq!(output.code, Some(1), "{output:?}");
    let said = sentence(&output);
    let expected = "no answer within start_timeout (1s): the database at 127.0.0.1:1 does not answer";
    assert!(said.starts_with(expected), "{said}");
    assert!(!said.contains("pass-word") && !program.data().exists(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_that_does_not_match_the_cluster_is_refused() {
    let (database, redis) = (Database::new(), Redis::start());
    let first = program();
    let alone = Running::start(command(&first, &["serve"], &database.url(), None));
    let said = refusal_of_serve(&database, None, LONG);
    assert!(said.contains("another chinwag serves the database") && said.contains("same redis"), "{said}");
    let said = refusal_of_serve(&database, Some(&redis), LONG);
    assert!(said.contains("another chinwag serves the database"), "{said}");
    // A killed server releases the lock.
    assert_eq!(alone.kill(), Some(9));
    let second = program();
    let node = Running::start(command(&second, &["serve"], &database.url(), Some(&redis.url())));
    let said = refusal_of_serve(&database, None, LONG);
    assert!(said.contains("other nodes serve the database") && said.contains("over a Redis"), "{said}");
    let said = refusal_of_serve(&database, Some(&redis), &LONG.replace('0', "9"));
    assert!(said.contains("with another cluster_secret"), "{said}");
    let third = program();
    let other = Running::start(command(&third, &["serve"], &database.url(), Some(&redis.url())));
    assert_eq!((node.stop().code, other.stop().code), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lone_node_that_lost_its_lock_ends() {
    let (database, first, second) = (Database::new(), program(), program());
    let proxy = Proxy::to(database.server()).await;
    let alone = Running::start(command(&first, &["serve"], &database.url_by(proxy.address()), None));
    let place = "pg_locks WHERE locktype = 'advisory' AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let held = || database.ask(&format!("SELECT pid FROM {place}"));
    let before = held();
    // The node takes the lock again if no other node has it.
    database.ask(&format!("SELECT pg_terminate_backend(pid) FROM {place}"));
    until("it is there again", || held().len() == 1 && held() != before).await;
    proxy.cut();
    let other = Running::start(command(&second, &["serve"], &database.url(), None));
    proxy.restore();
    let ended = alone.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = "this node has lost its lease at the database: another chinwag serves the database";
    assert!(ended.stderr.contains(said), "{ended:?}");
    assert_eq!(other.stop().code, Some(0));
}

fn refusal_of_serve(database: &Database, redis: Option<&Redis>, secret: &str) -> String {
    let program = program();
    let redis = redis.map(Redis::url);
    let mut command = command(&program, &["serve"], &database.url(), redis.as_deref());
    command.env(SECRET, secret);
    let output = finish(command, "");
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(!program.data().exists(), "nothing is made");
    sentence(&output).to_owned()
}

#[test]
fn check_looks_at_both_links_and_changes_nothing() {
    let (database, redis, program) = (Database::new(), Redis::start(), program());
    let links = (database.url(), redis.url());
    let output = finish(command(&program, &["check"], &links.0, Some(&links.1)), "");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("is empty: the first start makes its tables\n"), "{output:?}");
    assert!(output.stdout.contains("ok       the link between nodes: "), "{output:?}");
    assert_eq!((tables(&database), program.data().exists()), (0, false));
    let running = Running::start(command(&program, &["serve"], &links.0, Some(&links.1)));
    let output = finish(command(&program, &["check"], &links.0, Some(&links.1)), "");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains(" is ready\n") && output.stdout.contains("a server runs"), "{output:?}");
    assert_eq!(running.stop().code, Some(0));
    redis.kill();
    let output = finish(command(&program, &["check"], &links.0, Some(&links.1)), "");
    assert_eq!(output.stdout.lines().filter(|line| line.starts_with("problem  ")).count(), 1, "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_commands_work_beside_nodes_and_warn_of_strays() {
    let cluster = Cluster::of(1).await;
    let beside = cluster.node(&[]).await;
    let output = finish(beside.command(&["user", "add", "ada", "--no-password"]), "");
    assert_eq!(output.code, Some(0), "{output:?}");
    cluster.nodes[0].service().get("users/ada/").await.ok(200);
    let listed = finish(beside.command(&["user", "list"]), "");
    assert_eq!((listed.code, &*listed.stdout), (Some(0), "ada\n"), "{listed:?}");

    let (database, here, elsewhere) = (Database::new(), program(), program());
    let url = database.url();
    let running = Running::start(command(&elsewhere, &["serve"], &url, None));
    let added = finish(command(&here, &["user", "add", "ada", "--no-password"], &url, None), "");
    assert_eq!((added.code, added.stderr.contains("cannot be informed")), (Some(0), false), "{added:?}");
    let deleted = finish(command(&here, &["user", "delete", "ada", "--yes"], &url, None), "");
    assert_eq!((deleted.code, deleted.stderr.contains("cannot be informed")), (Some(0), true), "{deleted:?}");
    elsewhere.service(&running).get("users/ada/").await.ok(404);
}
