//! The menu of a conversation: muting, hiding, pinning, marking as unread.

use chinwag_testkit::client::Client;
use serde_json::json;

use crate::page::Page;
use crate::{Stage, hears_of, make_group};

/// Opens the menu and chooses an entry.
async fn choose(page: &Page, entry: &str) {
    page.press("Conversation menu").await;
    page.press(entry).await;
}

/// Waits for these titles in the list, from the top.
async fn sees_titles(page: &Page, titles: &[&str]) {
    let script = "return JSON.stringify(part('Conversation list').flatMap((list) => [...list.querySelectorAll('.entry .name')])
        .map((name) => tidy(name.innerText))) === JSON.stringify(arguments[0])";
    page.wait_for(&format!("see the list {titles:?}"), script, json!([titles])).await;
}

async fn two_groups(stage: &Stage) -> (Page, Client) {
    let page = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    make_group(&page, "Garden", "bob").await;
    make_group(&page, "Kitchen", "bob").await;
    page.say("soup").await;
    sees_titles(&page, &["Kitchen", "Garden"]).await;
    (page, bob)
}

async fn group_of(bob: &Client, name: &str) -> String {
    let groups = bob.get("groups/").await.ok(200);
    let found =
        groups.as_array().expect("a list").iter().find(|group| group["name"] == name).expect("the group");
    found["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn pinned_ones_are_first_and_hidden_ones_return() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    page.press("Garden").await;
    choose(&page, "Pin").await;
    sees_titles(&page, &["Garden", "Kitchen"]).await;
    hears_of(&page, "Garden", "pinned", true).await;
    choose(&page, "Unpin").await;
    sees_titles(&page, &["Kitchen", "Garden"]).await;

    choose(&page, "Hide").await;
    page.sees("“Garden” is hidden until its next message.").await;
    sees_titles(&page, &["Kitchen"]).await;
    page.reload().await;
    sees_titles(&page, &["Kitchen"]).await;
    // The search finds it, and a message brings it back for good.
    page.fill("Find a conversation", "Gàrd").await;
    sees_titles(&page, &["Garden"]).await;
    page.fill("Find a conversation", "").await;
    sees_titles(&page, &["Kitchen"]).await;
    let garden = group_of(&bob, "Garden").await;
    bob.post("messages/", json!({ "group": garden, "body": "beans" })).await.ok(201);
    sees_titles(&page, &["Garden", "Kitchen"]).await;
    page.press("Garden").await;
    page.sees_once("beans").await;
    page.press("Kitchen").await;
    page.reload().await;
    sees_titles(&page, &["Garden", "Kitchen"]).await;
    page.close().await;
}

#[tokio::test]
async fn marked_as_unread_stays_until_opened_again() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    page.press("Garden").await;
    choose(&page, "Mark as unread").await;
    hears_of(&page, "Garden", "marked as unread", true).await;
    let garden = group_of(&bob, "Garden").await;
    bob.post("messages/", json!({ "group": garden, "body": "beans" })).await.ok(201);
    hears_of(&page, "Garden", "1 unread", true).await;
    page.reload().await;
    hears_of(&page, "Garden", "marked as unread", true).await;
    page.press("Garden").await;
    page.sees_once("beans").await;
    hears_of(&page, "Garden", "unread", false).await;
    page.reload().await;
    hears_of(&page, "Garden", "unread", false).await;
    page.close().await;
}

#[tokio::test]
async fn a_muted_conversation_is_not_in_the_title() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    choose(&page, "Mute").await;
    hears_of(&page, "Kitchen", "muted", true).await;
    page.press("Garden").await;
    let kitchen = group_of(&bob, "Kitchen").await;
    bob.post("messages/", json!({ "group": kitchen, "body": "salt" })).await.ok(201);
    hears_of(&page, "Kitchen", "1 unread", true).await;
    page.sees_title("Chinwag").await;
    page.press("Kitchen").await;
    page.sees_once("salt").await;
    choose(&page, "Unmute").await;
    hears_of(&page, "Kitchen", "muted", false).await;
    choose(&page, "Mute for an hour").await;
    hears_of(&page, "Kitchen", "muted", true).await;
    page.reload().await;
    hears_of(&page, "Kitchen", "muted", true).await;
    page.close().await;
}

#[tokio::test]
async fn new_messages_leave_the_menu_open() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    let kitchen = group_of(&bob, "Kitchen").await;
    let service = stage.app.service();
    let say = async |body: &str| {
        service.post("messages/", json!({ "group": kitchen, "author": "bob", "body": body })).await.ok(201);
        page.sees_once(body).await;
    };
    for number in 0..30 {
        say(&format!("line {number}")).await;
    }
    let scrolled = "window.from = messages()[0].closest('.scroller').scrollTop; return window.from > 0";
    page.wait_for("be at the end", scrolled, json!([])).await;
    page.press("Conversation menu").await;
    page.sees("Mark as unread").await;
    say("salt").await;
    let moved = "return messages()[0].closest('.scroller').scrollTop > window.from";
    page.wait_for("follow the messages", moved, json!([])).await;
    page.press("Mute").await;
    hears_of(&page, "Kitchen", "muted", true).await;
    page.close().await;
}

#[tokio::test]
async fn a_mute_ends_by_itself_while_the_page_is_open() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    let kitchen = group_of(&bob, "Kitchen").await;
    let until = |time: &str| format!("return new Date(Date.now() + {time}).toISOString()");
    let mute = async |until: &str| {
        let until = page.run(until).await;
        let change = json!({ "author": "ann", "muted_until": until });
        stage.app.service().patch(&format!("groups/{kitchen}/me/"), change).await.ok(200);
    };
    mute(&until("30 * 24 * 3600_000")).await;
    hears_of(&page, "Kitchen", "muted", true).await;
    mute(&until("3_000")).await;
    hears_of(&page, "Kitchen", "muted", true).await;
    hears_of(&page, "Kitchen", "muted", false).await;
    // The menu offers the current actions.
    page.press("Conversation menu").await;
    page.sees("Mute for an hour").await;
    page.close().await;
}

#[tokio::test]
async fn only_a_message_brings_back_or_counts() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    let other = stage.browser("ann").await;
    crate::sign(&other, "ann", crate::PASSWORD, "Sign in").await;
    sees_titles(&other, &["Kitchen", "Garden"]).await;
    let service = stage.app.service();
    let garden = group_of(&bob, "Garden").await;
    let sent = bob.post("messages/", json!({ "group": garden, "body": "beans" })).await.ok(201);
    let message = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    page.press("Garden").await;
    page.sees_once("beans").await;
    page.press("Kitchen").await;
    page.sees_once("soup").await;
    sees_titles(&page, &["Garden", "Kitchen"]).await;
    let change_all = async || {
        for name in ["cat", "dan", "eve"] {
            service.post("users/", json!({ "name": name })).await;
            let change = json!({ "members": [name], "name": format!("Garden of {name}") });
            service.patch(&format!("groups/{garden}/"), change).await.ok(200);
        }
        service
            .patch(&format!("groups/{garden}/"), json!({ "remove": ["cat", "dan", "eve"], "name": "Garden" }))
            .await
            .ok(200);
        let reaction = format!("{message}reactions/%F0%9F%91%8D/");
        bob.put(&reaction, json!({})).await.ok(200);
        bob.patch(&message, json!({ "body": "runner beans" })).await.ok(200);
        bob.delete(&reaction).await.ok(200);
    };
    // In a conversation that is read, these changes do not count as unread, and it keeps its position.
    bob.post("messages/", json!({ "group": group_of(&bob, "Kitchen").await, "body": "salt" })).await.ok(201);
    sees_titles(&page, &["Kitchen", "Garden"]).await;
    change_all().await;
    page.sees_in("Conversation list", "runner beans").await;
    hears_of(&page, "Garden", "unread", false).await;
    sees_titles(&page, &["Kitchen", "Garden"]).await;
    page.sees_title("Chinwag").await;

    // A hidden conversation stays hidden in every tab.
    page.press("Garden").await;
    choose(&page, "Hide").await;
    for each in [&page, &other] {
        sees_titles(each, &["Kitchen"]).await;
    }
    change_all().await;
    page.reload().await;
    for each in [&page, &other] {
        sees_titles(each, &["Kitchen"]).await;
    }
    // A message shows it again in both tabs, even if it is read or deleted.
    let sent = bob.post("messages/", json!({ "group": garden, "body": "peas" })).await.ok(201);
    for each in [&page, &other] {
        sees_titles(each, &["Garden", "Kitchen"]).await;
    }
    page.press("Garden").await;
    page.sees_once("peas").await;
    bob.delete(&format!("messages/{}/", sent["id"].as_str().expect("an id"))).await.ok(200);
    page.sees_gone("Messages", "peas").await;
    page.press("Kitchen").await;
    for each in [&page, &other] {
        each.reload().await;
        sees_titles(each, &["Kitchen", "Garden"]).await;
    }
    tokio::join!(page.close(), other.close());
}

#[tokio::test]
async fn marked_as_unread_stays_on_the_device_where_it_is_open() {
    let stage = Stage::open().await;
    let (page, bob) = two_groups(&stage).await;
    let garden = group_of(&bob, "Garden").await;
    bob.post("messages/", json!({ "group": garden, "body": "beans" })).await.ok(201);
    let other = stage.browser("ann").await;
    crate::sign(&other, "ann", crate::PASSWORD, "Sign in").await;
    other.press("Garden").await;
    other.sees_once("beans").await;
    // The first device has received the read mark: no more marks are in flight.
    hears_of(&page, "Garden", "unread", false).await;
    page.press("Garden").await;
    choose(&page, "Mark as unread").await;
    hears_of(&other, "Garden", "marked as unread", true).await;
    bob.post("messages/", json!({ "group": garden, "body": "peas" })).await.ok(201);
    other.sees_once("peas").await;
    other.run("dispatchEvent(new Event('focus')); return null;").await;
    other.reload().await;
    other.sees_once("peas").await;
    for each in [&page, &other] {
        hears_of(each, "Garden", "marked as unread", true).await;
    }
    other.press("Kitchen").await;
    other.press("Garden").await;
    for each in [&page, &other] {
        hears_of(each, "Garden", "marked as unread", false).await;
    }
    tokio::join!(page.close(), other.close());
}
