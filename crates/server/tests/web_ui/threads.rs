//! Threads with two users.

use chinwag_testkit::browser::Key;
use serde_json::{Value, json};

use crate::page::Page;
use crate::talk::on;
use crate::{PASSWORD, Stage, sign, write_to};

const PANE: &str = "Messages of the thread";
const BOX: &str = "Reply in the thread";

/// Writes a reply in the open thread.
async fn reply(page: &Page, body: &str) {
    page.fill(BOX, body).await;
    page.key(Key::Enter).await;
    page.sees_in(PANE, body).await;
}

/// Opens the thread through the line below its root.
async fn open_thread(page: &Page, root: &str) {
    let find = "const lines = () => message(arguments[0])[0]?.querySelector('.replies');
        lines()?.click(); return Boolean(lines());";
    page.wait_for("press the line of the thread", find, json!([root])).await;
    page.sees_in("Thread", "Thread").await;
}

async fn holds(page: &Page, label: &str, text: &str) {
    let script = "return field(arguments[0])?.value === arguments[1]";
    page.wait_for(&format!("see “{text}” in “{label}”"), script, json!([label, text])).await;
}

#[tokio::test]
async fn two_people_talk_in_a_thread() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "cake at four").await;
    ann.sees_sent("cake at four").await;
    bob.press("ann").await;
    bob.sees_once("cake at four").await;
    bob.act("cake at four", "Reply in thread").await;
    let focused =
        "const box = field(arguments[0]); return box !== null && box.getRootNode().activeElement === box";
    bob.wait_for("be in the thread's box", focused, json!([BOX])).await;
    reply(&bob, "who bakes?").await;
    for page in [&ann, &bob] {
        page.sees_in("Messages", "1 reply").await;
        page.sees_once("who bakes?").await;
    }
    open_thread(&ann, "cake at four").await;
    ann.sees_in(PANE, "who bakes?").await;
    reply(&ann, "I do").await;
    bob.sees_in(PANE, "I do").await;
    bob.sees_in("Messages", "2 replies").await;
    for body in ["who bakes?", "I do"] {
        let under = "return message(arguments[0])[0].querySelector('.under')?.innerText.includes('cake at four') === true";
        bob.wait_for("see the root above a reply", under, json!([body])).await;
    }

    // Both boxes have separate drafts.
    bob.fill(BOX, "half a reply").await;
    bob.fill("Message", "half a message").await;
    bob.key(Key::Escape).await;
    bob.sees_no("Reply in the thread").await;
    holds(&bob, "Message", "half a message").await;
    bob.act("I do", "Reply in thread").await;
    holds(&bob, BOX, "half a reply").await;
    bob.press("Send").await;
    bob.sees_once("half a message").await;
    holds(&bob, BOX, "half a reply").await;
    bob.sees_in("Messages", "2 replies").await;

    // The root is deleted while its thread is open: the draft is kept.
    ann.act("cake at four", "Delete").await;
    ann.press("Delete").await;
    for page in [&ann, &bob] {
        page.sees_in(PANE, "The message that began this thread was deleted.").await;
        page.sees_once("who bakes?").await;
    }
    holds(&bob, BOX, "half a reply").await;
    bob.key(Key::Enter).await;
    bob.press("Close the thread").await;
    bob.sees_no("Reply in the thread").await;
    bob.wait_for(
        "see replies without a root",
        "return message('I do')[0].querySelector('.under') === null",
        json!([]),
    )
    .await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_link_to_a_reply_leads_to_its_thread_after_signing_in() {
    let stage = Stage::open().await;
    let page = stage.person("ann").await;
    let service = stage.app.service();
    stage.app.user("bob").await;
    let made = json!({ "name": "Long", "author": "ann", "members": ["bob"] });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let send = async |body: String, thread: &Value| {
        let message = json!({ "group": group, "body": body, "author": "bob", "thread": thread });
        service.post("messages/", message).await.ok(201)
    };
    let root = send("the root".into(), &Value::Null).await["id"].clone();
    for number in 0..60 {
        send(format!("line {number}"), &Value::Null).await;
    }
    let reply = send("the reply".into(), &root).await;
    // The conversation opens at its end because everything is read.
    let read = json!({ "author": "ann", "seq": reply["seq"] });
    service.post(&format!("groups/{group}/read/"), read).await.ok(200);
    page.press("Your profile").await;
    page.press("Sign out").await;
    page.sees("Sign in, or choose").await;
    page.run(&format!("location.hash = '#{group}/{}';", reply["seq"])).await;
    page.reload().await;
    sign(&page, "ann", PASSWORD, "Sign in").await;
    page.sees_in(PANE, "the reply").await;
    page.sees_in(PANE, "the root").await;
    let address = format!("return location.hash === '#{group}/thread/{}'", root.as_str().expect("an id"));
    page.wait_for("see the thread's address", &address, json!([])).await;
    page.reload().await;
    page.sees_in(PANE, "the reply").await;
    page.press("Close the thread").await;
    page.wait_for("see the group's address", &format!("return location.hash === '#{group}'"), json!([]))
        .await;

    // On a narrow screen the thread covers everything, and Back closes it.
    page.resize(390, 800).await;
    page.act("the reply", "In a thread: the root").await;
    page.sees_in(PANE, "the root").await;
    page.wait_for("see nothing else", "return part('Conversation').length === 0", json!([])).await;
    page.run("history.back();").await;
    page.wait_for(
        "be in the conversation",
        "return part('Conversation').length === 1 && part('Thread').length === 0",
        json!([]),
    )
    .await;
    page.close().await;
}

#[tokio::test]
async fn a_link_to_an_old_reply_shows_it_among_many() {
    let stage = Stage::open().await;
    let page = stage.person("ann").await;
    let service = stage.app.service();
    let made = json!({ "name": "Long", "author": "ann" });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let send = async |body: String, thread: &Value| {
        let message = json!({ "group": group, "body": body, "author": "ann", "thread": thread });
        service.post("messages/", message).await.ok(201)
    };
    let root = send("the root".into(), &Value::Null).await["id"].clone();
    let mut old = Value::Null;
    for number in 0..230 {
        let sent = send(format!("reply {number}"), &root).await;
        if number == 9 {
            old = sent["seq"].clone();
        }
    }
    page.run(&format!("location.hash = '#{group}/{old}';")).await;
    let aimed = "const row = part(arguments[0])[0]?.querySelector('article.aimed'); if (!row) return false;
        const [at, view] = [row, row.closest('.scroller')].map((each) => each.getBoundingClientRect());
        return bodyOf(row) === 'reply 9' && at.top >= view.top && at.bottom <= view.bottom";
    page.wait_for("see the reply", aimed, json!([PANE])).await;
    // Without a target, only the newest replies are rendered, and more on request.
    page.press("Close the thread").await;
    open_thread(&page, "the root").await;
    page.sees_in(PANE, "reply 229").await;
    let drawn = "return part(arguments[0])[0].querySelectorAll('article').length === arguments[1]";
    page.wait_for("see the newest page", drawn, json!([PANE, 51])).await;
    for rows in [101, 151, 201, 231] {
        page.press("Show earlier replies").await;
        page.wait_for("see more replies", drawn, json!([PANE, rows])).await;
    }
    page.sees_gone("Thread", "Show earlier replies").await;
    page.close().await;
}

#[tokio::test]
async fn first_touch_of_a_messages_button_reaches_it() {
    let stage = Stage::open().await;
    let page = stage.person("ann").await;
    let service = stage.app.service();
    let made = json!({ "name": "Plans", "author": "ann" });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let root = service
        .post("messages/", json!({ "group": group, "body": "the root", "author": "ann" }))
        .await
        .ok(201);
    let reply = json!({ "group": group, "body": "the reply", "author": "ann", "thread": root["id"] });
    service.post("messages/", reply).await.ok(201);
    page.touchable().await;
    page.press("Plans").await;
    let replies = "return message(arguments[0])[0]?.querySelector('.replies')";
    // A touch focuses the message and shows its buttons, which insert a line above the touched point.
    page.touch("touch the line of the thread", replies, json!(["the root"])).await;
    page.sees_in(PANE, "the reply").await;
    page.press("Close the thread").await;
    let body = "return message(arguments[0])[0]?.querySelector('.body')";
    page.touch("touch the message", body, json!(["the root"])).await;
    let line = "const line = message(arguments[0])[0].querySelector('.beside');
        return getComputedStyle(line).position === 'static' && line.checkVisibility()";
    page.wait_for("see its buttons", line, json!(["the root"])).await;
    page.close().await;
}

#[tokio::test]
async fn escape_closes_the_topmost_thing_alone() {
    let stage = Stage::open().await;
    let page = stage.person("ann").await;
    let service = stage.app.service();
    for name in ["one", "two", "three", "four", "five", "six", "seven"] {
        service.post("groups/", json!({ "name": name, "author": "ann" })).await.ok(201);
    }
    let group =
        service.post("groups/", json!({ "name": "Plans", "author": "ann" })).await.ok(201)["id"].clone();
    let say = async |body: String| {
        service.post("messages/", json!({ "group": group, "body": body, "author": "ann" })).await.ok(201)
    };
    let root = say("the root".into()).await;
    let reply = json!({ "group": group, "body": "a reply", "author": "ann", "thread": root["id"] });
    service.post("messages/", reply).await.ok(201);
    for number in 0..18 {
        say(format!("line {number}")).await;
    }
    page.press("Plans").await;
    open_thread(&page, "the root").await;
    page.fill("Find a conversation", "fo").await;
    page.key(Key::Escape).await;
    holds(&page, "Find a conversation", "").await;
    page.sees_in("Thread", "Thread").await;
    page.key(Key::Escape).await;
    page.sees_gone("Thread", "Thread").await;
    // The root was further up.
    let seen = format!(
        "const isOn = (() => {{ {} }})();
        const [root, view] = [message('the root')[0], messages()[0].closest('.scroller')].map((each) => each.getBoundingClientRect());
        return isOn && root.top >= view.top - 1 && root.bottom <= view.bottom + 1",
        on("the root")
    );
    page.wait_for("be at the root, and see it", &seen, json!([])).await;
    page.press("Group details").await;
    page.key(Key::Escape).await;
    page.wait_for("be where the details were opened", &on("Group details"), json!([])).await;
    page.sees_gone("Group details", "Members").await;
    page.act("line 17", "Reply").await;
    // Input methods use the same key to close their candidates.
    let composing =
        "const press = { key: 'Escape', isComposing: true, bubbles: true, composed: true, cancelable: true };
        field('Message').dispatchEvent(new KeyboardEvent('keydown', press));
        await drawn();
        return pageText().includes('Replying to')";
    page.wait_for("reply still", composing, json!([])).await;
    page.key(Key::Escape).await;
    page.sees_no("Replying to").await;
    page.close().await;
}

#[tokio::test]
async fn buttons_of_a_message_cover_nothing_beside_a_thread() {
    let stage = Stage::open().await;
    let page = stage.person("ann").await;
    stage.app.user("bob").await;
    let service = stage.app.service();
    let made = json!({ "name": "Plans", "author": "ann", "members": ["bob"] });
    let group = service.post("groups/", made).await.ok(201)["id"].clone();
    let send = async |author: &str, body: &str, thread: &Value| {
        let message = json!({ "group": group, "body": body, "author": author, "thread": thread });
        service.post("messages/", message).await.ok(201)["id"].clone()
    };
    let root = send("bob", "the root", &Value::Null).await;
    for author in ["bob", "ann"] {
        for body in [
            "a line that is as long as the room for it",
            "yes",
            "some words more than once, for two lines of text or three",
        ] {
            send(author, &format!("{body}, {author}"), &Value::Null).await;
        }
    }
    send("ann", "the reply", &root).await;
    page.press("Plans").await;
    open_thread(&page, "the root").await;
    // Focus in one message must not hide the buttons of another from the pointer.
    let focus = "const [row] = message('yes, ann'); row?.focus(); return Boolean(row)";
    page.wait_for("be at a message", focus, json!([])).await;
    let middle = "const [x, y] = middle(message('the root')[0].querySelector('.body')); return { x, y }";
    let both =
        "return ['the root', 'yes, ann'].every((body) => shown(message(body)[0].querySelector('.beside')))";
    // The list may still scroll, since the thread has narrowed it. So the pointer follows the message.
    page.until("see the buttons of both", async || {
        let mut moved = page.run_script(middle, json!([])).await;
        moved["type"] = json!("mouseMoved");
        page.devtools("Input.dispatchMouseEvent", moved).await;
        Ok((page.run_script(both, json!([])).await == true).then_some(()))
    })
    .await;
    let free = "const boxes = (kind) => messages().flatMap((each) => [...each.querySelectorAll(kind)]).map((each) => each.getBoundingClientRect());
        const others = boxes('.bubble, .replies, .pill');
        const over = (one, other) => one.left < other.right - 1 && one.right > other.left + 1 && one.top < other.bottom - 1 && one.bottom > other.top + 1;
        const buttons = boxes('.beside button, .stamp');
        return buttons.length > 20 && buttons.every((button) => button.width > 0 && button.left >= 0 && button.right <= innerWidth && !others.some((other) => over(button, other)))";
    page.wait_for("see nothing covered", free, json!([])).await;
    page.press("Close the thread").await;
    for width in [800, 390] {
        page.resize(width, 800).await;
        page.wait_for(&format!("see nothing covered at {width}"), free, json!([])).await;
    }
    page.close().await;
}
