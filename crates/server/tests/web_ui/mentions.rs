//! Mentions: writing them with suggestions, displaying them, and being notified.

use chinwag_testkit::browser::Key;
use chinwag_testkit::client::Client;
use serde_json::{Value, json};

use crate::page::Page;
use crate::talk::on;
use crate::{Stage, hears_of, make_group};

/// ann's page, her group with these users, and their clients.
async fn garden(stage: &Stage, names: &[&str]) -> (Page, Vec<Client>, String) {
    let page = stage.person("ann").await;
    let mut clients = Vec::new();
    for name in names {
        clients.push(stage.app.user(name).await);
    }
    make_group(&page, "Garden", &names.join(" ")).await;
    page.sees_in("Conversation", "Garden").await;
    let groups = stage.app.service().get("groups/").await.ok(200);
    let id = groups[0]["id"].as_str().expect("an id").to_owned();
    for client in &clients {
        client.post(&format!("groups/{id}/accept/"), json!({})).await.ok(200);
    }
    (page, clients, id)
}

/// Sets display names of members, and waits until the page has them.
async fn set_display_names(stage: &Stage, page: &Page, names: &[(&str, &str)]) {
    for (name, shown) in names {
        stage.app.service().put(&format!("users/{name}/"), json!({ "display_name": shown })).await.ok(200);
    }
    page.press("Group details").await;
    for (_, shown) in names {
        page.sees(shown).await;
    }
    page.press("Close").await;
    page.wait_for("be where the details were opened", &on("Group details"), json!([])).await;
}

/// Waits for these suggestions; the selected one begins with `*`.
async fn sees_suggestions(page: &Page, wanted: &[&str]) {
    sees_suggestions_at(page, "Message", wanted).await;
}

/// The same in the message box with this label, which is a combobox while there are suggestions, and otherwise
/// a multi-line text box.
async fn sees_suggestions_at(page: &Page, label: &str, wanted: &[&str]) {
    let script = "const [label, wanted] = arguments;
        const box = field(label);
        const list = part('Mention somebody').find((each) => each.id === box.getAttribute('aria-controls'));
        const options = [...list?.querySelectorAll('[role=option]') ?? []];
        const seen = options.map((each) => (each.id === box.getAttribute('aria-activedescendant') && each.ariaSelected === 'true' ? '*' : '')
            + [...each.querySelectorAll('bdi')].map((text) => tidy(text.innerText)).join(' '));
        const [role, expanded] = wanted.length ? ['combobox', 'true'] : [null, null];
        const isOpen = box.getAttribute('role') === role && box.ariaExpanded === expanded && list?.role === (wanted.length ? 'listbox' : undefined);
        return isOpen && box.getAttribute('aria-autocomplete') === 'list' && JSON.stringify(seen) === JSON.stringify(wanted)";
    page.wait_for(&format!("see the suggestions {wanted:?} of “{label}”"), script, json!([label, wanted]))
        .await;
}

/// Waits until the message box contains this text.
async fn sees_text(page: &Page, text: &str) {
    page.wait_for(
        &format!("write “{text}”"),
        "return field('Message').value === arguments[0]",
        json!([text]),
    )
    .await;
}

/// The same for the box of the open thread.
async fn sees_text_in_thread(page: &Page, text: &str) {
    let script = "return field('Reply in the thread')?.value === arguments[0]";
    page.wait_for(&format!("write “{text}” in the thread"), script, json!([text])).await;
}

/// Waits until the newest message of the group has this body and these mentions.
async fn is_sent(page: &Page, client: &Client, group: &str, body: &str, mentions: &[&str]) {
    page.sees_sent(body).await;
    is_stored(client, group, body, mentions).await;
}

async fn is_stored(client: &Client, group: &str, body: &str, mentions: &[&str]) {
    let newest = client.get(&format!("groups/{group}/messages/?limit=1")).await.ok(200)[0].clone();
    assert_eq!((&newest["body"], &newest["mentions"]), (&json!(body), &json!(mentions)));
}

fn by(group: &str, body: &str, mentions: &[&str]) -> Value {
    json!({ "group": group, "body": body, "mentions": mentions })
}

#[tokio::test]
async fn a_mention_is_chosen_by_keyboard_among_members() {
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["tam", "mary", "olga"]).await;
    stage.app.user("maurice").await; // Only members are suggested.
    set_display_names(&stage, &page, &[("olga", "Marie Lee"), ("tam", "İlker")]).await;
    page.fill("Message", "dig, @ma").await;
    sees_suggestions(&page, &["*Marie Lee olga", "mary"]).await;
    page.key(Key::Down).await;
    sees_suggestions(&page, &["Marie Lee olga", "*mary"]).await;
    page.key(Key::Down).await;
    sees_suggestions(&page, &["*Marie Lee olga", "mary"]).await;
    // Enter accepts the suggestion without sending; the next Enter sends.
    page.key(Key::Enter).await;
    sees_text(&page, "dig, @Marie Lee ").await;
    sees_suggestions(&page, &[]).await;
    page.key(Key::Enter).await;
    is_sent(&page, &clients[0], &group, "dig, @Marie Lee ", &["olga"]).await;
    // Escape closes the list; the next Enter sends. Without matches there is no list.
    page.fill("Message", "@ma").await;
    sees_suggestions(&page, &["*Marie Lee olga", "mary"]).await;
    page.key(Key::Escape).await;
    sees_suggestions(&page, &[]).await;
    page.key(Key::Enter).await;
    is_sent(&page, &clients[0], &group, "@ma", &[]).await;
    for text in ["hello :)", "see:", "@nobody"] {
        page.fill("Message", text).await;
        sees_suggestions(&page, &[]).await;
        page.key(Key::Enter).await;
        is_sent(&page, &clients[0], &group, text, &[]).await;
    }
    // Tab also accepts a suggestion, and a typed name counts. The first letter of this name has two characters in lower case.
    page.fill("Message", "@il").await;
    sees_suggestions(&page, &["*İlker tam"]).await;
    page.key(Key::Tab).await;
    sees_text(&page, "@İlker ").await;
    page.key(Key::Enter).await;
    is_sent(&page, &clients[0], &group, "@İlker ", &["tam"]).await;
    page.fill("Message", "@mary, and @olga").await;
    page.press("Send").await;
    is_sent(&page, &clients[0], &group, "@mary, and @olga", &["mary", "olga"]).await;
    page.close().await;
}

#[tokio::test]
async fn of_equal_display_names_the_chosen_user_is_mentioned() {
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["ann1", "ann2"]).await;
    set_display_names(&stage, &page, &[("ann1", "Ann Lee"), ("ann2", "Ann Lee")]).await;
    page.fill("Message", "@ann l").await;
    sees_suggestions(&page, &["*Ann Lee ann1", "Ann Lee ann2"]).await;
    page.key(Key::Down).await;
    page.key(Key::Enter).await;
    sees_text(&page, "@ann2 ").await;
    // The draft keeps the mention across a reload.
    page.reload().await;
    page.sees_in("Conversation", "Garden").await;
    sees_text(&page, "@ann2 ").await;
    page.press("Send").await;
    is_sent(&page, &clients[0], &group, "@ann2 ", &["ann2"]).await;
    // Another client sends the display name: the link must open the card of the mentioned user.
    stage
        .app
        .service()
        .post(
            "messages/",
            json!({ "author": "ann", "group": group, "body": "@Ann Lee look", "mentions": ["ann2"] }),
        )
        .await
        .ok(201);
    page.sees_once("@Ann Lee look").await;
    page.act("@Ann Lee look", "@Ann Lee").await;
    page.press("Message").await;
    page.sees_in("Conversation", "ann2").await;
    page.press("Garden").await;
    page.act("@Ann Lee look", "Edit").await;
    sees_text(&page, "@Ann Lee look").await;
    page.fill("Message", "@Ann Lee, look").await;
    page.press("Save").await;
    page.sees_once("@Ann Lee, look").await;
    is_stored(&clients[0], &group, "@Ann Lee, look", &["ann2"]).await;
    page.close().await;
}

#[tokio::test]
async fn an_edit_keeps_mentions_as_long_as_their_text() {
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["tam", "mary"]).await;
    page.say("@tam lok").await;
    is_sent(&page, &clients[0], &group, "@tam lok", &["tam"]).await;
    page.key(Key::Up).await;
    sees_text(&page, "@tam lok").await;
    page.fill("Message", "@tam look").await;
    page.key(Key::Enter).await;
    page.sees_once("@tam look").await;
    is_stored(&clients[0], &group, "@tam look", &["tam"]).await;
    page.act("@tam look", "Edit").await;
    sees_text(&page, "@tam look").await;
    page.fill("Message", "look, @mary").await;
    page.press("Save").await;
    page.sees_once("look, @mary").await;
    is_stored(&clients[0], &group, "look, @mary", &["mary"]).await;
    // A mention that does not occur in the text is kept.
    let service = stage.app.service();
    service
        .post("messages/", json!({ "author": "ann", "group": group, "body": "quiet", "mentions": ["tam"] }))
        .await
        .ok(201);
    page.act("quiet", "Edit").await;
    sees_text(&page, "quiet").await;
    page.fill("Message", "quite").await;
    page.press("Save").await;
    page.sees_once("quite").await;
    is_stored(&clients[0], &group, "quite", &["tam"]).await;
    page.close().await;
}

#[tokio::test]
async fn mentions_in_a_thread_are_sent_edited_and_kept_as_drafts() {
    const BOX: &str = "Reply in the thread";
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["ann1", "ann2", "tam"]).await;
    set_display_names(&stage, &page, &[("ann1", "Ann Lee"), ("ann2", "Ann Lee")]).await;
    page.say("who digs?").await;
    page.sees_sent("who digs?").await;
    page.act("who digs?", "Reply in thread").await;
    page.fill(BOX, "@ann").await;
    sees_suggestions_at(&page, BOX, &["*Ann Lee ann1", "Ann Lee ann2"]).await;
    page.key(Key::Down).await;
    page.key(Key::Enter).await;
    sees_text_in_thread(&page, "@ann2 ").await;
    sees_suggestions_at(&page, BOX, &[]).await;
    // The thread's draft keeps the mention across a reload, separately from the main box.
    page.reload().await;
    page.sees_in("Thread", "who digs?").await;
    sees_text_in_thread(&page, "@ann2 ").await;
    sees_text(&page, "").await;
    page.fill(BOX, "@ann2 digs").await;
    page.key(Key::Enter).await;
    page.sees_once("@ann2 digs").await;
    page.sees_sent("@ann2 digs").await;
    is_stored(&clients[0], &group, "@ann2 digs", &["ann2"]).await;
    // The up arrow edits the newest reply; its mention stays, and another is added.
    page.fill(BOX, "").await;
    page.key(Key::Up).await;
    sees_text_in_thread(&page, "@ann2 digs").await;
    page.fill(BOX, "@ann2 digs with @ta").await;
    sees_suggestions_at(&page, BOX, &["*tam"]).await;
    page.key(Key::Tab).await;
    sees_text_in_thread(&page, "@ann2 digs with @tam ").await;
    page.key(Key::Enter).await;
    page.sees_once("@ann2 digs with @tam ").await;
    is_stored(&clients[0], &group, "@ann2 digs with @tam ", &["ann2", "tam"]).await;
    page.close().await;
}

#[tokio::test]
async fn being_mentioned_shows_in_the_list_and_in_the_message() {
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["tam", "mary"]).await;
    make_group(&page, "Kitchen", "mary").await;
    page.sees_in("Conversation", "Kitchen").await;
    let [tam, mary] = &clients[..] else { panic!("two") };
    let sent = tam.post("messages/", by(&group, "@ann water", &["ann"])).await.ok(201);
    hears_of(&page, "Garden", "1 mention of you", true).await;
    let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    tam.patch(&path, json!({ "mentions": [] })).await.ok(200);
    hears_of(&page, "Garden", "mention of you", false).await;
    tam.patch(&path, json!({ "mentions": ["ann"] })).await.ok(200);
    mary.post("messages/", by(&group, "@ann look", &["ann"])).await.ok(201);
    hears_of(&page, "Garden", "2 mentions of you", true).await;
    page.reload().await;
    hears_of(&page, "Garden", "2 mentions of you", true).await;
    tam.delete(&path).await.ok(200);
    hears_of(&page, "Garden", "1 mention of you", true).await;
    page.press("Garden").await;
    page.sees_once("@ann look").await;
    hears_of(&page, "Garden", "mention of you", false).await;
    let called = "const [article] = message('@ann look');
        return article.matches('.called') && article.querySelector('.meta').textContent.includes('mentions you')
            && article.querySelector('.mention.own').textContent === '@ann'";
    page.wait_for("see that it is meant", called, json!([])).await;
    page.close().await;
}

#[tokio::test]
async fn only_mentions_notify_where_that_is_set() {
    let stage = Stage::open().await;
    let (page, clients, group) = garden(&stage, &["tam", "olga"]).await;
    let [tam, olga] = &clients[..] else { panic!("two") };
    page.press("Conversation menu").await;
    page.press("Notify only of mentions").await;
    page.run(
        "window.shown = [];
        window.Notification = class {
            static permission = 'granted';
            constructor(title, { body }) { window.shown.push([title, body]); }
            close() {}
        };
        document.hasFocus = () => false;",
    )
    .await;
    olga.patch("users/olga/", json!({ "display_name": "Olga" })).await.ok(200);
    let me = json!({ "contact": { "author": "ann", "name": "olga", "operation": "block" } });
    stage.app.service().patch("users/ann/", me).await.ok(200);
    page.wait_for(
        "know of the block",
        "return document.querySelector('chinwag-chat').client.relations.blockeds.has('olga')",
        json!([]),
    )
    .await;
    tam.post("messages/", by(&group, "hello", &[])).await.ok(201);
    olga.post("messages/", by(&group, "@ann hey", &["ann"])).await.ok(201);
    tam.post("messages/", by(&group, "@ann look", &["ann"])).await.ok(201);
    let shown = "return JSON.stringify(window.shown) === JSON.stringify(arguments[0])";
    let wanted = json!([[["tam mentioned you in Garden", "@ann look"]]]);
    page.wait_for("be notified of the mention alone", shown, wanted).await;
    hears_of(&page, "Garden", "1 mention of you", true).await;
    page.close().await;
}

#[tokio::test]
async fn no_line_ends_between_a_mention_and_its_signs() {
    let stage = Stage::open().await;
    let (page, _, _) = garden(&stage, &["bob"]).await;
    let body = (1..30).map(|length| format!("{} (@bob, „@bob“!", "a".repeat(length % 7 + 1)));
    let body = body.collect::<Vec<_>>().join(" ");
    page.say(&body).await;
    page.sees_once(&body).await;
    let split = "const bubble = message(arguments[0])[0].querySelector('.bubble');
        const text = bubble.querySelector('.body');
        const wrong = [];
        for (let width = 120; width < 420; width += 7) {
            bubble.style.width = `${width}px`;
            for (const mention of text.querySelectorAll('.mention')) {
                const box = mention.getBoundingClientRect();
                for (const [node, at] of [[mention.previousSibling, -1], [mention.nextSibling, 0]]) {
                    let sign = node;
                    while (sign && (sign.nodeType !== 3 || !sign.data)) sign = at ? sign.previousSibling : sign.nextSibling;
                    const range = document.createRange();
                    const start = at ? sign.data.length - 1 : 0;
                    range.setStart(sign, start);
                    range.setEnd(sign, start + 1);
                    const { top, bottom } = range.getBoundingClientRect();
                    if (bottom <= box.top || top >= box.bottom) wrong.push(`${sign.data} at ${width}`);
                }
            }
        }
        bubble.style.width = '';
        return wrong";
    assert_eq!(page.run_script(split, json!([body])).await, json!([]));
    page.close().await;
}
