//! Groups: creating, managing by role, leaving.

use futures_util::future::join_all;
use serde_json::json;

use crate::{Stage, make_group, try_group};

#[tokio::test]
async fn a_group_is_made_managed_handed_over_left_and_deleted() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    stage.app.user("cat").await;
    try_group(&ann, "The garden", "bob nobody").await;
    ann.sees("There is no user nobody. Check the spelling.").await;
    ann.fill("People in the group", "bob").await;
    ann.press("Create group").await;
    ann.sees_in("Conversation", "2 members").await;
    ann.say("the beans are up").await;
    bob.press("The garden").await;
    bob.sees_once("the beans are up").await;
    ann.sees_in("Messages", "Read by bob").await;
    ann.reload().await;
    ann.sees_in("Messages", "Read by bob").await;
    bob.say("and the peas").await;
    ann.sees_once("and the peas").await;

    ann.press("Group details").await;
    ann.sees_in("Members", "bob").await;
    ann.press("Edit group").await;
    ann.fill("New group name", "The orchard").await;
    ann.press("Rename").await;
    bob.sees_in("Conversation list", "The orchard").await;
    ann.fill("Add people", "cat").await;
    ann.press("Add").await;
    bob.sees_in("Conversation", "3 members").await;

    ann.choose("Role of bob", "read only").await;
    bob.sees("You may read this group but not write to it.").await;
    ann.choose("Role of bob", "admin").await;
    bob.say("I may write again").await;
    ann.sees_once("I may write again").await;
    // An admin may delete members' messages, but not the owner's.
    bob.press("Group details").await;
    bob.press("More for cat").await;
    bob.press("Remove cat from the group").await;
    bob.press("Remove").await;
    ann.sees_gone("Members", "cat").await;

    ann.choose("Role of bob", "Transfer").await;
    ann.sees("bob becomes the owner, and you become an admin.").await;
    ann.press("Transfer").await;
    bob.sees_in("Members", "owner").await;
    bob.wait_for("own the group", "return button('Delete group') !== null", json!([])).await;
    ann.press("Leave group").await;
    ann.press("Leave").await;
    ann.sees("No conversation yet").await;
    bob.sees_in("Conversation", "1 member").await;
    bob.press("Delete group").await;
    bob.sees("All of its messages are deleted.").await;
    bob.press("Delete").await;
    bob.sees("No conversation yet").await;
    tokio::join!(ann.close(), bob.close());
}

/// A page's connection receives no member lists of such groups.
#[tokio::test]
async fn roles_hold_in_groups_of_more_than_a_hundred() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let others: Vec<_> = (0..101).map(|number| format!("member{number:03}")).collect();
    join_all(others.iter().map(|name| service.post("users/", json!({ "name": name })))).await;
    let members: Vec<_> = others[1..].iter().map(String::as_str).chain(["ann"]).collect();
    for (name, role) in [("Garden", "members"), ("Orchard", "admins"), ("Meadow", "restricts")] {
        let made = json!({ "name": name, "author": others[0], "members": members });
        let made = service.post("groups/", made).await.ok(201);
        let path = format!("groups/{}/", made["id"].as_str().expect("an id"));
        service.post(&format!("{path}accept/"), json!({ "author": "ann" })).await.ok(200);
        service.patch(&path, json!({ "author": others[0], role: ["ann"] })).await.ok(200);
    }
    ann.reload().await;
    ann.press("Garden").await;
    ann.say("the beans are up").await;
    ann.sees_sent("the beans are up").await;
    ann.press("Meadow").await;
    ann.sees("You may read this group but not write to it.").await;
    ann.press("Orchard").await;
    ann.say("the apples are ripe").await;
    ann.act("the apples are ripe", "Pin").await;
    ann.sees_in("Pinned messages", "the apples are ripe").await;
    ann.close().await;
}

#[tokio::test]
async fn initials_leave_out_punctuation() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    make_group(&ann, "“Tea” & cake", "bob").await;
    let shown = "return walk(document).some((each) => each.matches('.entry[aria-current] .avatar') && each.textContent === 'TC')";
    ann.wait_for("see the initials", shown, json!([])).await;
    ann.close().await;
}
