//! That everybody can use it: axe-core's rules on each main state, light and dark.

use serde_json::json;

use crate::page::Page;
use crate::{Stage, begin_with, make_group, write_to};

const AXE: &str = include_str!("vendor/axe.min.js");

/// The objections of axe-core, by rule and element.
const RUN: &str = "const { violations } = await axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`);";

/// Looks at the page as it is now, light and dark.
async fn look(page: &Page, state: &str, wrongs: &mut Vec<String>) {
    for dark in [false, true] {
        page.dark(dark).await;
        page.run(AXE).await;
        // Colours that are on their way to others are none.
        let still = "await Promise.all(document.getAnimations().map((each) => each.finished));
            await new Promise((done) => setTimeout(done, 150));";
        let found = page.run_async(&format!("{still} {RUN}")).await;
        if found != json!([]) {
            wrongs.push(format!("{state}, {}: {found:#}", if dark { "dark" } else { "light" }));
        }
    }
}

#[tokio::test]
async fn axe_objects_to_nothing_in_any_main_state() {
    let mut stage = Stage::open().await;
    let mut wrongs = Vec::new();
    let ann = stage.browser("ann").await;
    ann.press("Sign in").await;
    ann.sees("This field is required.").await;
    look(&ann, "the sign-in with a refusal", &mut wrongs).await;
    crate::sign(&ann, "ann", crate::PASSWORD, "Sign up").await;
    ann.sees("No conversation yet").await;
    look(&ann, "nothing yet", &mut wrongs).await;

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
    look(&ann, "a refused message", &mut wrongs).await;
    write_to(&ann, "bob", "hello, see https://example.org").await;
    ann.act("hello, see https://example.org", "Reply").await;
    look(&ann, "a conversation, about to reply", &mut wrongs).await;
    make_group(&ann, "The garden", "bob cat dan").await;
    ann.say("who waters?").await;
    ann.press("Group details").await;
    ann.sees_in("Members", "dan").await;
    look(&ann, "a group's details", &mut wrongs).await;
    ann.press("People").await;
    ann.press("Accept bob").await;
    ann.sees_in("Contacts", "bob").await;
    ann.fill("Invite as a contact", "dan").await;
    ann.press("Invite").await;
    ann.press("Block eve").await;
    look(&ann, "a question", &mut wrongs).await;
    ann.press("Block").await;
    ann.sees_in("Blocked", "eve").await;
    look(&ann, "people", &mut wrongs).await;
    ann.press("New conversation").await;
    ann.press("A group").await;
    look(&ann, "a new conversation", &mut wrongs).await;
    ann.press("Close").await;
    ann.press("Your profile").await;
    look(&ann, "the profile", &mut wrongs).await;
    ann.press("Delete account").await;
    look(&ann, "the end of an account", &mut wrongs).await;
    ann.press("Cancel").await;
    ann.press("Close").await;
    ann.resize(320, 640).await;
    look(&ann, "a narrow screen", &mut wrongs).await;
    ann.resize(1280, 800).await;
    stage.app.stop().await;
    ann.sees("Connection lost").await;
    ann.say("kept").await;
    ann.sees("Waiting for the connection…").await;
    look(&ann, "the connection lost", &mut wrongs).await;
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    ann.close().await;
}

#[tokio::test]
async fn the_first_page_comes_whole_in_less_than_a_hundred_kilobytes() {
    let stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.sees("Sign in").await;
    let sizes = "const all = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
        return [all.length, all.reduce((sum, { transferSize }) => sum + transferSize, 0), all.map(({ name }) => name)]";
    let sizes = ann.look(sizes, json!([])).await;
    println!("the first page: {} files, {} bytes with their heads", sizes[0], sizes[1]);
    assert!(sizes[1].as_u64().is_some_and(|sum| (30_000..100_000).contains(&sum)), "{sizes}");
    let own = format!("{}/", stage.app.url());
    let foreign = sizes[2]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|name| !name.as_str().is_some_and(|name| name.starts_with(&own)));
    assert_eq!(foreign.count(), 0, "{sizes}");
    ann.close().await;
}
