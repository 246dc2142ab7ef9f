//! Reactions in the module.

use serde_json::{Value, json};

use crate::faults::{connect, cut_off};
use crate::world::World;

#[tokio::test]
async fn a_deleted_user_takes_its_reactions_along() {
    let world = World::start().await;
    world.users(&["ann", "bob", "cat", "dan"]).await;
    let group = world.group(&["ann", "bob", "cat", "dan"]).await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let service = world.service();
    let mut ids = Vec::new();
    for body in ["one", "two", "three"] {
        let sent = json!({ "group": group, "author": "ann", "body": body, "mentions": ["bob", "cat"] });
        let sent = service.post("messages/", sent).await.ok(201);
        ids.push(sent["id"].as_str().expect("an id").to_owned());
    }
    for (message, name) in [(0, "bob"), (0, "cat"), (1, "bob"), (1, "cat"), (2, "cat"), (2, "dan")] {
        let path = format!("messages/{}/reactions/%F0%9F%91%8D/", ids[message]);
        service.put(&path, json!({ "author": name })).await.ok(200);
    }
    let reply = json!({ "group": group, "author": "bob", "body": "reply", "thread": ids[0] });
    service.post("messages/", reply).await.ok(201);
    let reactors = async |wanted: Value| {
        let seen = format!(
            "chat.groups.get('{group}').messages.slice(0, 3).map(({{ reactions }}) => reactions['👍']?.names ?? [])"
        );
        ann.until(&format!("JSON.stringify({seen}) === JSON.stringify({wanted})")).await;
    };
    reactors(json!([["bob", "cat"], ["bob", "cat"], ["cat", "dan"]])).await;
    ann.until(&format!("chat.groups.get('{group}').messages[0].replies?.count === 1")).await;

    service.delete("users/bob/").await.ok(200);
    reactors(json!([["cat"], ["cat"], ["cat", "dan"]])).await;
    let rest = format!(
        "chat.groups.get('{group}').messages.some(({{ mentions, replies }}) => mentions.includes('bob') || replies)"
    );
    ann.until(&format!("!({rest})")).await;

    // One event changes several messages.
    cut_off(&ann, &link).await;
    service.delete("users/cat/").await.ok(200);
    let last = json!({ "group": group, "author": "ann", "body": "last" });
    service.post("messages/", last).await.ok(201);
    link.restore();
    reactors(json!([[], [], ["dan"]])).await;
    let head = service.get(&format!("groups/{group}/?fields=head")).await.ok(200)["head"].clone();
    ann.until(&format!("chat.groups.get('{group}').head === {head}")).await;
}
