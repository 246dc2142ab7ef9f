//! The page, in real browsers against a real server: what people do with it, and what they see.
//!
//! Needs `chromium` and `chromedriver`, which the Debian packages `chromium` and `chromium-driver`
//! bring.

mod browsers;
mod page;

use chinwag_testkit::app::TestApp;
use serde_json::json;

use crate::browsers::Browsers;
use crate::page::Page;

const PASSWORD: &str = "a long password";

/// The next message is sent, and the connection is lost before its acknowledgement comes.
const LOSE_THE_ANSWER: &str = r#"
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
        send.call(this, frame);
        if (!frame.includes("client_id")) return;
        WebSocket.prototype.send = send;
        this.onmessage = null;
        window.lost = (window.lost ?? 0) + 1;
        setTimeout(() => this.close(), 500);
    };
"#;

/// A server, and browsers to look at it.
struct Stage {
    app: TestApp,
    browsers: Browsers,
}

impl Stage {
    async fn open() -> Self {
        Self { browsers: Browsers::start().await, app: TestApp::start().await }
    }

    /// A new browser that shows the page, where nobody is signed in.
    async fn browser(&self, name: &str) -> Page {
        self.browsers.open(name, &self.app.url()).await
    }

    /// Someone who has just signed up.
    async fn person(&self, name: &str) -> Page {
        let page = self.browser(name).await;
        page.fill("Name", name).await;
        page.fill("Password", PASSWORD).await;
        page.press("Sign up").await;
        page.sees(&format!("Signed in as {name}")).await;
        page.sees("Connected").await;
        page
    }

    async fn ann_and_bob(&self) -> (Page, Page) {
        tokio::join!(self.person("ann"), self.person("bob"))
    }
}

/// Begins the conversation with someone by a message.
async fn write_to(page: &Page, name: &str, body: &str) {
    page.fill("Start a conversation with", name).await;
    page.press("Start").await;
    page.say(body).await;
    page.sees_once(body).await;
}

#[tokio::test]
async fn a_person_signs_up_stays_signed_in_signs_out_and_in_again() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.fill("Name", "ann").await;
    ann.fill("Password", "short").await;
    ann.press("Sign up").await;
    ann.sees("Must have 8 to 256 characters.").await;
    ann.fill("Password", PASSWORD).await;
    ann.press("Sign up").await;
    ann.sees("Signed in as ann").await;

    ann.reload().await;
    ann.sees("Signed in as ann").await;
    ann.sees("Connected").await;

    ann.press("Sign out").await;
    ann.sees("Sign in, or choose a name and a password to sign up.").await;
    ann.reload().await;
    ann.sees("Sign in, or choose a name and a password to sign up.").await;

    ann.fill("Name", "ann").await;
    ann.fill("Password", "another password").await;
    ann.press("Sign up").await;
    ann.sees("taken").await;
    ann.press("Sign in").await;
    ann.sees("The name or the password is wrong.").await;
    ann.fill("Password", PASSWORD).await;
    ann.press("Sign in").await;
    ann.sees("Signed in as ann").await;
    ann.close().await;
}

#[tokio::test]
async fn two_people_talk_and_markup_is_only_text() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello bob").await;
    bob.sees_in("Conversation list", "1 unread").await;
    bob.sees_title("(1) Chinwag").await;
    ann.say("are you there?").await;
    bob.sees_in("Conversation list", "2 unread").await;

    bob.press("ann").await;
    bob.sees_once("hello bob").await;
    bob.sees_once("are you there?").await;
    bob.sees_gone("Conversation list", "unread").await;
    bob.sees_title("Chinwag").await;
    ann.sees_in("Messages", "Read").await;

    let markup = "<img src=x onerror=alert(1)> <b>bold</b> &amp; **stars**";
    bob.fill("Message", markup).await;
    ann.sees("bob typing…").await;
    bob.press("Send").await;
    for page in [&ann, &bob] {
        page.sees_once(markup).await;
        assert_eq!(page.count_in_messages("img").await + page.count_in_messages("b").await, 0);
    }

    bob.reload().await;
    bob.press("ann").await;
    bob.sees_once("hello bob").await;
    bob.sees_once(markup).await;
    bob.sees_gone("Conversation list", "unread").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_message_is_answered_edited_and_deleted() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "tea at for?").await;
    ann.press("Edit").await;
    ann.fill("Message", "tea at four?").await;
    ann.press("Save").await;
    bob.press("ann").await;
    bob.sees_once("tea at four?").await;
    bob.sees_in("Messages", "edited").await;

    bob.press("Reply").await;
    bob.sees("Replying to ann: tea at four?").await;
    bob.say("with pleasure").await;
    ann.sees_once("with pleasure").await;
    ann.sees_in("Messages", "ann tea at four?").await;

    ann.press("Delete").await;
    ann.answer("Delete").await;
    bob.sees_gone("Messages", "four").await;
    bob.sees_once("with pleasure").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn people_become_contacts_and_see_who_is_there() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    ann.fill("Invite as a contact", "bob").await;
    ann.press("Invite").await;
    ann.sees_in("Invitations sent", "bob").await;
    bob.sees_in("Invitations for you", "ann").await;
    bob.press("Accept ann").await;
    bob.sees_in("Contacts", "ann").await;
    bob.sees_in("Contacts", "online").await;
    ann.sees_in("Contacts", "online").await;

    bob.press("Sign out").await;
    ann.sees_in("Contacts", "offline").await;
    ann.press("Block bob").await;
    ann.sees_in("Blocked", "bob").await;
    ann.sees_gone("Contacts", "bob").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_group_is_made_written_to_renamed_and_left() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    ann.press("New group").await;
    ann.fill("Group name", "The garden").await;
    ann.fill("People in the group", "bob nobody").await;
    ann.press("Create group").await;
    ann.sees("There is no user nobody.").await;
    ann.fill("People in the group", "bob").await;
    ann.press("Create group").await;
    ann.sees_in("Conversation", "2 members").await;
    ann.say("the beans are up").await;

    bob.press("The garden").await;
    bob.sees_once("the beans are up").await;
    bob.say("and the peas").await;
    ann.sees_once("and the peas").await;

    ann.press("Group details").await;
    ann.sees_in("Members", "bob").await;
    ann.fill("New group name", "The orchard").await;
    ann.press("Rename").await;
    bob.sees_in("Conversation list", "The orchard").await;

    bob.press("Group details").await;
    bob.press("Leave group").await;
    bob.answer("Leave").await;
    bob.sees("No conversation yet.").await;
    ann.sees_in("Conversation", "1 member").await;
    ann.sees_gone("Members", "bob").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn what_is_written_while_the_server_is_away_arrives_once() {
    let mut stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    stage.app.user("cat").await;
    write_to(&ann, "bob", "before").await;
    bob.press("ann").await;
    bob.sees_once("before").await;

    stage.app.stop().await;
    ann.sees("Connection lost. Trying again…").await;
    ann.say("written meanwhile").await;
    ann.sees_in("Messages", "Sending…").await;
    ann.fill("Start a conversation with", "cat").await;
    ann.press("Start").await;
    ann.say("a first word meanwhile").await;
    ann.sees_in("Messages", "Sending…").await;

    stage.app.restart().await;
    ann.sees("Connected").await;
    bob.sees("Connected").await;
    ann.sees_gone("Messages", "Sending…").await;
    ann.sees_once("a first word meanwhile").await;
    ann.press("bob").await;
    // What bob writes now comes after all that ann sent.
    bob.say("after").await;
    for page in [&ann, &bob] {
        page.sees_once("after").await;
        page.sees_once("written meanwhile").await;
    }
    ann.reload().await;
    ann.press("bob").await;
    ann.sees_once("written meanwhile").await;
    ann.press("cat").await;
    ann.sees_once("a first word meanwhile").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_message_whose_acknowledgement_is_lost_is_sent_again_and_stored_once() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    ann.run(LOSE_THE_ANSWER).await;
    write_to(&ann, "bob", "the first").await;
    ann.sees_gone("Messages", "Sending…").await;
    assert_eq!(ann.run("return window.lost;").await, 1);
    ann.run(LOSE_THE_ANSWER).await;
    ann.say("the second").await;
    ann.sees_gone("Messages", "Sending…").await;
    assert_eq!(ann.run("return window.lost;").await, 2);

    ann.reload().await;
    ann.press("bob").await;
    bob.press("ann").await;
    for page in [&ann, &bob] {
        page.sees_once("the second").await;
        page.sees_once("the first").await;
    }
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn older_messages_come_when_asked_for() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let group = service.post("groups/", json!({ "name": "Long", "author": "ann" })).await.ok(201);
    for number in 1..=45 {
        let message = json!({ "group": group["id"], "author": "ann", "body": format!("line {number}") });
        service.post("messages/", message).await.ok(201);
    }
    ann.reload().await;
    ann.press("Long").await;
    ann.sees_once("line 45").await;
    ann.sees_gone("Messages", "line 25").await;
    ann.press("Load older messages").await;
    ann.sees_once("line 25").await;
    ann.press("Load older messages").await;
    ann.sees_once("line 1").await;
    ann.sees_no("Load older messages").await;
    ann.sees_once("line 45").await;
    ann.close().await;
}

#[tokio::test]
async fn a_narrow_screen_shows_one_thing_at_a_time() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    ann.narrow().await;
    ann.sees_no("Invite as a contact").await;
    ann.fill("Start a conversation with", "bob").await;
    ann.press("Start").await;
    ann.sees_no("Start a conversation with").await;
    ann.say("hello").await;
    ann.sees_once("hello").await;
    ann.press("People").await;
    ann.sees("Invite as a contact").await;
    ann.sees_no("hello").await;
    ann.press("Conversations").await;
    ann.press("bob").await;
    ann.sees_no("Start a conversation with").await;
    ann.say("are you there?").await;
    ann.sees_once("are you there?").await;
    ann.close().await;
}

/// That the other tests hear of nothing means that there was nothing.
#[tokio::test]
async fn the_pages_policy_holds_and_a_breach_of_it_is_heard() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    assert_eq!(ann.wrongs().await, "");
    ann.run("document.body.setAttribute('onclick', 'document.title = 1');").await;
    assert_eq!(ann.wrongs().await, "policy: script-src-attr forbids inline\n");
    // A script that is not the page's own keeps its words to itself.
    ann.run("setTimeout(() => { throw new Error('oh'); });").await;
    ann.run("document.body.append(Object.assign(new Image(), { src: '/no-such-image' }));").await;
    ann.hears(&["error: Script error.", "error: cannot load http"]).await;
}
