//! Pinned messages with two users.

use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::page::Page;
use crate::{Stage, write_to};

/// Waits for these pinned messages in order: the first in the bar, and all of them in the open list.
async fn sees_pins(page: &Page, wanted: &[&str]) {
    let script = "const entries = part('Pinned messages')[0]?.querySelectorAll('.entry-pin .cut') ?? [];
        const seen = [...entries].map((each) => each.innerText.trim());
        const wanted = arguments[0];
        return JSON.stringify(seen) === JSON.stringify(seen.length > 1 ? [wanted[0], ...wanted] : wanted.slice(0, 1));";
    page.wait_for(&format!("see {wanted:?} pinned"), script, json!([wanted])).await;
}

#[tokio::test]
async fn two_people_pin_and_see_it_at_once() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "the address").await;
    ann.say("the day").await;
    ann.sees_sent("the day").await;
    bob.press("ann").await;
    bob.sees_once("the day").await;
    sees_pins(&bob, &[]).await;

    ann.act("the day", "Pin").await;
    sees_pins(&ann, &["the day"]).await;
    sees_pins(&bob, &["the day"]).await;
    for page in [&ann, &bob] {
        page.sees_in("Messages", "ann pinned: “the day”").await;
    }
    ann.say("the hour").await;
    ann.sees_sent("the hour").await;
    bob.sees_once("the hour").await;
    bob.act("the hour", "Pin").await;
    sees_pins(&ann, &["the hour"]).await;

    ann.press("2 pinned messages").await;
    sees_pins(&ann, &["the hour", "the day"]).await;
    bob.act("the hour", "Reply").await;
    bob.press("Cancel").await;
    ann.act("the hour", "Edit").await;
    ann.fill("Message", "the hour: four").await;
    ann.press("Save").await;
    sees_pins(&ann, &["the hour: four", "the day"]).await;
    sees_pins(&bob, &["the hour: four"]).await;
    let in_list = "return part('Pinned messages')[0].querySelector('.all').focus(), true";
    ann.wait_for("go to the list", in_list, json!([])).await;
    ann.key(Key::Escape).await;
    ann.sees_gone("Pinned messages", "the day").await;

    ann.act("the hour: four", "Unpin").await;
    sees_pins(&bob, &["the day"]).await;
    ann.act("the day", "Delete").await;
    ann.press("Delete").await;
    sees_pins(&ann, &[]).await;
    sees_pins(&bob, &[]).await;
    // Their log entries stay, also after a reload.
    for page in [&ann, &bob] {
        page.sees_in("Messages", "ann pinned: deleted message").await;
        page.sees_in("Messages", "ann unpinned: “the hour: four”").await;
        page.reload().await;
        page.sees_in("Messages", "ann pinned: deleted message").await;
        page.sees_in("Messages", "bob pinned: “the hour: four”").await;
        let missing = "return performance.getEntriesByType('resource').filter(({ responseStatus }) => responseStatus === 404).length";
        assert_eq!(page.run(&format!("{missing};")).await, 0, "a deleted message is no error");
    }
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_pinned_message_far_up_is_shown_and_reached() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    let service = stage.app.service();
    let group = service.put("private/", json!({ "users": ["ann", "bob"] })).await.ok(201)["id"].clone();
    let mut first = json!(null);
    for number in 0..150 {
        let body = format!("line {number}");
        let sent = json!({ "group": group, "author": "bob", "body": body });
        let sent = service.post("messages/", sent).await.ok(201);
        if number == 0 {
            first = sent["id"].clone();
        }
    }
    let first = first.as_str().expect("an id");
    service.put(&format!("messages/{first}/pin/"), json!({})).await.ok(200);
    // The conversation opens at the end, where the first message is not loaded.
    let read = format!("groups/{}/read/", group.as_str().expect("an id"));
    service.post(&read, json!({ "author": "ann", "seq": 150 })).await.ok(200);
    ann.reload().await;
    ann.press("bob").await;
    sees_pins(&ann, &["line 0"]).await;
    service.patch(&format!("messages/{first}/"), json!({ "body": "the rules" })).await.ok(200);
    sees_pins(&ann, &["the rules"]).await;
    // The message is requested once, even if its author is renamed.
    service.patch("users/bob/", json!({ "new_name": "bobby" })).await.ok(200);
    ann.sees_in("Pinned messages", "bobby").await;
    sees_pins(&ann, &["the rules"]).await;
    let reads = "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/pins/')).length";
    assert_eq!(ann.run(&format!("{reads};")).await, 1);
    let jump = "return part('Pinned messages')[0].querySelector('.entry-pin').click(), true";
    ann.wait_for("press the pinned message", jump, json!([])).await;
    ann.sees_once("the rules").await;
    let focused = "return message('the rules')[0]?.matches(':focus')";
    ann.wait_for("have the focus on the message", focused, json!([])).await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn only_owner_and_admins_are_offered_to_pin() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    stage.app.user("bob").await;
    let made = json!({ "name": "The garden", "author": "bob", "members": ["ann"] });
    let group = service.post("groups/", made).await.ok(201)["id"].clone();
    let sent = json!({ "group": group, "author": "bob", "body": "hello" });
    let sent = service.post("messages/", sent).await.ok(201);
    let pin = format!("messages/{}/pin/", sent["id"].as_str().expect("an id"));
    service.put(&pin, json!({ "author": "bob" })).await.ok(200);
    ann.press("The garden").await;
    sees_pins(&ann, &["hello"]).await;
    let offered = "const buttons = [...part('Pinned messages')[0].querySelectorAll('button'), ...message('hello')[0].querySelectorAll('.actions button')];
        return buttons.some((each) => /pin/i.test(nameOf(each))) === arguments[0];";
    ann.wait_for("be offered no pin", offered, json!([false])).await;
    let admin = json!({ "admins": ["ann"] });
    service.patch(&format!("groups/{}/", group.as_str().expect("an id")), admin).await.ok(200);
    ann.wait_for("be offered to unpin", offered, json!([true])).await;
    ann.press("Unpin").await;
    sees_pins(&ann, &[]).await;
    ann.close().await;
}
