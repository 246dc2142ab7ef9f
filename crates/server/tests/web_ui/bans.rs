//! Bans of a group, and their removal.

use serde_json::json;

use crate::{Stage, make_group};

#[tokio::test]
async fn a_member_is_banned_and_added_again_after_the_ban() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    stage.app.user("cat").await;
    make_group(&ann, "The garden", "bob").await;
    ann.sees_in("Conversation", "2 members").await;
    bob.press("The garden").await;
    bob.press("Group details").await;
    bob.sees_in("Members", "ann").await;
    bob.wait_for(
        "see no bans",
        "return part('Banned').length === 0 && field('Ban people') === null",
        json!([]),
    )
    .await;

    ann.press("Group details").await;
    ann.sees("Nobody is banned.").await;
    ann.press("More for bob").await;
    ann.press("Remove and ban bob").await;
    ann.sees("They cannot come back").await;
    ann.press("Remove and ban").await;
    ann.sees_in("Banned", "bob").await;
    ann.sees_gone("Members", "bob").await;
    ann.sees_in("Messages", "ann removed bob").await;
    bob.sees_gone("Conversation list", "The garden").await;
    ann.fill("Add people", "bob").await;
    ann.press("Add").await;
    ann.sees("bob is banned from this group. Unban them first.").await;

    // A user who was never a member can be banned, too.
    ann.fill("Ban people", "nobody").await;
    ann.press("Ban").await;
    ann.sees("There is no user nobody. Check the spelling.").await;
    ann.fill("Ban people", "cat").await;
    ann.press("Ban").await;
    ann.sees_in("Banned", "cat").await;
    // The page is not notified of a stranger's rename; the next change shows it.
    stage.app.service().patch("users/cat/", json!({ "new_name": "cleo" })).await.ok(200);
    ann.press("Unban bob").await;
    ann.sees_in("Banned", "cleo").await;
    ann.sees_gone("Banned", "bob").await;
    ann.reload().await;
    ann.sees_in("Banned", "cleo").await;
    ann.sees_gone("Banned", "bob").await;
    ann.fill("Add people", "bob").await;
    ann.press("Add").await;
    ann.sees_in("Members", "bob").await;
    tokio::join!(ann.close(), bob.close());
}
