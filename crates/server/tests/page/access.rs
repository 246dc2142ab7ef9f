//! That everybody can use it: axe-core's rules on each main state, light and dark.

use serde_json::json;

use crate::page::Page;
use crate::{Stage, begin_with, make_group, write_to};

const AXE: &str = include_str!("vendor/axe.min.js");

/// What axe-core objects to, by rule and place.
const RUN: &str = "const { violations } = await axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join('; ')}`);";

/// Looks at the page as it is now, light and dark.
async fn holds(page: &Page, state: &str) {
    for dark in [false, true] {
        page.dark(dark).await;
        page.run(AXE).await;
        // Colours that are on their way to others are none.
        let still = "await Promise.all(document.getAnimations().map((each) => each.finished));
            await new Promise((done) => setTimeout(done, 150));";
        let found = page.run_async(&format!("{still} {RUN}")).await;
        assert_eq!(found, json!([]), "{state}, {}", if dark { "dark" } else { "light" });
    }
}

#[tokio::test]
async fn axe_objects_to_nothing_in_any_main_state() {
    let mut stage = Stage::open().await;
    let ann = stage.browser("ann").await;
    ann.press("Sign in").await;
    ann.sees("Fill this in.").await;
    holds(&ann, "the sign-in with a refusal").await;
    crate::sign(&ann, "ann", crate::PASSWORD, "Sign up").await;
    ann.sees("No conversation yet").await;
    holds(&ann, "nothing yet").await;

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
    ann.sees("Write something first.").await;
    holds(&ann, "a refused message").await;
    write_to(&ann, "bob", "hello, see https://example.org").await;
    ann.act("hello, see https://example.org", "Reply").await;
    holds(&ann, "a conversation, about to reply").await;
    make_group(&ann, "The garden", "bob cat dan").await;
    ann.say("who waters?").await;
    ann.press("Group details").await;
    ann.sees_in("Members", "dan").await;
    holds(&ann, "a group's details").await;
    ann.press("People").await;
    ann.press("Accept bob").await;
    ann.sees_in("Contacts", "bob").await;
    ann.fill("Invite as a contact", "dan").await;
    ann.press("Invite").await;
    ann.press("Block eve").await;
    holds(&ann, "a question").await;
    ann.press("Block").await;
    ann.sees_in("Blocked", "eve").await;
    holds(&ann, "people").await;
    ann.press("New conversation").await;
    ann.press("A group").await;
    holds(&ann, "a new conversation").await;
    ann.press("Close").await;
    ann.press("Your profile").await;
    holds(&ann, "the profile").await;
    ann.press("Delete account").await;
    holds(&ann, "the end of an account").await;
    ann.press("Cancel").await;
    ann.press("Close").await;
    ann.resize(320, 640).await;
    holds(&ann, "a narrow screen").await;
    ann.resize(1280, 800).await;
    stage.app.stop().await;
    ann.sees("Connection lost").await;
    ann.say("kept").await;
    ann.sees("Waiting for the connection…").await;
    holds(&ann, "the connection lost").await;
    ann.close().await;
}
