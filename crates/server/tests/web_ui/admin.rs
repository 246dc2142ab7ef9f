//! The administration page at `/admin/`.

use chinwag_testkit::browser::Key;
use chinwag_testkit::wait::Wait;
use reqwest::Method;
use serde_json::json;

use crate::access::check_accessibility;
use crate::page::Page;
use crate::{PASSWORD, Stage, sign};

async fn account(stage: &Stage, name: &str) {
    let account = json!({ "name": name, "password": PASSWORD });
    stage.app.nobody().post("accounts/", account).await.ok(201);
}

/// Opens the page and signs a user in.
async fn sign_in(stage: &Stage, name: &str) -> Page {
    let page = Page::open(name, &format!("{}/admin/", stage.app.url())).await;
    sign(&page, name, PASSWORD, "Sign in").await;
    page
}

/// An administrator signed in on the page.
async fn administrator(stage: &Stage, name: &str) -> Page {
    account(stage, name).await;
    stage.app.service().patch(&format!("users/{name}/"), json!({ "admin": true })).await.ok(200);
    let page = sign_in(stage, name).await;
    page.sees("Users connected").await;
    page
}

/// Makes requests that end a session fail.
const OFFLINE: &str = "window.ask = window.fetch;
    window.fetch = (url, options) => (options?.method === 'DELETE' ? Promise.reject(new TypeError('offline')) : ask(url, options));";

/// Opens a section by its link.
async fn open_section(page: &Page, part: &str) {
    let script = "const link = [...document.querySelectorAll('nav a')].find((each) => tidy(each.textContent) === arguments[0]);
        link?.click(); return document.querySelector('h1')?.textContent === arguments[0];";
    page.wait_for(&format!("open “{part}”"), script, json!([part])).await;
}

#[tokio::test]
async fn user_who_is_no_administrator_is_refused() {
    let stage = Stage::open().await;
    account(&stage, "eve").await;
    let eve = sign_in(&stage, "eve").await;
    eve.sees("eve is not an administrator").await;
    eve.run(OFFLINE).await;
    eve.press("Sign out").await;
    eve.sees("The server cannot be reached.").await;
    eve.run("window.fetch = ask;").await;
    eve.press("Sign out").await;
    eve.wait_for("sign in again", "return button('Sign in') !== null", json!([])).await;
    eve.sees_no("The server cannot be reached.").await;
    eve.close().await;
}

#[tokio::test]
async fn administrator_suspends_a_user_for_a_time() {
    let special = ("users.special".to_owned(), json!(["admin", "system", "tournament"]));
    let stage = Stage::with(|options| options.http.settings.extend([special])).await;
    let (bob, eve) = (stage.app.user("bob").await, stage.app.user("eve").await);
    bob.post("groups/", json!({ "name": "The garden", "members": ["eve"] })).await.ok(201);
    let root = administrator(&stage, "root").await;
    open_section(&root, "Groups").await;
    root.sees("The garden").await;
    open_section(&root, "Users").await;
    root.fill("Name begins with", "eve").await;
    root.key(Key::Enter).await;
    root.wait_for("see eve alone", "return document.querySelectorAll('tbody tr').length === 1", json!([]))
        .await;
    root.press("Suspend").await;
    root.fill("Reason", "advertising").await;
    root.press("Suspend").await;
    root.sees("Suspended until").await;
    let refused = eve.get("users/eve/").await.ok(403);
    assert!(refused["detail"].as_str().expect("a reason").contains("advertising"), "{refused}");
    // The table fits into the window, on narrow screens, too.
    let whole = "const table = document.querySelector('.wide'); const links = [...document.querySelectorAll('nav a')];
        return table.scrollWidth === table.clientWidth && links.every((each) => each.getBoundingClientRect().right <= innerWidth)";
    root.fill("Name begins with", "").await;
    root.key(Key::Enter).await;
    root.sees("tournament").await;
    for width in [390, 1280] {
        root.resize(width, 800).await;
        root.wait_for(&format!("see all at {width}"), whole, json!([])).await;
    }
    // Only Bob can be suspended: administrators and special users are exempt.
    let offers = "return [...document.querySelectorAll('tbody tr')].filter((row) => [...row.querySelectorAll('button')].some((each) => nameOf(each) === 'Suspend'))
        .map((row) => tidy(row.cells[0].textContent)).join() === 'bob'";
    root.wait_for("suspend bob alone", offers, json!([])).await;
    let special = "const row = [...document.querySelectorAll('tbody tr')].find((each) => each.cells[0].textContent === 'tournament');
        return row.innerText.includes('Special') && row.querySelector('button') === null && pageText().includes('Signed up here')";
    root.wait_for("do nothing with special users", special, json!([])).await;
    root.press("Suspend").await;
    root.press("Suspend").await;
    let suspended = "return [...document.querySelectorAll('tbody .warn')].length === 2";
    root.wait_for("need no reason", suspended, json!([])).await;
    root.fill("Name begins with", "eve").await;
    root.key(Key::Enter).await;
    root.wait_for("see eve alone", "return document.querySelectorAll('tbody tr').length === 1", json!([]))
        .await;
    root.press("End the suspension").await;
    root.sees("End the suspension of eve?").await;
    root.press("End the suspension").await;
    root.wait_for("see no suspension", "return !pageText().includes('Suspended until')", json!([])).await;
    eve.get("users/eve/").await.ok(200);
    root.press("Sign out everywhere").await;
    root.sees("Sign eve out everywhere?").await;
    root.press("Sign out everywhere").await;
    let wait = Wait::begin();
    while eve.get("users/eve/").await.status != 401 {
        wait.step(|| "eve is signed in").await;
    }
    open_section(&root, "Settings").await;
    root.sees("As they are in force").await;
    root.close().await;
}

#[tokio::test]
async fn administrator_handles_reports() {
    let stage = Stage::open().await;
    let (bob, eve) = (stage.app.user("bob").await, stage.app.user("eve").await);
    let group = bob.post("groups/", json!({ "name": "The garden", "members": ["eve"] })).await.ok(201);
    let mut messages = Vec::new();
    for body in ["cheap watches", "good evening"] {
        let sent = eve.post("messages/", json!({ "group": group["id"], "body": body })).await.ok(201);
        let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
        bob.post(&format!("{path}reports/"), json!({ "reason": "advertising" })).await.ok(201);
        messages.push(path);
    }
    let root = administrator(&stage, "root").await;
    open_section(&root, "Reports").await;
    root.sees("cheap watches").await;
    root.sees("The garden").await;
    // The newest report is in the first row.
    root.press("Dismiss").await;
    root.sees("Dismiss this report?").await;
    root.fill("Note", "no advertising").await;
    root.press("Dismiss").await;
    root.sees("no advertising").await;
    root.sees("No longer kept").await;
    root.press("Delete the message").await;
    root.sees("Delete this message for everyone?").await;
    root.press("Delete the message").await;
    root.wait_for(
        "see no open report",
        "return ![...document.querySelectorAll('.tag')].some((each) => each.textContent === 'Open')",
        json!([]),
    )
    .await;
    bob.get(&messages[0]).await.ok(404);
    bob.get(&messages[1]).await.ok(200);
    let reports = stage.app.service().get("reports/").await.ok(200);
    let states: Vec<_> = reports
        .as_array()
        .expect("a list")
        .iter()
        .map(|report| (&report["state"], &report["note"]))
        .collect();
    assert_eq!(states, [(&json!("dismissed"), &json!("no advertising")), (&json!("resolved"), &json!(null))]);
    root.close().await;
}

#[tokio::test]
async fn administrator_finds_entries_of_the_audit_log() {
    let stage = Stage::open().await;
    let service = stage.app.service();
    // More than one page.
    for number in 0..60 {
        service.post("users/", json!({ "name": format!("user{number}") })).await.ok(201);
    }
    service.delete("users/user0/").await.ok(200);
    let root = administrator(&stage, "root").await;
    open_section(&root, "Audit log").await;
    let rows = "document.querySelectorAll('tbody tr').length";
    root.wait_for("see one page", &format!("return {rows} === 50"), json!([])).await;
    root.press("Show more").await;
    root.wait_for("see the rest", &format!("return {rows} > 60"), json!([])).await;
    for (label, value, count) in [("Target", "user0", 2), ("Action", "user.delete", 1), ("Actor", "root", 0)]
    {
        root.fill(label, value).await;
        root.key(Key::Enter).await;
        let seen = format!("return {rows} === arguments[0]");
        root.wait_for(&format!("see {count} entries of {value}"), &seen, json!([count])).await;
    }
    root.sees("Nothing to show").await;
    root.reports_errors(&[]).await;
    root.close().await;
}

#[tokio::test]
async fn administrator_sees_who_uses_the_quota_of_files() {
    let stage = Stage::open().await;
    let bob = stage.app.user("bob").await;
    for name in ["plan.txt", "notes.txt"] {
        let sent = bob.request(Method::POST, &format!("files/?name={name}")).body("x".repeat(1500));
        bob.send(sent).await.ok(201);
    }
    let root = administrator(&stage, "root").await;
    open_section(&root, "Files and quotas").await;
    root.sees("3 kB").await;
    root.sees("0 bytes").await;
    root.press("Show files").await;
    root.sees("Files of bob").await;
    root.sees("plan.txt").await;
    root.sees("notes.txt").await;
    let (mut violations, rows) = (Vec::new(), "document.querySelectorAll('tbody tr').length");
    check_accessibility(&root, "files of a user", &mut violations).await;
    assert_eq!(violations, [""; 0]);
    root.press("All users").await;
    root.fill("Name begins with", "ro").await;
    root.key(Key::Enter).await;
    root.wait_for("see root alone", &format!("return {rows} === 1"), json!([])).await;
    root.close().await;
}

#[tokio::test]
async fn axe_objects_to_nothing_in_administration() {
    let stage = Stage::open().await;
    stage.app.user("bob").await;
    let (root, mut violations) = (administrator(&stage, "root").await, Vec::new());
    for part in
        ["Users", "Groups", "Reports", "Files and quotas", "Webhooks", "Audit log", "Settings", "Overview"]
    {
        open_section(&root, part).await;
        check_accessibility(&root, part, &mut violations).await;
    }
    open_section(&root, "Users").await;
    root.press("Suspend").await;
    check_accessibility(&root, "a question", &mut violations).await;
    assert_eq!(violations, [""; 0]);
    root.reports_errors(&[]).await;
    root.close().await;
}

#[tokio::test]
async fn sign_out_that_fails_says_so() {
    let stage = Stage::open().await;
    let root = administrator(&stage, "root").await;
    root.run(OFFLINE).await;
    root.press("Sign out").await;
    root.sees("The server cannot be reached.").await;
    root.sees("Users connected").await;
    root.close().await;
}

#[tokio::test]
async fn late_answer_to_a_former_filter_is_dropped() {
    let stage = Stage::open().await;
    for name in ["bob", "eve"] {
        stage.app.user(name).await;
    }
    let root = administrator(&stage, "root").await;
    open_section(&root, "Users").await;
    root.sees("eve").await;
    root.run(
        "const ask = window.fetch;
        window.fetch = async (url, options) => {
            const answer = await ask(url, options);
            if (url.includes('q=eve')) await new Promise((go) => (window.release = go));
            return answer;
        };",
    )
    .await;
    for name in ["eve", "bob"] {
        root.fill("Name begins with", name).await;
        root.key(Key::Enter).await;
    }
    let bob = "return [...document.querySelectorAll('tbody tr')].map((row) => tidy(row.cells[0].textContent)).join() === 'bob'";
    root.wait_for("see bob alone", bob, json!([])).await;
    root.run("window.release();").await;
    let stays = format!("for (let frames = 0; frames < 5; frames += 1) await drawn(); {bob}");
    assert_eq!(root.run_async(&stays).await, true);
    root.close().await;
}

#[tokio::test]
async fn metrics_are_not_read_after_the_session_has_ended() {
    let stage = Stage::open().await;
    let root = administrator(&stage, "root").await;
    root.run(
        "const [ask, wait] = [window.fetch, window.setTimeout];
        window.polls = 0;
        window.setTimeout = (work, delay, ...given) => wait(work, delay === 2000 ? 0 : delay, ...given);
        window.fetch = async (url, options) => {
            if (url.endsWith('/metrics')) window.polls += 1;
            if (!url.includes('/users/?')) return ask(url, options);
            await new Promise((go) => (window.release = go));
            const headers = { 'Content-Type': 'application/problem+json' };
            return new Response('{\"detail\": \"the token has expired\"}', { status: 401, headers });
        };",
    )
    .await;
    open_section(&root, "Users").await;
    root.wait_for("ask for the users", "return window.release !== undefined", json!([])).await;
    open_section(&root, "Overview").await;
    root.wait_for("read the metrics", "return window.polls > 5", json!([])).await;
    root.run("window.release();").await;
    root.wait_for("sign in again", "return button('Sign in') !== null", json!([])).await;
    let over = "const before = window.polls; for (let frames = 0; frames < 5; frames += 1) await drawn(); return window.polls === before";
    assert_eq!(root.run_async(over).await, true);
    root.close().await;
}

#[tokio::test]
async fn figures_return_after_a_failure() {
    let stage = Stage::open().await;
    let root = administrator(&stage, "root").await;
    root.run("window.ask = window.fetch;
        window.fetch = (url, options) => (String(url).endsWith('/metrics') ? Promise.resolve(new Response('', { status: 503 })) : ask(url, options));")
        .await;
    root.sees("The server does not give its figures at the moment.").await;
    root.sees("Users connected").await;
    root.run("window.fetch = ask;").await;
    root.sees_no("The server does not give its figures").await;
    root.close().await;
}
