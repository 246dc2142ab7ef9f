//! DNS rebinding: a page of another site calls the server by the site's own host name. `Host` and `Origin`
//! agree, and both are foreign.

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{report, times};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_host_with_matching_origin_is_refused() {
    let rounds = times(3, 200);
    let program = crate::program();
    let running = program.serve_with(|command| {
        command.args(["--open"]).env("CHINWAG_HTTP__HOSTS", "chat.test");
    });
    let nobody = Client::new(running.url(), None, "nobody");
    let made = nobody.post("users/", json!({ "name": "ann" })).await;
    assert_eq!(made.status, 201, "the server is open: {}", made.text);
    let token = nobody.post("users/ann/tokens/", json!({})).await.ok(201)["token"].clone();
    let cookie = format!("access={}", token.as_str().expect("a token"));
    let port = running.url().rsplit(':').next().expect("a port").to_owned();
    let mut refused = 0;
    for round in 0..rounds {
        for host in [format!("evil{round}.example"), format!("evil{round}.example:{port}")] {
            let origin = format!("http://{host}");
            let calls =
                [(Method::GET, "users/ann/"), (Method::DELETE, "users/ann/"), (Method::POST, "users/")];
            for (method, path) in calls {
                let call = nobody.request(method, path).header("host", &host).header("origin", &origin);
                let answer = nobody.send(call.header("cookie", &cookie).body("{\"name\": \"eve\"}")).await;
                assert_eq!(answer.status, 421, "{host} {path}: {}", answer.text);
                refused += 1;
            }
            let headers = [("host", &*host), ("origin", &*origin), ("cookie", &*cookie)];
            let shake = nobody.try_ws("/chat/", &headers).await;
            assert_eq!(shake.expect_err("a handshake").status, 421, "{host}");
            refused += 1;
        }
    }
    let headers = [("host", "chat.test"), ("origin", "http://chat.test"), ("cookie", &*cookie)];
    nobody.try_ws("/chat/", &headers).await.expect("a host that is named").close().await;
    nobody.get("users/ann/").await.ok(200);
    nobody.get("users/eve/").await.ok(404);
    let log = running.stop().stderr;
    let lines = log.lines().filter(|line| line.contains("http.hosts")).count();
    assert!((1..=10).contains(&lines), "the setting is named, and not for each request: {log}");
    report(
        "hosts",
        format!("{refused} calls by foreign hosts"),
        format!("all 421; {lines} lines in the log"),
    );
}
