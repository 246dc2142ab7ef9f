//! The history id: event numbers of a discarded state are never taken for those of the state that replaced it.

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::Program;
use serde_json::{Value, json};

use crate::program;

/// Sends messages until the group's head is `head`.
async fn fill(client: &Client, group: &str, head: i64) {
    loop {
        let sent = client.post("messages/", json!({ "group": group, "body": "x" })).await.ok(201);
        if sent["seq"].as_i64() >= Some(head) {
            return;
        }
    }
}

fn ok(program: &Program, args: &[&str]) -> String {
    let output = program.run(args);
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout
}

/// Resumes from this number. Returns the number of events, and the reason why the group is refused.
async fn resume(client: &Client, group: &str, held: i64, history: Option<&str>) -> (usize, Value) {
    let mut socket = client.ws().await;
    let mut data = json!({ "groups": { group: held } });
    if let Some(history) = history {
        data["history"] = history.into();
    }
    socket.send(json!({ "type": "sync.resume", "data": data })).await;
    let mut events = 0;
    loop {
        let frame = socket.next().await;
        match frame["type"].as_str() {
            Some("sync.done") => return (events, frame["data"]["refused"][group].clone()),
            Some("message.text") => events += 1,
            _ => {}
        }
    }
}

/// The history id that a new socket receives; both frames with it must agree.
async fn history(client: &Client) -> String {
    let mut socket = client.ws().await;
    let shown = socket.history().as_str().expect("an id").to_owned();
    let done = socket.ask("sync.resume", json!({ "groups": {} })).await;
    assert_eq!(done["history"], shown.as_str());
    shown
}

#[tokio::test]
async fn a_restored_store_refuses_numbers_of_its_former_history() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    let ann = service.user("ann").await;
    let made = service.post("groups/", json!({ "name": "g", "author": "ann" })).await.ok(201);
    let group = made["id"].as_str().expect("an id");
    fill(&ann, group, 100).await;
    let before = history(&ann).await;
    assert_eq!(ok(&program, &["history"]).trim(), before);
    ok(&program, &["backup", "monday"]);
    fill(&ann, group, 150).await;
    assert_eq!(running.stop().code, Some(0));

    ok(&program, &["restore", "monday", "--force"]);
    let running = program.serve();
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    fill(&ann, group, 160).await;
    let after = history(&ann).await;
    assert_ne!(before, after);
    let changed = (0, json!("history_changed"));
    for held in [150, 120, 160, 170] {
        assert_eq!(resume(&ann, group, held, Some(&before)).await, changed, "{held}");
    }
    assert_eq!(resume(&ann, group, 150, Some(&after)).await, (10, Value::Null));
    assert_eq!(resume(&ann, group, 170, Some(&after)).await, (0, json!("seq_ahead")));
    assert_eq!(resume(&ann, group, 170, None).await, (0, json!("seq_ahead")));
    assert_eq!(resume(&ann, group, 150, Some("no id at all")).await, changed);

    // After a restore by other means, the operator renews the id.
    let refused = program.run(&["history", "--renew"]);
    assert_eq!(refused.code, Some(1), "a server runs: {refused:?}");
    assert_eq!(running.stop().code, Some(0));
    let renewed = ok(&program, &["history", "--renew"]);
    assert!(renewed.trim() != after && renewed.trim().len() == 36, "{renewed}");
    let running = program.serve();
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    assert_eq!(history(&ann).await, renewed.trim());
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn history_on_postgresql_is_renewed_with_no_server_running() {
    let (program, database) = (program(), Database::new());
    let url = database.url();
    let on_postgres = ["history", "--database", &url];
    let renew = [&on_postgres[..], &["--renew"]].concat();
    let running = program.serve_with(|command| {
        command.args(["--database", &url]);
    });
    let before = ok(&program, &on_postgres);
    let refused = program.run(&renew);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("with every node stopped"), "{refused:?}");
    assert_eq!(running.stop().code, Some(0));
    let renewed = ok(&program, &renew);
    assert_ne!(renewed, before);
    assert_eq!(ok(&program, &on_postgres), renewed);
}
