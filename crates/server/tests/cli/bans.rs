//! The maximum number of bans of a group, written to the database directly because there are so many.

use chinwag_core::app::ban::BANS;
use chinwag_testkit::setup::id;
use rusqlite::Connection;
use serde_json::json;

use crate::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_has_at_most_ten_thousand_bans() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    service.user("ann").await;
    let group = id(&service.post("groups/", json!({ "name": "g", "author": "ann" })).await.ok(201));
    let path = format!("groups/{group}/");
    running.stop();
    let file = Connection::open(program.data().join("chinwag.db")).expect("a database");
    file.execute_batch(&format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n <= {BANS})
            INSERT INTO users (name, fold, name_key, special, created)
            SELECT 'user' || n, 'user' || n, 'user' || n, 0, 0 FROM n;
        INSERT INTO bans SELECT g.id, u.id FROM groups g, users u
            WHERE u.name LIKE 'user%' AND u.name NOT IN ('user1', 'user2');"
    ))
    .expect("rows");
    drop(file);
    let running = program.serve();
    let service = program.service(&running);
    service.patch(&path, json!({ "ban": ["user1"] })).await.ok(200);
    let refused = service.patch(&path, json!({ "ban": ["user2"], "name": "another" })).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "ban");
    let seen = service.get(&format!("{path}?fields=name+banned")).await.ok(200);
    assert_eq!((&seen["name"], seen["banned"].as_array().map(Vec::len)), (&json!("g"), Some(BANS)));
    // A repeated ban does not count, and lifting one allows another.
    service.patch(&path, json!({ "ban": ["user1", "user9"] })).await.ok(200);
    service.patch(&path, json!({ "unban": ["user9"], "ban": ["user2"] })).await.ok(200);
}
