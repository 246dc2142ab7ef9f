//! The details of a group, its slow mode, and its log entries.

use serde_json::json;

use crate::{Stage, make_group};

#[tokio::test]
async fn details_of_a_group_are_edited_and_told_in_its_log() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    make_group(&ann, "The garden", "bob").await;
    ann.say("the beans are up").await;
    bob.press("The garden").await;
    bob.sees_once("the beans are up").await;
    ann.sees_in("Messages", "ann created the group").await;
    bob.sees_in("Messages", "ann created the group").await;

    ann.press("Group details").await;
    ann.press("Edit group").await;
    ann.choose("Slow mode", "1 hour").await;
    ann.fill("Days for which messages are kept", "30").await;
    // The error appears below its field.
    ann.paste("Description", &"x".repeat(1500)).await;
    ann.press("Save").await;
    let refused = "const said = walk(document).find((each) => each.matches('[role=alert]') && each.innerText.includes('at most 1000 characters'));
        const [box, pane] = [said, said?.closest('.scroll')].map((each) => each?.getBoundingClientRect());
        return Boolean(box) && said.previousElementSibling.matches('textarea:focus') && box.top >= pane.top && box.bottom <= pane.bottom";
    ann.wait_for("see the reason", refused, json!([])).await;
    ann.fill("Description", "Beans and peas").await;
    ann.press("Save").await;
    ann.sees("Saved").await;
    bob.sees_in("Messages", "ann changed the description · ann changed slow mode · ann changed the time for which messages are kept").await;
    bob.press("Group details").await;
    bob.sees("Beans and peas").await;
    bob.sees("Slow mode: 1 hour between two messages").await;
    bob.sees("Messages are kept for 30 days").await;
    bob.wait_for("edit nothing", "return field('Description') === null", json!([])).await;
    bob.press("Close").await;

    bob.say("and the peas").await;
    ann.sees_once("and the peas").await;
    bob.fill("Message", "and the carrots").await;
    bob.sees("Slow mode: you can send the next message in").await;
    let waits = "return button('Send') === null && field('Message')?.value === 'and the carrots'";
    bob.wait_for("wait with the text in the box", waits, json!([])).await;
    ann.choose("Slow mode", "Off").await;
    ann.press("Save").await;
    bob.wait_for("send at once", "return button('Send') !== null", json!([])).await;
    bob.press("Send").await;
    ann.sees_once("and the carrots").await;
    // A change of the group is not a message: nothing is unread.
    ann.fill("New group name", "The orchard").await;
    ann.press("Rename").await;
    bob.sees_in("Messages", "ann renamed the group to “The orchard”").await;
    bob.wait_for("see nothing unread", "return !document.title.startsWith('(')", json!([])).await;
    bob.reload().await;
    bob.sees_in("Messages", "ann renamed the group to “The orchard”").await;
    // A long right-to-left name starts at the right.
    ann.fill("New group name", &"بستان ".repeat(20)).await;
    ann.press("Rename").await;
    let begins = "const title = part('Conversation')[0]?.querySelector('h2'); const range = document.createRange();
        const text = title && document.createTreeWalker(title, NodeFilter.SHOW_TEXT, (node) => (node.data.trim() ? 1 : 2)).nextNode();
        if (!text?.data.startsWith('بستان')) return false;
        range.setStart(text, 0); range.setEnd(text, 1);
        const [first, box] = [range, title].map((each) => each.getBoundingClientRect());
        return first.right <= box.right + 1 && first.left >= box.left - 1 && text.parentElement.scrollWidth > text.parentElement.clientWidth";
    for page in [&ann, &bob] {
        page.wait_for("see the beginning of the title", begins, json!([])).await;
    }
    tokio::join!(ann.close(), bob.close());
}
