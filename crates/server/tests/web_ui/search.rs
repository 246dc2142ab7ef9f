//! Search for people, groups and messages.

use chinwag_core::limits::RateLimits;
use chinwag_testkit::browser::Key;
use chinwag_testkit::setup::index;
use serde_json::{Value, json};

use crate::access::check_accessibility;
use crate::page::Page;
use crate::{PASSWORD, Stage, WELCOME, sign};

const BOX: &str = "Search people, groups and messages";
/// The displayed results, with the matched words in brackets.
const RESULTS: &str = "const results = part('Results').flatMap((list) => [...list.querySelectorAll('[role=option]')].map((option) => {
        const copy = option.cloneNode(true);
        copy.querySelectorAll('[aria-hidden=true], .unseen').forEach((each) => each.remove());
        copy.querySelectorAll('mark').forEach((mark) => mark.replaceWith(`[${mark.textContent}]`));
        return tidy(copy.textContent);
    }));";

/// A group owned by the first user.
async fn make(stage: &Stage, name: &str, users: &[&str]) -> String {
    let group = json!({ "name": name, "author": users[0], "members": users[1..] });
    stage.app.service().post("groups/", group).await.ok(201)["id"].as_str().expect("an id").to_owned()
}

async fn send(stage: &Stage, group: &str, author: &str, body: &str) -> Value {
    let message = json!({ "group": group, "author": author, "body": body });
    stage.app.service().post("messages/", message).await.ok(201)
}

/// Ann with bob, whose display name is Bob Marley, in a group with many messages.
async fn ann_in_the_garden(stage: &Stage) -> (Page, String) {
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    stage.app.service().put("users/bob/", json!({ "display_name": "Bob Marley" })).await.ok(200);
    let garden = make(stage, "The garden", &["ann", "bob"]).await;
    (ann, garden)
}

async fn open(page: &Page) {
    page.press("Search").await;
    page.wait_for(
        "have the focus in the box",
        "return field(arguments[0])?.matches(':focus') === true",
        json!([BOX]),
    )
    .await;
}

async fn close(page: &Page) {
    page.press("Close").await;
    let back = "return !walk(document).some((each) => each.matches('dialog')) && history.state?.chinwag !== 'search'";
    page.wait_for("be back", back, json!([])).await;
}

#[tokio::test]
async fn reload_right_after_closing_the_search_works() {
    let stage = Stage::open().await;
    let (ann, _) = ann_in_the_garden(&stage).await;
    ann.press("The garden").await;
    ann.sees_in("Conversation", "The garden").await;
    open(&ann).await;
    let close = "const dialog = walk(document).find((each) => each.matches('dialog.finder'));
        const closed = new Promise((done) => dialog.addEventListener('close', done));
        dialog.close(); await closed;
        window.reloading = true; setTimeout(() => location.reload()); return history.state.chinwag";
    assert_eq!(ann.run_async(close).await, "chat", "the entry of the search is left at once");
    ann.wait_for("be loaded again", "return window.reloading === undefined", json!([])).await;
    ann.sees_in("Conversation", "The garden").await;
    is_open(&ann, false).await;
    // The closed search leaves no history entry.
    ann.run("history.back();").await;
    ann.wait_for("be in the list", "return location.hash === ''", json!([])).await;
    ann.close().await;
}

/// Waits until the results contain these texts in this order, with others between.
async fn sees_results(page: &Page, wanted: &[&str]) {
    let script = format!(
        "{RESULTS} let at = 0; for (const result of results) if (result.includes(arguments[0][at])) at += 1;
        return at === arguments[0].length;"
    );
    page.wait_for(&format!("find {wanted:?}"), &script, json!([wanted])).await;
}

async fn count_of(page: &Page, word: &str) -> u64 {
    let script =
        format!("{RESULTS} return results.filter((result) => result.includes(arguments[0])).length;");
    page.run_script(&script, json!([word])).await.as_u64().expect("a number")
}

async fn is_open(page: &Page, wanted: bool) {
    let script = "return (field(arguments[0]) !== null) === arguments[1]";
    page.wait_for(&format!("see the search ({wanted})"), script, json!([BOX, wanted])).await;
}

async fn is_at(page: &Page, words: &str) {
    let script = "return part('Messages')[0]?.querySelector('article:focus')?.innerText.includes(arguments[0]) === true";
    page.wait_for(&format!("be at “{words}”"), script, json!([words])).await;
}

#[tokio::test]
async fn a_search_leads_to_its_message_and_back() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    send(&stage, &garden, "bob", "the key is under the flowerpot").await;
    for number in 0..120 {
        send(&stage, &garden, "bob", &format!("line {number}")).await;
    }
    let loaded = "return performance.getEntriesByType('resource').filter(({ name }) => name.includes('search')).length";
    assert_eq!(ann.run(&format!("{loaded};")).await, 0, "the search is no part of the first page");
    // Ctrl+K while another box has the focus, followed by typing while the search is loading.
    ann.press("People").await;
    ann.wait_for("have the focus", "field('Invite as a contact')?.focus(); return field('Invite as a contact')?.matches(':focus') ?? false", json!([])).await;
    for kind in ["rawKeyDown", "keyUp"] {
        let pressed =
            json!({ "type": kind, "key": "k", "code": "KeyK", "modifiers": 2, "windowsVirtualKeyCode": 75 });
        ann.devtools("Input.dispatchKeyEvent", pressed).await;
    }
    for letter in ["g", "a", "r", "d"] {
        ann.devtools("Input.dispatchKeyEvent", json!({ "type": "char", "text": letter })).await;
    }
    let typed = "return field(arguments[0])?.value === 'gard' && [...walk(document)].filter((each) => each.value === 'gard').length === 1";
    ann.wait_for("have typed into the search alone", typed, json!([BOX])).await;
    sees_results(&ann, &["The garden", "All messages with “gard”"]).await;
    ann.fill(BOX, "bo").await;
    sees_results(&ann, &["Bob Marley"]).await;
    ann.fill(BOX, "flowerp").await;
    sees_results(&ann, &["under the [flowerpot]", "All messages"]).await;
    ann.key(Key::Up).await;
    ann.key(Key::Up).await;
    let active = "const box = field(arguments[0]); const option = box.getRootNode().getElementById(box.getAttribute('aria-activedescendant'));
        return option?.getAttribute('aria-selected') === 'true' && option.innerText.includes(arguments[1])";
    ann.wait_for("have the message chosen", active, json!([BOX, "flowerpot"])).await;
    ann.key(Key::Enter).await;
    is_at(&ann, "flowerpot").await;
    is_open(&ann, false).await;
    ann.run("history.back();").await;
    is_open(&ann, true).await;
    sees_results(&ann, &["under the [flowerpot]"]).await;
    ann.key(Key::Escape).await;
    is_open(&ann, false).await;
    ann.wait_for("be where it began", "return location.hash === ''", json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn page_says_how_much_is_indexed() {
    const STILL: &str = "Still indexing, 0 %";
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    send(&stage, &garden, "bob", "early beans").await;
    open(&ann).await;
    ann.fill(BOX, "beans").await;
    sees_results(&ann, &["early [beans]"]).await;
    ann.sees(STILL).await;
    index(stage.app.app(), usize::MAX).await;
    ann.fill(BOX, "early").await;
    sees_results(&ann, &["[early] beans"]).await;
    ann.sees_no(STILL).await;
    ann.close().await;
}

#[tokio::test]
async fn an_answer_to_an_earlier_text_is_dropped() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    send(&stage, &garden, "bob", "early beans").await;
    send(&stage, &garden, "bob", "late peas").await;
    open(&ann).await;
    // The first answer arrives on release, although its request was cancelled.
    let hold = "const fetch = window.fetch; window.held = new Promise((go) => (window.go = go)); window.answered = 0;
        window.fetch = async (url, options) => {
            if (!String(url).includes('early')) return fetch(url, options);
            const answer = await fetch(url, { ...options, signal: undefined });
            const body = await answer.json();
            window.waiting = true;
            await held;
            answer.json = async () => ((window.answered += 1), body);
            return answer;
        };";
    ann.run(hold).await;
    ann.fill(BOX, "early").await;
    ann.wait_for("wait for the answer", "return window.waiting === true", json!([])).await;
    ann.fill(BOX, "late").await;
    sees_results(&ann, &["[late] peas"]).await;
    ann.run("window.go();").await;
    ann.wait_for("have both answers", "return window.answered === 1", json!([])).await;
    sees_results(&ann, &["[late] peas"]).await;
    assert_eq!(count_of(&ann, "early").await, 0);
    ann.close().await;
}

#[tokio::test]
async fn marks_are_whole_letters_and_texts_stay_texts() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    for body in ["😀 Привет мир", "e\u{301}te\u{301} 1", "Straße 2", "<img src=x onerror=alert(1)> needle"]
    {
        send(&stage, &garden, "bob", body).await;
    }
    let far = format!("{} pin in the hay", "👩‍👩‍👧 hay ".repeat(60));
    send(&stage, &garden, "bob", &far).await;
    open(&ann).await;
    for (text, seen) in [
        ("мир", "😀 Привет [мир]"),
        ("ete", "[e\u{301}te\u{301}] 1"),
        ("strasse", "[Straße] 2"),
        ("needle", "<img src=x onerror=alert(1)> [needle]"),
        ("pin", "hay [pin] in the hay"),
    ] {
        ann.paste(BOX, text).await;
        sees_results(&ann, &[seen]).await;
    }
    ann.close().await;
}

#[tokio::test]
async fn filters_narrow_and_pages_go_on() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    let kitchen = make(&stage, "Kitchen", &["ann", "bob"]).await;
    for number in 0..45 {
        send(&stage, &garden, "bob", &format!("bean {number}")).await;
    }
    send(&stage, &kitchen, "ann", "bean soup").await;
    send(&stage, &kitchen, "bob", "bean https://example.org/soup").await;
    let mention = json!({ "group": kitchen, "author": "bob", "body": "@ann bean", "mentions": ["ann"] });
    stage.app.service().post("messages/", mention).await.ok(201);
    open(&ann).await;
    ann.fill(BOX, "bean").await;
    sees_results(&ann, &["@ann [bean]", "All messages"]).await;
    ann.key(Key::Up).await;
    ann.key(Key::Enter).await;
    sees_results(&ann, &["[bean] 44", "[bean] 29", "More messages"]).await;
    // Reaching the end of the list loads the next page.
    let down = "const list = part('Results')[0]; list.scrollTop = list.scrollHeight;
        return [...list.querySelectorAll('[role=option]')].length === 48";
    ann.wait_for("reach the end", down, json!([])).await;
    sees_results(&ann, &["@ann [bean]", "[bean] 44", "[bean] 0"]).await;

    ann.press("Filters").await;
    ann.choose("In", "Kitchen").await;
    ann.wait_for("see three messages", &format!("{RESULTS} return results.length === 3"), json!([])).await;
    sees_results(&ann, &["@ann [bean]", "https://example.org", "[bean] soup"]).await;
    ann.choose("With", "Links").await;
    ann.wait_for("see one message", &format!("{RESULTS} return results.length === 1"), json!([])).await;
    sees_results(&ann, &["https://example.org"]).await;
    ann.press("Remove the filter “Links”").await;
    ann.fill("From", "Bob Marley").await;
    ann.key(Key::Enter).await;
    ann.wait_for("see two messages", &format!("{RESULTS} return results.length === 2"), json!([])).await;
    ann.press("Remove the filter “from Bob Marley”").await;
    let check = "const box = field('Mentions of me'); if (box && !box.checked) box.click(); return box?.checked === true";
    ann.wait_for("ask for mentions", check, json!([])).await;
    ann.wait_for("see one mention", &format!("{RESULTS} return results.length === 1"), json!([])).await;
    sees_results(&ann, &["@ann [bean]"]).await;
    // There are no messages before this day.
    let until = "const box = field('Until'); box.value = '2001-02-03'; box.dispatchEvent(new Event('change', { bubbles: true })); return true";
    ann.wait_for("choose a day", until, json!([])).await;
    ann.sees("No message has these words and fits the filters.").await;
    ann.close().await;
}

#[tokio::test]
async fn a_search_in_one_conversation_finds_no_others() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    let kitchen = make(&stage, "Kitchen", &["ann", "bob"]).await;
    send(&stage, &garden, "bob", "bean one").await;
    send(&stage, &kitchen, "bob", "bean two").await;
    ann.press("The garden").await;
    ann.sees_once("bean one").await;
    ann.press("Search in this conversation").await;
    ann.fill("Search in The garden", "bean").await;
    sees_results(&ann, &["[bean] one"]).await;
    assert_eq!(count_of(&ann, "[bean]").await, 1);
    ann.press("Remove the filter “in The garden”").await;
    sees_results(&ann, &["[bean] two", "[bean] one"]).await;
    close(&ann).await;
    // On a phone there is no space for the button, so the search is in the menu.
    ann.resize(360, 740).await;
    ann.press("Conversation menu").await;
    let choose = "const item = [...part('Conversation menu').at(-1).querySelectorAll('[role=menuitem]')].find((each) => nameOf(each) === 'Search in this conversation');
        item?.click(); return item !== undefined";
    ann.wait_for("choose the search", choose, json!([])).await;
    ann.fill("Search in The garden", "bean").await;
    sees_results(&ann, &["[bean] one"]).await;
    let whole = "const { width, height } = reachable()[0].closest('dialog').getBoundingClientRect();
        return width === innerWidth && height === innerHeight";
    ann.wait_for("see it on the whole screen", whole, json!([])).await;
    ann.run("history.back();").await;
    ann.wait_for("see no dialog", "return !walk(document).some((each) => each.matches('dialog'))", json!([]))
        .await;
    ann.sees_once("bean one").await;
    ann.close().await;
}

#[tokio::test]
async fn a_search_says_why_it_waits_and_goes_on() {
    let mut stage = Stage::with(|options| {
        options.limits.rates =
            RateLimits { searches_burst: 2, searches_per_second: 1, ..RateLimits::lifted() };
    })
    .await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    send(&stage, &garden, "bob", "bean one").await;
    open(&ann).await;
    ann.sees("Type a name, or words of a message.").await;
    ann.fill(BOX, "?!").await;
    ann.sees("Type a letter or a digit.").await;
    ann.fill(BOX, "zucchini").await;
    ann.sees("No person and no group has this name").await;
    // Other tabs are searching at the same time.
    let watch = "window.seen = ''; const dialog = field(arguments[0]).closest('dialog');
        new MutationObserver(() => (window.seen += dialog.innerText)).observe(dialog, { childList: true, subtree: true }); return true";
    ann.wait_for("watch the search", watch, json!([BOX])).await;
    let often = "const box = field(arguments[0]);
        await Promise.all(Array.from({ length: 8 }, () => fetch('/api/v1/search/?q=x')));
        box.value = 'bean'; box.dispatchEvent(new Event('input', { bubbles: true }));
        box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
        const answered = () => box.closest('dialog').querySelector('[aria-busy=true]') === null;
        await drawn();
        for (let frames = 0; frames < 100 && !answered(); frames += 1) await drawn();
        return window.seen.includes('Too many searches at once.')";
    ann.wait_for("search too often", often, json!([BOX])).await;
    sees_results(&ann, &["[bean] one"]).await;

    stage.app.stop().await;
    ann.sees("Connection lost").await;
    ann.fill(BOX, "bean o").await;
    ann.sees("The search needs a connection to the server.").await;
    stage.app.restart().await;
    sees_results(&ann, &["[bean] [one]"]).await;
    ann.close().await;
}

#[tokio::test]
async fn recent_searches_end_with_the_session() {
    let stage = Stage::open().await;
    let (ann, garden) = ann_in_the_garden(&stage).await;
    send(&stage, &garden, "bob", "bean one").await;
    for number in 0..9 {
        open(&ann).await;
        ann.fill(BOX, &format!("one bean {}", "b".repeat(number))).await;
        sees_results(&ann, &["All messages"]).await;
        ann.key(Key::Up).await;
        ann.key(Key::Enter).await;
        ann.sees_in("Search", "Show people and groups as well").await;
        close(&ann).await;
    }
    ann.reload().await;
    open(&ann).await;
    let recent = "return JSON.stringify(part('Recent searches').flatMap((list) => [...list.querySelectorAll('li')].map((each) => tidy(each.innerText))))";
    let listed = |numbers: std::ops::Range<usize>| {
        let texts: Vec<_> = numbers.rev().map(|number| format!("one bean {}", "b".repeat(number))).collect();
        json!([json!(texts.iter().map(|text| text.trim()).collect::<Vec<_>>()).to_string()])
    };
    let same = format!("{recent} === arguments[0]");
    ann.wait_for("see the latest eight", &same, listed(1..9)).await;
    ann.press("Remove “one bean b”").await;
    ann.wait_for("see seven", &same, listed(2..9)).await;
    let focused = "return part('Recent searches')[0]?.querySelector('button')?.matches(':focus') === true";
    ann.wait_for("have the focus on the first", focused, json!([])).await;
    // With the keyboard alone: repeat the first search.
    ann.run_async("field('Search people, groups and messages').focus();").await;
    ann.key(Key::Down).await;
    ann.key(Key::Enter).await;
    ann.wait_for(
        "have the text",
        "return field(arguments[0])?.value === arguments[1]",
        json!([BOX, "one bean bbbbbbbb"]),
    )
    .await;
    close(&ann).await;

    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees(WELCOME).await;
    let kept = "return Object.values(localStorage).filter((text) => text.includes('bean')).length";
    assert_eq!(ann.run(&format!("{kept};")).await, 0);
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    open(&ann).await;
    ann.sees("Type a name, or words of a message.").await;
    ann.sees_no("Recent searches").await;
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_no_state_of_the_search() {
    let stage = Stage::open().await;
    let mut violations = Vec::new();
    let (ann, garden) = ann_in_the_garden(&stage).await;
    for number in 0..30 {
        send(&stage, &garden, "bob", &format!("bean {number} of the garden")).await;
    }
    open(&ann).await;
    check_accessibility(&ann, "an empty search", &mut violations).await;
    ann.fill(BOX, "garden").await;
    sees_results(&ann, &["The garden", "bean 29 of the [garden]"]).await;
    check_accessibility(&ann, "a search with results", &mut violations).await;
    ann.key(Key::Up).await;
    ann.key(Key::Enter).await;
    sees_results(&ann, &["bean 12"]).await;
    ann.press("Filters").await;
    ann.choose("In", "The garden").await;
    sees_results(&ann, &["bean 12"]).await;
    check_accessibility(&ann, "a search with filters", &mut violations).await;
    ann.resize(360, 740).await;
    check_accessibility(&ann, "a search on a narrow screen", &mut violations).await;
    ann.resize(1280, 800).await;
    ann.fill("Search in The garden", "zucchini").await;
    ann.sees("No message has these words and fits the filters.").await;
    check_accessibility(&ann, "a search that finds nothing", &mut violations).await;
    close(&ann).await;
    open(&ann).await;
    ann.sees_in("Recent searches", "garden").await;
    check_accessibility(&ann, "recent searches", &mut violations).await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}
