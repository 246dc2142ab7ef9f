//! Long and busy conversations: every message is reachable, few are in the document, and nothing jumps.

use chinwag_core::Name;
use chinwag_core::app::Context;
use chinwag_core::app::message::Send;
use chinwag_core::message::Body;
use chinwag_core::user::Caller;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::page::Page;
use crate::{Stage, write_to};

/// A group of `people`, owned by the first.
async fn group(stage: &Stage, name: &str, people: &[&str]) -> String {
    let group = json!({ "name": name, "author": people[0], "members": &people[1..] });
    let group = stage.app.service().post("groups/", group).await.ok(201);
    group["id"].as_str().expect("an id").to_owned()
}

/// Sends messages of various lengths through the use case, as fast as the store takes them.
async fn fill(stage: &Stage, group: &str, author: &str, numbers: std::ops::Range<usize>) {
    let numbers: Vec<_> = numbers.collect();
    for some in numbers.chunks(200) {
        let sent = some.iter().map(|number| {
            let body = format!("line {number}{}", " and so on".repeat(number * 7 % 40));
            let message = Send {
                author: Some(Name::parse(author).expect("a name")),
                ..Send::new(group.parse().expect("an id"), Body::parse(&body, 4096).expect("a body"))
            };
            let app = stage.app.app();
            async move { app.message_send(&Context::new(Caller::Service), message).await }
        });
        for sent in join_all(sent).await {
            sent.expect("it is stored");
        }
    }
}

/// The message being read, which is the first with its top well inside the view, and its position.
const READING: &str =
    "const log = messages()[0].closest('.scroller'); const view = log.getBoundingClientRect();
    const at = (article) => Math.round(article.getBoundingClientRect().top - view.top);
    const article = messages().find((each) => at(each) > 120);
    const reading = [bodyOf(article), at(article)];";

/// Scrolls up to a line, or beyond it.
async fn scroll_up_to(page: &Page, line: usize) {
    let script = "const log = messages()[0]?.closest('.scroller'); if (!log) return false;
        if (messages().some((each) => Number(bodyOf(each).split(' ')[1]) <= arguments[0])) return true;
        log.scrollTop -= 1500; return false;";
    page.wait_for(&format!("scroll up to line {line}"), script, json!([line])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_scroll_without_jumps() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let id = group(&stage, "Long", &["ann", "bob"]).await;
    fill(&stage, &id, "bob", 1..10_001).await;
    ann.reload().await;
    ann.press("Long").await;
    // It opens at the first unread message.
    ann.sees_in("Messages", "line 1 and").await;
    ann.press("99+ new messages").await;
    ann.sees_in("Messages", "line 10000").await;
    scroll_up_to(&ann, 9_700).await;

    // Older messages are inserted above, and the visible one does not move.
    let script = format!("{READING} window.reading = reading; return true");
    ann.run_script(&script, json!([])).await;
    let held = format!("{READING} return [reading, window.reading, messages().length]");
    fill(&stage, &id, "bob", 10_001..10_002).await;
    ann.sees("1 new message").await;
    ann.resize(900, 700).await;
    ann.resize(1280, 800).await;
    let look = async || {
        let seen = ann.run_script(&held, json!([])).await;
        let moved = seen[0][1].as_f64().zip(seen[1][1].as_f64()).map(|(now, then)| (now - then).abs());
        // Browsers scroll by whole pixels; a row is higher than the tolerance.
        Ok((seen[0][0] == seen[1][0] && moved.is_some_and(|by| by <= 2.0)).then_some(seen))
    };
    let seen = ann.until("go on reading at the same place", look).await;
    assert!(seen[2].as_u64().is_some_and(|drawn| drawn < 80), "{seen}");

    // Hold the complete history, as after hours of reading, and scroll through it frame by frame.
    let hold = "const log = walk(document).find((each) => each.localName === 'chinwag-log');
        const { client, openGroup } = log.chat;
        while (openGroup.hasEarlier) await client.loadEarlier(openGroup.id, 100);
        return openGroup.messages.length;";
    assert_eq!(ann.run_async(hold).await, json!(10_001));
    let glide = "const log = messages()[0].closest('.scroller'); const frame = () => new Promise(requestAnimationFrame);
        let most = 0, blank = 0; const times = [];
        for (let step = 0; step < 60; step += 1) {
            log.scrollTop -= 400;
            const begun = performance.now();
            await frame(); await frame();
            times.push((performance.now() - begun) / 2);
            most = Math.max(most, messages().length);
            const view = log.getBoundingClientRect();
            const middle = messages().some((each) => { const { top, bottom } = each.getBoundingClientRect(); return top < view.top + 300 && bottom > view.top + 200; });
            blank += middle ? 0 : 1;
        }
        times.sort((a, b) => a - b);
        return { most, blank, median: times[30], slowest: times.at(-1) };";
    let seen = ann.run_async(glide).await;
    println!("scrolling through 10,000 messages: {seen}");
    assert!(seen["most"].as_u64().is_some_and(|most| most < 100), "{seen}");
    assert_eq!(seen["blank"], 0, "{seen}");
    ann.press("1 new message").await;
    ann.sees_in("Messages", "line 10001").await;
    let top = "const log = messages()[0].closest('.scroller'); log.scrollTop = 0; return true";
    ann.run_script(top, json!([])).await;
    ann.sees("This is the beginning of the conversation.").await;
    ann.sees_in("Messages", "line 1 and so on").await;
    ann.close().await;
}

/// Waits until the newest row is fully visible at the end of the list.
async fn is_at_the_end(page: &Page, body: &str, when: &str) {
    let script = "const row = message(arguments[0])[0]; const log = row?.closest('.scroller'); if (!log?.clientHeight) return false;
        const end = log.scrollHeight - log.scrollTop - log.clientHeight;
        return Math.abs(end) <= 1 && row.getBoundingClientRect().bottom <= log.getBoundingClientRect().bottom";
    page.wait_for(&format!("be at the end {when}"), script, json!([body])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_the_end_stays_there_at_every_size() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let id = group(&stage, "Long", &["ann", "bob"]).await;
    fill(&stage, &id, "ann", 1..200).await;
    ann.press("Long").await;
    ann.sees_in("Messages", "line 199").await;
    ann.say("the end").await;
    ann.sees_sent("the end").await;
    for (width, height) in [(390, 800), (390, 430), (1280, 800), (768, 600), (320, 640), (1280, 500)] {
        ann.resize(width, height).await;
        is_at_the_end(&ann, "the end", &format!("at {width} × {height}")).await;
    }
    ann.paste("Message", "1\n2\n3\n4\n5\n6\n7\n8").await;
    is_at_the_end(&ann, "the end", "beside a large box").await;
    ann.fill("Message", "").await;
    is_at_the_end(&ann, "the end", "beside an empty box").await;
    for (open, close) in [("Reply in thread", "Close the thread"), ("Group details", "Close")] {
        if open == "Reply in thread" {
            ann.act("the end", open).await;
        } else {
            ann.press(open).await;
        }
        ann.resize(1280, 800).await;
        is_at_the_end(&ann, "the end", "beside another pane").await;
        // On a narrow screen, the pane covers the whole page.
        ann.resize(390, 800).await;
        ann.wait_for("see the pane alone", "return part('Messages').length === 0", json!([])).await;
        ann.press(close).await;
        is_at_the_end(&ann, "the end", "behind the pane").await;
    }
    ann.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_further_up_stays_there_at_every_size() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let id = group(&stage, "Long", &["ann"]).await;
    fill(&stage, &id, "ann", 1..200).await;
    ann.resize(1280, 800).await;
    ann.press("Long").await;
    ann.sees_in("Messages", "line 199").await;
    scroll_up_to(&ann, 120).await;
    let top = "const log = messages()[0].closest('.scroller'); const view = log.getBoundingClientRect();
        const bottom = (each) => each.closest('chinwag-message').getBoundingClientRect().bottom - view.top;
        const top = messages().find((each) => bottom(each) > 24.5);";
    let rests = format!(
        "{top} const before = window.reading; window.reading = bodyOf(top); return before === window.reading"
    );
    // The number of visible pixels of the topmost row. The last of them are the space below its text.
    for visible in [1, 6, 20, 30] {
        let scroll = format!("{top} log.scrollTop += bottom(top) - {visible}; return true");
        ann.run_script(&scroll, json!([])).await;
        ann.wait_for("come to rest", &rests, json!([])).await;
        for (width, height) in [(1280, 500), (390, 500), (390, 800), (1280, 800)] {
            ann.resize(width, height).await;
            let held = format!("{top} return bodyOf(top) === window.reading");
            let what = format!("go on reading at {width} × {height}, {visible} pixels below the edge");
            ann.wait_for(&what, &held, json!([])).await;
        }
    }
    ann.close().await;
}

#[tokio::test]
async fn top_of_a_short_conversation_is_drawn() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    // For some of these counts, the first rows are just outside the range rendered at the end.
    for count in 31..35 {
        let name = format!("{count} lines");
        let id = group(&stage, &name, &["ann"]).await;
        for number in 1..=count {
            let message = json!({ "group": id, "author": "ann", "body": format!("line {number}") });
            stage.app.service().post("messages/", message).await.ok(201);
        }
        ann.press(&name).await;
        is_at_the_end(&ann, &format!("line {count}"), "at first").await;
        let up = "const log = messages()[0].closest('.scroller');
            for (; log.scrollTop > 0; await drawn()) log.scrollTop -= 70;
            return true";
        ann.wait_for("scroll up", up, json!([])).await;
        ann.sees_once("line 1").await;
    }
    ann.close().await;
}

/// The rendered messages changed since `watch`, by their text.
const WATCH: &str = "window.touched = new Set();
    const note = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest('chinwag-message')?.id;
    new MutationObserver((all) => all.forEach(({ target }) => note(target) && window.touched.add(note(target))))
        .observe(messages()[0].closest('.window'), { subtree: true, childList: true, attributes: true, characterData: true });
    window.before = messages().map((each) => each.closest('chinwag-message').id); return true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_every_10_ms_is_shown_once_and_redraws_no_other() {
    let stage = Stage::open().await;
    let (ann, bob) = stage.ann_and_bob().await;
    write_to(&bob, "ann", "ready").await;
    ann.press("bob").await;
    ann.sees_once("ready").await;
    let groups = stage.app.service().get("users/ann/?fields=groups").await.ok(200);
    let id = groups["groups"][0].as_str().expect("a group").to_owned();
    fill(&stage, &id, "bob", 1..6).await;
    ann.sees_in("Messages", "line 5").await;
    ann.run_script(WATCH, json!([])).await;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
    for number in 6..306 {
        tick.tick().await;
        fill(&stage, &id, "bob", number..number + 1).await;
    }
    for page in [&ann, &bob] {
        page.sees_in("Messages", "line 305").await;
    }
    let touched = "return window.before.filter((id) => window.touched.has(id)).length";
    assert_eq!(ann.run_script(touched, json!([])).await, 0, "a new message redraws older ones");
    // All messages arrived, in order.
    let all = "const log = messages()[0].closest('.scroller'); const seen = new Map(); const frame = () => new Promise(requestAnimationFrame);
        for (;;) {
            for (const each of messages()) seen.set(each.closest('chinwag-message').id, bodyOf(each).split(' ')[1]);
            if (log.scrollTop < 1) break;
            log.scrollTop -= 400;
            await frame(); await frame();
        }
        return [...seen.values()].filter(Boolean).map(Number).sort((a, b) => a - b);";
    let seen = ann.run_async(all).await;
    assert_eq!(seen, Value::from((1..306).collect::<Vec<_>>()));
    let order =
        "const numbers = messages().map((each) => Number(bodyOf(each).split(' ')[1])).filter(Boolean);
        return numbers.every((number, index) => index === 0 || number > numbers[index - 1])";
    ann.wait_for("see them in order", order, json!([])).await;
    tokio::join!(ann.close(), bob.close());
}

/// ann's page after she has written 320 lines in a group, and the group's id.
async fn ann_with_320_lines(stage: &Stage) -> (Page, String) {
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let id = group(stage, "Long", &["ann", "bob"]).await;
    fill(stage, &id, "ann", 1..321).await;
    ann.reload().await;
    ann.sees_in("Conversation list", "Long").await;
    (ann, id)
}

/// Follows a link to line 40. `later` replaces the server's answer when the page requests the lines after the
/// initial ones.
async fn go_to_line_40(ann: &Page, group: &str, later: &str) {
    ann.run(&format!(
        "const ask = window.fetch;
        const later = () => {later};
        window.fetch = (url, options) => (/limit=100&after=/u.test(url) ? later() : ask(url, options));
        location.hash = '#{group}/41';"
    ))
    .await;
    ann.sees_once("line 40").await;
}

/// An answer that never arrives.
const NEVER: &str = "new Promise(() => {})";
/// Waits for some frames, to observe that nothing happens.
const LATER: &str = "for (let frames = 0; frames < 20; frames += 1) await drawn();";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_messages_that_cannot_be_loaded_are_asked_for_seldom() {
    let stage = Stage::open().await;
    let (ann, id) = ann_with_320_lines(&stage).await;
    let refuse =
        "(window.refused = (window.refused ?? 0) + 1, Promise.resolve(Response.json({}, { status: 429 })))";
    go_to_line_40(&ann, &id, refuse).await;
    let down = "const log = messages()[0].closest('.scroller'); log.scrollTop = log.scrollHeight; return window.refused > 0";
    ann.wait_for("ask for later ones", down, json!([])).await;
    // The pause between attempts is 5 s.
    let refused = ann.run_async(&format!("{LATER} return window.refused")).await;
    assert!(refused.as_u64().is_some_and(|refused| refused <= 3), "{refused}");
    ann.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jump_to_the_end_of_a_former_conversation_moves_no_other() {
    let stage = Stage::open().await;
    let (ann, id) = ann_with_320_lines(&stage).await;
    let other = group(&stage, "Other", &["ann", "bob"]).await;
    fill(&stage, &other, "bob", 401..461).await;
    ann.sees_in("Conversation list", "Other").await;
    go_to_line_40(&ann, &id, NEVER).await;
    ann.run(
        "const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (/limit=50&$/u.test(url)) await new Promise((go) => (window.release = go));
            return answer;
        };",
    )
    .await;
    ann.press("Jump to newest").await;
    ann.wait_for("ask for the newest ones", "return window.release !== undefined", json!([])).await;
    ann.press("Other").await;
    ann.sees_in("Messages", "line 401").await;
    ann.run("window.release();").await;
    let stays = format!("{LATER} return messages().some((each) => bodyOf(each).startsWith('line 401'))");
    assert_eq!(ann.run_async(&stays).await, true);
    ann.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reply_stays_when_another_message_is_deleted() {
    let stage = Stage::open().await;
    let (ann, id) = ann_with_320_lines(&stage).await;
    go_to_line_40(&ann, &id, NEVER).await;
    ann.act("line 40", "Reply").await;
    ann.sees("Replying to ann:").await;
    ann.press("Jump to newest").await;
    ann.sees_once("line 320").await;
    let newest = stage.app.service().get(&format!("groups/{id}/messages/?limit=1")).await.ok(200);
    let path = format!("messages/{}/", newest[0]["id"].as_str().expect("an id"));
    stage.app.service().delete(&path).await.ok(200);
    ann.sees_gone("Messages", "line 320").await;
    let stays = format!("{LATER} return pageText().includes('Replying to ann:')");
    assert_eq!(ann.run_async(&stays).await, true);
    ann.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quote_of_an_old_message_follows_it() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let id = group(&stage, "Long", &["ann", "bob"]).await;
    fill(&stage, &id, "ann", 1..400).await;
    let service = stage.app.service();
    let oldest =
        service.get(&format!("groups/{id}/messages/?after=0&limit=1")).await.ok(200)[0]["id"].clone();
    let reply = json!({ "group": id, "author": "bob", "body": "as you said", "respond_to": oldest });
    service.post("messages/", reply).await.ok(201);
    // The page holds what it has seen come.
    ann.reload().await;
    ann.press("Long").await;
    let quotes = async |text: &str| {
        let script =
            "return message('as you said')[0]?.querySelector('blockquote').innerText.includes(arguments[0])";
        ann.wait_for(&format!("see the quote “{text}”"), script, json!([text])).await;
    };
    quotes("line 1 and so on").await;
    let path = format!("messages/{}/", oldest.as_str().expect("an id"));
    service.patch(&path, json!({ "body": "the first line" })).await.ok(200);
    quotes("the first line").await;
    service.delete(&path).await.ok(200);
    quotes("Message deleted").await;
    ann.close().await;
}
