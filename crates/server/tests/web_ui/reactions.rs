//! Reactions with two users.

use chinwag_testkit::browser::Key;
use serde_json::json;

use crate::page::Page;
use crate::{Stage, write_to};

/// Waits for these reactions of a message, each with its count and whether the reader has reacted.
async fn sees_reactions(page: &Page, body: &str, wanted: &[(&str, u32, bool)]) {
    let script = "const pills = [...message(arguments[0])[0]?.querySelectorAll('.pill') ?? []];
        const seen = pills.map((pill) => [...pill.innerText.split(/\\s+/), pill.getAttribute('aria-pressed') === 'true']);
        return JSON.stringify(seen.map(([emoji, count, mine]) => [emoji, Number(count), mine])) === JSON.stringify(arguments[1]);";
    page.wait_for(&format!("see {wanted:?} on “{body}”"), script, json!([body, wanted])).await;
}

#[tokio::test]
async fn two_people_react_and_see_it_at_once() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "cake at four").await;
    ann.sees_sent("cake at four").await;
    bob.press("ann").await;
    bob.sees_once("cake at four").await;

    bob.act("cake at four", "Add a reaction").await;
    bob.press("👍").await;
    sees_reactions(&bob, "cake at four", &[("👍", 1, true)]).await;
    sees_reactions(&ann, "cake at four", &[("👍", 1, false)]).await;
    ann.act("cake at four", "👍 1: bob").await;
    sees_reactions(&ann, "cake at four", &[("👍", 2, true)]).await;
    sees_reactions(&bob, "cake at four", &[("👍", 2, true)]).await;

    ann.act("cake at four", "Add a reaction").await;
    ann.sees("Smileys & emotion").await;
    ann.fill("Find an emoji", "birthday cak").await;
    ann.press("birthday cake").await;
    let both = [("👍", 2, true), ("🎂", 1, true)];
    sees_reactions(&ann, "cake at four", &both).await;
    sees_reactions(&bob, "cake at four", &[("👍", 2, true), ("🎂", 1, false)]).await;
    ann.act("cake at four", "Edit").await;
    let edits = "const box = field('Message');
        return box.value === 'cake at four' && box.selectionStart === 12 && box.getRootNode().activeElement === box;";
    ann.wait_for("edit the message", edits, json!([])).await;
    ann.fill("Message", "cake at five").await;
    ann.press("Save").await;
    sees_reactions(&ann, "cake at five", &both).await;
    ann.reload().await;
    ann.sees_once("cake at five").await;
    sees_reactions(&ann, "cake at five", &both).await;
    ann.act("cake at five", "👍 2: bob and ann").await;
    sees_reactions(&bob, "cake at five", &[("👍", 1, true), ("🎂", 1, false)]).await;
    tokio::join!(ann.close(), bob.close());
}

#[tokio::test]
async fn emoji_are_chosen_by_keyboard_with_a_skin_tone() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    ann.act("hello", "Add a reaction").await;
    ann.wait_for("be in the search", "return Boolean(field('Find an emoji')?.matches(':focus'))", json!([]))
        .await;
    ann.choose("Skin tone", "🖐🏽").await;
    ann.fill("Find an emoji", "wave").await;
    let first = "return part('Found')[0]?.querySelector('button')?.innerText.trim() === '👋🏽'";
    ann.wait_for("see a hand of that tone", first, json!([])).await;
    ann.sees("emoji found").await;
    ann.key(Key::Down).await;
    let focus = "return part('Found')[0].querySelector('button').matches(':focus')";
    ann.wait_for("be at the found emoji", focus, json!([])).await;
    ann.key(Key::Enter).await;
    sees_reactions(&ann, "hello", &[("👋🏽", 1, true)]).await;
    ann.act("hello", "Add a reaction").await;
    ann.sees("Smileys & emotion").await;
    // All emoji are reachable with two tab stops and the arrow keys.
    let stops =
        "return [...reachable()].filter((each) => each.matches('.emoji[tabindex=\"0\"]')).length === 2";
    ann.wait_for("find one stop in each grid", stops, json!([])).await;
    let down = "const cells = reachable().filter((each) => each.matches('.all .emoji')); cells[0].focus();
        for (const key of ['ArrowDown', 'ArrowRight', 'End']) {
            cells[0].getRootNode().activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        }
        return cells[0].getRootNode().activeElement === cells[15];";
    ann.wait_for("go to the end of the second row", down, json!([])).await;
    ann.fill("Find an emoji", "birthday cak").await;
    // Enter that an input method handles selects nothing.
    let pressed = "const press = { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true };
        return field('Find an emoji').dispatchEvent(new KeyboardEvent('keydown', press))";
    assert_eq!(ann.run_script(pressed, json!([])).await, true);
    ann.key(Key::Enter).await;
    sees_reactions(&ann, "hello", &[("👋🏽", 1, true), ("🎂", 1, true)]).await;
    let back = "const focused = button('Close') ?? message('hello')[0].getRootNode().activeElement;
        return nameOf(focused) === 'Add a reaction';";
    ann.wait_for("be at the button again", back, json!([])).await;
    tokio::join!(ann.close(), bob.close());
}

/// A group of ann's with this many messages by bob; the page shows the last.
async fn a_long_group(stage: &Stage) -> (Page, Vec<String>) {
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    service.post("users/", json!({ "name": "bob", })).await.ok(201);
    let made = json!({ "name": "Long", "author": "ann", "members": ["bob"] });
    let group = service.post("groups/", made).await.ok(201)["id"].clone();
    let mut paths = Vec::new();
    for number in 0..40 {
        let message = json!({ "group": group, "author": "bob", "body": format!("line {number}") });
        let sent = service.post("messages/", message).await.ok(201);
        paths.push(format!("messages/{}/", sent["id"].as_str().expect("an id")));
    }
    ann.press("Long").await;
    // It opens at the first unread message.
    ann.sees_once("line 0").await;
    ann.wait_for("go to the end", "button('Jump to newest')?.click() ?? [...reachable()].find((each) => each.matches('.tonewest'))?.click();
        return message('line 39').length === 1", json!([])).await;
    (ann, paths)
}

async fn react(stage: &Stage, path: &str, name: &str, emoji: &str) {
    let reaction = format!("{path}reactions/{}/", chinwag_testkit::client::encoded(emoji));
    stage.app.service().put(&reaction, json!({ "author": name })).await.ok(200);
}

#[tokio::test]
async fn a_first_reaction_at_the_end_stays_in_view() {
    let stage = Stage::open().await;
    let (ann, paths) = a_long_group(&stage).await;
    let at_end = "const log = messages()[0]?.closest('.scroller');
        return Boolean(log) && log.scrollHeight - log.scrollTop - log.clientHeight < 2 && !walk(document).some((each) => each.matches('.tonewest'));";
    ann.wait_for("be at the end", at_end, json!([])).await;
    react(&stage, &paths[39], "bob", "👍").await;
    sees_reactions(&ann, "line 39", &[("👍", 1, false)]).await;
    ann.wait_for("still be at the end", at_end, json!([])).await;
    let in_view = "const pill = message('line 39')[0].querySelector('.pill').getBoundingClientRect();
        return pill.bottom <= messages()[0].closest('.scroller').getBoundingClientRect().bottom";
    ann.wait_for("have the reaction in view", in_view, json!([])).await;

    // Further up, nothing moves, whatever changes above.
    let up =
        "const log = messages()[0].closest('.scroller'); log.scrollTop -= 500; await drawn(); await drawn();
        const view = log.getBoundingClientRect();
        const first = messages().find((each) => each.getBoundingClientRect().top > view.top + 60);
        window.reading = [bodyOf(first), Math.round(first.getBoundingClientRect().top)]; return true";
    ann.run_script(up, json!([])).await;
    let first = ann.run("return window.reading[0];").await;
    let number: usize = first
        .as_str()
        .and_then(|body| body.strip_prefix("line "))
        .and_then(|n| n.parse().ok())
        .expect("a line");
    for path in &paths[number - 8..number - 5] {
        react(&stage, path, "bob", "🎂").await;
    }
    sees_reactions(&ann, &format!("line {}", number - 6), &[("🎂", 1, false)]).await;
    let held = "const [body, top] = window.reading;
        return Math.abs(message(body)[0].getBoundingClientRect().top - top) <= 2";
    ann.wait_for("read on in the same place", held, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn one_of_many_reactors_keeps_its_own_through_all_events() {
    let stage = Stage::open().await;
    let (ann, paths) = a_long_group(&stage).await;
    let service = stage.app.service();
    let group = service.get(&format!("{}?fields=group", paths[39])).await.ok(200)["group"].clone();
    let group = group.as_str().expect("an id");
    let names: Vec<String> = (0..24).map(|number| format!("u{number}")).collect();
    for name in &names {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    service.patch("users/bob/", json!({ "display_name": "Bob Lee" })).await.ok(200);
    service.patch(&format!("groups/{group}/"), json!({ "members": names })).await.ok(200);
    react(&stage, &paths[39], "bob", "👍").await;
    for name in &names[1..] {
        react(&stage, &paths[39], name, "👍").await;
    }
    sees_reactions(&ann, "line 39", &[("👍", 24, false)]).await;
    let press = "const pill = message('line 39')[0].querySelector('.pill');
        if (!pill.title.includes('Bob Lee')) return false; pill.click(); return true";
    ann.wait_for("see who reacted, and react", press, json!([])).await;
    sees_reactions(&ann, "line 39", &[("👍", 25, true)]).await;
    // Her name is not among those in the events.
    service.patch(&paths[39], json!({ "body": "line 39!" })).await.ok(200);
    sees_reactions(&ann, "line 39!", &[("👍", 25, true)]).await;
    react(&stage, &paths[39], "u0", "👍").await;
    sees_reactions(&ann, "line 39!", &[("👍", 26, true)]).await;
    let reaction = format!("{}reactions/%F0%9F%91%8D/?author=u5", paths[39]);
    service.delete(&reaction).await.ok(200);
    sees_reactions(&ann, "line 39!", &[("👍", 25, true)]).await;
    ann.reload().await;
    sees_reactions(&ann, "line 39!", &[("👍", 25, true)]).await;
    ann.close().await;
}
