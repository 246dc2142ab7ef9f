//! The page offers only what the server supports, and shows how long it defers a message.

use serde_json::json;

use crate::{Stage, begin_with, write_to};

/// The server defers the next message by this many seconds.
const PUT_OFF: &str = r#"
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
        if (!frame.includes("client_id")) return send.call(this, frame);
        WebSocket.prototype.send = send;
        const data = { detail: "too many requests: try again in 6 s", retry_after: 6 };
        const answer = { type: "error.data", code: 429, data, ref: JSON.parse(frame).ref };
        setTimeout(() => this.onmessage({ data: JSON.stringify(answer) }));
    };
"#;

#[tokio::test]
async fn sign_up_is_offered_only_where_it_is_allowed() {
    let stage = Stage::with(|options| options.http.signup = false).await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in with your name and password.").await;
    let buttons = "return reachable().filter((each) => each.localName === 'button').map(nameOf)";
    assert_eq!(ann.run_script(buttons, json!([])).await, json!(["Sign in"]));
    ann.close().await;
}

#[tokio::test]
async fn renaming_is_offered_only_where_it_is_allowed() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    ann.press("Your profile").await;
    ann.sees("Delete account").await;
    ann.sees_no("New name").await;
    ann.close().await;
}

#[tokio::test]
async fn the_composer_keeps_to_the_limit_of_the_server() {
    let stage = Stage::with(|options| {
        options.limits.message_chars = 5000;
        options.http.shown_limits.insert("limits.message_chars".to_owned(), json!(5000));
    })
    .await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    begin_with(&ann, "bob").await;
    let long = "w".repeat(5001);
    ann.paste("Message", &long).await;
    ann.press("Send").await;
    ann.sees("A message may have at most 5000 characters. This one has 5001.").await;
    let kept = "return field('Message').value === arguments[0]";
    ann.wait_for("find the text where it was", kept, json!([long])).await;
    ann.paste("Message", &long[..4990]).await;
    ann.sees("10 characters left").await;
    ann.press("Send").await;
    ann.sees_once(&long[..4990]).await;
    ann.sees_sent(&long[..4990]).await;
    ann.close().await;
}

#[tokio::test]
async fn deferred_message_shows_when_it_is_sent() {
    let stage = Stage::with(|options| options.limits.rates.first_contacts_per_day = 1).await;
    let ann = stage.person("ann").await;
    for name in ["bob", "cat"] {
        stage.app.user(name).await;
    }
    ann.run(PUT_OFF).await;
    write_to(&ann, "bob", "in a moment").await;
    ann.sees_in("Messages", "Too many messages at once. This one will be sent at").await;
    ann.sees_sent("in a moment").await;
    ann.sees_once("in a moment").await;
    // A wait of a day is shown as a refusal.
    write_to(&ann, "cat", "the second stranger today").await;
    ann.sees_in("Messages", "Not sent. Too many requests. Try again in 24 hours.").await;
    ann.close().await;
}
