//! `chinwag user` with and without a running server.

use std::fs;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Output, Program, Running};
use serde_json::json;

use crate::program;

const PASSWORD: &str = "correct horse battery";

fn add(program: &Program, name: &str) -> Output {
    program.run_with_input(&["user", "add", name], &format!("{PASSWORD}\n"))
}

#[track_caller]
fn done(output: Output) -> String {
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output.stdout
}

#[track_caller]
fn refused(output: &Output, sentence: &str) {
    assert_eq!((output.code, &*output.stderr), (Some(1), &*format!("chinwag: {sentence}\n")));
    assert_eq!(output.stdout, "");
}

async fn signs_in(running: &Running, name: &str, password: &str) -> u16 {
    let nobody = Client::new(running.url(), None, "nobody");
    nobody.post("sessions/", json!({ "name": name, "password": password })).await.status
}

/// The same steps with and without a server: add, list, issue a token, delete.
async fn run_user_commands(program: &Program, running: Option<&Running>) {
    assert_eq!(done(add(program, "ann")), "");
    assert_eq!(done(program.run(&["user", "add", "bob", "--no-password"])), "");
    assert_eq!(done(program.run(&["user", "list"])), "ann\nbob\n");
    refused(
        &add(program, "ANN"),
        "the name ANN is taken, or looks like a name that is taken: choose another name",
    );
    refused(
        &add(program, "admin"),
        "the name admin is taken, or looks like a name that is taken: choose another name",
    );

    let token = done(program.run(&["user", "token", "bob", "--ttl", "1h"]));
    let token = token.strip_suffix('\n').expect("a whole line");
    assert!(token.starts_with("cw_token_"), "{token}");
    let refusal = program.run(&["user", "token", "ann"]);
    assert!(refusal.code == Some(1) && refusal.stderr.contains("signed up here"), "{}", refusal.stderr);
    refused(
        &program.run_with_input(&["user", "passwd", "bob"], "another password\n"),
        "this user signs in through the host application and has no password here: with --adopt it signs in here from now on",
    );
    if let Some(running) = running {
        Client::new(running.url(), Some(token), "bob").get("users/bob/").await.ok(200);
        assert_eq!(signs_in(running, "ann", PASSWORD).await, 201);
    }
    let changed = program.run_with_input(&["user", "passwd", "ann"], "another password\r\n");
    assert_eq!(done(changed), "");
    if let Some(running) = running {
        assert_eq!(signs_in(running, "ann", PASSWORD).await, 401);
        assert_eq!(signs_in(running, "ann", "another password").await, 201);
    }
    done(program.run(&["user", "admin", "ann"]));
    let suspend = ["user", "suspend", "ann", "--for", "1h", "--reason", "spam"];
    assert_eq!(done(program.run(&suspend)), "");
    if let Some(running) = running {
        let shown = program.service(running).get("users/ann/?fields=admin+suspended").await.ok(200);
        assert_eq!((&shown["admin"], &shown["suspended"]["reason"]), (&json!(true), &json!("spam")));
        assert_eq!(signs_in(running, "ann", "another password").await, 403);
    }
    done(program.run(&["user", "admin", "ann", "--revoke"]));
    done(program.run(&["user", "unsuspend", "ann"]));
    refused(&program.run(&["user", "suspend", "admin", "--for", "1h"]), "special users cannot be changed");
    refused(&program.run(&["user", "unsuspend", "nobody"]), "there is no user nobody");
    done(add(program, "eve"));
    let token = done(program.run(&["user", "token", "eve", "--adopt"]));
    if let Some(running) = running {
        assert_eq!(signs_in(running, "eve", PASSWORD).await, 401, "her password is gone");
        Client::new(running.url(), Some(token.trim()), "eve").get("users/eve/").await.ok(200);
    }
    refused(
        &program.run(&["user", "delete", "eve"]),
        "cannot ask for confirmation without a terminal: add --yes if you are sure",
    );
    done(program.run(&["user", "delete", "eve", "--yes"]));
    assert_eq!(done(program.run(&["user", "delete", "bob", "--yes"])), "");
    assert_eq!(done(program.run(&["user", "list"])), "ann\n");
    refused(&program.run(&["user", "delete", "bob", "--yes"]), "there is no user bob");
    refused(&program.run(&["user", "token", "bob"]), "there is no user bob");
    refused(&program.run(&["user", "delete", "admin", "--yes"]), "special users cannot be changed");
}

#[tokio::test]
async fn users_are_kept_by_a_server_that_runs() {
    let program = program();
    let running = program.serve();
    run_user_commands(&program, Some(&running)).await;
    assert_eq!(running.stop().code, Some(0));
}

#[tokio::test]
async fn users_are_kept_without_a_server_and_a_later_one_knows_them() {
    let program = program();
    run_user_commands(&program, None).await;
    let running = program.serve();
    assert_eq!(signs_in(&running, "ann", "another password").await, 201);
}

#[tokio::test]
async fn connected_clients_see_command_line_changes_at_once() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    done(add(&program, "ann"));
    let session = json!({ "name": "ann", "password": PASSWORD });
    let session = service.post("sessions/", session).await.ok(201);
    let ann = service.bearing(session["token"].as_str().expect("a token"));
    let bob = service.user("bob").await;
    let (mut ann, mut bob) = (ann.ws().await, bob.ws().await);
    let group = ann.ask("message.first", json!({ "target": "bob", "body": "hello" })).await;
    assert_eq!(group["type"], "group.update", "{group}");
    bob.until("group.update").await;
    done(program.run_with_input(&["user", "passwd", "ann"], "another password\n"));
    assert_eq!(ann.close_code().await, Some(4001), "her credential has ended");
    done(program.run(&["user", "delete", "ann", "--yes"]));
    assert_eq!(bob.until("user.delete").await["data"]["name"], "ann");
}

#[test]
fn invalid_users_are_refused_before_anything_is_created() {
    let program = program();
    let output = program.run_with_input(&["user", "add", "ann"], "short\n");
    assert!(
        output.stderr.ends_with("chinwag: the password must have 8 to 256 characters\n"),
        "{}",
        output.stderr
    );
    let output = program.run_with_input(&["user", "add", "ann"], "");
    refused(&output, "nothing was given on standard input");
    let output = add(&program, "an n");
    assert!(
        output.stderr.starts_with("chinwag: the name \"an n\" may not contain white space"),
        "{}",
        output.stderr
    );
    assert_eq!(done(program.run(&["user", "list"])), "");
    let output = program.run(&["user", "list", "--data", "nowhere"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("chinwag: there is no data folder nowhere: "), "{}", output.stderr);
    assert!(!program.folder().join("nowhere").exists());
}

/// A node on PostgreSQL has no database file in its folder.
#[test]
fn folder_of_a_node_without_a_database_gets_none() {
    let program = program();
    fs::create_dir(program.data()).expect("a folder");
    fs::write(program.data().join("lock"), "").expect("a file");
    for command in
        ["user list", "user add ann --no-password", "user token ann", "key list", "export ann ann.zip"]
    {
        let args: Vec<_> = command.split(' ').collect();
        let output = program.run(&args);
        assert_eq!(output.code, Some(1), "{command}");
        assert!(output.stderr.contains("has no database: name"), "{command}: {}", output.stderr);
    }
    let left: Vec<_> = fs::read_dir(program.data()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
