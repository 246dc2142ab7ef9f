//! Accessibility: the rules of axe-core for each main state of the page, light and dark.

use chinwag_testkit::browser::Key;
use serde_json::{Value, json};

use crate::page::Page;
use crate::{Stage, begin_with, make_group, write_to};

const AXE: &str = include_str!("vendor/axe.min.js");

/// The rules to check. Without colours, a dark page is the same as a light one.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
const RULES_OF_COLOURS: &str = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/// The violations that axe-core finds, by rule and element.
const RUN: &str = "const { violations } = await axe.run(document, {
        runOnly, resultTypes: ['violations'],
        rules: Object.fromEntries(aside.map((rule) => [rule, { enabled: false }])),
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`);";

/// Checks the current state of the page, light and dark.
pub(crate) async fn check_accessibility(page: &Page, state: &str, violations: &mut Vec<String>) {
    check_accessibility_except(page, state, &[], violations).await;
}

/// Like [`check_accessibility`], without some of the rules.
async fn check_accessibility_except(page: &Page, state: &str, rules: &[&str], violations: &mut Vec<String>) {
    if page.run("return window.axe === undefined").await == json!(true) {
        page.run(AXE).await;
    }
    for dark in [false, true] {
        page.dark(dark).await;
        // Colours are final only after their transitions.
        let still = "const trees = (root) => [root, ...[...root.querySelectorAll('*')].flatMap(({ shadowRoot }) => shadowRoot ? trees(shadowRoot) : [])];
            const moving = () => trees(document).flatMap((root) => root.getAnimations()).filter((each) => each.playState === 'running' && each.effect.getComputedTiming().endTime < Infinity);
            const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            for (await frame(); moving().length > 0; await frame()) moving().forEach((each) => each.finish());";
        let run_only = if dark { RULES_OF_COLOURS } else { RULES };
        let script = format!("const aside = {}, runOnly = {run_only}; {still} {RUN}", json!(rules));
        let found = page.run_async(&script).await;
        if found != json!([]) {
            violations.push(format!("{state}, {}: {found:#}", if dark { "dark" } else { "light" }));
        }
    }
}

async fn react(ann: &Page, body: &str, violations: &mut Vec<String>) {
    ann.act(body, "Add a reaction").await;
    ann.sees("Smileys & emotion").await;
    check_accessibility(ann, "the choice of an emoji", violations).await;
    ann.press("👍").await;
    ann.sees_in("Reactions", "1").await;
    check_accessibility(ann, "a reaction", violations).await;
}

async fn pin(ann: &Page, body: &str, violations: &mut Vec<String>) {
    for body in [body, "hello again"] {
        if body == "hello again" {
            ann.say(body).await;
            ann.sees_sent(body).await;
        }
        ann.act(body, "Pin").await;
        ann.sees_in("Pinned messages", body).await;
    }
    ann.press("2 pinned messages").await;
    check_accessibility(ann, "pinned messages", violations).await;
    ann.press("2 pinned messages").await;
}

/// Mentions a user in the open group, and is mentioned there.
async fn mention(stage: &Stage, ann: &Page, violations: &mut Vec<String>) {
    ann.fill("Message", "@").await;
    ann.sees_in("Mention somebody", "Everyone in this group").await;
    // HTML has no multi-line combobox, and screen readers announce the selected option only in a combobox.
    check_accessibility_except(ann, "suggestions for a mention", &["aria-allowed-role"], violations).await;
    ann.fill("Message", "@bob dig, please").await;
    ann.press("Send").await;
    ann.sees_once("@bob dig, please").await;
    let (bob, groups) = (stage.app.sign_in("bob").await, stage.app.service().get("groups/").await.ok(200));
    let garden = groups.as_array().into_iter().flatten().find(|group| group["name"] == "The garden");
    let id = garden.expect("the group")["id"].clone();
    bob.post(&format!("groups/{}/accept/", id.as_str().unwrap_or_default()), json!({})).await.ok(200);
    let message = json!({ "group": id, "body": "@ann and @all: done", "mentions": ["ann"] });
    bob.post("messages/", message).await.ok(201);
    ann.sees_once("@ann and @all: done").await;
    check_accessibility(ann, "mentions", violations).await;
}

/// Checks the profile card of a bot in the open group.
async fn check_profile_card(stage: &Stage, ann: &Page, violations: &mut Vec<String>) {
    let bot = json!({ "display_name": "Catherine", "kind": "bot" });
    stage.app.service().put("users/cat/", bot).await.ok(200);
    ann.press("Catherine").await;
    ann.press("Message").await;
    ann.sees_in("Conversation", "bot").await;
    ann.press("The garden").await;
    ann.press("Group details").await;
    ann.press("Catherine").await;
    check_accessibility(ann, "a profile card", violations).await;
    ann.press("Close").await;
}

async fn press_each(page: &Page, names: &[&str]) {
    for name in names {
        page.press(name).await;
    }
}

#[tokio::test]
async fn axe_objects_to_nothing_in_any_main_state() {
    let mut stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.browser("ann").await;
    ann.press("Sign in").await;
    ann.sees("This field is required.").await;
    check_accessibility(&ann, "the sign-in with a refusal", &mut violations).await;
    crate::sign(&ann, "ann", crate::PASSWORD, "Sign up").await;
    ann.sees("No conversation yet").await;
    check_accessibility(&ann, "nothing yet", &mut violations).await;

    for name in ["bob", "cat", "dan", "eve"] {
        let user = stage.app.user(name).await;
        if name != "dan" {
            let invitation = json!({ "contact": { "name": "ann", "operation": "invitation" } });
            user.patch(&format!("users/{name}/"), invitation).await.ok(200);
        }
    }
    begin_with(&ann, "bob").await;
    ann.fill("Message", " ").await;
    ann.press("Send").await;
    ann.sees("Write a message first.").await;
    check_accessibility(&ann, "a refused message", &mut violations).await;
    write_to(&ann, "bob", "hello, see https://example.org").await;
    ann.act("hello, see https://example.org", "Reply").await;
    check_accessibility(&ann, "a conversation, about to reply", &mut violations).await;
    ann.press("Cancel").await;
    react(&ann, "hello, see https://example.org", &mut violations).await;
    pin(&ann, "hello, see https://example.org", &mut violations).await;
    make_group(&ann, "The garden", "bob cat dan").await;
    ann.say("who waters?").await;
    ann.press("Group details").await;
    ann.sees_in("Members", "dan").await;
    check_accessibility(&ann, "a group's details", &mut violations).await;
    check_profile_card(&stage, &ann, &mut violations).await;
    ann.press("Conversation menu").await;
    check_accessibility(&ann, "the menu of a conversation", &mut violations).await;
    ann.press("Mute").await;
    ann.press("Conversation menu").await;
    ann.press("Pin").await;
    check_accessibility(&ann, "a conversation that is muted and pinned", &mut violations).await;
    ann.press("People").await;
    ann.press("Accept bob").await;
    ann.sees_in("Contacts", "bob").await;
    ann.fill("Invite as a contact", "dan").await;
    ann.press("Invite").await;
    press_each(&ann, &["More for eve", "Block eve"]).await;
    check_accessibility(&ann, "a question", &mut violations).await;
    ann.press("Block").await;
    ann.sees_in("Blocked", "eve").await;
    check_accessibility(&ann, "people", &mut violations).await;
    ann.press("New conversation").await;
    ann.press("A group").await;
    check_accessibility(&ann, "a new conversation", &mut violations).await;
    ann.press("Close").await;
    ann.press("Your profile").await;
    ann.sees("Privacy").await;
    check_accessibility(&ann, "the profile", &mut violations).await;
    ann.press("Delete account").await;
    check_accessibility(&ann, "the end of an account", &mut violations).await;
    ann.press("Cancel").await;
    ann.press("Close").await;
    ann.resize(320, 640).await;
    check_accessibility(&ann, "a narrow screen", &mut violations).await;
    ann.resize(1280, 800).await;
    stage.app.stop().await;
    ann.sees("Connection lost").await;
    ann.say("kept").await;
    ann.sees("Waiting for the connection…").await;
    check_accessibility(&ann, "the connection lost", &mut violations).await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_no_suggestion_and_no_mention() {
    let stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    make_group(&ann, "The garden", "bob").await;
    ann.sees_in("Conversation", "The garden").await;
    mention(&stage, &ann, &mut violations).await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_nothing_in_threads_and_details() {
    let stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.person("ann").await;
    let names = ["bob", "cat", "dan", "eve", "fay", "gus", "hal", "ida"];
    for name in names {
        stage.app.user(name).await;
    }
    make_group(&ann, "The garden", &names.join(" ")).await;
    ann.say("who waters?").await;
    ann.sees_sent("who waters?").await;
    ann.act("who waters?", "Reply in thread").await;
    ann.sees_in("Thread", "who waters?").await;
    check_accessibility(&ann, "a thread without replies", &mut violations).await;
    ann.fill("Reply in the thread", "I do").await;
    ann.key(Key::Enter).await;
    ann.sees_in("Messages of the thread", "I do").await;
    ann.sees_in("Messages", "1 reply").await;
    check_accessibility(&ann, "a thread", &mut violations).await;
    ann.fill("Reply in the thread", "@").await;
    ann.sees_in("Mention somebody", "bob").await;
    check_accessibility_except(&ann, "suggestions in a thread", &["aria-allowed-role"], &mut violations)
        .await;
    ann.fill("Reply in the thread", "half").await;
    ann.resize(390, 800).await;
    check_accessibility(&ann, "a thread on a narrow screen", &mut violations).await;
    ann.resize(1280, 800).await;
    ann.act("who waters?", "Delete").await;
    ann.press("Delete").await;
    ann.sees_in("Thread", "The message that began this thread was deleted.").await;
    check_accessibility(&ann, "a thread whose root is gone", &mut violations).await;
    press_each(&ann, &["Close the thread", "Group details", "Edit group"]).await;
    ann.fill("Description", "Beans").await;
    ann.press("Save").await;
    ann.sees_in("Messages", "ann changed the description").await;
    check_accessibility(&ann, "the form of a group's details", &mut violations).await;
    ann.fill("Ban people", "ida").await;
    ann.press("Ban").await;
    ann.sees_in("Banned", "ida").await;
    ann.press("More for hal").await;
    ann.sees("Remove and ban").await;
    check_accessibility(&ann, "banned people and the menu of a member", &mut violations).await;
    ann.key(Key::Escape).await;
    ann.fill("Search members", "zoe").await;
    ann.sees("No member has this name.").await;
    check_accessibility(&ann, "a search for members that finds none", &mut violations).await;
    ann.fill("Search members", "b").await;
    ann.sees_gone("Members", "cat").await;
    check_accessibility(&ann, "a search for members", &mut violations).await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_nothing_in_joining() {
    let stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    let service = stage.app.service();
    let open = json!({ "name": "Kitchen", "author": "bob", "open": true, "description": "Soup" });
    service.post("groups/", open).await.ok(201);
    let made = json!({ "name": "The garden", "author": "ann", "description": "Beans" });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    press_each(&ann, &["New conversation", "Open groups"]).await;
    ann.sees_in("Open groups", "Kitchen").await;
    check_accessibility(&ann, "open groups", &mut violations).await;
    press_each(&ann, &["Close", "The garden", "Group details", "Make a link"]).await;
    ann.sees_in("Invite links", "For 1 person").await;
    check_accessibility(&ann, "invite links", &mut violations).await;
    let invites = service.get(&format!("groups/{group}/invites/")).await.ok(200);
    let code = invites[0]["code"].as_str().expect("a code").to_owned();
    for (code, words) in
        [(code.as_str(), "1 member"), ("cw_invite_0000000000000000000000", "does not work any more")]
    {
        ann.run(&format!("location.hash = '#invite/{code}';")).await;
        ann.sees("You are invited").await;
        ann.sees(words).await;
        check_accessibility(&ann, &format!("an invite: {words}"), &mut violations).await;
        ann.press("Close").await;
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn axe_objects_to_no_format_and_no_list_of_shortcuts() {
    let stage = Stage::open().await;
    let mut violations = Vec::new();
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    write_to(&ann, "bob", "hello").await;
    let formats = "> said\n**bold**, *italic*, ~~struck~~ and `code`: https://google.com@evil.example/\n- one\n```\nfn\n```";
    ann.paste("Message", formats).await;
    ann.press("Send").await;
    ann.sees_in("Messages", "(evil.example)").await;
    check_accessibility(&ann, "formatted messages", &mut violations).await;
    ann.run("document.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }));").await;
    ann.sees("Keyboard shortcuts").await;
    check_accessibility(&ann, "the shortcuts", &mut violations).await;
    ann.press("Close").await;
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn the_first_page_comes_in_six_requests_that_are_kept() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    let sizes = "const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
        return [all.length, all.reduce((sum, { transferSize }) => sum + transferSize, 0), all.map(({ name }) => name)]";
    let sizes = ann.run_script(sizes, json!([])).await;
    println!("the first page: {} requests, {} bytes with their heads", sizes[0], sizes[1]);
    // Another language adds one request for its texts.
    assert!(sizes[0].as_u64().is_some_and(|requests| requests <= 5), "{sizes}");
    assert!(sizes[1].as_u64().is_some_and(|sum| (30_000..150_000).contains(&sum)), "{sizes}");
    let names = sizes[2].as_array().into_iter().flatten().filter_map(Value::as_str);
    let own = format!("{}/", stage.app.url());
    assert!(names.clone().all(|name| name.starts_with(&own)), "{sizes}");
    let bundled = names.filter_map(|name| name.strip_prefix(&format!("{own}bundle/"))).collect::<Vec<_>>();
    assert!(bundled.len() == 2, "{sizes}");
    for name in bundled {
        let file = stage.app.nobody().get(&format!("/bundle/{name}")).await;
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{name}");
        // A page of another version gets the file as well, but must revalidate it.
        let (stem, kind) =
            (name.split('.').next().unwrap_or_default(), name.rsplit('.').next().unwrap_or_default());
        let other = stage.app.nobody().get(&format!("/bundle/{stem}.AAAA.{kind}")).await;
        assert_eq!((other.status, other.header("cache-control")), (200, "no-cache"), "{name}");
    }
    for path in ["/bundle/none.js", "/bundle/index.html", "/bundle/words.en.js", "/bundle/page"] {
        assert_eq!(stage.app.nobody().get(path).await.status, 404, "{path}");
    }
    ann.close().await;
}
