//! A user with more conversations than the page loads at first.

use chinwag_testkit::trial::{report, times};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::page::Page;
use crate::{PASSWORD, Stage, sign};

/// Groups of ann and bob with a message by bob, least active first. Their names end with their number.
async fn groups(stage: &Stage, count: usize) -> Vec<String> {
    let service = stage.app.service();
    let mut groups = Vec::new();
    let numbers: Vec<_> = (0..count).collect();
    for numbers in numbers.chunks(16) {
        let made = numbers.iter().map(async |number| {
            let group = json!({ "name": format!("Group {number}"), "author": "ann", "members": ["bob"] });
            let made = service.post("groups/", group).await.ok(201);
            made["id"].as_str().expect("an id").to_owned()
        });
        groups.extend(join_all(made).await);
    }
    for (number, group) in groups.iter().enumerate() {
        say(stage, group, &format!("word{number}")).await;
    }
    groups
}

async fn say(stage: &Stage, group: &str, body: &str) {
    let message = json!({ "group": group, "author": "bob", "body": body });
    stage.app.service().post("messages/", message).await.ok(201);
}

/// ann's page after she has signed in to many conversations.
async fn ann_of(stage: &Stage, count: usize) -> (Page, Vec<String>) {
    let ann = stage.person("ann").await;
    stage.app.user("bob").await;
    ann.press("Your profile").await;
    ann.press("Sign out").await;
    ann.sees("Sign in").await;
    let groups = groups(stage, count).await;
    sign(&ann, "ann", PASSWORD, "Sign in").await;
    ann.sees(&format!("Group {}", count - 1)).await;
    (ann, groups)
}

const OPEN: &str = "return part('Conversation')[0]?.innerText.includes(arguments[0]) === true && message(arguments[1]).length === 1";

/// Waits until a conversation with this message is open.
async fn is_in(page: &Page, name: &str, body: &str) {
    page.wait_for(&format!("be in {name}"), OPEN, json!([name, body])).await;
}

#[tokio::test]
async fn unloaded_conversations_are_counted_and_found() {
    let stage = Stage::open().await;
    let (ann, groups) = ann_of(&stage, 70).await;
    ann.sees_title("(70) Chinwag").await;
    let all = "const client = document.querySelector('chinwag-chat').client; return client.groups.size + client.moreGroups";
    assert_eq!(ann.run(all).await, 70);
    // By its URL.
    ann.run(&format!("location.hash = '#{}';", groups[0])).await;
    is_in(&ann, "Group 0", "word0").await;
    ann.sees_title("(69) Chinwag").await;
    ann.run(&format!("location.hash = '#{}';", groups[1])).await;
    ann.reload().await;
    is_in(&ann, "Group 1", "word1").await;
    // By search.
    ann.press("Search").await;
    ann.fill("Search people, groups and messages", "word12").await;
    let hit = "const where = walk(document).find((each) => each.matches('[role=option] .where') && each.innerText === 'Group 12');
        where?.click(); return where !== undefined";
    ann.wait_for("choose what was found", hit, json!([])).await;
    is_in(&ann, "Group 12", "word12").await;
    ann.close().await;
}

#[tokio::test]
async fn a_message_brings_its_conversation_to_the_top() {
    let stage = Stage::open().await;
    let (ann, groups) = ann_of(&stage, 60).await;
    say(&stage, &groups[3], "come here").await;
    let top = "const first = part('Conversation list')[0]?.querySelector('.entry'); return first?.innerText.includes('Group 3') && first.innerText.includes('come here')";
    ann.wait_for("see it at the top", top, json!([])).await;
    ann.sees_title("(61) Chinwag").await;
    ann.press("Group 3").await;
    is_in(&ann, "Group 3", "come here").await;
    ann.sees_once("word3").await;
    ann.sees_title("(59) Chinwag").await;
    ann.close().await;
}

#[tokio::test]
async fn the_list_is_searched_beyond_what_is_here() {
    let stage = Stage::open().await;
    let (ann, _) = ann_of(&stage, 160).await;
    ann.fill("Find a conversation", "Group 7").await;
    let found = "const titles = [...part('Conversation list')[0].querySelectorAll('.entry .name')].map((each) => each.innerText);
        return titles.length === 11 && titles.includes('Group 7') && titles.includes('Group 70')";
    ann.wait_for("find eleven", found, json!([])).await;
    ann.fill("Find a conversation", "").await;
    ann.press("Group 159").await;
    is_in(&ann, "Group 159", "word159").await;
    ann.close().await;
}

#[tokio::test]
async fn two_thousand_conversations_begin_small() {
    let stage = Stage::open().await;
    let (ann, groups) = ann_of(&stage, 2000).await;
    ann.reload().await;
    ann.sees("Group 1999").await;
    let seen = ann.run("return Math.round(performance.now())").await;
    ann.sees_title("(99+) Chinwag").await;
    let sizes = "const api = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/'));
        const client = document.querySelector('chinwag-chat').client;
        return [api.length, api.reduce((sum, { transferSize }) => sum + transferSize, 0), client.groups.size, client.moreGroups, api.map(({ name }) => name.split('/api/v1/')[1])]";
    let sizes = ann.run(sizes).await;
    println!(
        "2,000 conversations: the first message after {seen} ms; requests, bytes, groups here, others: {sizes}"
    );
    assert_eq!((&sizes[2], &sizes[3]), (&Value::from(50), &Value::from(1950)), "{sizes}");
    assert!(sizes[0].as_u64().is_some_and(|requests| requests <= 6), "{sizes}");
    assert!(sizes[1].as_u64().is_some_and(|size| size < 20_000), "{sizes}");
    let first = "part('Conversation list')[0].querySelector('.entry').focus(); return true";
    ann.wait_for("have the focus in the list", first, json!([])).await;
    let pressed = json!({ "type": "rawKeyDown", "key": "End", "code": "End", "windowsVirtualKeyCode": 35 });
    ann.devtools("Input.dispatchKeyEvent", pressed).await;
    let last = "const focused = walk(document).find((each) => each.matches('.entry:focus'));
        return focused?.querySelector('.name').innerText === 'Group 0'";
    ann.wait_for("reach the last one", last, json!([])).await;
    let drawn = "const list = part('Conversation list')[0];
        return list.querySelectorAll('li').length < 60 && list.querySelectorAll('[tabindex=\"0\"]').length === 1";
    ann.wait_for("draw a part of the list", drawn, json!([])).await;
    ann.run(&format!("location.hash = '#{}';", groups[1000])).await;
    is_in(&ann, "Group 1000", "word1000").await;
    ann.close().await;
}

#[tokio::test]
async fn many_contacts_are_drawn_where_they_are_seen() {
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let names: Vec<_> = (0..150).map(|number| format!("friend{number:03}")).collect();
    for names in names.chunks(16) {
        join_all(names.iter().map(async |name| {
            service.user(name).await;
            for (author, name) in [("ann", name.as_str()), (name, "ann")] {
                let contact = json!({ "author": author, "name": name, "operation": "contact" });
                service.patch(&format!("users/{author}/"), json!({ "contact": contact })).await.ok(200);
            }
        }))
        .await;
    }
    ann.press("People").await;
    let drawn = "const list = walk(document).find((each) => each.matches('ul.contacts'));
        const rows = [...(list?.querySelectorAll('li') ?? [])];
        return rows.length > 5 && rows.length < 60 && rows[0].innerText.includes('friend000') && rows[0].ariaSetSize === '150'";
    ann.wait_for("draw a part of the contacts", drawn, json!([])).await;
    let focus = "walk(document).find((each) => each.matches('ul.contacts li button')).focus(); return true";
    ann.wait_for("have the focus in the contacts", focus, json!([])).await;
    let pressed = json!({ "type": "rawKeyDown", "key": "End", "code": "End", "windowsVirtualKeyCode": 35 });
    ann.devtools("Input.dispatchKeyEvent", pressed).await;
    let last = "const row = walk(document).find((each) => each.matches('ul.contacts li button:focus'))?.closest('li');
        const { top, bottom } = row?.getBoundingClientRect() ?? {};
        return row?.innerText.includes('friend149') && top >= 0 && bottom <= innerHeight";
    ann.wait_for("reach the last contact", last, json!([])).await;
    ann.close().await;
}

/// In a release build on an idle machine, no frame takes 100 ms with 10,000 members.
#[tokio::test]
async fn large_group_is_opened_and_its_members_are_found() {
    let count = times(1_500, 10_000);
    let stage = Stage::open().await;
    let ann = stage.person("ann").await;
    let service = stage.app.service();
    let names: Vec<_> = (1..count).map(|number| format!("member{number:04}")).collect();
    for names in names.chunks(64) {
        join_all(names.iter().map(|name| service.post("users/", json!({ "name": name })))).await;
    }
    let group = json!({ "name": "Everybody", "author": "ann", "members": names });
    let group = service.post("groups/", group).await.ok(201)["id"].clone();
    let hello = json!({ "group": group, "author": "member0001", "body": "hello" });
    service.post("messages/", hello).await.ok(201);
    ann.reload().await;
    ann.sees("Everybody").await;
    ann.run(
        "window.longest = {}; window.doing = 'opens';
        new PerformanceObserver((list) => { for (const { duration } of list.getEntries())
            longest[doing] = Math.max(longest[doing] ?? 0, Math.round(duration)); }).observe({ type: 'longtask' });",
    )
    .await;
    ann.press("Everybody").await;
    ann.sees("hello").await;
    ann.run("doing = 'members';").await;
    ann.press("Group details").await;
    ann.sees(&count.to_string()).await;
    ann.sees("member0005").await;
    ann.run("doing = 'search';").await;
    ann.fill("Search members", "member14").await;
    ann.sees("member1400").await;
    report(
        "a large group on the page",
        format!("{count} members"),
        format!("ms of the longest tasks: {}", ann.run("return longest").await),
    );
    ann.close().await;
}
