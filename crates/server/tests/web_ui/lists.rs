//! A long list of conversations.

use chinwag_testkit::client::Client;
use chinwag_testkit::setup;
use serde_json::{Value, json};

use crate::Stage;
use crate::page::Page;

/// The texts of the rendered entries, and the focused one.
const LIST: &str = "const list = part('Conversation list')[0]; const entries = [...list?.querySelectorAll('.entry') ?? []];
    const titles = entries.map((each) => each.querySelector('.name').innerText); const focused = entries.find((each) => each.matches(':focus'));";

/// Presses a key on the focused element.
async fn press(page: &Page, key: &str, code: u32) {
    for kind in ["rawKeyDown", "keyUp"] {
        let pressed = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
        page.devtools("Input.dispatchKeyEvent", pressed).await;
    }
}

/// Creates a group with a message, so that it is sorted into the list.
async fn make(stage: &Stage, name: &str) {
    let service = stage.app.service();
    let group = service.post("groups/", json!({ "name": name, "author": "ann" })).await.ok(201);
    let message = json!({ "group": group["id"], "author": "ann", "body": "hello" });
    service.post("messages/", message).await.ok(201);
}

async fn is_at(page: &Page, title: &str) {
    let script = format!(
        "{LIST} if (focused?.querySelector('.name').innerText !== arguments[0]) return false;
        const [box, seen] = [focused.getBoundingClientRect(), list.getBoundingClientRect()];
        return box.top >= seen.top - 1 && box.bottom <= seen.bottom + 1 && list.querySelectorAll('[tabindex=\"0\"]').length === 1"
    );
    page.wait_for(&format!("be at {title}"), &script, json!([title])).await;
}

#[tokio::test]
async fn a_long_list_is_drawn_where_it_is_seen() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    for number in 0..300 {
        make(&stage, &format!("Group {number}")).await;
    }
    ann.sees("Group 299").await;
    ann.reload().await;
    ann.sees("Group 299").await;
    let few = format!("{LIST} return titles.length > 5 && titles.length < 60 && titles[0] === 'Group 299'");
    ann.wait_for("see the first ones", &few, json!([])).await;
    let size = "const list = part('Conversation list')[0]; const entry = list.querySelector('.entry').getBoundingClientRect();
        return list.scrollHeight > 299 * entry.height && list.scrollHeight < 310 * (entry.height + 4)";
    ann.wait_for("see the length of them all", size, json!([])).await;

    let first = format!("{LIST} entries[0]?.focus(); return focused !== undefined");
    ann.wait_for("have the focus in the list", &first, json!([])).await;
    press(&ann, "ArrowDown", 40).await;
    is_at(&ann, "Group 298").await;
    press(&ann, "End", 35).await;
    is_at(&ann, "Group 0").await;
    press(&ann, "ArrowUp", 38).await;
    is_at(&ann, "Group 1").await;
    press(&ann, "PageUp", 33).await;
    let few = format!(
        "{LIST} return titles.length < 60 && Number(focused?.querySelector('.name').innerText.slice(6)) > 3"
    );
    ann.wait_for("be a page further up", &few, json!([])).await;
    press(&ann, "Home", 36).await;
    is_at(&ann, "Group 299").await;

    let middle =
        format!("{LIST} list.scrollTop = list.scrollHeight / 2; return titles.includes('Group 150')");
    ann.wait_for("see the middle", &middle, json!([])).await;
    ann.press("Group 150").await;
    ann.sees_in("Conversation", "Group 150").await;
    let there = format!("{LIST} return focused !== undefined || list.scrollTop > 1000");
    ann.wait_for("stay in the middle", &there, json!([])).await;
    ann.fill("Find a conversation", "Group 27").await;
    ann.wait_for("see eleven", &format!("{LIST} return titles.length === 11"), json!([])).await;
    ann.fill("Find a conversation", "").await;
    // A new conversation appears first, and is rendered when scrolled to.
    make(&stage, "The newest").await;
    let newest = format!("{LIST} list.scrollTop = 0; return titles[0] === 'The newest'");
    ann.wait_for("see the newest first", &newest, json!([])).await;
    ann.close().await;
}

/// The list with this name, its rows, the focused control, and the position of that.
const ROWS: &str = "const list = part(arguments[0]).find((each) => each.matches('ul')); const rows = [...list?.children ?? []];
    const focused = list?.querySelector(':focus'); const row = rows.indexOf(focused?.closest('li'));
    const column = row < 0 ? -1 : [...rows[row].querySelectorAll('button, select')].indexOf(focused);";

/// Waits until a list has this many rows and a single tab stop in this row and column.
async fn stops_at(page: &Page, list: &str, rows: usize, row: usize, column: usize) {
    let script = format!(
        "{ROWS} return rows.length === arguments[1] && row === arguments[2] && column === arguments[3]
        && [...list.querySelectorAll('button, select')].filter(({{ tabIndex }}) => tabIndex === 0).length === 1 && focused.tabIndex === 0"
    );
    page.wait_for(&format!("be in row {row}, column {column}"), &script, json!([list, rows, row, column]))
        .await;
}

#[tokio::test]
async fn people_and_members_are_one_tab_stop_a_list() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let crowd = setup::crowd(&stage.app.service(), "user", 200).await;
    let invite = json!({ "contact": { "name": "ann", "operation": "invitation" } });
    for user in &crowd {
        user.patch(&format!("users/{}/", user.name()), invite.clone()).await.ok(200);
    }
    let members: Vec<_> = crowd.iter().map(Client::name).collect();
    let group = json!({ "name": "Crowd", "author": "ann", "members": members });
    stage.app.service().post("groups/", group).await.ok(201);
    ann.press("People").await;
    let list = "Invitations for you";
    let first = format!("{ROWS} rows[0]?.querySelector('button').focus(); return rows.length === 200");
    ann.wait_for("see all invitations", &first, json!([list])).await;
    stops_at(&ann, list, 200, 0, 0).await;
    for (key, code, row, column) in [
        ("ArrowDown", 40, 1, 0),
        ("ArrowRight", 39, 1, 1),
        ("ArrowRight", 39, 1, 2),
        ("End", 35, 199, 2),
        ("ArrowUp", 38, 198, 2),
        ("ArrowLeft", 37, 198, 1),
        ("Home", 36, 0, 1),
    ] {
        press(&ann, key, code).await;
        stops_at(&ann, list, 200, row, column).await;
    }
    // An accepted invitation disappears, and its neighbour gets the focus.
    ann.press("Accept user0").await;
    ann.wait_for("see it go", &format!("{ROWS} return rows.length === 199 && row >= 0"), json!([list])).await;

    ann.press("Chats").await;
    ann.press("Crowd").await;
    ann.press("Group details").await;
    let first = format!("{ROWS} rows[0]?.querySelector('button').focus(); return rows.length === 50");
    ann.wait_for("see the first members", &first, json!(["Members"])).await;
    press(&ann, "End", 35).await;
    stops_at(&ann, "Members", 50, 49, 0).await;
    ann.press("Show more").await;
    ann.wait_for("see more members", &format!("{ROWS} return rows.length === 100"), json!(["Members"])).await;
    ann.close().await;
}

#[tokio::test]
async fn messages_are_one_tab_stop_with_the_chosen_ones_controls() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let group = service.post("groups/", json!({ "name": "Garden", "author": "ann" })).await.ok(201);
    let send = async |body: String, respond_to: &Value, thread: &Value| {
        let message = json!({ "group": group["id"], "author": "ann", "body": body, "respond_to": respond_to, "thread": thread });
        service.post("messages/", message).await.ok(201)["id"].clone()
    };
    let root = send("https://example.org".into(), &Value::Null, &Value::Null).await;
    for number in 0..4 {
        let id = send(format!("answer {number}"), &root, &Value::Null).await;
        let reaction = format!("messages/{}/reactions/%F0%9F%91%8D/", setup::text(&id));
        service.put(&reaction, json!({ "author": "ann" })).await.ok(200);
    }
    for number in 0..2 {
        send(format!("reply {number}"), &Value::Null, &root).await;
    }
    ann.press("Garden").await;
    // The controls of exactly one message are in the tab order.
    let stops = "const stops = [...part(arguments[0])[0]?.querySelectorAll('article, article :is(a, button)') ?? []].filter(({ tabIndex }) => tabIndex >= 0);
        const [chosen] = stops; const inside = [...chosen?.querySelectorAll('a, button') ?? []];
        return chosen?.matches('article') && bodyOf(chosen) === arguments[1] && inside.length > 0 && stops.length === 1 + inside.length";
    ann.wait_for("find the newest message", stops, json!(["Messages", "reply 1"])).await;
    for body in ["answer 3", "https://example.org"] {
        ann.wait_for(
            "choose a message",
            "const [row] = message(arguments[0]); row?.focus(); return Boolean(row)",
            json!([body]),
        )
        .await;
        ann.wait_for("find the chosen message", stops, json!(["Messages", body])).await;
    }
    let thread = "const [row] = message(arguments[0]); row.querySelector('.replies').click(); return true";
    ann.wait_for("open the thread", thread, json!(["https://example.org"])).await;
    let pane = "Messages of the thread";
    ann.wait_for("find the newest reply", stops, json!([pane, "reply 1"])).await;
    let up = "part(arguments[0])[0].querySelector('article').focus(); return true";
    ann.wait_for("choose the root", up, json!([pane])).await;
    ann.wait_for("find the root", stops, json!([pane, "https://example.org"])).await;
    ann.close().await;
}
