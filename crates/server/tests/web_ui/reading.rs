//! Reading: the position at which a conversation opens, which messages count as read, and URLs of messages.

use chinwag_testkit::browser::Key;
use chinwag_testkit::client::Client;
use serde_json::{Value, json};

use crate::page::Page;
use crate::{PASSWORD, Stage, make_group, write_to};

/// A group of ann, bob and cat with unread messages by bob.
async fn unread(stage: &Stage, page: &Page, bob: &Client, count: usize) -> String {
    let group = json!({ "name": "Long", "author": "ann", "members": ["bob", "cat"] });
    let group =
        stage.app.service().post("groups/", group).await.ok(201)["id"].as_str().expect("an id").to_owned();
    for number in 1..=count {
        say(bob, &group, &format!("line {number}")).await;
    }
    page.sees_in("Conversation list", &format!("{count} unread")).await;
    group
}

async fn say(author: &Client, group: &str, body: &str) -> Value {
    author.post("messages/", json!({ "group": group, "body": body })).await.ok(201)
}

/// Waits until the server has this number as ann's read mark.
async fn has_read(page: &Page, ann: &Client, group: &str, seq: &Value) {
    let path = format!("groups/{group}/?fields=last_read_seq");
    let look = async || Ok((ann.get(&path).await.ok(200)["last_read_seq"] == *seq).then_some(()));
    page.until(&format!("have read up to {seq}"), look).await;
}

/// Presses the button that jumps to the newest message; returns its text, which has the number of new messages.
async fn to_newest(page: &Page) -> String {
    let text = async || {
        let script = "return walk(document).find((each) => each.matches('.tonewest'))?.innerText.trim()";
        Ok(page.run_script(script, json!([])).await.as_str().map(str::to_owned))
    };
    let text = page.until("see the button", text).await;
    page.run_script(
        "walk(document).find((each) => each.matches('.tonewest')).click(); return true",
        json!([]),
    )
    .await;
    text
}

async fn stage() -> (Stage, Page, Client, Client) {
    let stage = Stage::with(|options| options.limits.rates.messages_burst = 1000).await;
    let page = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let session = json!({ "name": "ann", "password": PASSWORD });
    let session = stage.app.nobody().post("sessions/", session).await.ok(201);
    let ann = stage.app.nobody().bearing(session["token"].as_str().expect("a token"));
    stage.app.user("cat").await;
    (stage, page, ann, bob)
}

/// Whether the first unread message is at the top of the view, below the last read ones.
pub(crate) const FIRST_AT_TOP: &str = "const first = message('line 1')[0];
    const from = first?.getBoundingClientRect().top - first?.closest('.scroller').getBoundingClientRect().top;
    return from >= 0 && from < 200 && first.closest('chinwag-message').innerText.includes('New')";

#[tokio::test]
async fn a_conversation_opens_at_its_first_unread_message() {
    let (stage, page, ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 60).await;
    page.reload().await;
    page.press("Long").await;
    page.sees_in("Messages", "New").await;
    page.wait_for("see the first one at the top", FIRST_AT_TOP, json!([])).await;
    // Only the messages on the screen count as read.
    let count = async || {
        let unread = ann.get(&format!("groups/{group}/?fields=unread")).await.ok(200)["unread"].as_u64();
        Ok(unread.filter(|unread| (1..60).contains(unread)))
    };
    let left = page.until("have read some", count).await;
    assert!(left > 30, "{left} are unread");
    let jump = to_newest(&page).await;
    assert!(jump.ends_with(" new messages"), "{jump}");
    page.sees_in("Messages", "line 60").await;
    page.sees_gone("Conversation list", "unread").await;
    page.close().await;
}

#[tokio::test]
async fn a_conversation_whose_load_fails_opens_at_its_place_later() {
    let (stage, page, _ann, bob) = stage().await;
    unread(&stage, &page, &bob, 60).await;
    page.reload().await;
    page.is_connected().await;
    page.devtools("Network.enable", json!({})).await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": ["*/messages/?*"] })).await;
    page.press("Long").await;
    page.sees("Older messages could not be loaded.").await;
    page.sees_in("Conversation list", "60 unread").await;
    page.devtools("Network.setBlockedURLs", json!({ "urls": [] })).await;
    page.wait_for("see the first one at the top", FIRST_AT_TOP, json!([])).await;
    page.sees_in("Messages", "New").await;
}

#[tokio::test]
async fn a_scroll_event_before_it_is_drawn_moves_nothing() {
    let (stage, page, _ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 50).await;
    for number in 51..=150 {
        say(&bob, &group, &format!("line {number}")).await;
    }
    let read = json!({ "author": "ann", "seq": 151 });
    stage.app.service().post(&format!("groups/{group}/read/"), read).await.ok(200);
    page.sees_gone("Conversation list", "unread").await;
    page.reload().await;
    page.press("Long").await;
    page.sees_once("line 150").await;
    // Browsers dispatch the scroll events of a frame before the page renders it.
    let early = "const frame = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (draw) => frame((time) => {
            walk(document).find((each) => each.matches('.scroller'))?.dispatchEvent(new Event('scroll'));
            draw(time);
        });";
    page.run_async(early).await;
    page.run(&format!("location.hash = '#{group}/6';")).await;
    let there = "const at = message('line 5')[0]; const top = at?.getBoundingClientRect().top;
        return at?.matches('.aimed') && top > 0 && top < innerHeight";
    page.wait_for("be at the message", there, json!([])).await;
    page.close().await;
}

#[tokio::test]
async fn invisible_or_unfocused_messages_stay_unread() {
    let (stage, page, ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 1).await;
    page.press("Long").await;
    page.sees_once("line 1").await;
    page.sees_gone("Conversation list", "unread").await;
    // The window is visible but not focused.
    page.run("document.hasFocus = () => false;").await;
    let second = say(&bob, &group, "line 2").await;
    page.sees_once("line 2").await;
    page.sees_in("Conversation list", "1 unread").await;
    page.run("delete document.hasFocus; dispatchEvent(new Event('focus'));").await;
    page.sees_gone("Conversation list", "unread").await;
    has_read(&page, &ann, &group, &second["seq"]).await;
    // The element is far below the visible area.
    page.run("document.body.style.paddingTop = '3000px';").await;
    page.wait_for(
        "be out of sight",
        "return document.querySelector('chinwag-chat').getBoundingClientRect().top > innerHeight",
        json!([]),
    )
    .await;
    page.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));").await;
    let third = say(&bob, &group, "line 3").await;
    page.sees_in("Conversation list", "1 unread").await;
    page.run("document.querySelector('chinwag-chat').scrollIntoView(false);").await;
    page.sees_gone("Conversation list", "unread").await;
    has_read(&page, &ann, &group, &third["seq"]).await;
    page.close().await;
}

#[tokio::test]
async fn the_count_of_unread_messages_is_the_servers_after_deletions() {
    let (stage, page, _ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 40).await;
    page.reload().await;
    page.sees_in("Conversation list", "40 unread").await;
    let messages = bob.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let oldest = messages.as_array().expect("a list").iter().rev().take(10);
    for message in oldest {
        bob.delete(&format!("messages/{}/", message["id"].as_str().expect("an id"))).await.ok(200);
    }
    page.sees_in("Conversation list", "30 unread").await;
    page.close().await;
}

#[tokio::test]
async fn each_conversation_and_message_has_an_address() {
    let (stage, page, ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 80).await;
    page.resize(390, 800).await;
    page.press("Long").await;
    page.wait_for("see its address", "return location.hash === `#${arguments[0]}`", json!([group])).await;
    page.run("history.back();").await;
    page.sees("Signed in as ann").await;
    let entry = "const at = part('Conversation list')[0].querySelector('[aria-current]'); return at?.getRootNode().activeElement === at";
    page.wait_for("be on the entry that was open", entry, json!([])).await;
    page.press("Long").await;
    page.press("Back to the list").await;
    page.sees("Signed in as ann").await;
    page.press("Long").await;
    page.reload().await;
    page.sees_in("Conversation", "Long").await;

    // A link to a message that is not loaded opens there.
    let fifth = ann.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let fifth = fifth
        .as_array()
        .expect("a list")
        .iter()
        .find(|message| message["body"] == "line 5")
        .expect("it is there");
    page.run(&format!("location.hash = '#{group}/{}';", fifth["seq"])).await;
    let there = "const at = message('line 5')[0]; return at?.matches('.aimed') && at.getRootNode().activeElement === at";
    page.wait_for("be at the message", there, json!([])).await;
    page.run("Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { window.copied = text; } } });")
        .await;
    page.act("line 5", "Copy link").await;
    page.sees("The link to the message is copied.").await;
    let copied = page.run("return window.copied;").await;
    assert_eq!(copied, format!("{}/#{group}/{}", stage.app.url(), fifth["seq"]));
    page.press("Back to the list").await;
    page.sees("Signed in as ann").await;
    // The notice about the link must not cover the list for seconds.
    let said = "return pageText().includes('The link to the message is copied.')";
    assert_eq!(page.run_script(said, json!([])).await, false);
    page.run("location.hash = '#0190d3a2-0000-7000-8000-000000000000';").await;
    page.sees("This conversation does not exist, or you are not in it.").await;
    page.close().await;
}

#[tokio::test]
async fn quotes_lead_to_their_originals_and_name_deleted_ones() {
    let (stage, page, _ann, bob) = stage().await;
    let group = unread(&stage, &page, &bob, 70).await;
    let messages = bob.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let second = messages
        .as_array()
        .expect("a list")
        .iter()
        .find(|message| message["body"] == "line 2")
        .expect("it is there");
    let reply = json!({ "group": group, "body": "as above", "respond_to": second["id"] });
    bob.post("messages/", reply).await.ok(201);
    page.reload().await;
    page.sees_in("Conversation list", "71 unread").await;
    page.press("Long").await;
    let newest = "walk(document).find((each) => each.matches('.tonewest'))?.click(); return message('as above').length > 0";
    page.wait_for("show the newest", newest, json!([])).await;
    page.sees_once("as above").await;
    page.act("as above", "In reply to bob line 2").await;
    page.wait_for("be at the original", "return message('line 2')[0]?.matches('.aimed') === true", json!([]))
        .await;
    page.press("Jump to newest").await;
    page.sees_once("as above").await;
    bob.delete(&format!("messages/{}/", second["id"].as_str().expect("an id"))).await.ok(200);
    let gone =
        "return message('as above')[0]?.querySelector('blockquote')?.innerText.trim() === 'Message deleted'";
    page.wait_for("see that it was deleted", gone, json!([])).await;
    page.close().await;
}

#[tokio::test]
async fn an_edit_begins_at_the_end_and_outlives_other_conversations() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "first").await;
    ann.sees_sent("first").await;
    // In an empty box, the up arrow edits the last message.
    ann.fill("Message", "").await;
    ann.key(Key::Up).await;
    ann.sees("Editing your message").await;
    let end = "const box = field('Message'); return box.value === 'first' && box.selectionStart === 5";
    ann.wait_for("be at the end", end, json!([])).await;
    ann.fill("Message", "first and more").await;
    make_group(&ann, "Other", "bob").await;
    ann.sees_in("Conversation", "Other").await;
    ann.wait_for("find an empty box", "return field('Message')?.value === ''", json!([])).await;
    ann.press("bob").await;
    ann.sees("Editing your message").await;
    ann.wait_for("find the edit", "return field('Message')?.value === 'first and more'", json!([])).await;
    ann.reload().await;
    ann.sees("Editing your message").await;
    ann.wait_for("find the edit", "return field('Message')?.value === 'first and more'", json!([])).await;
    ann.press("Save").await;
    ann.sees_once("first and more").await;
    // An Enter that an input method handles does not send.
    ann.fill("Message", "kana").await;
    let pressed = "const box = field('Message'); return box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))";
    assert_eq!(ann.run_script(pressed, json!([])).await, true);
    ann.paste("Message", &"w".repeat(4300)).await;
    ann.sees("204 characters too many").await;
    ann.close().await;
}

#[tokio::test]
async fn lists_are_one_tab_stop_and_lost_focus_finds_a_neighbour() {
    let (stage, page, _ann, bob) = stage().await;
    for name in ["A", "B", "C"] {
        bob.post("groups/", json!({ "name": name, "members": ["ann"] })).await.ok(201);
    }
    page.sees_in("Conversation list", "C").await;
    let stops = "return part('Conversation list')[0].querySelectorAll('button[tabindex=\"0\"]').length === 1
        && part('Conversation list')[0].querySelectorAll('button').length === 3";
    page.wait_for("find one stop", stops, json!([])).await;
    let second = "part('Conversation list')[0].querySelectorAll('button')[1].focus(); return true";
    page.run_script(second, json!([])).await;
    page.key(Key::Up).await;
    let at = "const at = part('Conversation list')[0].querySelectorAll('button')[0]; return at.getRootNode().activeElement === at";
    page.wait_for("be on the first entry", at, json!([])).await;

    let group = unread(&stage, &page, &bob, 1).await;
    page.press("Long").await;
    page.say("to be deleted").await;
    page.sees_sent("to be deleted").await;
    page.act("to be deleted", "Delete").await;
    page.press("Delete").await;
    page.wait_for("see it go", "return message('to be deleted').length === 0", json!([])).await;
    let held = "return walk(document).some((each) => each.matches('article') && each.getRootNode().activeElement === each)";
    page.wait_for("have the focus on a neighbour", held, json!([])).await;
    page.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }));").await;
    page.sees("Keyboard shortcuts").await;
    page.press("Close").await;

    // A user who leaves is no longer shown as typing.
    let mut ws = bob.ws().await;
    ws.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    page.sees_in("Conversation", "bob is typing…").await;
    stage
        .app
        .service()
        .patch(&format!("groups/{group}/"), json!({ "author": "ann", "remove": ["bob"] }))
        .await
        .ok(200);
    page.sees_gone("Conversation", "is typing…").await;
    page.close().await;
}
