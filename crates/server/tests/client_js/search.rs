//! Search with the module.

use chinwag_testkit::wait::Wait;
use serde_json::json;

use crate::faults::connect;
use crate::world::World;

#[tokio::test]
async fn a_search_finds_and_may_be_cancelled() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    connect(&ann).await;
    let service = world.service();
    service.put("users/bob/", json!({ "display_name": "Bean" })).await.ok(200);
    for number in 0..5 {
        let author = if number == 0 { "ann" } else { "bob" };
        let sent = json!({ "group": group, "author": author, "body": format!("😀 bean {number}") });
        service.post("messages/", sent).await.ok(201);
    }
    let found = "const { people, groups, messages } = await chat.search('bea*');
        return [people.map(({ name }) => name), groups, messages.map(({ body, marks, mentions, group }) => [body, marks, mentions, group])[0]];";
    assert_eq!(ann.run(found).await, json!([["bob"], [], ["😀 bean 4", [[2, 4]], [], group]]));
    let indexing =
        "return [(await chat.search('bean')).indexing, (await chat.searchMessages({ q: 'bean' })).indexing];";
    let wait = Wait::begin();
    while ann.run(indexing).await != json!([null, null]) {
        wait.step(|| "the index of a new store is not whole").await;
    }
    let pages = "const bodies = []; let cursor = null; let pages = 0;
        do {
            const page = await chat.searchMessages({ q: 'bean', author: 'bob', group: [...chat.groups.keys()][0], has: '', limit: 3, cursor });
            bodies.push(...page.messages.map(({ body }) => body));
            [cursor, pages] = [page.next, pages + 1];
        } while (cursor);
        return [bodies, pages > 1];";
    let bodies = ["😀 bean 4", "😀 bean 3", "😀 bean 2", "😀 bean 1"];
    assert_eq!(ann.run(pages).await, json!([bodies, true]));
    let dates = "const long = 3_600_000; const all = async (asked) => (await chat.searchMessages({ q: 'bean', ...asked })).messages.length;
        return [await all({ after: new Date(Date.now() - long) }), await all({ before: new Date(Date.now() - long).toISOString() })];";
    assert_eq!(ann.run(dates).await, json!([5, 0]));
    let refused =
        "return chat.searchMessages({ q: '-bean' }).catch(({ code, fields }) => [code, fields[0].field]);";
    assert_eq!(ann.run(refused).await, json!([400, "q"]));
    let cancelled = "const stop = new AbortController();
        const asked = chat.search('bean', { signal: stop.signal });
        stop.abort();
        const late = chat.searchMessages({ q: 'bean', signal: stop.signal });
        return Promise.all([asked, late].map((each) => each.then(() => 'found', ({ code, message }) => [code, message])));";
    let error = json!([0, "The request was cancelled."]);
    assert_eq!(ann.run(cancelled).await, json!([error, error]));
    assert_eq!(ann.run("return faults();").await, json!([]));
}
