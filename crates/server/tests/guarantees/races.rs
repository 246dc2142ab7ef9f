//! A user is demoted during an action: the log must show the action before or after the demotion.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

use crate::{frames_until, send, seq, text};

/// The minimum number of rounds, and the maximum if one outcome has not occurred yet.
const ROUNDS: usize = 50;
const MOST: usize = 300;

/// The action of the admin.
#[derive(Debug, Clone, Copy)]
enum Act {
    Remove,
    Delete,
    Promote,
}

struct Race {
    group: String,
    message: String,
}

impl Race {
    async fn new(service: &Client, round: usize) -> Self {
        let made = json!({ "name": format!("race {round}"), "author": "owner", "admins": ["warden"],
            "members": ["member", "watcher"] });
        let group = text(&service.post("groups/", made).await.ok(201)["id"]);
        let said = json!({ "group": group, "author": "member", "body": "said" });
        let message = text(&service.post("messages/", said).await.ok(201)["id"]);
        Self { group, message }
    }

    fn frame(&self, act: Act) -> Value {
        let (kind, data) = match act {
            Act::Remove => ("group.update", json!({ "id": self.group, "remove": ["member"] })),
            Act::Delete => ("message.delete", json!({ "id": self.message })),
            Act::Promote => ("group.update", json!({ "id": self.group, "admins": ["member"] })),
        };
        json!({ "type": kind, "data": data, "ref": "act" })
    }

    fn demotion(&self) -> Value {
        json!({ "type": "group.update", "data": { "id": self.group, "members": ["warden"] }, "ref": "demote" })
    }
}

/// The number of the first log frame that matches.
fn when(log: &[Value], is_so: impl Fn(&Value) -> bool) -> Option<i64> {
    log.iter().find(|frame| is_so(frame)).map(seq)
}

fn acted(act: Act, frame: &Value) -> bool {
    let has =
        |role: &str| frame["data"][role].as_array().is_some_and(|names| names.contains(&json!("member")));
    let update = frame["type"] == "group.update";
    match act {
        Act::Remove => update && !has("members") && !has("admins"),
        Act::Delete => frame["type"] == "message.delete",
        Act::Promote => update && has("admins"),
    }
}

fn demoted(frame: &Value) -> bool {
    let admins = frame["data"]["admins"].as_array();
    frame["type"] == "group.update" && admins.is_some_and(|names| !names.contains(&json!("warden")))
}

/// The answer to the client's event with this `ref`.
async fn answer(socket: &mut Ws, reference: &str) -> Value {
    loop {
        let frame = socket.next().await;
        if frame["ref"] == reference {
            return frame;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_racing_demotion_is_ordered_before_or_after_the_act() {
    let app = TestApp::start().await;
    let service = app.service();
    let owner = app.user("owner").await;
    let (warden, watcher) = (app.user("warden").await, app.user("watcher").await);
    app.user("member").await;
    let (mut owners, mut wardens, mut watchers) = (owner.ws().await, warden.ws().await, watcher.ws().await);
    let (mut won, mut lost) = (0, 0);
    for round in 0..MOST {
        if round >= ROUNDS && won > 0 && lost > 0 {
            break;
        }
        let act = [Act::Remove, Act::Delete, Act::Promote][round % 3];
        let race = Race::new(&service, round).await;
        let (demotion, action) = (race.demotion(), race.frame(act));
        // Alternate the order of sending.
        let (demoted_with, answered) = if round % 2 == 0 {
            owners.send(demotion).await;
            wardens.send(action).await;
            (answer(&mut owners, "demote").await, answer(&mut wardens, "act").await)
        } else {
            wardens.send(action).await;
            owners.send(demotion).await;
            (answer(&mut owners, "demote").await, answer(&mut wardens, "act").await)
        };
        let end = format!("end of {round}");
        send(&owner, &race.group, &end).await;
        let mut log = frames_until(&mut watchers, &end).await;
        log.retain(|frame| frame["data"]["id"] == race.group || frame["data"]["group"] == race.group);
        let log: Vec<Value> = log.into_iter().filter(|frame| frame["seq"].is_i64()).collect();
        assert!(log.windows(2).all(|pair| seq(&pair[0]) < seq(&pair[1])), "{log:?}");

        let demotion = when(&log, demoted).unwrap_or_else(|| panic!("{act:?}: no demotion in {log:?}"));
        assert_eq!(demoted_with["seq"], demotion, "{demoted_with}");
        let action = when(&log, |frame| acted(act, frame));
        if answered["type"] == "error.data" {
            assert_eq!((&answered["code"], action), (&json!(403), None), "{act:?}: {answered}");
            lost += 1;
        } else {
            let action = action.unwrap_or_else(|| panic!("{act:?} was acknowledged, not done: {log:?}"));
            assert!(action < demotion, "{act:?} at {action}, after the demotion at {demotion}");
            assert_eq!(answered["seq"], action, "{answered}");
            won += 1;
        }
        let now = service.get(&format!("groups/{}/?fields=__all__", race.group)).await.ok(200);
        let last = log.iter().rev().find(|frame| frame["type"] == "group.update").expect("the demotion");
        for role in ["owner", "admins", "members", "restricts"] {
            assert_eq!(now[role], last["data"][role], "{act:?}: {role}");
        }
    }
    assert!(won > 0 && lost > 0, "{won} came before the demotion, {lost} after: they never raced");
}
