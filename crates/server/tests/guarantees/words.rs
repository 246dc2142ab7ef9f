//! Neither the text nor the timing of a refusal reveals whether a name exists.

use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use serde_json::json;
use tokio::time::Instant;

/// An answer without its date and its request id.
fn words(answer: &Answer, name: &str) -> (u16, Vec<String>, String) {
    let is_compared = |name: &str| !["date", "x-request-id", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| is_compared(name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    let text = if name.is_empty() { answer.text.clone() } else { answer.text.replace(name, "NAME") };
    (answer.status, headers, text)
}

async fn freely() -> TestApp {
    TestApp::start().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_unknown_names_are_answered_alike() {
    let app = freely().await;
    let (service, nobody) = (app.service(), app.nobody());
    let account = |name: &str| json!({ "name": name, "password": "a long password" });
    nobody.post("accounts/", account("known")).await.ok(201);
    nobody.post("sessions/", account("known")).await.ok(201);
    let ann = app.user("tokenly").await;
    app.user("gone").await;
    service.delete("users/gone/").await.ok(200);

    let wrong = |name: &str| json!({ "name": name, "password": "not the password" });
    let mut answers = Vec::new();
    for name in ["known", "tokenly", "gone", "nobody", "admin", "no name/at all", ""] {
        answers.push(words(&nobody.post("sessions/", wrong(name)).await, name));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "sign-in: {answers:#?}");

    let mut answers = Vec::new();
    for name in ["known", "tokenly", "admin", "KNOWN"] {
        answers.push(words(&nobody.post("accounts/", account(name)).await, name));
    }
    assert_eq!(answers[0].0, 400);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "sign-up: {answers:#?}");

    let mut answers = Vec::new();
    for name in ["gone", "nobody"] {
        for client in [&ann, &service] {
            let answer = client.get(&format!("users/{name}/?fields=__all__")).await;
            assert_eq!(answer.status, 404);
            answers.push(words(&answer, name));
        }
        let contact = json!({ "contact": { "name": name, "operation": "invitation" } });
        let answer = ann.patch("users/tokenly/", contact).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        answers.push(words(&answer, name));
    }
    let (gone, never) = answers.split_at(3);
    assert_eq!(gone, never, "look-up");
}

const TRIES: usize = 3;
const NAMES: [&str; 2] = ["known", "unknown"];

/// The median durations of sign-ins for a known and an unknown name, measured alternately.
async fn medians(nobody: &Client) -> [Duration; 2] {
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..TRIES {
        for (name, times) in NAMES.iter().zip(&mut times) {
            let asked = json!({ "name": name, "password": "not the password" });
            let started = Instant::now();
            nobody.post("sessions/", asked).await.ok(401);
            times.push(started.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_in_takes_equally_long_for_unknown_names() {
    let app = freely().await;
    let nobody = app.nobody();
    nobody.post("accounts/", json!({ "name": "known", "password": "a long password" })).await.ok(201);
    let mut found = Vec::new();
    // Other load on the machine may delay one of them, but not in each try. Without a hash to verify, an
    // unknown name would be answered a hundred times faster.
    while found.len() < 6 {
        let times = medians(&nobody).await;
        let (least, most) = (times.iter().min().expect("times"), times.iter().max().expect("times"));
        if *least >= most.mul_f64(0.5) {
            return;
        }
        found.push(times);
    }
    panic!("{NAMES:?}: {found:?}");
}
