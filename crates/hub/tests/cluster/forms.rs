//! Other deployments of Redis: a cluster, sentinels, TLS.

use std::net::TcpListener;
use std::process::Command;

use chinwag_core::Seq;
use chinwag_core::clock::SystemClock;
use chinwag_hub::bus::{RedisBus, RedisOptions};
use chinwag_testkit::redis::Redis;

use chinwag_testkit::wait::until;

use crate::nodes::{Node, SECRET, StoreFile, unaudited};

/// Asserts that two nodes exchange events.
async fn talk(url: &str) {
    let place = StoreFile::new();
    let one = Node::start(&place, url, unaudited()).await;
    let two = Node::start(&place, url, unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    let mut last = Seq(0);
    for n in 0..20 {
        last = if n % 2 == 0 { one.send(group, ann).await } else { two.send(group, ben).await };
        at_one.wait_for_number(group, last).await;
        at_two.wait_for_number(group, last).await;
    }
    assert_eq!(at_two.numbers(group), (1..=last.0).collect::<Vec<_>>());
    let received = |node: &Node| node.hub.counts().link.expect("there is a link").received;
    assert!(received(&one) >= 5 && received(&two) >= 5, "it went over Redis");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_carries_hints_in_shards() {
    let redis = Redis::cluster();
    assert_eq!(redis.ask("CLUSTER ADDSLOTSRANGE 0 16383").as_deref(), Some("+OK"));
    until("the cluster stands", || redis.ask("CLUSTER INFO").is_some_and(|info| info.contains("state:ok")))
        .await;
    talk(&format!("redis+cluster://{}", redis.address())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_name_the_master() {
    let redis = Redis::start();
    let master = redis.address();
    let monitor = format!("sentinel monitor chat {} {} 1\n", master.ip(), master.port());
    let sentinel = Redis::sentinel(&monitor);
    // Most of the sentinels do not answer.
    let silent = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [first, second] = silent.each_ref().map(|silent| silent.local_addr().expect("an address"));
    talk(&format!("redis+sentinel://127.0.0.1:1,{first},{second},{}/chat", sentinel.address())).await;
    let url = format!("redis+sentinel://{}/other", sentinel.address());
    let why = RedisBus::check(&RedisOptions::new(url, SECRET)).await.expect_err("there is no such master");
    assert!(why.to_string().contains("knows no master other"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_over_tls_trusts_the_authority_that_it_is_given() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-subj",
            "/CN=test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-addext", "basicConstraints=critical,CA:false"])
        .current_dir(folder.path())
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (key, cert) = (file("key.pem"), file("cert.pem"));
    let redis = Redis::tls(&["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-auth-clients", "no"]);
    let url = format!("rediss://{}", redis.tls_address());
    let authority = Some(std::fs::read(&cert).expect("it was made"));
    let options = RedisOptions { authority, ..RedisOptions::new(&url, SECRET) };
    let connected = RedisBus::connect(options, &SystemClock::default()).await;
    connected.map(|_| ()).expect("it trusts the authority");
    let why = RedisBus::check(&RedisOptions::new(&url, SECRET)).await.expect_err("nobody vouches for it");
    assert!(why.to_string().contains("is not reachable"), "{why}");
}
