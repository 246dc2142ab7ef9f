//! Signing up, in and out, and a user's own profile.

use chinwag_testkit::client::Client;

use crate::{PASSWORD, Stage, WELCOME, begin_with, make_group, sign, write_to};

#[tokio::test]
async fn a_person_signs_up_stays_signed_in_signs_out_and_in_again() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.press("Sign up").await;
    ann.sees("This field is required.").await;
    sign(&ann, "ann", "short", "Sign up").await;
    ann.sees("The password must have 8 to 256 characters.").await;
    sign(&ann, "ann", PASSWORD, "Sign up").await;
    ann.sees("Signed in as ann").await;
    ann.reload().await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;

    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    ann.reload().await;
    ann.sees(WELCOME).await;
    sign(&ann, "ann", "another password", "Sign up").await;
    ann.sees("This name is taken").await;
    sign(&ann, "ann", "another password", "Sign in").await;
    ann.sees("The name or the password is wrong.").await;
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees("Signed in as ann").await;
    ann.close().await;
}

#[tokio::test]
async fn announcements_end_with_the_session() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&bob, "ann", "hello").await;
    ann.sees_in("Conversation list", "hello").await;
    bob.say("are you there?").await;
    ann.sees("New messages from bob").await;
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    ann.sees_no("New messages from bob").await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn suspended_person_is_told_until_when_and_why() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    sign(&ann, "ann", PASSWORD, "Sign up").await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;
    let change = |suspended: serde_json::Value| serde_json::json!({ "suspended": suspended });
    let suspension = serde_json::json!({ "until": "2999-01-01T00:00:00Z", "reason": "spam" });
    stage.app.service().patch("users/ann/", change(suspension)).await.ok(200);
    ann.sees("Your account is suspended until Tuesday, January 1, 2999 at").await;
    ann.reload().await;
    ann.sees("Reason: spam").await;
    // The page still shows the former reason until the answer arrives.
    let suspension = serde_json::json!({ "until": "2999-01-01T00:00:00Z", "reason": "abuse" });
    stage.app.service().patch("users/ann/", change(suspension)).await.ok(200);
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees("Reason: abuse").await;
    stage.app.service().patch("users/ann/", change(serde_json::Value::Null)).await.ok(200);
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees("Signed in as ann").await;
    ann.close().await;
}

#[tokio::test]
async fn console_stays_empty_where_nobody_is_signed_in() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees(WELCOME).await;
    assert_eq!(ann.console().await, Vec::<String>::new(), "at the first visit");
    sign(&ann, "ann", PASSWORD, "Sign up").await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;
    // A request in flight at the end of the session would fail.
    let asked = "return performance.getEntriesByType('resource').some(({ name }) => name.includes('/users/?name=ann&'))";
    ann.wait_for("have asked for her profile", asked, serde_json::json!([])).await;
    // The session ends elsewhere, and the browser still has its cookie.
    stage.app.service().delete("users/ann/tokens/").await.ok(200);
    ann.sees(WELCOME).await;
    ann.reload().await;
    ann.sees(WELCOME).await;
    assert_eq!(ann.console().await, Vec::<String>::new(), "with a session that has ended");
    ann.close().await;
}

#[tokio::test]
async fn a_profile_is_renamed_signed_out_everywhere_and_deleted() {
    let stage = Stage::with(|options| options.users.rename_self = true).await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "my words").await;
    make_group(&ann, "The choir", "bob").await;
    ann.press("Your profile").await;
    ann.fill("New name", "bob").await;
    ann.press("Change name").await;
    ann.sees("This name is taken").await;
    ann.fill("New name", "anna").await;
    ann.press("Change name").await;
    ann.sees("Signed in as anna").await;
    bob.sees_in("Conversation list", "anna").await;

    // Signing out everywhere includes her other device.
    let other = stage.browser("anna").await;
    sign(&other, "anna", PASSWORD, "Sign in").await;
    other.sees("Signed in as anna").await;
    ann.press("Sign out everywhere").await;
    ann.sees("this one, will ask").await;
    ann.press("Sign out everywhere").await;
    ann.sees(WELCOME).await;
    other.sees("Your session has ended. Sign in again.").await;

    sign(&other, "anna", PASSWORD, "Sign in").await;
    other.sees("Signed in as anna").await;
    other.press("Your profile").await;
    other.press("Delete account").await;
    other.sees("Your messages are deleted, you leave every group").await;
    other.fill("Type your name, anna, to confirm", "ann").await;
    other.press("Delete account").await;
    other.sees("That is not your name.").await;
    other.fill("Type your name, anna, to confirm", "anna").await;
    other.press("Delete account").await;
    other.sees(WELCOME).await;
    sign(&other, "anna", PASSWORD, "Sign in").await;
    other.sees("The name or the password is wrong.").await;

    bob.press("Deleted user").await;
    bob.sees_in("Conversation", "This account was deleted.").await;
    bob.sees_gone("Conversation", "my words").await;
    // The conversation is read-only now; it can be hidden or removed.
    bob.sees_gone("Conversation", "Send").await;
    bob.press("Hide").await;
    bob.sees("The conversation is hidden.").await;
    bob.sees_gone("Conversation list", "Deleted user").await;
    bob.fill("Find a conversation", "deleted").await;
    bob.press("Deleted user").await;
    bob.press("Remove conversation").await;
    bob.sees("Remove this conversation?").await;
    bob.press("Remove conversation").await;
    bob.sees_gone("Conversation list", "Deleted user").await;
    bob.fill("Find a conversation", "").await;
    bob.press("The choir").await;
    bob.sees_in("Conversation", "1 member").await;
    tokio::join!(ann.close(), other.close(), bob.close());
}

#[tokio::test]
async fn drafts_survive_reloads_per_conversation_and_author() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    for name in ["bob", "cat"] {
        stage.app.user(name).await;
        write_to(&ann, name, "hello").await;
    }
    ann.fill("Message", "half a thought").await;
    ann.press("bob").await;
    ann.sees_in("Conversation list", "Draft: half a thought").await;
    ann.wait_for("find the box empty", "return field('Message').value === ''", serde_json::json!([])).await;
    ann.reload().await;
    ann.press("cat").await;
    let kept = "return field('Message')?.value === 'half a thought'";
    ann.wait_for("find the draft", kept, serde_json::json!([])).await;
    begin_with(&ann, "cat").await;
    ann.wait_for("find the draft", kept, serde_json::json!([])).await;

    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    let left =
        ann.run("return Object.keys(localStorage).filter((key) => key.includes('draft')).length;").await;
    assert_eq!(left, 0, "drafts stay behind for whoever signs in next");
    ann.close().await;
}

#[tokio::test]
async fn view_of_an_ended_session_is_restored_at_the_next() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    make_group(&ann, "Plans", "").await;
    stage.app.service().delete("users/ann/tokens/").await.ok(200);
    ann.sees("Your session has ended").await;
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees_in("Conversation", "Plans").await;
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    ann.wait_for("leave no place behind", "return location.hash === ''", serde_json::json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn draft_goes_to_the_conversation_that_is_made() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let cat = stage.app.user("cat").await;
    begin_with(&ann, "cat").await;
    ann.sees_in("Conversation", "cat").await;
    ann.fill("Message", "half a thought").await;
    begin_with(&ann, "bob").await;
    ann.sees_in("Conversation list", "Draft: half a thought").await;
    cat.ws().await.ask("message.first", serde_json::json!({ "target": "ann", "body": "hello" })).await;
    let shown = "const entry = [...part('Conversation list')[0].querySelectorAll('.entry')].find((each) => each.innerText.includes('cat'));
        return Boolean(entry?.matches('.unread') && tidy(entry.innerText).includes('Draft: half a thought'))";
    ann.wait_for("see the draft in the new conversation", shown, serde_json::json!([])).await;
    ann.press("cat").await;
    let kept = "return field('Message')?.value === 'half a thought'";
    ann.wait_for("find the draft", kept, serde_json::json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn a_password_is_changed_and_other_sessions_end() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let other = stage.browser("ann").await;
    sign(&other, "ann", PASSWORD, "Sign in").await;
    other.sees("Signed in as ann").await;
    ann.press("Your profile").await;
    ann.fill("Current password", "not my password").await;
    ann.fill("New password", "another password").await;
    ann.press("Change password").await;
    ann.sees("The current password is wrong.").await;
    ann.fill("Current password", PASSWORD).await;
    ann.fill("New password", "short").await;
    ann.press("Change password").await;
    ann.sees("The password must have 8 to 256 characters.").await;
    ann.fill("New password", "another password").await;
    ann.press("Change password").await;
    ann.sees("Your password is changed.").await;
    other.sees("Your session has ended. Sign in again.").await;
    ann.press("Close").await;
    ann.is_connected().await;
    sign(&other, "ann", PASSWORD, "Sign in").await;
    other.sees("The name or the password is wrong.").await;
    sign(&other, "ann", "another password", "Sign in").await;
    other.sees("Signed in as ann").await;
    tokio::join!(ann.close(), other.close());
}

#[tokio::test]
async fn sessions_are_shown_and_signed_out() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let (other, third) = tokio::join!(stage.browser("ann"), stage.browser("ann"));
    for browser in [&other, &third] {
        sign(browser, "ann", PASSWORD, "Sign in").await;
        browser.sees("Signed in as ann").await;
    }
    ann.press("Your profile").await;
    ann.sees("Where you are signed in").await;
    ann.sees("Chrome on Linux").await;
    ann.sees("127.0.0.1 · signed in").await;
    let shown = "const rows = walk(document).filter((each) => each.matches('chinwag-sessions li'));
        return rows.length === arguments[0] && rows[0].textContent.includes('This one')";
    ann.wait_for("see three sessions, hers first", shown, serde_json::json!([3])).await;
    ann.press("Sign out: Chrome on Linux").await;
    ann.wait_for("see two sessions", shown, serde_json::json!([2])).await;
    third.sees("Your session has ended. Sign in again.").await;
    sign(&third, "ann", PASSWORD, "Sign in").await;
    third.sees("Signed in as ann").await;
    ann.press("Close").await;
    ann.press("Your profile").await;
    ann.press("Sign out all others").await;
    ann.wait_for("see one session", shown, serde_json::json!([1])).await;
    other.sees("Your session has ended. Sign in again.").await;
    third.sees("Your session has ended. Sign in again.").await;
    ann.press("Close").await;
    ann.is_connected().await;
    tokio::join!(ann.close(), other.close(), third.close());
}

#[tokio::test]
async fn an_account_made_anew_finds_nothing_of_the_former() {
    let mut stage = Stage::open().await;
    let ann = stage.person("ann").await;
    for name in ["bob", "cat"] {
        stage.app.user(name).await;
        write_to(&ann, name, "hello").await;
    }
    ann.fill("Message", "half a thought").await;
    stage.app.stop().await;
    ann.sees("Connection lost. Trying again…").await;
    ann.press("bob").await;
    ann.say("never sent").await;
    ann.sees_in("Messages", "Waiting for the connection…").await;
    // Her page is closed before her account is deleted, so it cannot clear its storage.
    ann.run("setTimeout(() => location.assign('about:blank')); return null;").await;
    let is_gone = "return location.href === 'about:blank'";
    ann.wait_for("leave the page", is_gone, serde_json::json!([])).await;
    stage.app.restart().await;
    stage.app.service().delete("users/ann/").await.ok(200);
    let url = stage.app.url();
    ann.run(&format!("setTimeout(() => location.assign('{url}')); return null;")).await;
    ann.sees(WELCOME).await;
    stage.app.service().post("users/", serde_json::json!({ "name": "ann" })).await.ok(201);
    let token =
        stage.app.service().post("users/ann/tokens/", serde_json::json!({ "ttl": 600 })).await.ok(201);
    let token = token["token"].as_str().expect("a token").to_owned();
    // The cookie of the former session remains; scripts cannot change it.
    for path in ["/api", "/chat"] {
        ann.run(&format!("document.cookie = 'access={token}; path={path}'; return null;")).await;
    }
    ann.reload().await;
    ann.sees("Signed in as ann").await;
    ann.is_connected().await;
    ann.sees_no("half a thought").await;
    ann.sees_no("never sent").await;
    let left = "const open = indexedDB.open('chinwag', 1);
        const base = await new Promise((done) => (open.onsuccess = () => done(open.result)));
        const all = base.transaction('unsent').objectStore('unsent').getAll();
        const kept = await new Promise((done) => (all.onsuccess = () => done(all.result)));
        base.close();
        return kept.length === 0 && !Object.keys(localStorage).some((key) => key.includes('draft'));";
    ann.wait_for("find nothing kept", left, serde_json::json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn page_that_wakes_to_another_user_shows_nothing_of_the_former() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    begin_with(&ann, "bob").await;
    ann.fill("Message", "half a thought").await;
    // The browser keeps the page in its back/forward cache while another page is shown.
    ann.run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));").await;
    let other = ann.another(&stage.app.url()).await;
    other.press("Your profile").await;
    other.press("Sign out").await;
    other.press("Sign out").await;
    other.sees(WELCOME).await;
    sign(&other, "cat", PASSWORD, "Sign up").await;
    other.sees("Signed in as cat").await;
    ann.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));").await;
    ann.sees("Signed in as cat").await;
    ann.sees("No conversation yet").await;
    ann.sees_no("half a thought").await;
    tokio::join!(ann.close(), other.close());
}

#[tokio::test]
async fn unwanted_messages_are_not_announced() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let (bob, cat) = (stage.app.user("bob").await, stage.app.user("cat").await);
    let (dan, eve) = (stage.app.user("dan").await, stage.app.user("eve").await);
    let group = async |owner: &Client, name: &str| {
        let made = serde_json::json!({ "name": name, "members": ["ann"] });
        owner.post("groups/", made).await.ok(201)["id"].clone()
    };
    let (muted, heard) = (group(&bob, "Noise").await, group(&cat, "The garden").await);
    let (quiet, foe) = (group(&dan, "Kitchen").await, group(&eve, "Weeds").await);
    for (name, id) in [("Noise", &muted), ("The garden", &heard), ("Kitchen", &quiet), ("Weeds", &foe)] {
        let path = format!("groups/{}/accept/", id.as_str().expect("an id"));
        stage.app.service().post(&path, serde_json::json!({ "author": "ann" })).await.ok(200);
        ann.sees_in("Conversation list", name).await;
    }
    ann.run(&format!(
        "const {{ client }} = document.querySelector('chinwag-chat');
        await client.changeSettings({muted}, {{ notify: 'none' }});
        await client.changeSettings({quiet}, {{ notify: 'mentions' }}); await client.block('eve');"
    ))
    .await;
    for (owner, id) in [(&bob, &muted), (&dan, &quiet), (&eve, &foe), (&cat, &heard)] {
        owner.post("messages/", serde_json::json!({ "group": id, "body": "hello" })).await.ok(201);
    }
    ann.sees("New messages from The garden").await;
    ann.close().await;
}
