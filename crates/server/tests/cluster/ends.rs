//! A credential that is revoked at one node, or by a command, closes its sockets on all nodes.

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::finish;
use chinwag_testkit::setup::{group, id};
use chinwag_testkit::trial::{bound, report, times};
use chinwag_testkit::wait::Wait;
use chinwag_testkit::ws::Ws;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::cluster::{Cluster, Node};

/// The bound in the contract.
const WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Revocation,
    Deletion,
    Expiry,
    /// `chinwag user passwd`, with the settings of a node that does not run.
    Password,
    /// `chinwag user delete`, in the same way.
    Command,
    /// Deletion of a bot's key.
    Key,
    Suspension,
    /// The end of one session.
    Session,
}

const WAYS: [Way; 8] = [
    Way::Revocation,
    Way::Deletion,
    Way::Expiry,
    Way::Password,
    Way::Command,
    Way::Key,
    Way::Suspension,
    Way::Session,
];

impl Way {
    async fn user(self, cluster: &Cluster, name: &str) -> Client {
        let service = cluster.nodes[0].service();
        let path = format!("users/{name}/tokens/");
        let signed_in = match self {
            // Only a user who signed up has a password.
            Self::Password => {
                service.post("accounts/", json!({ "name": name, "password": "a password of a trial" })).await
            }
            Self::Expiry => {
                service.user(name).await;
                service.post(&path, json!({ "ttl": 5 })).await
            }
            Self::Key => {
                service.put(&format!("users/{name}/"), json!({ "kind": "bot" })).await;
                let group = group(&service, &[name]).await;
                let key = json!({ "groups": [group], "may": ["read"] });
                let key = service.post(&format!("users/{name}/keys/"), key).await.ok(201);
                return Client::new(&cluster.nodes[0].url(), key["key"].as_str(), name);
            }
            Self::Revocation | Self::Deletion | Self::Command | Self::Suspension | Self::Session => {
                return service.user(name).await;
            }
        };
        Client::new(&cluster.nodes[0].url(), signed_in.ok(201)["token"].as_str(), name)
    }

    async fn apply(self, cluster: &Cluster, beside: &Node, user: &Client) {
        let (first, name) = (&cluster.nodes[0], user.name());
        let command = |args: &[&str], input: &str| {
            let output = finish(beside.command(args), input);
            assert_eq!(
                (output.code, output.stderr.contains("cannot be informed")),
                (Some(0), false),
                "{output:?}"
            );
        };
        match self {
            Self::Revocation => drop(first.as_user(user).delete("sessions/").await.ok(200)),
            Self::Deletion => drop(first.service().delete(&format!("users/{name}/")).await.ok(200)),
            Self::Expiry => {
                let wait = Wait::begin();
                while first.as_user(user).get("users/").await.status != 401 {
                    wait.step(|| "the token does not expire").await;
                }
            }
            Self::Suspension => {
                let suspension = json!({ "suspended": { "until": "2999-01-01T00:00:00Z" } });
                first.service().patch(&format!("users/{name}/"), suspension).await.ok(200);
            }
            Self::Password => command(&["user", "passwd", name], "another password\n"),
            Self::Command => command(&["user", "delete", name, "--yes"], ""),
            Self::Key => {
                let path = format!("users/{name}/keys/");
                let keys = first.service().get(&path).await.ok(200);
                first.service().delete(&format!("{path}{}/", id(&keys[0]))).await.ok(200);
            }
            Self::Session => {
                let path = format!("users/{name}/sessions/");
                let sessions = first.as_user(user).get(&path).await.ok(200);
                first.service().delete(&format!("{path}{}/", id(&sessions[0]))).await.ok(200);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_credential_closes_sockets_on_every_node_in_5_s() {
    let rounds = times(1, 20);
    let cluster = Cluster::of(3).await;
    // A node that does not run, with its own data folder, for the commands.
    let beside = cluster.node(&[]).await;
    let output = finish(beside.command(&["user", "add", "beside", "--no-password"]), "");
    assert_eq!(output.code, Some(0), "{output:?}");
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        for way in WAYS {
            let user = way.user(&cluster, &format!("user-{round}-{way:?}").to_lowercase()).await;
            let mut sockets: Vec<Ws> = Vec::new();
            for node in &cluster.nodes {
                sockets.push(node.as_user(&user).ws().await);
            }
            way.apply(&cluster, &beside, &user).await;
            let ended = Instant::now();
            let codes =
                join_all(sockets.iter_mut().map(|socket| socket.close_code_within(bound(WITHIN)))).await;
            slowest = slowest.max(ended.elapsed());
            let (code, status) = if way == Way::Suspension { (4003, 403) } else { (4001, 401) };
            assert_eq!(codes, [Some(code); 3], "{way:?}");
            for node in &cluster.nodes {
                let refused = node.as_user(&user).try_ws("/chat/", &[]).await.expect_err("it has ended");
                assert_eq!(refused.status, status, "{way:?}");
            }
        }
    }
    let ways = WAYS.len() * rounds;
    report("ends", format!("{ways} ends, three nodes"), format!("all closed within {slowest:.2?}"));
}
