//! The files in `deploy/`: known settings, existing metrics, and alerts that fire when they should.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use chinwag_testkit::client::Client;
use chinwag_testkit::nginx::Nginx;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::{BINARY, root, succeed};

const COMPOSE: &str = include_str!("../../../../deploy/compose/compose.yaml");
const KUBERNETES: &str = include_str!("../../../../deploy/kubernetes.yaml");
const NGINX: &str = include_str!("../../../../deploy/compose/nginx.conf");
const RULES: &str = include_str!("../../../../deploy/prometheus/chinwag.rules.yaml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/chinwag.json");
const SECRET: &str = "secret-of-the-cluster-and-key-of-the-service";
/// Metrics that appear only after their first event, or only with built-in TLS. They are in the table of all
/// metrics.
const LATER: [&str; 3] = [
    "chinwag_file_uploads_total",
    "chinwag_tls_certificate_expires_seconds",
    "chinwag_webhook_given_up_total",
];
const SETTINGS: &str = include_str!("../../../../docs/operations.md");

/// The words with this prefix in a text; a word has letters, digits and `_`.
fn words<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with(begin)).collect()
}

#[test]
fn the_variables_of_both_manifests_are_settings() {
    for (file, text) in [("compose.yaml", COMPOSE), ("kubernetes.yaml", KUBERNETES)] {
        let names = words(text, "CHINWAG_");
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            let key = name.trim_start_matches("CHINWAG_").replace("__", ".").to_lowercase();
            // Except the image's version, and the key, which is not a setting.
            let is_known =
                ["version", "service_key"].contains(&&*key) || SETTINGS.contains(&format!("| `{key}` |"));
            assert!(is_known, "{file}: {name}");
        }
    }
}

#[tokio::test]
async fn every_figure_of_alerts_and_dashboard_is_there() {
    let (database, redis, program) = (Database::new(), Redis::start(), Program::new(BINARY));
    let running = program.serve_with(|serve| {
        serve.env("CHINWAG_DATABASE", database.url()).env("CHINWAG_REDIS", redis.url());
        serve.env("CHINWAG_CLUSTER_SECRET", SECRET).env("CHINWAG_SERVICE_KEY", SECRET);
        serve.env("CHINWAG_FILES__STORE", format!("file://{}/files", program.folder().display()));
        serve.env("CHINWAG_WEBHOOKS__PRIVATE", "true");
    });
    let service = Client::new(running.url(), Some(SECRET), "service");
    // Metrics of webhooks appear with the first webhook; this one is unreachable.
    service.post("webhooks/", json!({ "url": "http://127.0.0.1:9/" })).await.ok(201);
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    service.post("groups/", json!({ "name": "Tea", "author": "ann" })).await.ok(201);
    let mut used: BTreeSet<_> = [RULES, DASHBOARD].iter().flat_map(|text| words(text, "chinwag_")).collect();
    assert!(used.len() > 15, "{used:?}");
    for name in LATER {
        assert!(used.remove(name) && SETTINGS.contains(&format!("| `{name}`")), "{name}");
    }
    let wait = Wait::begin();
    loop {
        let shown = service.get("/metrics").await.text;
        let is_there = |name: &str| ["{", " "].iter().any(|end| shown.contains(&format!("\n{name}{end}")));
        let Some(missing) = used.iter().find(|name| !is_there(name)) else { break };
        wait.step(|| format!("{missing} in {shown}")).await;
    }
}

#[test]
fn every_query_of_the_dashboard_is_one() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<_> = targets.map(|target| target["expr"].as_str().expect("a query")).collect();
    assert!(queries.len() > 20);
    // promtool checks rules, so make each query one.
    let rules: Vec<_> = (0..)
        .zip(queries)
        .map(|(number, query)| {
            let expression =
                query.replace("$__rate_interval", "5m").replace("$job", "a").replace("$instance", "b");
            json!({"record": format!("query_{number}"), "expr": expression})
        })
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("queries.yaml");
    // JSON is valid YAML.
    let text = json!({"groups": [{"name": "queries", "rules": rules}]}).to_string();
    fs::write(&file, text).expect("the folder is ours");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "rules"]).arg(&file);
    succeed(promtool);
}

#[test]
fn the_alerts_are_raised_when_they_should() {
    for args in [["check", "rules", "chinwag.rules.yaml"], ["test", "rules", "chinwag.test.yaml"]] {
        let mut promtool = Command::new("promtool");
        promtool.args(args).current_dir(root().join("deploy/prometheus"));
        succeed(promtool);
    }
}

#[tokio::test]
async fn the_proxy_of_compose_serves_rest_and_sockets() {
    let program = Program::new(BINARY);
    let running = program.serve_with(|serve| {
        serve.env("CHINWAG_HTTP__TRUSTED_PROXIES", "127.0.0.1");
    });
    let node = running.url().trim_start_matches("http://");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let server = NGINX.replace("node-1:8000", node).replace("node-2:8000", node);
    let server = server.replace("listen 8000", &format!("listen 127.0.0.1:{port}"));
    let _nginx = Nginx::start(program.folder(), &server, port).await;
    let service = Client::new(&format!("http://127.0.0.1:{port}"), Some(&program.key()), "service");
    let ann = service.user("ann").await;
    // This waits for the summary.
    ann.ws().await;
    assert_eq!(service.get("/metrics").await.status, 403);

    let node = node.to_owned();
    assert_eq!(running.stop().code, Some(0));
    assert_eq!(service.get("users/ann/").await.status, 502);
    let _running = Running::start(program.command(&["serve", "--listen", &node]));
    service.get("users/ann/").await.ok(200);
}
