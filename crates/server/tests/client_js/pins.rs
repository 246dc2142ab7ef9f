//! Pinned messages in the module.

use serde_json::{Value, json};

use crate::faults::{connect, cut_off};
use crate::world::World;

#[tokio::test]
async fn pins_are_in_step_live_and_after_an_absence() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let service = world.service();
    let say = async |body: &str| -> String {
        let sent = json!({ "group": group, "author": "ann", "body": body });
        let sent = service.post("messages/", sent).await.ok(201);
        sent["id"].as_str().expect("an id").to_owned()
    };
    let pin = async |id: &str, on: bool| {
        let path = format!("messages/{id}/pin/");
        let answer = if on { service.put(&path, json!({})).await } else { service.delete(&path).await };
        answer.ok(200);
    };
    let pins = async |wanted: Value| {
        ann.until(&format!("JSON.stringify(chat.groups.get('{group}').pins) === JSON.stringify({wanted})"))
            .await;
    };
    let (one, two, three) = (say("one").await, say("two").await, say("three").await);
    pins(json!([])).await;
    ann.run(&format!("await chat.loadEntries('{group}');")).await;
    pin(&one, true).await;
    pins(json!([one])).await;
    let marked = format!("chat.groups.get('{group}').message('{one}').pinned");
    assert_eq!(ann.run(&format!("return {marked};")).await, true);
    ann.run(&format!(
        "window.count = 0; chat.addEventListener('group', () => count++); await chat.pin('{two}', true);"
    ))
    .await;
    pins(json!([two, one])).await;
    assert_eq!(ann.run("return count;").await, 1);
    let loaded =
        ann.run(&format!("return (await chat.loadPins('{group}')).map(({{ body }}) => body);")).await;
    assert_eq!(loaded, json!(["two", "one"]));

    cut_off(&ann, &link).await;
    pin(&one, false).await;
    pin(&three, true).await;
    pin(&one, true).await;
    service.delete(&format!("messages/{two}/")).await.ok(200);
    link.restore();
    pins(json!([one, three])).await;
    assert_eq!(ann.run(&format!("return {marked};")).await, true);
    // Every pin is a log entry: earlier ones arrived live, and those missed while offline are loaded on
    // request.
    ann.run(&format!("await chat.loadEntries('{group}');")).await;
    let seen = format!(
        "return chat.groups.get('{group}').entries.flatMap(({{ by, changes }}) => changes.map(({{ kind, id, deleted }}) =>
            [kind, id ?? null, by, deleted ?? false])).filter(([kind]) => kind.endsWith('pinned'));"
    );
    let pinned = json!([
        ["pinned", one, null, false],
        ["pinned", two, "ann", true],
        ["unpinned", one, null, false],
        ["pinned", three, null, false],
        ["pinned", one, null, false],
    ]);
    assert_eq!(ann.run(&seen).await, pinned);
    // A renamed author appears under the new name at once.
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    ann.until(&format!("chat.groups.get('{group}').message('{one}').author === 'anna'")).await;
    ann.run(&format!("await chat.pin('{one}', false);")).await;
    pins(json!([three])).await;
}
