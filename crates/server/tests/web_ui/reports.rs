//! Reporting a message on the page.

use crate::talk::on;
use crate::{Stage, write_to};

#[tokio::test]
async fn message_of_another_is_reported_with_a_reason() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "bad words").await;
    bob.press("ann").await;
    bob.sees_once("bad words").await;
    bob.act("bad words", "Report…").await;
    bob.sees("Report this message?").await;
    bob.press("Report").await;
    bob.sees("Enter a reason.").await;
    bob.wait_for("be in the box", &on("Reason"), serde_json::json!([])).await;
    bob.fill("Reason", "rude").await;
    bob.press("Report").await;
    bob.sees("The message is reported. Thank you.").await;
    let reports = stage.app.service().get("reports/?state=open").await.ok(200);
    assert_eq!((&reports[0]["reason"], &reports[0]["body"]), (&"rude".into(), &"bad words".into()));
    let own = "return ![...message(arguments[0])[0].querySelectorAll('button')].some((each) => nameOf(each) === 'Report…')";
    ann.wait_for("report no message of her own", own, serde_json::json!(["bad words"])).await;
    ann.close().await;
    bob.close().await;
}
