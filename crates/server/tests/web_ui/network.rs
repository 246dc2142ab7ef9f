//! The connection: lost, slow, and restored. The page always shows its true state.

use chinwag_testkit::proxy::Proxy;
use serde_json::json;

use crate::page::Page;
use crate::{Stage, write_to};

/// Sends the next message, and drops the connection before its acknowledgement.
const DROP_BEFORE_ACKNOWLEDGEMENT: &str = r#"
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
        send.call(this, frame);
        if (!frame.includes("client_id")) return;
        WebSocket.prototype.send = send;
        this.addEventListener("message", (event) => event.stopImmediatePropagation(), { capture: true });
        this.onmessage = null;
        window.lost = (window.lost ?? 0) + 1;
        setTimeout(() => this.close(), 500);
    };
"#;

#[tokio::test]
async fn messages_written_offline_arrive_once() {
    let mut stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    stage.app.user("cat").await;
    write_to(&ann, "bob", "before").await;
    bob.press("ann").await;
    bob.sees_once("before").await;

    stage.app.stop().await;
    ann.sees("Connection lost. Trying again…").await;
    ann.sees("Your messages are saved").await;
    ann.say("written meanwhile").await;
    ann.sees_in("Messages", "Waiting for the connection…").await;
    write_to(&ann, "cat", "a first word meanwhile").await;
    ann.sees_in("Messages", "Waiting for the connection…").await;

    stage.app.restart().await;
    // The page may have reconnected by itself just before.
    let now = "const now = button('Try now'); now?.click(); return now !== null || !pageText().includes('Connection lost');";
    ann.wait_for("try now", now, json!([])).await;
    ann.is_connected().await;
    ann.sees_sent("a first word meanwhile").await;
    ann.sees_once("a first word meanwhile").await;
    ann.press("bob").await;
    bob.is_connected().await;
    // bob's next message comes after everything that ann sent.
    bob.sees_once("written meanwhile").await;
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
async fn a_lost_acknowledgement_is_retried_and_stored_once() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    ann.run(DROP_BEFORE_ACKNOWLEDGEMENT).await;
    write_to(&ann, "bob", "the first").await;
    ann.sees_sent("the first").await;
    assert_eq!(ann.run("return window.lost;").await, 1);

    ann.reload().await;
    ann.press("bob").await;
    bob.press("ann").await;
    for page in [&ann, &bob] {
        page.sees_once("the first").await;
    }
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn two_people_with_a_flapping_connection_miss_nothing() {
    let stage = Stage::open().await;
    let address = stage.app.url().trim_start_matches("http://").parse().expect("an address");
    let proxy = Proxy::to(address).await;
    let url = format!("http://{}", proxy.address());
    let (ann, bob) = tokio::join!(Page::open("ann", &url), Page::open("bob", &url));
    for (page, name) in [(&ann, "ann"), (&bob, "bob")] {
        crate::sign(page, name, crate::PASSWORD, "Sign up").await;
        page.sees(&format!("Signed in as {name}")).await;
    }
    write_to(&ann, "bob", "round 0").await;
    bob.press("ann").await;
    bob.sees_once("round 0").await;
    for round in 1..=3 {
        proxy.cut();
        ann.say(&format!("ann {round}")).await;
        bob.say(&format!("bob {round}")).await;
        proxy.restore();
        for page in [&ann, &bob] {
            page.sees_once(&format!("ann {round}")).await;
            page.sees_once(&format!("bob {round}")).await;
        }
    }
    let bodies = "return messages().map(bodyOf)";
    for page in [&ann, &bob] {
        page.sees_gone("Messages", "Sending…").await;
        page.sees_gone("Messages", "Waiting for the connection…").await;
    }
    let orders = [ann.run_script(bodies, json!([])).await, bob.run_script(bodies, json!([])).await];
    assert_eq!(orders[0], orders[1], "both see the same order");
    assert_eq!(orders[0].as_array().map(Vec::len), Some(7));
    tokio::join!(ann.close(), bob.close());
}
