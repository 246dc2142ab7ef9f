//! Joining open groups, and joining with invite links.

use serde_json::json;

use crate::page::Page;
use crate::{PASSWORD, Stage, WELCOME, make_group, sign};

/// Waits until the newest group has invites, and returns the code of the latest one.
async fn newest_code(stage: &Stage, page: &Page, about: &str) -> String {
    page.sees_in("Invite links", about).await;
    let groups = stage.app.service().get("groups/").await.ok(200);
    let id = groups[0]["id"].as_str().expect("an id");
    let invites = stage.app.service().get(&format!("groups/{id}/invites/")).await.ok(200);
    invites[0]["code"].as_str().expect("a code").to_owned()
}

/// Navigates to a fragment of the page, like a link on another page.
async fn follow(page: &Page, fragment: &str) {
    page.run(&format!("location.hash = '#{fragment}';")).await;
    page.reload().await;
}

#[tokio::test]
async fn an_open_group_is_found_and_joined() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    bob.press("New conversation").await;
    bob.press("Open groups").await;
    bob.sees("There are no open groups.").await;
    make_group(&ann, "Équipe jardin", "").await;
    ann.sees_in("Conversation", "1 member").await;
    ann.press("Group details").await;
    ann.press("Edit group").await;
    let tick = "const box = field('Anyone can find and join this group'); box?.click(); return Boolean(box)";
    ann.wait_for("tick the box", tick, json!([])).await;
    ann.press("Save").await;
    ann.sees("Anyone can find and join this group.").await;

    bob.fill("Search open groups", "kitchen").await;
    bob.sees("No open group has a name that begins like this.").await;
    bob.fill("Search open groups", "equ").await;
    bob.sees_in("Open groups", "Équipe jardin").await;
    bob.press("Join Équipe jardin").await;
    bob.sees_in("Conversation", "2 members").await;
    ann.sees_in("Messages", "bob joined").await;
    bob.say("hello").await;
    ann.sees_once("hello").await;
    // For a member, the button opens the group.
    bob.press("New conversation").await;
    bob.press("Open groups").await;
    bob.press("Open Équipe jardin").await;
    bob.sees_in("Conversation", "2 members").await;
    // A banned user gets the reason.
    ann.press("More for bob").await;
    ann.press("Remove and ban bob").await;
    ann.press("Remove and ban").await;
    bob.sees("No conversation yet").await;
    bob.press("New conversation").await;
    bob.press("Open groups").await;
    bob.press("Join Équipe jardin").await;
    bob.sees("You are banned from this group.").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn an_invite_link_leads_into_its_group_once() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    make_group(&ann, "Secret garden", "").await;
    ann.sees_in("Conversation", "1 member").await;
    ann.press("Group details").await;
    ann.sees("There are no invite links.").await;
    ann.press("Make a link").await;
    let code = newest_code(&stage, &ann, "For 1 person").await;

    // A user without an account.
    let cat = stage.browser("cat").await;
    follow(&cat, &format!("invite/{code}")).await;
    cat.sees(WELCOME).await;
    cat.sees("Then you see the group that you are invited to.").await;
    sign(&cat, "cat", PASSWORD, "Sign up").await;
    cat.sees("You are invited").await;
    cat.sees("Secret garden").await;
    cat.press("Join").await;
    cat.sees_in("Conversation", "Secret garden").await;
    cat.sees_in("Conversation", "2 members").await;
    cat.wait_for("have the group's address", "return !location.hash.includes('invite')", json!([])).await;
    ann.sees_in("Messages", "cat joined").await;
    ann.sees("There are no invite links.").await;

    // The code was for one use.
    follow(&bob, &format!("invite/{code}")).await;
    bob.sees("This invite link does not work any more. Ask for another one.").await;
    bob.press("Close").await;
    bob.wait_for("leave the address", "return location.hash === ''", json!([])).await;
    ann.choose("For", "any number of people").await;
    ann.press("Make a link").await;
    let code = newest_code(&stage, &ann, "For any number of people").await;
    follow(&bob, &format!("invite/{code}")).await;
    bob.sees("2 members").await;
    ann.press(&format!("End the invite link …{}", &code[code.len() - 6..])).await;
    ann.sees("There are no invite links.").await;
    bob.press("Join").await;
    bob.sees("This invite link does not work any more.").await;
    tokio::join!(ann.close(), bob.close(), cat.close());
}

#[tokio::test]
async fn a_link_opened_while_another_closes_is_shown() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let service = stage.app.service();
    let mut codes = Vec::new();
    for name in ["Garden", "Kitchen"] {
        let made = service.post("groups/", json!({ "name": name, "author": "bob" })).await.ok(201);
        let path = format!("groups/{}/invites/", made["id"].as_str().expect("an id"));
        let invite = service.post(&path, json!({ "author": "bob" })).await.ok(201);
        codes.push(invite["code"].as_str().expect("a code").to_owned());
    }
    ann.run(&format!("location.hash = '#invite/{}';", codes[0])).await;
    ann.sees("Garden").await;
    // The browser dispatches the close of a dialog in a later task.
    let next = format!("button('Close').click(); location.hash = '#invite/{}'; return true;", codes[1]);
    ann.run_async(&next).await;
    ann.sees("Kitchen").await;
    ann.press("Join").await;
    ann.sees_in("Conversation", "Kitchen").await;
    ann.close().await;
}
