//! `chinwag import slack`: everything in an export, into both stores, and the parts that are not imported.

use std::fs;

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::finish;
use serde_json::{Value, json};

use crate::exports::{
    ExportZip, assert_row, each, group_named, imported, messages_of, said, slack_user, workspace, write,
};
use crate::import::ask;
use crate::program;

/// A workspace with one of everything.
fn complete_export() -> ExportZip {
    let users = json!([
        {"id": "U1", "name": "ann", "real_name": "Ann Lee", "profile": {"display_name": "Ann"}},
        {"id": "U2", "name": "bob", "profile": {"display_name": "", "real_name": "Bob B."}},
        {"id": "U3", "name": "CI Bot", "is_bot": true, "profile": {"bot_id": "B1", "real_name": "CI Bot"}},
        {"id": "U4", "name": "a/b", "deleted": true, "profile": {}},
        slack_user("U5", "carl"),
    ]);
    let channels = json!([
        {"id": "C1", "name": "general", "creator": "U1", "members": ["U2", "U1", "U5"],
            "topic": {"value": "Tea &amp; cake"}, "purpose": {"value": "Everything"},
            "pins": [{"id": "1715508000.000200", "type": "C"}]},
        {"id": "C2", "name": "old-times", "creator": "U2", "is_archived": true, "members": []},
    ]);
    let morning = json!([
        said("U2", "1715500000.000000", "joined", &json!({"subtype": "channel_join"})),
        // Out of order.
        said("U2", "1715508000.000200", "Hello <@U1>, see <#C2> &lt;here&gt; <https://a.example|this> *bold* :tada:", &json!({
            "edited": {"user": "U2", "ts": "1715508060.000000"},
            "thread_ts": "1715508000.000200", "reply_count": 2,
            "reactions": [{"name": "+1", "users": ["U1", "U5"], "count": 2}, {"name": "party_parrot", "users": ["U1"], "count": 1}],
        })),
        said("U1", "1715508000.000100", "first", &json!({})),
        said("U1", "1715508100.000000", "in the thread", &json!({"thread_ts": "1715508000.000200"})),
        said("U3", "1715508200.000000", "build <!here> passed", &json!({"subtype": "bot_message", "bot_id": "B1", "username": "Deploys"})),
        {"type": "message", "subtype": "bot_message", "bot_id": "B9", "username": "Weather", "ts": "1715508300.000000", "text": "",
            "attachments": [{"title": "Rain", "title_link": "https://w.example", "text": "all day"}]},
        said("U1", "1715508400.000000", "waves", &json!({"subtype": "me_message"})),
    ]);
    let later = json!([
        said(
            "U2",
            "1715600000.000000",
            "later, for all",
            &json!({"subtype": "thread_broadcast", "thread_ts": "1715508000.000200"})
        ),
        said(
            "U2",
            "1715600000.000000",
            "later, for all",
            &json!({"subtype": "thread_broadcast", "thread_ts": "1715508000.000200"})
        ),
        said("U5", "1715600001.000000", "of a lost root", &json!({"thread_ts": "1715400000.000000"})),
        said(
            "U77",
            "1715600002.000000",
            "from elsewhere",
            &json!({"user_profile": {"name": "dora", "real_name": "Dora"}})
        ),
    ]);
    ExportZip::default()
        .json("export/users.json", &users)
        .json("export/channels.json", &channels)
        .json("export/groups.json", &json!([{"id": "G1", "name": "secret", "creator": "U2", "members": ["U1", "U2"]}]))
        .json("export/dms.json", &json!([{"id": "D1", "members": ["U1", "U2"]}, {"id": "D2", "members": ["U1"]}]))
        .json("export/mpims.json", &json!([{"id": "G2", "name": "mpdm-ann--bob--carl-1", "creator": "U1", "members": ["U1", "U2", "U5"]}]))
        .json("export/integration_logs.json", &json!([{"service_id": 1}]))
        .json("export/general/2024-05-12.json", &morning)
        .json("export/general/2024-05-13.json", &later)
        .json("export/old-times/2020-01-01.json", &json!([said("U5", "1577880000.000000", "long ago", &json!({}))]))
        .json("export/secret/2024-05-12.json", &json!([said("U2", "1715508000.000000", "hush", &json!({}))]))
        .json("export/D1/2024-05-12.json", &json!([said("U1", "1715508000.000000", "just you", &json!({}))]))
        .json("export/D2/2024-05-12.json", &json!([said("U1", "1715508000.000000", "note", &json!({}))]))
        .json("export/mpdm-ann--bob--carl-1/2024-05-12.json", &json!([said("U5", "1715508000.000000", "us three", &json!({}))]))
}

async fn assert_served(service: &Client) {
    let bob = service.get("users/bob/?fields=__all__").await.ok(200);
    assert_eq!(
        (&bob["display_name"], &bob["kind"], &bob["origin"]),
        (&json!("Bob B."), &json!("person"), &json!("host"))
    );
    let bot = service.get("users/CI-Bot/?fields=__all__").await.ok(200);
    assert_eq!((&bot["display_name"], &bot["kind"]), (&json!("CI Bot"), &json!("bot")));
    assert_eq!(service.get("users/Weather/?fields=__all__").await.ok(200)["kind"], "bot");

    let ann = service.sign_in("ann").await;
    let general = group_named(&ann, "general").await;
    assert_eq!((&general["owner"], &general["members"]), (&json!(["ann"]), &json!(["bob", "carl"])));
    assert_eq!((&general["description"], &general["open"]), (&json!("Everything\nTea & cake"), &json!(true)));
    assert_eq!(
        (&general["unread"], &general["me"]["mentioned"]),
        (&json!(0), &json!(0)),
        "what is old is read"
    );
    let found = messages_of(&ann, &general).await;
    assert_eq!(
        each(&found, "body"),
        [
            "first",
            "Hello @ann, see #old-times <here> this (https://a.example) **bold** 🎉",
            "in the thread",
            "build @all passed",
            "Rain (https://w.example)\nall day",
            "_waves_",
            "later, for all",
            "of a lost root",
            "from elsewhere",
        ]
    );
    assert_eq!(
        each(&found, "author"),
        ["ann", "bob", "ann", "CI-Bot", "Weather", "ann", "bob", "carl", "dora"]
    );
    let root = &found[1];
    assert_eq!(
        (&root["date"], &root["edited"]),
        (&json!("2024-05-12T10:00:00.000200Z"), &json!("2024-05-12T10:01:00.000000Z"))
    );
    assert_eq!((&root["mentions"], &root["pinned"]), (&json!(["ann"]), &json!(true)));
    assert_eq!(general["pins"], json!([root["id"]]));
    let reactions = json!({
        "👍": {"count": 2, "names": ["ann", "carl"], "mine": true},
        ":party_parrot:": {"count": 1, "names": ["ann"], "mine": true},
    });
    assert_eq!(root["reactions"], reactions);
    assert_eq!((&root["replies"]["count"], &root["replies"]["names"]), (&json!(2), &json!(["bob", "ann"])));
    let threads = each(&found, "thread");
    assert_eq!((&threads[2], &threads[6]), (&root["id"], &root["id"]));
    assert_eq!((&threads[1], &threads[7]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&found[3]["mentions"], &found[3]["data"]),
        (&json!(["@all"]), &json!({"username": "Deploys"}))
    );
    let seqs: Vec<_> = each(&found, "seq").iter().map(|seq| seq.as_i64().expect("a number")).collect();
    assert!(seqs.is_sorted() && seqs[0] == 1, "{seqs:?}");
    assert_private(service, &ann).await;
}

async fn assert_private(service: &Client, ann: &Client) {
    let old = group_named(service, "old-times").await;
    assert_eq!(
        (&old["owner"], &old["restricts"], &old["open"]),
        (&json!(["bob"]), &json!(["carl"]), &json!(false))
    );
    let secret = group_named(ann, "secret").await;
    assert_eq!((&secret["owner"], &secret["open"]), (&json!(["bob"]), &json!(false)));
    let three = group_named(ann, "ann, bob, carl").await;
    assert_eq!(each(&messages_of(ann, &three).await, "body"), ["us three"]);
    let with_bob = ann.put("private/", json!({"user": "bob"})).await.ok(200);
    assert_eq!(each(&messages_of(ann, &with_bob).await, "body"), ["just you"]);
    let own = ann.put("private/", json!({"user": "ann"})).await.ok(200);
    assert_eq!(
        (&own["members"], each(&messages_of(ann, &own).await, "body")),
        (&json!(["ann"]), vec![json!("note")])
    );
    let dora = service.sign_in("dora").await;
    assert_eq!(dora.get("groups/").await.ok(200), json!([]), "who is in no list of members is no member");
}

#[test]
fn whole_slack_export_is_served_in_both_stores() {
    let (on_sqlite, on_postgres, database) = (program(), program(), Database::new());
    let url = database.url();
    for (program, more) in [(&on_sqlite, &[][..]), (&on_postgres, &["--database", url.as_str()][..])] {
        let file = complete_export().write(program, "slack.zip");
        let all = program.folder().join("report.txt");
        let args = ["slack", file.to_str().expect("a path"), "--report", all.to_str().expect("a path")];
        let report = imported(program, &[&args, more].concat());
        assert_row(&report, "users", [7, 7, 0, 0, 0]);
        assert_row(&report, "groups", [6, 6, 0, 0, 0]);
        assert_row(&report, "messages", [14, 14, 0, 0, 0]);
        assert_row(&report, "reactions", [3, 3, 0, 0, 0]);
        let lines = fs::read_to_string(&all).expect("a report");
        for line in [
            "messages of the kind channel_join: export/general/2024-05-12.json: 1715500000.000000",
            "messages that the export contains twice: export/general/2024-05-13.json: 1715600000.000000",
            "\"a/b\": the name may not contain / \\ \" < or >; imported as imported-",
            "1715600001.000000: the root of its thread is a later one, or was not imported; imported outside of threads",
            "files of the export that hold no messages: export/integration_logs.json",
        ] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
        ask(program, more, assert_served);
        fs::remove_file(&all).expect("a report");
        let again = imported(program, &[&args, more].concat());
        assert_row(&again, "users", [7, 0, 7, 0, 0]);
        assert_row(&again, "memberships", [13, 0, 13, 0, 0]);
        assert_row(&again, "messages", [14, 0, 14, 0, 0]);
        assert_row(&again, "reactions", [3, 0, 3, 0, 0]);
        ask(program, more, assert_served);
    }
}

#[test]
fn newer_export_adds_what_is_new_and_nothing_else() {
    let program = program();
    let reacted =
        |users: &[&str]| json!({"reactions": [{"name": "tada", "users": users, "count": users.len()}]});
    let day = |users: &[&str]| {
        json!([said("U1", "1.000001", "one", &reacted(users)), said("U2", "1.000002", "two", &json!({}))])
    };
    let file = workspace().json("general/2024-05-12.json", &day(&["U1"])).write(&program, "first.zip");
    imported(&program, &["slack", file.to_str().expect("a path")]);
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        let id = found[0]["id"].as_str().expect("an id");
        let path = format!("messages/{id}/reactions/{}/?author=ann", chinwag_testkit::client::encoded("🎉"));
        service.delete(&path).await.ok(200);
        service.delete(&format!("messages/{}/", found[1]["id"].as_str().expect("an id"))).await.ok(200);
    });
    let newer = workspace()
        .json("general/2024-05-12.json", &day(&["U1", "U2"]))
        .json("general/2024-05-13.json", &json!([said("U2", "2.000000", "three", &json!({}))]))
        .write(&program, "second.zip");
    let report = imported(&program, &["slack", newer.to_str().expect("a path")]);
    assert_row(&report, "messages", [3, 1, 2, 0, 0]);
    assert_row(&report, "reactions", [2, 1, 1, 0, 0]);
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        assert_eq!(each(&found, "body"), ["one", "three"], "what was deleted here stays deleted");
        assert_eq!(
            found[0]["reactions"],
            json!({"🎉": {"count": 1, "names": ["bob"]}}),
            "and what was removed"
        );
    });
}

#[test]
fn repeated_import_skips_what_was_deleted_here() {
    let program = program();
    let export = |days: usize| {
        let channels = json!([
            {"id": "C1", "name": "general", "creator": "U1", "members": ["U1", "U2"]},
            {"id": "C2", "name": "lost", "creator": "U1", "members": ["U1", "U2"]},
        ]);
        let more = |file: &str| json!({"files": [{"id": file, "name": "a.txt", "size": 6}], "reactions": [{"name": "+1", "users": ["U1"], "count": 1}]});
        let zip = workspace().json("channels.json", &channels);
        (1..=days).fold(zip, |zip, day| {
            let of = |channel: &str| format!("{channel}/2024-05-{day:02}.json");
            let file = format!("F{day}");
            zip.json(&of("general"), &json!([said("U2", &format!("{day}.000001"), "one", &more(&file))]))
                .json(&of("lost"), &json!([said("U1", &format!("{day}.000002"), "two", &more(&file))]))
                .with(&format!("__uploads/{file}/a.txt"), "a file")
        })
    };
    let [first, newer] = [1, 2].map(|days| export(days).write(&program, &format!("{days}.zip")));
    let report = imported(&program, &["slack", first.to_str().expect("a path")]);
    assert_row(&report, "files", [2, 2, 0, 0, 0]);
    ask(&program, &[], async |service| {
        let lost = group_named(service, "lost").await;
        service.delete(&format!("groups/{}/", lost["id"].as_str().expect("an id"))).await.ok(200);
        service.delete("users/bob/").await.ok(200);
    });
    for _ in 0..2 {
        let report = imported(&program, &["slack", newer.to_str().expect("a path")]);
        assert_row(&report, "users", [2, 0, 1, 1, 0]);
        assert_row(&report, "groups", [2, 0, 1, 1, 0]);
        assert_row(&report, "memberships", [4, 0, 2, 2, 0]);
        assert_row(&report, "files", [4, 0, 0, 4, 0]);
        assert_row(&report, "reactions", [4, 0, 1, 3, 0]);
        assert_row(&report, "messages", [4, 0, 1, 3, 0]);
    }
}

#[test]
fn map_gives_users_of_an_export_their_names_here() {
    let program = program();
    let added = program.run_with_input(&["user", "add", "anna"], "correct horse battery\n");
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let day = json!([said("U1", "1.000001", "by <@U1> for <@U2>", &json!({}))]);
    let file = workspace().json("general/2024-05-12.json", &day).write(&program, "slack.zip");
    let map = write(&program, "map.txt", "# theirs ours\nann anna\nU2 robert\nnobody x\n");
    let report = imported(&program, &["slack", file.to_str().expect("a path"), "--map", &map]);
    assert!(report.contains("1 lines of --map that name no user of the export, such as nobody"), "{report}");
    ask(&program, &[], async |service| {
        let general = group_named(service, "general").await;
        assert_eq!((&general["owner"], &general["members"]), (&json!(["anna"]), &json!(["robert"])));
        let found = messages_of(service, &general).await;
        assert_eq!(
            (&found[0]["author"], &found[0]["body"]),
            (&json!("anna"), &json!("by @anna for @robert"))
        );
        assert_eq!(service.get("users/anna/?fields=__all__").await.ok(200)["origin"], "account");
    });
    let map = write(&program, "bad.txt", "one two three\n");
    crate::exports::refused(
        &program,
        &["slack", file.to_str().expect("a path"), "--map", &map],
        "line 1 must have two words",
    );
}

#[test]
fn user_of_two_accounts_is_mentioned_once() {
    let program = program();
    let users = json!([slack_user("U1", "ann"), slack_user("U2", "bob"), slack_user("U3", "bobby")]);
    let general = json!([{"id": "C1", "name": "general", "creator": "U1", "members": ["U1", "U2", "U3"]}]);
    let day = json!([said("U1", "1.000001", "<@U2> or <@U3>", &json!({}))]);
    let zip = ExportZip::default().json("users.json", &users).json("channels.json", &general);
    let file = zip.json("general/2024-05-12.json", &day).write(&program, "slack.zip");
    let map = write(&program, "map.txt", "bob robert\nbobby robert\n");
    let report = imported(&program, &["slack", file.to_str().expect("a path"), "--map", &map]);
    assert_row(&report, "messages", [1, 1, 0, 0, 0]);
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        assert_eq!(found[0]["mentions"], json!(["robert"]));
    });
}

#[test]
fn message_that_is_too_long_becomes_several() {
    let program = program();
    let text = format!("{}\n{}", "a".repeat(4000), "b ".repeat(3000));
    let day = json!([said(
        "U1",
        "1.000001",
        &text,
        &json!({"reactions": [{"name": "eyes", "users": ["U2"], "count": 1}]})
    )]);
    let file = workspace().json("general/2024-05-12.json", &day).write(&program, "slack.zip");
    let report = imported(&program, &["slack", file.to_str().expect("a path")]);
    assert_row(&report, "messages", [3, 3, 0, 0, 0]);
    assert!(report.contains("1 longer than a message may be here; imported as several"), "{report}");
    ask(&program, &[], async |service| {
        let found = messages_of(service, &group_named(service, "general").await).await;
        let bodies: Vec<_> = found.iter().map(|message| message["body"].as_str().expect("a text")).collect();
        assert_eq!(bodies.concat().replace([' ', '\n'], "").len(), 7000);
        assert_eq!(bodies[0], "a".repeat(4000));
        assert_eq!(found[0]["reactions"]["👀"]["count"], 1);
        assert_eq!(found[2]["reactions"], json!({}));
    });
}

#[test]
fn dry_run_reports_all_and_changes_nothing() {
    let program = program();
    let file = complete_export().write(&program, "slack.zip");
    let args = ["slack", file.to_str().expect("a path"), "--dry-run"];
    let report = imported(&program, &args);
    assert_row(&report, "messages", [14, 14, 0, 0, 0]);
    assert!(report.contains("this was a dry run: nothing was changed"), "{report}");
    assert!(!program.data().exists());
    // With a running server, and with earlier imports.
    let first = workspace().write(&program, "first.zip");
    imported(&program, &["slack", first.to_str().expect("a path")]);
    let running = program.serve();
    let report = imported(&program, &args);
    assert_row(&report, "users", [7, 5, 2, 0, 0]);
    assert_eq!(running.stop().code, Some(0));
    let left: Vec<_> = fs::read_dir(program.data())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".tmp")), "{left:?}");
    ask(&program, &[], async |service| {
        service.get("users/carl/").await.ok(404);
    });
}

#[test]
fn import_says_first_that_old_messages_will_be_erased() {
    let program = program();
    let day = json!([said("U1", "1715500000.000000", "long ago", &json!({}))]);
    let export = workspace().json("general/2024-05-12.json", &day).write(&program, "export.zip");
    let run = |keep: &str| {
        let mut command =
            program.command(&["import", "slack", export.to_str().expect("a path"), "--dry-run"]);
        command.env("CHINWAG_MESSAGES__KEEP", keep);
        finish(command, "").stdout
    };
    let said = run("30d");
    let first = said.lines().find(|line| line.contains("messages.keep")).unwrap_or_default();
    assert!(first.starts_with("the oldest message is of 20"), "{said}");
    assert!(said.find(first) < said.find("messages "), "before it begins: {said}");
    assert!(!run("36500d").contains("messages.keep"));
}
