//! A stranger adds a user to a group, who accepts, declines or blocks; notes to oneself.

use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::page::Page;
use crate::{Stage, begin_with, make_group};

async fn stage() -> Stage {
    Stage::with(|options| options.limits.consent = true).await
}

/// Presses a button with the keyboard.
async fn enter(page: &Page, name: &str) {
    let focus =
        "const wanted = button(arguments[0]); wanted?.focus(); return Boolean(wanted?.matches(':focus'))";
    page.wait_for(&format!("be at “{name}”"), focus, json!([name])).await;
    page.key(Key::Enter).await;
}

#[tokio::test]
async fn user_added_by_a_stranger_reads_and_accepts() {
    let stage = stage().await;
    let (ann, bob) = stage.ann_and_bob().await;
    make_group(&ann, "The garden", "bob").await;
    bob.sees_in("Conversation list", "You were added to this group: accept or decline").await;
    ann.say("the beans are up").await;
    ann.sees_sent("the beans are up").await;
    bob.press("The garden").await;
    bob.sees("You were added to “The garden”, a group owned by ann").await;
    ann.press("Group details").await;
    ann.sees_in("Members", "has not accepted yet").await;
    ann.press("Close").await;
    // Reading does not accept the group, and nobody sees it.
    bob.sees_once("the beans are up").await;
    ann.say("and the peas").await;
    ann.sees_once("and the peas").await;
    assert_eq!(bob.run_script("return message(arguments[0]).length", json!(["and the peas"])).await, 0);
    enter(&bob, "Accept").await;
    bob.sees_once("and the peas").await;
    bob.wait_for("be in the box", "return Boolean(field('Message')?.matches(':focus'))", json!([])).await;
    bob.say("thank you").await;
    ann.sees_once("thank you").await;
    ann.press("Group details").await;
    ann.sees_in("Members", "bob").await;
    ann.sees_no("has not accepted yet").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn user_added_by_a_stranger_declines_or_blocks() {
    let stage = stage().await;
    let (ann, bob) = stage.ann_and_bob().await;
    make_group(&bob, "The shed", "").await;
    make_group(&ann, "The garden", "bob").await;
    bob.press("The garden").await;
    enter(&bob, "Decline").await;
    bob.sees("Choose a conversation").await;
    let focused = "return Boolean(button('The shed')?.matches(':focus'))";
    bob.wait_for("be at another conversation", focused, json!([])).await;
    ann.press("Group details").await;
    ann.fill("Add people", "bob").await;
    ann.press("Add").await;
    ann.sees("Only a contact can add bob again.").await;
    make_group(&ann, "The orchard", "bob").await;
    bob.press("The orchard").await;
    bob.press("Block ann").await;
    bob.sees("Neither of you can write to the other").await;
    bob.press("Block").await;
    bob.sees("Choose a conversation").await;
    bob.press("People").await;
    bob.sees_in("Blocked", "ann").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn notes_to_oneself_are_one_conversation() {
    let stage = stage().await;
    let ann = stage.person("ann").await;
    begin_with(&ann, "ann").await;
    ann.say("milk").await;
    ann.sees_in("Conversation list", "Notes to yourself").await;
    begin_with(&ann, "Ann").await;
    ann.say("bread").await;
    ann.sees_once("bread").await;
    ann.sees_once("milk").await;
    ann.close().await;
}
