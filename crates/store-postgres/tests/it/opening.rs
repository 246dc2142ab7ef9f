//! Opening a database: what is created in a new one, and which databases are refused with which remedy.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::name::NameCase;
use chinwag_core::store::Store;
use chinwag_core::{Date, Name};
use chinwag_store_postgres::{Claim, OpenError, Options, PostgresStore, transfer};
use chinwag_store_sql::TABLES;
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::postgres::{Database, Server, ask};
use chinwag_testkit::wait::Wait;
use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use crate::world::LONG;

/// A busy machine may take long to connect.
fn patient() -> Options {
    Options { connect: LONG, ..Options::default() }
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(url, patient(), Arc::<Recorder>::default()).await
}

async fn refusal(url: &str) -> String {
    let Err(why) = open(url).await else { panic!("{url} is not refused") };
    let text = why.to_string();
    assert!(!text.contains("secret") && !text.contains('\n'), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_what_opening_would_and_changes_nothing() {
    let database = Database::new();
    PostgresStore::check(&database.url(), &patient()).await.expect("it could be opened");
    assert_eq!(tables(&database).len(), 0);
    database.ask("CREATE TABLE orders (id integer)");
    let why = PostgresStore::check(&database.url(), &patient()).await.expect_err("it is not ours");
    assert_eq!(why.to_string(), refusal(&database.url()).await);
}

/// Every table of a database with its schema.
fn tables(database: &Database) -> Vec<Vec<String>> {
    database.ask(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        ORDER BY 1, 2",
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_database_gets_its_own_schema_and_opens_again() {
    let database = Database::new();
    drop(open(&database.url()).await.expect("it opens"));
    let made = tables(&database);
    // Besides the migrated tables: the version, two for the search index, and three for stamps.
    assert!(made.len() == TABLES.len() + 6 && made.iter().all(|table| table[0] == "chinwag"), "{made:?}");
    drop(open(&database.url()).await.expect("it opens again"));
    assert_eq!(tables(&database), made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_concurrently_share_a_new_database() {
    for _ in 0..5 {
        let database = Database::new();
        let url = database.url();
        for opened in join_all((0..4).map(|_| open(&url))).await {
            opened.expect("each waits for the others");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migration_takes_longer_than_a_statement_may() {
    let database = Database::new();
    database.ask(
        "CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); END';
        CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.slow()",
    );
    let options = Options { statement: Duration::from_secs(1), ..patient() };
    PostgresStore::open(&database.url(), options, Arc::<Recorder>::default()).await.expect("it opens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_ours_is_refused_and_left_as_it_is() {
    let database = Database::new();
    database.ask("CREATE TABLE orders (id integer)");
    let why = refusal(&database.url()).await;
    assert!(
        why.contains("is not empty and does not belong to Chinwag: create one for it with createdb"),
        "{why}"
    );
    assert_eq!(tables(&database), [["public", "orders"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_schema_is_refused() {
    let database = Database::new();
    drop(open(&database.url()).await.expect("it opens"));
    database.ask("UPDATE chinwag.about SET version = 1000");
    let why = refusal(&database.url()).await;
    assert!(why.contains("was written by a newer chinwag (its schema is 1000, this one knows "), "{why}");
    assert_eq!(database.ask("SELECT version FROM chinwag.about"), [["1000"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn non_databases_are_reported_in_a_sentence() {
    let database = Database::new();
    let place = database.server();
    for (url, said) in [
        ("mysql://ann:secret@127.0.0.1/chat".to_owned(), "write it like postgres://"),
        (
            format!("postgres://chinwag:secret@{place}/no_such"),
            "has no database no_such: create it with createdb, or name another",
        ),
        (format!("postgres://nobody:secret@{place}/postgres"), "refuses the user nobody"),
        ("postgres://ann:secret@127.0.0.1:1/chat".to_owned(), "127.0.0.1:1 does not answer"),
        ("postgres://ann:secret@no-such-host.invalid/chat".to_owned(), "does not answer"),
        (format!("{}&sslmode=require", database.url()), "no secure link"),
    ] {
        let why = refusal(&url).await;
        assert!(why.contains(said), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_another_encoding_or_no_rights_is_refused() {
    let database = Database::new();
    let (other, place) = (format!("{}_latin", database.name()), database.server());
    database.ask(&format!(
        "CREATE DATABASE {other} ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    ));
    let why = refusal(&format!("postgres://chinwag@{place}/{other}")).await;
    assert!(why.contains("has the encoding LATIN1: create one with createdb --encoding UTF8"), "{why}");
    database.ask(&format!("DROP DATABASE {other}"));
    let guest = format!("{}_guest", database.name());
    database.ask(&format!("CREATE ROLE {guest} LOGIN"));
    let why = refusal(&format!("postgres://{guest}@{place}/{}", database.name())).await;
    assert!(why.contains("its user needs the right to create a schema in it"), "{why}");
    assert_eq!(tables(&database).len(), 0);
    database.ask(&format!("DROP ROLE {guest}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_only_read_is_refused() {
    let database = Database::new();
    drop(open(&database.url()).await.expect("it opens"));
    let (name, reader) = (database.name(), format!("{}_reader", database.name()));
    database.ask(&format!(
        "CREATE ROLE {reader} LOGIN; GRANT USAGE ON SCHEMA chinwag TO {reader};
        GRANT SELECT ON ALL TABLES IN SCHEMA chinwag TO {reader}"
    ));
    let url = format!("postgres://{reader}@{}/{name}", database.server());
    let check = async |options: &Options| {
        PostgresStore::check(&url, options).await.expect_err("it is not fit").to_string()
    };
    let said = format!("the user {reader} may not change the tables of the database {name}");
    let why = refusal(&url).await;
    assert!(why.contains(&said), "{why}");
    assert_eq!(check(&patient()).await, why);
    database.ask(&format!("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA chinwag TO {reader}"));
    PostgresStore::check(&url, &patient()).await.expect("it is ready");
    database.ask(&format!("ALTER ROLE {reader} SET default_transaction_read_only = on"));
    assert!(check(&patient()).await.contains("accepts no writes"));
    database.ask(&format!("ALTER ROLE {reader} CONNECTION LIMIT 0"));
    let why = check(&patient()).await;
    assert!(why.contains("has no connection free") && why.contains("raise max_connections"), "{why}");
    database.ask(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
}

/// A server that requires a password, with a certificate by an authority in the tests' folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords_and_certificates_are_checked() {
    let mut server = Server::start_new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let database = server.database();
    database.ask("CREATE ROLE ann LOGIN PASSWORD 'secret' SUPERUSER");
    for file in ["server.pem", "server.key"] {
        let text = fs::read_to_string(format!("{folder}/{file}")).expect("a file");
        server.put(file, &text);
    }
    server.put("pg_hba.conf", "host all chinwag all trust\nhostssl all ann all scram-sha-256\n");
    server.set("ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n");
    server.stop();
    server.start();
    let port = server.address().port();
    let at = |password: &str, host: &str, rest: &str| {
        format!("postgres://ann:{password}@{host}:{port}/{}?{rest}", database.name())
    };
    let root = format!("sslrootcert={folder}/authority.pem");
    for (host, rest) in [
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-full&{root}")),
    ] {
        open(&at("secret", host, &rest)).await.unwrap_or_else(|why| panic!("{rest}: {why}"));
    }
    for (url, said) in [
        (at("wrong", "127.0.0.1", "sslmode=require"), "refuses the user ann"),
        (format!("postgres://ann@127.0.0.1:{port}/{}", database.name()), "refuses the user ann"),
        (at("secret", "127.0.0.1", "sslmode=disable"), "refuses the user ann"),
        (at("secret", "localhost", "sslmode=verify-full"), "no secure link"),
        (at("secret", "127.0.0.1", &format!("sslmode=verify-full&{root}")), "no secure link"),
    ] {
        let why = refusal(&url).await;
        assert!(why.contains(said), "{url}: {why}");
    }
    drop(ask(&database.url(), "SELECT 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_of_names_changes_only_before_users_and_on_one_node() {
    let database = Database::new();
    let url = database.url();
    let open = async |case| {
        let options = Options { name_case: Some(case), ..patient() };
        let store: Arc<dyn Store> =
            Arc::new(PostgresStore::open(&url, options, Arc::<Recorder>::default()).await?);
        Ok::<_, OpenError>(store)
    };
    let make = async |store: &Arc<dyn Store>, name: &'static str, special| {
        let (name, now) = (Name::parse(name).expect("a name"), Date::from_micros(1));
        let made = store.write(move |tx, _| tx.user_insert(&name, special, now)).await;
        made.expect("the job succeeds").is_some()
    };
    let folded = open(NameCase::Folded).await.expect("it opens");
    assert!(make(&folded, "Admin", true).await);
    drop(folded);
    // Each node that serves the database holds a claim.
    let places = [Claim::take(&url, &patient(), Some(7)).await, Claim::take(&url, &patient(), Some(7)).await];
    let why = open(NameCase::Exact).await.err().expect("another node serves it").to_string();
    assert!(why.contains("users.case = \"folded\""), "{why}");
    drop(places);
    let exact = loop {
        // A claim is released shortly after it is dropped.
        match open(NameCase::Exact).await {
            Ok(store) => break store,
            Err(OpenError::NameCase { .. }) => tokio::task::yield_now().await,
            Err(why) => panic!("{why}"),
        }
    };
    assert!(!make(&exact, "Admin", true).await, "special users keep their names");
    assert!(make(&exact, "admin", false).await);
    drop(exact);
    let why = open(NameCase::Folded).await.err().expect("it has a user").to_string();
    assert!(why.contains("users.case = \"exact\": set that again"), "{why}");
    let options = Options { name_case: Some(NameCase::Folded), ..patient() };
    assert_eq!(PostgresStore::check(&url, &options).await.expect_err("it is not fit").to_string(), why);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_is_not_served_and_migrated_at_the_same_time() {
    let database = Database::new();
    let url = database.url();
    drop(open(&url).await.expect("it opens"));
    // Whatever the name of its connections is.
    let elsewhere = format!("{url}&application_name=elsewhere");
    let claim = Claim::take(&elsewhere, &patient(), Some(7)).await.expect("a claim");
    let named = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'chinwag'";
    let wait = Wait::begin();
    while database.ask(named) != [["0"]] {
        wait.step(|| "the links of the store are still open").await;
    }
    let source = async || {
        let url = url.clone();
        spawn_blocking(move || transfer::source(&url)).await.expect("no panic")
    };
    assert!(matches!(source().await, Err(OpenError::InUse { .. })));
    drop(claim);
    let wait = Wait::begin();
    let read = loop {
        // A claim is released shortly after it is dropped.
        match source().await {
            Ok(source) => break source,
            Err(why) => wait.step(|| why.to_string()).await,
        }
    };
    let why = Claim::take(&elsewhere, &patient(), Some(7)).await.expect_err("it is read");
    assert!(matches!(why, OpenError::ServedAlone { .. }), "{why}");
    spawn_blocking(move || drop(read)).await.expect("no panic");
}
