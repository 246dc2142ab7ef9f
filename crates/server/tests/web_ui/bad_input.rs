//! Bad input: failing servers, names and texts of every kind, browsers without storage.

use serde_json::json;

use crate::{Stage, begin_with, make_group, sign, write_to};

#[tokio::test]
async fn a_message_of_4096_emoji_is_sent_and_a_longer_one_refused() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let bob = stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    let emoji = "😀".repeat(4096);
    ann.paste("Message", &format!("{emoji}!")).await;
    ann.press("Send").await;
    ann.sees("A message may have at most 4096 characters. This one has 4097.").await;
    ann.paste("Message", &emoji).await;
    ann.press("Send").await;
    ann.sees_once(&emoji).await;
    ann.sees_sent(&emoji).await;
    let group = bob.get("groups/").await.ok(200)[0]["id"].as_str().expect("an id").to_owned();
    let last = bob.get(&format!("groups/{group}/messages/?limit=1")).await.ok(200);
    assert_eq!(last[0]["body"], emoji);
    // Long words without a break stay inside, too.
    ann.paste("Message", &"w".repeat(3000)).await;
    ann.press("Send").await;
    ann.resize(320, 640).await;
    let fits = "return messages().length > 0 && messages().every((each) => each.getBoundingClientRect().right <= 320)";
    ann.wait_for("see it inside", fits, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn names_of_every_kind_and_markup_everywhere_are_text() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let name = "دانة";
    let dana = stage.app.user(name).await;
    let markup = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}gnp.exe";
    make_group(&ann, markup, name).await;
    ann.sees_in("Conversation list", markup).await;
    // Bidirectional control characters take effect only within the name.
    let apart = "return part('Conversation list')[0].querySelector('.name').localName === 'bdi'";
    ann.wait_for("see the name apart", apart, json!([])).await;
    let groups = dana.get("groups/?fields=id+name").await.ok(200);
    let group = groups[0]["id"].clone();
    dana.post(
        "messages/",
        json!({ "group": group, "body": "مرحبا <b>ann</b> https://example.org/?q=\"onmouseover=alert(3)" }),
    )
    .await
    .ok(201);
    ann.sees_in("Messages", name).await;
    ann.sees_in("Messages", "مرحبا <b>ann</b>").await;
    ann.press("Group details").await;
    ann.sees_in("Members", name).await;
    let injected = "return walk(document).filter((each) => each.matches('img, script:not([type=module]), b, [onerror], [onmouseover]')).length";
    assert_eq!(ann.run_script(injected, json!([])).await, 0);
    let right =
        "return getComputedStyle(messages().at(-1).querySelector('.body')).unicodeBidi === 'plaintext'";
    ann.wait_for("have each text run its own way", right, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn server_failures_are_explained_with_a_remedy() {
    let stage = Stage::with(|options| options.users.rename_self = true).await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    // A blocked user is not notified: its message is refused, and can be retried.
    let contact = async |operation: &str| {
        let change = json!({ "contact": { "name": "ann", "operation": operation } });
        stage.app.service().patch("users/bob/", change).await.ok(200);
    };
    contact("block").await;
    ann.say("are you there?").await;
    ann.sees_in("Messages", "Not sent. One of you has blocked the other.").await;
    contact("unblock").await;
    ann.press("Try again").await;
    ann.sees_gone("Messages", "Not sent.").await;
    ann.sees_once("are you there?").await;

    // A proxy's error is not JSON.
    ann.run("window.fetch = async () => new Response('<html>Bad gateway', { status: 502 });").await;
    ann.press("Your profile").await;
    ann.fill("New name", "anna").await;
    ann.press("Change name").await;
    let said = "return reachable().some((each) => each.matches('[role=alert]') && each.innerText.length > 10 && !/undefined|null|\\{|</.test(each.innerText))";
    ann.wait_for("be told so", said, json!([])).await;
    ann.run("window.fetch = async () => { throw new TypeError('Failed to fetch'); };").await;
    ann.press("Change name").await;
    ann.wait_for("be told so", said, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn a_refused_message_says_why_and_can_be_retried_or_discarded() {
    let stage = Stage::with(|options| options.limits.message_chars = 30).await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    stage.app.user("nobody").await;
    begin_with(&ann, "nobody").await;
    ann.sees_in("Conversation", "nobody").await;
    service.delete("users/nobody/").await.ok(200);
    ann.say("is there anybody?").await;
    ann.sees_in("Messages", "Not sent. There is no user nobody. Check the spelling.").await;
    ann.sees_in("Conversation list", "Not sent").await;
    stage.app.user("nobody").await;
    ann.press("Try again").await;
    ann.sees_sent("is there anybody?").await;
    ann.sees_once("is there anybody?").await;

    let long = "longer than this server takes, by much";
    ann.say(long).await;
    ann.sees_in("Messages", "Not sent.").await;
    ann.say("short").await;
    ann.sees_sent("short").await;
    ann.press("Discard").await;
    ann.sees_gone("Messages", long).await;
    ann.reload().await;
    ann.press("nobody").await;
    ann.sees_once("short").await;
    ann.sees_gone("Messages", long).await;
    ann.close().await;
}

#[tokio::test]
async fn where_storage_is_denied_everything_but_memory_works() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    let deny = "for (const name of ['localStorage', 'indexedDB']) Object.defineProperty(window, name, {
        get() { throw new DOMException('Denied', 'SecurityError'); } });";
    ann.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": deny })).await;
    ann.reload().await;
    sign(&ann, "ann", crate::PASSWORD, "Sign up").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    stage.app.user("cat").await;
    ann.fill("Message", "a draft").await;
    write_to(&ann, "cat", "hello cat").await;
    ann.press("bob").await;
    ann.wait_for("find the draft", "return field('Message')?.value === 'a draft'", json!([])).await;
    ann.close().await;
}

/// Checks that violations are detected: other tests rely on their absence.
#[tokio::test]
async fn page_policy_holds_and_violations_are_detected() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    assert_eq!(ann.browser_errors().await, "");
    ann.run("document.body.setAttribute('onclick', 'document.title = 1');").await;
    ann.reports_errors(&["policy: script-src-attr forbids inline"]).await;
    ann.run("setTimeout(() => { throw new Error('oh'); });").await;
    ann.run("document.body.append(Object.assign(new Image(), { src: '/no-such-image' }));").await;
    ann.reports_errors(&["error: Uncaught Error: oh", "error: cannot load http"]).await;
}
