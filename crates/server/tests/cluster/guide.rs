//! Follows the guide to several nodes (docs/scaling.md) literally except for addresses: its settings, nodes,
//! proxy and the results that it shows.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use chinwag_testkit::client::Client;
use chinwag_testkit::nginx::Nginx;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::{Program, Running, finish};
use chinwag_testkit::redis::Redis;
use serde_json::json;

const GUIDE: &str = include_str!("../../../../docs/scaling.md");
const BINARY: &str = env!("CARGO_BIN_EXE_chinwag");

/// The fenced code blocks of a language, in order.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    GUIDE.split(&*begin).skip(1).map(|rest| rest.split("```").next().expect("a block ends")).collect()
}

/// The text with its addresses replaced by free ones.
fn with_addresses(text: &str, database: &Database, redis: &Redis, ports: [u16; 3]) -> String {
    let [first, second, proxy] = ports.map(|port| port.to_string());
    text.replace("postgres://chinwag:db-password@127.0.0.1:5432/chinwag", &database.url())
        .replace("redis://127.0.0.1:6379", &redis.url())
        .replace(":8001", &format!(":{first}"))
        .replace(":8002", &format!(":{second}"))
        .replace("listen 8000", &format!("listen 127.0.0.1:{proxy}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_two_nodes_behind_a_proxy_works_as_it_says() {
    let (database, redis, program) = (Database::new(), Redis::start(), Program::new(BINARY));
    let free = || TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let ports = [free(), free(), free()];
    let ours = |text: &str| with_addresses(text, &database, &redis, ports);
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        let chinwag = format!("chinwag() {{ '{BINARY}' \"$@\"; }}\n");
        shell
            .args(["-euc", &format!("{chinwag}{script}")])
            .current_dir(program.folder())
            .stdin(Stdio::null());
        shell
    };
    let run = |script: &str| {
        let output = finish(shell(script), "");
        assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
        output.stdout
    };
    let scripts = blocks("sh");
    let [_, settings, nodes, see, ..] = &scripts[..] else { panic!("the guide has its steps: {scripts:?}") };
    run(&ours(settings));

    // Commands with `&` are servers; the others run first.
    let (serves, before): (Vec<&str>, Vec<&str>) = nodes.lines().partition(|line| line.ends_with(" &"));
    assert_eq!(serves.len(), 2, "{nodes}");
    let before = ours(&before.join("\n"));
    run(&before);
    let environment = before.lines().next().expect("it takes the settings").to_owned();
    let start = |line: &&str| {
        let line = line.trim_end_matches(" &").replacen("chinwag", &format!("exec '{BINARY}'"), 1);
        Running::start(shell(&format!("{environment}\n{}", ours(&line))))
    };
    let running: Vec<Running> = serves.iter().map(start).collect();

    let server = blocks("nginx");
    let server = ours(server.first().expect("the guide has its proxy"));
    let _nginx = Nginx::start(program.folder(), &server, ports[2]).await;
    let seen = run(&format!("{environment}\n{}", ours(see)));
    let found = seen.matches(r#""name":"ada""#).count();
    assert_eq!(found, 2, "made over one node, found over the other: {seen}");

    // Through the proxy: REST, sockets at both nodes, and no metrics.
    let (key, proxy) = (service_key(&program), format!("http://127.0.0.1:{}", ports[2]));
    let service = Client::new(&proxy, Some(&key), "service");
    let (bob, eve) = (service.user("bob").await, service.user("eve").await);
    let (mut bobs, mut eves) = (bob.ws().await, eve.ws().await);
    bobs.send(json!({ "type": "message.first", "data": { "target": "eve", "body": "hello" } })).await;
    assert_eq!(eves.until("group.update").await["data"]["messages"][0]["body"], "hello");
    assert_eq!(service.get("/metrics").await.status, 403);
    for node in &running {
        let figures = Client::new(node.url(), None, "nobody").get("/metrics").await.text;
        assert!(figures.contains("\nchinwag_sockets 1\n"), "the proxy spreads sockets: {figures}");
    }

    // A new service key, and a key for the backend's use while the nodes restart.
    let change = scripts.iter().find(|script| script.contains("key add")).expect("the guide changes the key");
    let backend = Client::new(&proxy, Some(run(&format!("{environment}\n{change}")).trim_end()), "service");
    for node in roll(running, &backend, |number| start(&serves[number])).await {
        let new = Client::new(node.url(), Some(&service_key(&program)), "service");
        new.get("users/ada/").await.ok(200);
        assert_eq!(Client::new(node.url(), Some(&key), "service").get("users/ada/").await.status, 401);
        assert_eq!(node.stop().code, Some(0));
    }
}

/// The service key in the settings file.
fn service_key(program: &Program) -> String {
    let settings = fs::read_to_string(program.folder().join("chinwag.env")).expect("the file of settings");
    let key = settings.lines().find_map(|line| line.strip_prefix("CHINWAG_SERVICE_KEY="));
    key.expect("the guide makes a key").to_owned()
}

/// Restarts the nodes one after the other, each when the previous one is ready. The proxy answers every request
/// meanwhile.
async fn roll(running: Vec<Running>, service: &Client, start: impl Fn(usize) -> Running) -> Vec<Running> {
    let mut started = Vec::new();
    for (number, node) in running.into_iter().enumerate() {
        assert_eq!(node.stop().code, Some(0));
        // Send several requests, so that the proxy tries the stopped node at least once.
        for attempt in 0..4 {
            let name = format!("user-{number}-{attempt}");
            service.post("users/", json!({ "name": name })).await.ok(201);
            service.get(&format!("users/{name}/")).await.ok(200);
        }
        started.push(start(number));
    }
    started
}
