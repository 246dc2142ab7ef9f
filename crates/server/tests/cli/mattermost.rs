//! `chinwag import mattermost`: everything in a bulk export, into both stores.

use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::exports::{ExportZip, assert_row, each, group_named, imported, lines, messages_of, write};
use crate::import::ask;
use crate::program;

/// The lines of an export with one of everything.
fn complete_export() -> Vec<Value> {
    let user = |name: &str, channels: Value| {
        json!({"type": "user", "user": {"username": name, "nickname": "", "first_name": name.to_uppercase(), "last_name": "",
            "teams": [{"name": "team", "roles": "team_user", "channels": channels}]}})
    };
    let town = |roles: &str| json!({"name": "town", "roles": roles, "last_viewed_at": 1_715_508_000_000_i64});
    let post = |millis: i64, user: &str, text: &str, more: Value| {
        let mut post =
            json!({"team": "team", "channel": "town", "user": user, "message": text, "create_at": millis});
        post.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"type": "post", "post": post})
    };
    vec![
        json!({"type": "version", "version": 1, "info": {"generator": "mattermost-server"}}),
        json!({"type": "emoji", "emoji": {"name": "parrot", "image": "x.png"}}),
        json!({"type": "team", "team": {"name": "team", "display_name": "The Team", "type": "O"}}),
        json!({"type": "channel", "channel": {"team": "team", "name": "town", "display_name": "Town Square", "type": "O", "header": "[docs](https://d.example)", "purpose": "All"}}),
        json!({"type": "channel", "channel": {"team": "team", "name": "old", "display_name": "Old", "type": "P", "deleted_at": 5}}),
        user("ann", json!([town("channel_admin channel_user"), {"name": "old", "roles": "channel_user"}])),
        user(
            "bob.b",
            json!([town("channel_user"), {"name": "old", "roles": "channel_admin"}, {"name": "lost"}]),
        ),
        json!({"type": "bot", "bot": {"username": "ci", "display_name": "CI", "owner": "ann"}}),
        // Sorted by id, not by date.
        post(
            1_715_508_002_000,
            "bob.b",
            "third, @ann and @channel",
            json!({"edit_at": 1_715_508_003_000_i64, "is_pinned": true,
            "reactions": [{"user": "ann", "emoji_name": "thumbsup", "create_at": 1_715_508_004_000_i64}]}),
        ),
        post(
            1_715_508_000_000,
            "ann",
            "first",
            json!({"replies": [
                {"user": "bob.b", "message": "a reply", "create_at": 1_715_508_001_000_i64, "attachments": [{"path": "20240512/a.txt"}]},
                {"user": "ann", "message": "another", "create_at": 1_715_508_009_000_i64},
            ]}),
        ),
        post(
            1_715_508_005_000,
            "ci",
            "",
            json!({"type": "slack_attachment", "props": {"override_username": "Deploys",
            "attachments": [{"title": "Build 7", "title_link": "https://a.example/7", "text": "passed"}]}}),
        ),
        post(1_715_508_006_000, "ann", "bob.b joined", json!({"type": "system_add_to_channel"})),
        post(1_715_508_007_000, "ann", "twice", json!({})),
        post(1_715_508_007_000, "ann", "at once", json!({})),
        json!({"type": "direct_channel", "direct_channel": {"members": ["bob.b", "ann"]}}),
        json!({"type": "direct_channel", "direct_channel": {"participants": [{"username": "ann"}, {"username": "bob.b"}, {"username": "ci"}]}}),
        json!({"type": "direct_post", "direct_post": {"channel_members": ["ann", "bob.b"], "user": "ann", "message": "just you", "create_at": 1}}),
        json!({"type": "direct_post", "direct_post": {"channel_members": ["ann"], "user": "ann", "message": "note", "create_at": 1}}),
    ]
}

async fn assert_served(service: &Client) {
    let ann = service.sign_in("ann").await;
    let town = group_named(&ann, "Town Square").await;
    assert_eq!(
        (&town["owner"], &town["members"], &town["open"]),
        (&json!(["ann"]), &json!(["bob.b"]), &json!(true))
    );
    assert_eq!(town["description"], "All\n[docs](https://d.example)");
    let found = messages_of(&ann, &town).await;
    let bodies = [
        "first",
        "a reply",
        "third, @ann and @all",
        "Build 7 (https://a.example/7)\npassed",
        "twice",
        "at once",
        "another",
    ];
    assert_eq!(each(&found, "body"), bodies);
    let (root, third) = (&found[0], &found[2]);
    assert_eq!(
        each(&found, "thread"),
        [
            Value::Null,
            root["id"].clone(),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            root["id"].clone()
        ]
    );
    assert_eq!(third["reactions"]["👍"]["names"], json!(["ann"]));
    assert_eq!((&third["mentions"], &third["pinned"]), (&json!(["@all", "ann"]), &json!(true)));
    assert_eq!(
        (&third["edited"], &third["date"]),
        (&json!("2024-05-12T10:00:03.000000Z"), &json!("2024-05-12T10:00:02.000000Z"))
    );
    assert_eq!(found[3]["data"], json!({"username": "Deploys"}));
    let file = &found[1]["attachments"][0];
    assert_eq!(file["name"], "a.txt");
    assert_eq!(ann.get(&format!("files/{}/a.txt", file["id"].as_str().expect("an id"))).await.text, "bytes");
    assert_eq!(
        (&town["last_read"], &town["unread"]),
        (&json!("2024-05-12T10:00:00.000000Z"), &json!(3)),
        "as in the export"
    );
    let old = group_named(&ann, "Old").await;
    assert_eq!(
        (&old["owner"], &old["restricts"], &old["open"]),
        (&json!(["bob.b"]), &json!(["ann"]), &json!(false))
    );
    let with_bob = ann.put("private/", json!({"user": "bob.b"})).await.ok(200);
    assert_eq!(each(&messages_of(&ann, &with_bob).await, "body"), ["just you"]);
    let own = ann.put("private/", json!({"user": "ann"})).await.ok(200);
    assert_eq!(each(&messages_of(&ann, &own).await, "body"), ["note"]);
    assert_eq!(service.get("users/ci/?fields=__all__").await.ok(200)["kind"], "bot");
}

#[test]
fn whole_mattermost_export_is_served_in_both_stores() {
    let (on_sqlite, on_postgres, database) = (program(), program(), Database::new());
    let url = database.url();
    for (program, more) in [(&on_sqlite, &[][..]), (&on_postgres, &["--database", url.as_str()][..])] {
        let zip = ExportZip::default()
            .with("import.jsonl", lines(&complete_export()))
            .with("data/20240512/a.txt", "bytes");
        let path = zip.write(program, "mattermost.zip");
        let args = [&["mattermost", path.to_str().expect("a path")], more].concat();
        let report = imported(program, &args);
        assert_row(&report, "users", [3, 3, 0, 0, 0]);
        assert_row(&report, "groups", [5, 5, 0, 0, 0]);
        assert_row(&report, "messages", [9, 9, 0, 0, 0]);
        assert_row(&report, "reactions", [1, 1, 0, 0, 0]);
        assert_row(&report, "files", [1, 1, 0, 0, 0]);
        for line in [
            "1 lines of the type emoji",
            "1 posts of the type system_add_to_channel",
            "1 memberships in channels that the export lacks",
        ] {
            assert!(report.contains(line), "{line}: {report}");
        }
        ask(program, more, assert_served);
        let again = imported(program, &args);
        assert_row(&again, "messages", [9, 0, 9, 0, 0]);
        ask(program, more, assert_served);
    }
}

#[test]
fn jsonl_alone_is_taken_with_files_of_a_folder() {
    let program = program();
    let file = write(&program, "export.jsonl", lines(&complete_export()));
    write(&program, "files/20240512/a.txt", "bytes");
    let folder = program.folder().join("files");
    let report = imported(&program, &["mattermost", &file, "--files", folder.to_str().expect("a path")]);
    assert_row(&report, "files", [1, 1, 0, 0, 0]);
    ask(&program, &[], assert_served);
}

#[test]
fn channels_of_several_teams_have_the_teams_in_their_names() {
    let program = program();
    let team =
        |name: &str, shown: &str| json!({"type": "team", "team": {"name": name, "display_name": shown}});
    let channel = |team: &str| json!({"type": "channel", "channel": {"team": team, "name": "town", "display_name": "Town", "type": "O"}});
    let joined = json!({"type": "user", "user": {"username": "ann", "teams": [
        {"name": "a", "channels": [{"name": "town"}]}, {"name": "b", "channels": [{"name": "town"}]}]}});
    let all = [
        json!({"type": "version", "version": 1}),
        team("a", "Alpha"),
        team("b", "Beta"),
        channel("a"),
        channel("b"),
        joined,
    ];
    let file = write(&program, "export.jsonl", lines(&all));
    imported(&program, &["mattermost", &file]);
    ask(&program, &[], async |service| {
        group_named(service, "Town (Alpha)").await;
        group_named(service, "Town (Beta)").await;
    });
}

#[test]
fn file_of_a_channel_without_members_is_not_taken() {
    let program = program();
    let post = json!({"team": "team", "channel": "lone", "user": "ann", "message": "x", "create_at": 5, "attachments": [{"path": "a.txt"}]});
    let export = lines(&[
        json!({"type": "version", "version": 1}),
        json!({"type": "channel", "channel": {"team": "team", "name": "lone", "type": "O"}}),
        json!({"type": "user", "user": {"username": "ann"}}),
        json!({"type": "post", "post": post}),
    ]);
    let file = write(&program, "export.jsonl", export);
    write(&program, "files/a.txt", "hello");
    let folder = program.folder().join("files");
    for _ in 0..2 {
        let report = imported(&program, &["mattermost", &file, "--files", folder.to_str().expect("a path")]);
        assert_row(&report, "files", [1, 0, 0, 0, 1]);
        assert_row(&report, "messages", [1, 0, 0, 0, 1]);
    }
}
