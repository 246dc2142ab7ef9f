//! The errors when a node starts with an unusable Redis: one sentence each.

use chinwag_core::clock::SystemClock;
use chinwag_hub::bus::{RedisBus, RedisOptions};
use chinwag_testkit::redis::Redis;

async fn refusal(url: &str) -> String {
    let options = RedisOptions::new(url, b"secret".as_slice());
    let checked = RedisBus::check(&options).await;
    let connected = RedisBus::connect(options, &SystemClock::default()).await;
    let why = connected.expect_err("it is refused").to_string();
    if let Err(error) = checked {
        assert_eq!(error.to_string(), why);
    }
    assert!(!why.contains("hidden") && !why.contains('\n'), "{why}");
    why
}

#[tokio::test]
async fn invalid_urls_are_refused_with_the_valid_forms() {
    for url in [
        "",
        "localhost",
        "http://localhost",
        "redis://",
        "redis://a b",
        "redis://localhost:x",
        "redis://localhost:99999",
        "redis://localhost/7",
        "redis://one,two",
        "redis+cluster://one,,two",
        "redis+sentinel://one,two",
        "redis+other://one",
        "redis://:hidden%@one",
    ] {
        let why = refusal(url).await;
        assert!(why.starts_with("the URL of Redis ") && why.contains("give redis://"), "{url}: {why}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named() {
    let redis = Redis::start();
    redis.kill();
    for form in ["redis://user:hidden@", "redis+cluster://", "redis+sentinel://", "rediss://"] {
        let name = if form.contains("sentinel") { "/master" } else { "" };
        let why = refusal(&format!("{form}{}{name}", redis.address())).await;
        assert!(
            why.contains(&redis.address().to_string()) && why.contains("is not reachable"),
            "{form}: {why}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_a_wrong_user_and_missing_rights_are_named() {
    let redis = Redis::with(&["--user", "default", "on", ">right", "~*", "&*", "+@all"]);
    for credentials in ["", ":hidden@", "nobody:right@"] {
        let why = refusal(&format!("redis://{credentials}{}", redis.address())).await;
        assert!(why.contains("refuses the user or password"), "{credentials}: {why}");
    }
    let url = format!("redis://:right@{}", redis.address());
    let (_bus, _) = RedisBus::connect(RedisOptions::new(&url, b"secret".as_slice()), &SystemClock::default())
        .await
        .expect("the right password is taken");
    let few = Redis::with(&[
        "--user",
        "few",
        "on",
        ">hidden",
        "resetchannels",
        "+info",
        "+role",
        "+ping",
        "+hello",
    ]);
    let why = refusal(&format!("redis://few:hidden@{}", few.address())).await;
    assert!(why.contains("grant") && why.contains("+publish"), "{why}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let redis = Redis::start();
    let master = redis.address();
    let replica = Redis::with(&["--replicaof", &format!("{} {}", master.ip(), master.port())]);
    let why = refusal(&replica.url()).await;
    assert!(why.contains("is a replica: give its master"), "{why}");
}

#[tokio::test]
async fn the_rights_named_in_the_documentation_are_enough() {
    let rights = "on >word ~chinwag:* resetchannels &chinwag:* +subscribe +unsubscribe +publish +ping +role +info +eval +time +get +set";
    let words: Vec<_> = ["--user", "chat"].into_iter().chain(rights.split(' ')).collect();
    let redis = Redis::with(&words);
    let url = format!("redis://chat:word@{}", redis.address());
    let options = RedisOptions::new(&url, b"secret".as_slice());
    let found = RedisBus::check(&options).await.expect("it is fit");
    assert!(found.starts_with("7.") && found.ends_with(&redis.address().to_string()), "{found}");
    let connected = RedisBus::connect(options, &SystemClock::default()).await;
    let (bus, _receiver) = connected.expect("it connects");
    let options = RedisOptions::new(&url, b"secret".as_slice());
    let other = RedisBus::connect(options, &SystemClock::default()).await;
    let (other, _other_receiver) = other.expect("it connects");
    crate::rates::count_together(&bus, &other).await;
}
