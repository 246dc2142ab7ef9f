//! How imported users sign in: with a password, through a provider, or by the host application.

use std::fs;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use serde_json::json;

use crate::exports::{assert_row, imported, said, slack_user, workspace};
use crate::program;

const PASSWORD: &str = "correct horse battery";

/// A store with the imported users of a workspace, and the path of the export.
fn with_import() -> (Program, String) {
    let program = program();
    let users = json!([slack_user("U1", "ann"), slack_user("U2", "bob"), slack_user("U3", "carl")]);
    let hello = json!([said("U1", "1715508000.000100", "hello", &json!({}))]);
    let export = workspace().json("users.json", &users).json("general/2024-05-12.json", &hello);
    let path = export.write(&program, "export.zip").display().to_string();
    assert_row(&imported(&program, &["slack", &path]), "users", [3, 3, 0, 0, 0]);
    (program, path)
}

fn adopt(program: &Program, name: &str) -> (Option<i32>, String) {
    let output = program.run_with_input(&["user", "passwd", name, "--adopt"], &format!("{PASSWORD}\n"));
    (output.code, output.stderr)
}

async fn signs_in(running: &Running, name: &str) -> u16 {
    let nobody = Client::new(running.url(), None, "nobody");
    nobody.post("sessions/", json!({ "name": name, "password": PASSWORD })).await.status
}

#[tokio::test]
async fn imported_users_sign_in_as_the_operator_decides() {
    let (program, export) = with_import();
    let output = program.run_with_input(&["user", "passwd", "ann"], &format!("{PASSWORD}\n"));
    assert!(output.code == Some(1) && output.stderr.contains("with --adopt it signs in here"), "{output:?}");
    assert_eq!(adopt(&program, "ann"), (Some(0), String::new()));
    let settings = "[auth.oidc]\nissuer = \"https://id.example\"\nclient_id = \"chat\"\n";
    let refused = program.run(&["user", "link", "bob", "id-bob"]);
    assert_eq!(refused.stderr, "chinwag: there is no provider: set auth.oidc.issuer\n");
    fs::write(program.folder().join("chinwag.toml"), settings).expect("a file");

    let running = program.serve();
    let service = program.service(&running);
    assert_eq!(signs_in(&running, "ann").await, 201);
    assert_eq!(service.get("users/ann/?fields=origin").await.ok(200)["origin"], "account");
    service.post("users/ann/tokens/", json!({})).await.ok(409);
    // With a running server, the command closes the sockets of the former credential.
    let mut bob = service.sign_in("bob").await.ws().await;
    let linked = program.run(&["user", "link", "bob", "id-bob"]);
    assert_eq!((linked.code, linked.stderr.as_str()), (Some(0), ""));
    assert_eq!(bob.close_code().await, Some(4001));
    service.post("users/bob/tokens/", json!({})).await.ok(409);
    let taken = program.run(&["user", "link", "carl", "id-bob"]);
    let sentence = "chinwag: another user has this id at the provider: delete that user first\n";
    assert_eq!((taken.code, taken.stderr.as_str()), (Some(1), sentence));
    assert_eq!(program.run(&["user", "link", "bob", "id-bob"]).code, Some(0), "the same again");
    // The third user is unchanged and signs in through the host application.
    service.sign_in("carl").await.get("users/carl/").await.ok(200);
    assert_eq!(adopt(&program, "bob"), (Some(0), String::new()));
    assert_eq!(signs_in(&running, "bob").await, 201);
    assert_eq!(program.run(&["user", "link", "carl", "id-bob"]).code, Some(0), "the id is free again");
    let entries = service.get("audit/?actor=command+line&target=bob").await.ok(200);
    let acts: Vec<_> = entries.as_array().expect("a list").iter().map(|entry| &entry["action"]).collect();
    assert_eq!(acts, ["password.set", "user.adopt", "user.adopt"]);
    assert_eq!(adopt(&program, "admin"), (Some(1), "chinwag: special users cannot be changed\n".into()));
    running.stop();
    assert_row(&imported(&program, &["slack", &export]), "users", [3, 0, 3, 0, 0]);
}
