//! Edit and delete buttons, where the windows for them are limited.

use std::time::Duration;

use chinwag_core::clock::SystemClock;
use chinwag_core::{Clock, Date};
use serde_json::json;

use crate::page::Page;
use crate::{Stage, write_to};

const EDIT: Duration = Duration::from_secs(900);

/// Ann and bob talk; ann has an old message and a new one.
async fn with_old_message(age: Duration) -> (Stage, Page, Page) {
    let stage = Stage::with(|options| options.limits.edit_window = Some(EDIT)).await;
    let (ann, bob) = stage.ann_and_bob().await;
    let private = json!({ "users": ["ann", "bob"] });
    let group = stage.app.service().put("private/", private).await.ok(201)["id"].clone();
    let age = i64::try_from(age.as_micros()).expect("a short time");
    let date = Date::from_micros(SystemClock::default().now().micros() - age).to_string();
    let old = json!({ "group": group, "author": "ann", "body": "old", "date": date });
    stage.app.service().post("messages/", old).await.ok(201);
    ann.press("bob").await;
    ann.sees_once("old").await;
    (stage, ann, bob)
}

/// Waits until a message offers deletion, and editing or not.
async fn sees_edit(page: &Page, body: &str, is_offered: bool) {
    let script = "const buttons = message(arguments[0])[0]?.querySelectorAll('.actions button') ?? [];
        const names = [...buttons].map(nameOf);
        return names.includes('Delete') && names.includes('Edit') === arguments[1];";
    page.wait_for(&format!("see Edit of “{body}”: {is_offered}"), script, json!([body, is_offered])).await;
}

#[tokio::test]
async fn edit_button_disappears_after_the_window() {
    let (_stage, ann, bob) = with_old_message(EDIT.saturating_sub(Duration::from_secs(4))).await;
    // The button disappears without any event.
    sees_edit(&ann, "old", false).await;
    write_to(&ann, "bob", "new").await;
    ann.sees_sent("new").await;
    sees_edit(&ann, "new", true).await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn a_late_edit_is_refused_and_its_text_kept() {
    let (_stage, ann, bob) = with_old_message(EDIT * 2).await;
    sees_edit(&ann, "old", false).await;
    // A page with a slow clock still offers the edit.
    let slow = "const now = Date.now; Date.now = () => now() - 3_600_000; dispatchEvent(new Event('focus'));";
    ann.run(slow).await;
    write_to(&ann, "bob", "new").await;
    ann.act("old", "Edit").await;
    ann.fill("Message", "mended").await;
    ann.press("Save").await;
    ann.sees("A message can be edited for 15 minutes after it was sent. This one is older.").await;
    let kept = "return field('Message').value === 'mended'";
    ann.wait_for("find the text where it was", kept, json!([])).await;
    tokio::join!(ann.close(), bob.close());
}
