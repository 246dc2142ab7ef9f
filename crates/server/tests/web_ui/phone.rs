//! The page on a phone: the browser's Back, touch, large text, forced colours and screen readers.

use chinwag_testkit::browser::Key;
use serde_json::{Value, json};

use crate::page::Page;
use crate::talk::on;
use crate::{Stage, make_group, write_to};

/// Ann's page on a touch screen, with a message of hers to bob.
async fn touched_page(stage: &Stage) -> Page {
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    ann.touchable().await;
    ann.sees_once("hello").await;
    ann
}

#[tokio::test]
async fn back_closes_a_dialog_and_answers_a_question_with_no() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    ann.resize(390, 800).await;
    write_to(&ann, "bob", "hello").await;
    ann.sees_sent("hello").await;
    let questions =
        [("Delete", "Delete this message for everyone?"), ("Add a reaction", "Smileys & emotion")];
    for (verb, words) in questions {
        ann.act("hello", verb).await;
        ann.sees(words).await;
        ann.back().await;
        ann.sees_no(words).await;
        let at = "return message('hello')[0].matches(':focus-within')";
        ann.wait_for("be back at the message", at, json!([])).await;
    }
    ann.press("Back to the list").await;
    ann.press("Your profile").await;
    ann.press("Sign out everywhere").await;
    ann.sees("Sign out everywhere?").await;
    ann.back().await;
    ann.wait_for("be back in the profile", &on("Sign out everywhere"), json!([])).await;
    ann.back().await;
    ann.wait_for("be back where the profile was opened", &on("Your profile"), json!([])).await;
    // A dialog closed by its button leaves no history entry.
    ann.press("bob").await;
    ann.press("About bob").await;
    ann.press("Block bob").await;
    ann.press("Cancel").await;
    ann.press("Close").await;
    ann.wait_for("be where the details were opened", &on("About bob"), json!([])).await;
    ann.back().await;
    ann.sees("Signed in as ann").await;
    ann.run("history.forward();").await;
    ann.wait_for("be in the conversation", &on("Message"), json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn button_leads_to_the_list_after_a_closed_dialog() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    ann.resize(390, 800).await;
    write_to(&ann, "bob", "hello").await;
    let address = ann.run("return location.href").await;
    ann.go(&format!("{}/docs/", stage.app.url())).await;
    ann.go(address.as_str().expect("an address")).await;
    ann.act("hello", "Delete").await;
    ann.press("Cancel").await;
    ann.press("Back to the list").await;
    ann.sees("Signed in as ann").await;
    ann.press("bob").await;
    ann.back().await;
    ann.sees("Signed in as ann").await;
    ann.close().await;
}

#[tokio::test]
async fn enter_begins_a_line_where_the_screen_is_touched() {
    let stage = Stage::open().await;
    let ann = touched_page(&stage).await;
    ann.fill("Message", "one").await;
    ann.key(Key::Enter).await;
    let line = "const box = field('Message'); return box?.value === 'one\\n' && box.enterKeyHint === 'enter' && messages().length === 1";
    ann.wait_for("write a second line", line, json!([])).await;
    let invalid = "return field('Message')?.getAttribute('aria-invalid') === arguments[0]";
    ann.paste("Message", &"x".repeat(4097)).await;
    ann.wait_for("hear that it is too long", invalid, json!(["true"])).await;
    ann.fill("Message", "short").await;
    ann.wait_for("hear that it is not", invalid, json!([null])).await;
    ann.press("Send").await;
    ann.sees_sent("short").await;
    ann.close().await;
}

#[tokio::test]
async fn button_shows_the_actions_of_an_untouched_message() {
    let stage = Stage::open().await;
    let ann = touched_page(&stage).await;
    // A screen reader activates it without moving the focus.
    let open = "const [article] = message('hello');
        const opener = [...article.querySelectorAll('button')].find((each) => nameOf(each) === 'Message actions' && shown(each));
        opener?.click();
        await drawn();
        return opener?.ariaExpanded === 'true' && button('Reply') !== null";
    ann.wait_for("open the actions", open, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn large_letters_and_forced_colours_leave_tabs_readable() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    ann.resize(360, 740).await;
    ann.run("document.documentElement.style.fontSize = '200%';").await;
    ann.press("New conversation").await;
    let whole = "const tabs = ['One person', 'A group', 'Open groups'].map(button);
        const heading = walk(document).find((each) => each.id === 'begin-title');
        const text = [...heading.childNodes].find(({ data }) => data === 'New conversation');
        const word = document.createRange();
        word.setStart(text, 4);
        word.setEnd(text, 16);
        return tabs.every((tab) => tab && tab.scrollWidth <= tab.clientWidth) && word.getClientRects().length === 1";
    ann.wait_for("read the tabs", whole, json!([])).await;
    let forced = json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    ann.devtools("Emulation.setEmulatedMedia", forced).await;
    let outlines = "const tabs = ['One person', 'A group'].map(button);
        return tabs.map((tab) => getComputedStyle(tab).outlineStyle)";
    let tell_apart = format!(
        "const [chosen, other] = (() => {{ {outlines} }})(); return chosen === 'solid' && other === 'none'"
    );
    ann.wait_for("tell the chosen tab", &tell_apart, json!([])).await;
    ann.close().await;
}

#[tokio::test]
async fn words_keep_their_order_in_a_page_from_right_to_left() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    make_group(&ann, "The garden", "").await;
    ann.run("document.documentElement.dir = 'rtl';").await;
    let order =
        "const about = walk(document).find((each) => each.matches('p') && each.textContent === '1 member');
        const text = [...about?.childNodes ?? []].find(({ data }) => data === '1 member');
        const [count, unit] = [0, 2].map((at) => {
            const letter = document.createRange();
            letter.setStart(text, at);
            letter.setEnd(text, at + 1);
            return letter.getBoundingClientRect().left;
        });
        return count < unit && getComputedStyle(about).direction === 'rtl'";
    ann.wait_for("read the number first", order, json!([])).await;
    ann.close().await;
}

/// Whether the beginning of a truncated text is visible in the part of the page that a selector names.
const BEGINS: &str = "const cut = walk(document).find((each) => each.matches(arguments[0]) && each.textContent.startsWith(arguments[1]));
    const text = [...cut?.childNodes ?? []].find((each) => each.data?.startsWith(arguments[1]));
    if (!text) return false;
    const first = document.createRange();
    first.setStart(text, 0);
    first.setEnd(text, 1);
    const [{ left, right }, box] = [first.getBoundingClientRect(), cut.getBoundingClientRect()];
    return cut.scrollWidth > cut.clientWidth && left >= box.left - 1 && right <= box.right + 1";

#[tokio::test]
async fn text_from_right_to_left_is_cut_at_its_end() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let name = "محمد";
    stage.app.user(name).await;
    let body = ["مرحبا بكم في هذه المجموعة"; 12].join(" ");
    write_to(&ann, name, &body).await;
    ann.sees_sent(&body).await;
    ann.act(&body, "Reply").await;
    ann.resize(800, 700).await;
    for place in [".preview .cut", ".context .cut"] {
        ann.wait_for(&format!("read the beginning in {place}"), BEGINS, json!([place, "مرحبا"])).await;
    }
    let beside = "const entry = part('Conversation list')[0].querySelector('.entry');
        const [name, face] = ['.name', '.avatar'].map((each) => entry.querySelector(each).getBoundingClientRect());
        return name.left - face.right";
    let distance: Value = ann.run_script(beside, json!([])).await;
    assert!(distance.as_f64().is_some_and(|pixels| pixels < 20.0), "the name is {distance} px from its face");
    ann.close().await;
}
