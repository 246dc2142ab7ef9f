//! A conversation of two users.

use chinwag_testkit::browser::Key;
use chinwag_testkit::client::Client;
use serde_json::{Value, json};

use crate::{Stage, make_group, try_group, write_to};

#[tokio::test]
async fn two_people_talk_and_markup_is_only_text() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello bob").await;
    ann.sees_sent("hello bob").await;
    bob.sees_in("Conversation list", "1 unread").await;
    bob.sees_title("(1) Chinwag").await;
    ann.say("are you there?").await;
    bob.sees_in("Conversation list", "2 unread").await;

    bob.press("ann").await;
    bob.sees_once("hello bob").await;
    bob.sees_once("are you there?").await;
    bob.sees_in("Messages", "New").await;
    bob.sees_in("Messages", "Today").await;
    bob.sees_gone("Conversation list", "unread").await;
    bob.sees_title("Chinwag").await;
    ann.sees_in("Messages", "Read").await;

    let markup = "<img src=x onerror=alert(1)> <b>bold</b> &amp; <script>alert(1)</script>";
    bob.fill("Message", markup).await;
    ann.sees("bob is typing…").await;
    bob.press("Send").await;
    for page in [&ann, &bob] {
        page.sees_once(markup).await;
        assert_eq!(page.count_in_messages("img, b, script").await, 0);
    }
    ann.sees_gone("Conversation", "is typing…").await;

    bob.reload().await;
    bob.press("ann").await;
    bob.sees_once("hello bob").await;
    bob.sees_once(markup).await;
    bob.sees_gone("Conversation list", "unread").await;
    tokio::join!(ann.close(), bob.close());
}

/// Moves the page's clock by a day, and lets the page notice it.
const TOMORROW: &str = "const Today = Date, DAY = 24 * 3_600_000;
    window.Date = class extends Today {
        static now() { return Today.now() + DAY; }
        constructor(...given) { super(...(given.length ? given : [Today.now() + DAY])); }
    };
    document.dispatchEvent(new Event('visibilitychange'));";

#[tokio::test]
async fn days_are_named_anew_at_midnight() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_in("Messages", "Today").await;
    ann.run(TOMORROW).await;
    ann.sees_in("Messages", "Yesterday").await;
    ann.sees_gone("Messages", "Today").await;
    ann.close().await;
}

/// A browser's notifications, as far as a page can tell, allowed when asked for.
const NOTIFICATIONS: &str = "window.asked = 0; window.shown = []; window.ended = [];
    window.Notification = class {
        static permission = 'default';
        static requestPermission() { window.asked += 1; this.permission = 'granted'; return Promise.resolve('granted'); }
        constructor(title, { body }) { window.shown.push([title, body]); window.last = this; this.body = body; }
        close() { window.ended.push(this.body); this.onclose(); }
    };
    document.hasFocus = () => false;";

#[tokio::test]
async fn notifications_need_a_click_and_open_the_conversation() {
    let stage = Stage::open().await.with_worker();
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let groups = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", groups).await.ok(201)["id"].clone();
    ann.sees_in("Conversation list", "The garden").await;
    ann.run(NOTIFICATIONS).await;
    bob.post("messages/", json!({ "group": group, "body": "unheard" })).await.ok(201);
    ann.sees_in("Conversation list", "unheard").await;
    assert_eq!(ann.run("return [window.asked, window.shown];").await, json!([0, []]));
    ann.press("Your profile").await;
    ann.press("Turn on notifications").await;
    ann.sees("This browser shows new messages").await;
    ann.press("Close").await;
    bob.post("messages/", json!({ "group": group, "body": "<b>heard</b>" })).await.ok(201);
    ann.sees_in("Conversation list", "<b>heard</b>").await;
    let shown = "return JSON.stringify([window.asked, window.shown]) === JSON.stringify([...arguments])";
    ann.wait_for("be notified", shown, json!([1, [["bob in The garden", "<b>heard</b>"]]])).await;
    ann.run("window.last.onclick();").await;
    ann.sees_once("<b>heard</b>").await;
    // A notification closes once its message is read on another device.
    let sent = json!({ "group": group, "body": "read elsewhere" });
    let seq = bob.post("messages/", sent).await.ok(201)["seq"].clone();
    ann.wait_for("be notified again", "return window.shown.length === 2", json!([])).await;
    let read = format!("groups/{}/read/", group.as_str().expect("an id"));
    stage.app.service().post(&read, json!({ "author": "ann", "seq": seq })).await.ok(200);
    let closed = "return window.ended.join() === '<b>heard</b>,read elsewhere'";
    ann.wait_for("see the notification go", closed, json!([])).await;
    // They can be turned off here, too.
    ann.press("Your profile").await;
    ann.press("Turn off notifications").await;
    ann.sees("Turn on notifications").await;
    ann.close().await;
}

/// Counts the decisions about notifications, which tabs make in turn.
const DECISIONS: &str = "Notification.permission = 'granted'; window.decisions = 0;
    const request = navigator.locks.request.bind(navigator.locks);
    navigator.locks.request = (name, options, work) => request(name, options, (lock) => {
        window.decisions += name.startsWith('chinwag message');
        return work(lock);
    });";

/// A group of bob and ann; returns its id.
async fn garden(stage: &Stage, bob: &Client) -> Value {
    let made = json!({ "name": "The garden", "members": ["ann"] });
    let group = bob.post("groups/", made).await.ok(201)["id"].clone();
    let path = format!("groups/{}/accept/", group.as_str().expect("an id"));
    stage.app.service().post(&path, json!({ "author": "ann" })).await.ok(200);
    group
}

#[tokio::test]
async fn two_tabs_show_one_notification_of_a_message() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let other = ann.another(&stage.app.url()).await;
    let bob = stage.app.user("bob").await;
    let group = garden(&stage, &bob).await;
    for tab in [&ann, &other] {
        tab.sees_in("Conversation list", "The garden").await;
        tab.run(NOTIFICATIONS).await;
        tab.run(DECISIONS).await;
    }
    bob.post("messages/", json!({ "group": group, "body": "heard once" })).await.ok(201);
    let mut shown = 0;
    for tab in [&ann, &other] {
        tab.wait_for("decide about the notification", "return window.decisions === 1", json!([])).await;
        shown += tab.run("return window.shown.length;").await.as_u64().expect("a number");
    }
    assert_eq!(shown, 1);
    tokio::join!(ann.close(), other.close());
}

#[tokio::test]
async fn many_messages_at_once_are_one_notification() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    let group = garden(&stage, &bob).await;
    for body in ["one", "two", "three"] {
        bob.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
    }
    ann.sees_in("Conversation list", "three").await;
    ann.run(NOTIFICATIONS).await;
    // As after an absence: the messages arrive together.
    ann.run(&format!(
        "Notification.permission = 'granted';
        const {{ client }} = document.querySelector('chinwag-chat');
        const group = client.groups.get({group});
        for (const message of group.messages) client.dispatchEvent(new CustomEvent('message', {{ detail: {{ group, message }} }}));"
    ))
    .await;
    let shown = "return JSON.stringify(window.shown) === JSON.stringify(arguments[0])";
    ann.wait_for("be notified once", shown, json!([[["bob in The garden", "three"]]])).await;
    ann.close().await;
}

#[tokio::test]
async fn announcement_ends_with_its_conversation() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    make_group(&ann, "Garden", "bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    let private = stage.app.service().put("private/", json!({ "users": ["ann", "bob"] })).await.ok(200);
    bob.post("messages/", json!({ "group": private["id"], "body": "good morning" })).await.ok(201);
    let hears = "const log = walk(document).find((each) => each.matches('chinwag-conversation [role=log]'));
        return log?.textContent === arguments[0]";
    ann.wait_for("hear the answer", hears, json!(["bob: good morning"])).await;
    ann.press("Garden").await;
    ann.wait_for("hear nothing of it in another conversation", hears, json!([""])).await;
    ann.close().await;
}

#[tokio::test]
async fn a_message_is_answered_edited_and_deleted() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "tea at for?").await;
    ann.act("tea at for?", "Edit").await;
    ann.sees("Editing your message").await;
    ann.fill("Message", "tea at four?").await;
    ann.press("Save").await;
    bob.press("ann").await;
    bob.sees_once("tea at four?").await;
    bob.sees_in("Messages", "edited").await;

    bob.act("tea at four?", "Reply").await;
    bob.sees("Replying to ann:").await;
    bob.say("with pleasure").await;
    ann.sees_once("with pleasure").await;
    ann.wait_for(
        "see what was answered",
        "return message('with pleasure')[0].querySelector('blockquote').innerText.includes('tea at four?')",
        json!([]),
    )
    .await;
    let copied = "const quote = message('with pleasure')[0].querySelector('blockquote');
        getSelection().selectAllChildren(quote);
        return tidy(getSelection().toString()) === 'ann tea at four?'";
    ann.wait_for("copy it as it is seen", copied, json!([])).await;

    ann.act("tea at four?", "Delete").await;
    ann.sees("Delete this message for everyone?").await;
    ann.press("Cancel").await;
    ann.act("tea at four?", "Delete").await;
    ann.press("Delete").await;
    bob.wait_for("see it go", "return message('tea at four?').length === 0", json!([])).await;
    bob.sees_once("with pleasure").await;
    tokio::join!(ann.close(), bob.close());
}

/// Whether the focus is on the control with this name, or on the message with this text.
pub(crate) fn on(what: &str) -> String {
    format!(
        "const inner = (node) => node.shadowRoot?.activeElement ? inner(node.shadowRoot.activeElement) : node;
         const at = inner(document.activeElement);
         return nameOf(at) === '{what}' || at.querySelector('.body')?.textContent === '{what}'"
    )
}

#[tokio::test]
async fn everything_works_with_the_keyboard() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "first").await;
    ann.fill("Message", "second").await;
    ann.key(Key::Enter).await;
    // A message has no buttons until it is stored.
    ann.sees_sent("second").await;
    // From the box to the messages, up by one, and to its buttons.
    let back = "message('second')[0].focus(); return true";
    ann.run_script(back, json!([])).await;
    ann.key(Key::Up).await;
    ann.wait_for("be on the first message", &on("first"), json!([])).await;
    ann.key(Key::Tab).await;
    ann.wait_for("be on its first button", &on("Add a reaction"), json!([])).await;
    ann.key(Key::Tab).await;
    ann.wait_for("be on the next one", &on("Reply"), json!([])).await;
    ann.key(Key::Enter).await;
    ann.sees("Replying to ann:").await;
    ann.wait_for("be in the box", &on("Message"), json!([])).await;
    ann.key(Key::Escape).await;
    ann.sees_no("Replying to").await;
    ann.close().await;
}

#[tokio::test]
async fn a_narrow_screen_shows_one_thing_at_a_time() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    ann.resize(320, 640).await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_no("Signed in as").await;
    ann.press("Back to the list").await;
    ann.wait_for("be on the entry that was open", &on("bob"), json!([])).await;
    ann.wait_for("see the list alone", "return part('Messages').length === 0", json!([])).await;
    ann.press("People").await;
    ann.sees("Invite as a contact").await;
    ann.press("Chats").await;
    ann.press("bob").await;
    ann.say("are you there?").await;
    ann.sees_once("are you there?").await;
    ann.press("About bob").await;
    ann.press("Invite bob").await;
    ann.press("Close").await;
    ann.wait_for("be where the details were opened", &on("About bob"), json!([])).await;
    let fits = "return document.documentElement.scrollWidth <= 320 && roots().every((each) => each.scrollWidth <= 320)";
    ann.wait_for("scroll one way only", fits, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn unknown_name_is_refused_before_a_conversation_opens() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    ann.press("New conversation").await;
    ann.fill("Write to", "bobb").await;
    ann.press("Start").await;
    ann.sees("There is no user bobb. Check the spelling.").await;
    for name in ["a/b", ".."] {
        ann.fill("Write to", name).await;
        ann.press("Start").await;
        ann.sees(&format!("There is no user {name}. Check the spelling.")).await;
    }
    // Another spelling finds the same user: no second conversation, and the same name everywhere.
    ann.fill("Write to", "BOB").await;
    ann.press("Start").await;
    ann.sees_in("Conversation", "bob").await;
    ann.say("hello").await;
    ann.sees_sent("hello").await;
    bob.press("ann").await;
    bob.sees_once("hello").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn refusals_are_sentences_and_leave_names_as_they_are() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    try_group(&ann, "finals", "tournament").await;
    ann.sees("tournament cannot be added to a group.").await;
    ann.fill("People in the group", "ghost").await;
    ann.press("Create group").await;
    ann.sees("There is no user ghost. Check the spelling.").await;
    ann.press("One person").await;
    ann.fill("Write to", "system").await;
    ann.press("Start").await;
    ann.say("hello").await;
    ann.sees("Not sent. Nobody can write to system.").await;
    ann.close().await;
}

#[tokio::test]
async fn names_of_every_form_are_named_in_a_group() {
    const NAMES: [&str; 6] =
        ["ann@example.org", "auth0|5f7c", "user:42", "a,b;c", "o'neil#1?&%2F", "wilhelminaannabelleanna"];
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    let service = stage.app.service();
    for name in NAMES {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    make_group(&ann, "all of them", &format!("bob, {}", NAMES.join(", "))).await;
    ann.sees("8 members").await;
    ann.press("Group details").await;
    for name in NAMES {
        ann.sees_in("Members", name).await;
    }
    let whole = "const names = walk(document).filter((each) => each.matches('.member button.name'));
        return names.length === 8 && names.every(({ offsetHeight }) => offsetHeight < 30)";
    ann.wait_for("see no name in two lines", whole, json!([])).await;
    ann.press("More for user:42").await;
    ann.press("Remove user:42 from the group").await;
    ann.press("Remove").await;
    ann.sees("7 members").await;
    write_to(&ann, NAMES[4], "hello").await;
    ann.sees_sent("hello").await;
    tokio::join!(ann.close(), bob.close());
}
