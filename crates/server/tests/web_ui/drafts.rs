//! Drafts, edits and attached files are not lost.

use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::files::attach;
use crate::page::Page;
use crate::talk::on;
use crate::{Stage, WELCOME, begin_with, sign, write_to};

/// Waits until the message box contains this text.
async fn holds(page: &Page, text: &str) {
    let script = "return field('Message')?.value === arguments[0]";
    page.wait_for(&format!("find “{text}” in the box"), script, json!([text])).await;
}

#[tokio::test]
async fn nothing_written_is_lost_without_a_question() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "tea?").await;
    ann.sees_sent("tea?").await;
    ann.act("tea?", "Edit").await;
    ann.fill("Message", "tea at four?").await;
    ann.key(Key::Escape).await;
    ann.sees("Discard the changes to your message?").await;
    ann.press("Cancel").await;
    ann.sees_no("Discard the changes").await;
    holds(&ann, "tea at four?").await;
    ann.press("Cancel").await;
    ann.press("Discard changes").await;
    holds(&ann, "").await;

    let asks = "const leaving = new Event('beforeunload', { cancelable: true }); dispatchEvent(leaving); return leaving.defaultPrevented";
    assert_eq!(ann.run_script(asks, json!([])).await, false);
    attach(&ann, "text('notes.txt', 'milk')").await;
    ann.wait_for("be asked before the page goes", asks, json!([])).await;
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees("The messages that you are writing will be lost.").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    ann.close().await;
}

#[tokio::test]
async fn text_can_be_copied_where_writing_has_ended() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let made = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let path = format!("groups/{group}/");
    stage.app.service().post(&format!("{path}accept/"), json!({ "author": "ann" })).await.ok(200);
    ann.press("The garden").await;
    ann.fill("Message", "half a thought").await;
    bob.patch(&path, json!({ "restricts": ["ann"] })).await.ok(200);
    ann.sees("You may read this group but not write to it. Your text is kept: you can copy it.").await;
    let kept = "const box = field(arguments[0]); return box?.readOnly === true && box.value === arguments[1]";
    ann.wait_for("read the text", kept, json!(["Message", "half a thought"])).await;
    ann.key(Key::Enter).await;
    bob.patch(&path, json!({ "remove": ["ann"] })).await.ok(200);
    ann.wait_for("read it still", kept, json!(["Your text is kept: you can copy it.", "half a thought"]))
        .await;
    ann.wait_for("be at the heading", &on("You are no longer in “The garden”."), json!([])).await;

    // The same if the other user leaves.
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    ann.fill("Message", "another thought").await;
    stage.app.service().delete("users/bob/").await.ok(200);
    ann.wait_for("read the other", kept, json!(["Your text is kept: you can copy it.", "another thought"]))
        .await;
    ann.wait_for("be at the name", &on("Deleted user"), json!([])).await;
    ann.sees_no("A member deleted their account").await;
    has_one_avatar(&ann, "a deleted user").await;
    begin_with(&ann, "ann").await;
    ann.say("a note").await;
    ann.sees_in("Conversation", "Notes to yourself").await;
    has_one_avatar(&ann, "notes").await;
    ann.close().await;
}

/// Waits until the open conversation has the same avatar in the list and above its messages.
async fn has_one_avatar(page: &Page, of: &str) {
    let script = "const all = walk(document).filter((each) => each.matches('.entry[aria-current] .avatar, .middle > .bar .avatar'));
        return all.length === 2 && all[0].className === all[1].className && all[0].textContent === all[1].textContent";
    page.wait_for(&format!("see one face of {of}"), script, json!([])).await;
}

#[tokio::test]
async fn tabs_keep_drafts_of_their_own() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    let other = ann.another(&stage.app.url()).await;
    other.press("bob").await;
    ann.fill("Message", "in one tab").await;
    other.fill("Message", "in the other").await;
    ann.reload().await;
    holds(&ann, "in one tab").await;
    let third = ann.another(&stage.app.url()).await;
    third.press("bob").await;
    holds(&third, "in the other").await;
    // A draft survives while another tab sends its own.
    ann.press("Send").await;
    ann.sees_sent("in one tab").await;
    other.reload().await;
    holds(&other, "in the other").await;

    // The next user of the tab finds no draft.
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    other.sees(WELCOME).await;
    sign(&other, "cat", crate::PASSWORD, "Sign up").await;
    other.sees("Signed in as cat").await;
    let left = "return [localStorage, sessionStorage].every((each) => !Object.keys(each).some((key) => key.includes('draft')))";
    other.wait_for("find no draft", left, json!([])).await;
    tokio::join!(ann.close(), other.close(), third.close());
}

#[tokio::test]
async fn reply_to_a_message_that_was_deleted_meanwhile_ends() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    stage.app.user("cat").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    let group = bob.get("groups/").await.ok(200)[0]["id"].clone();
    let asked = bob.post("messages/", json!({ "group": group, "body": "tea?" })).await.ok(201);
    ann.act("tea?", "Reply").await;
    ann.sees("Replying to bob:").await;
    ann.fill("Message", "yes").await;
    write_to(&ann, "cat", "hello cat").await;
    bob.delete(&format!("messages/{}/", asked["id"].as_str().expect("an id"))).await.ok(200);
    ann.press("bob").await;
    ann.sees("That message was deleted. Your text is kept.").await;
    ann.sees_no("Replying to bob:").await;
    holds(&ann, "yes").await;
    ann.close().await;
}
