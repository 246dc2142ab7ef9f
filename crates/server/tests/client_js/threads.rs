//! Threads in the module.

use serde_json::json;

use crate::faults::cut_off;
use crate::world::World;

#[tokio::test]
async fn a_thread_is_followed_while_its_root_is_held_or_not() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let (ann, bob) = tokio::join!(world.person("ann", &link), world.person("bob", &link));
    ann.run("await chat.connect();").await;
    bob.run("await chat.connect();").await;
    let script =
        format!("window.root = await chat.send('{group}', 'root').sent; return [root.thread, root.replies];");
    assert_eq!(ann.run(&script).await, json!([null, null]));
    bob.until(&format!("bodies('{group}').includes('root')")).await;
    bob.run(&format!(
        "window.id = chat.groups.get('{group}').messages[0].id;
        for (const body of ['a', 'b', 'c']) await chat.send('{group}', body, {{ thread: id }}).sent;"
    ))
    .await;
    let count = format!("chat.groups.get('{group}').message(root.id).replies?.count");
    ann.until(&format!("{count} === 3")).await;
    ann.run(&format!(
        "window.changes = 0; window.thread = chat.openThread('{group}', root.id);
        chat.addEventListener('thread', ({{ detail }}) => changes += detail.thread === thread);
        window.texts = () => thread.replies.map(({{ body }}) => body).join('');"
    ))
    .await;
    ann.until("!thread.loading && texts() === 'abc' && thread.root.replies.count === 3 && changes > 0").await;

    // A page that holds the root but no replies still follows the thread.
    bob.run(
        "for (let n = 0; n < 9; n += 1) await chat.send(chat.groups.keys().next().value, `line ${n}`).sent;",
    )
    .await;
    bob.run(&format!(
        "await chat.react(id, '👍', true); await chat.edit(chat.groups.get('{group}').messages[1].id, 'A');"
    ))
    .await;
    ann.until("texts() === 'Abc' && thread.root.reactions['👍']?.count === 1").await;
    ann.run(&format!("await chat.send('{group}', 'd', {{ thread: root.id }}).sent;")).await;
    ann.until("texts() === 'Abcd'").await;
    assert_eq!(
        ann.run(&format!("return chat.groups.get('{group}').message(root.id).replies.names;")).await,
        json!(["ann", "bob"])
    );
    for (body, left) in [("d", "3"), ("c", "2"), ("A", "1"), ("b", "undefined")] {
        let delete = format!(
            "const found = thread.replies.find(({{ body }}) => body === '{body}'); await chat.delete(found.id);"
        );
        if body == "d" {
            ann.run(&delete).await;
        } else {
            bob.run(&format!(
                "const found = chat.groups.get('{group}').messages.find(({{ body }}) => body === '{body}'); await chat.delete(found.id);"
            ))
            .await;
        }
        ann.until(&format!("{count} === {left} && thread.root.replies?.count === {left}")).await;
    }

    // Without its root, a reply becomes an ordinary message, and no reply can be added.
    bob.run(&format!("await chat.send('{group}', 'e', {{ thread: id }}).sent;")).await;
    ann.until("texts() === 'e'").await;
    ann.run("await chat.delete(root.id);").await;
    ann.until("thread.gone && thread.root === null && texts() === 'e'").await;
    bob.until(&format!("chat.groups.get('{group}').latest.thread === null")).await;
    ann.run(&format!(
        "window.failed = chat.send('{group}', 'f', {{ thread: root.id }}); failed.sent.catch(() => {{}});"
    ))
    .await;
    ann.until("thread.unsent[0]?.state === 'failed' && thread.unsent[0].body === 'f'").await;
    assert_eq!(ann.run("return thread.unsent[0].error.fields[0].field;").await, "thread");
    ann.run("chat.discard(failed.client_id); thread.close();").await;
}

#[tokio::test]
async fn thread_has_replies_missed_while_offline() {
    let (world, group) = World::of_two().await;
    let (ann, link) = world.person_with_link("ann").await;
    ann.run("await chat.connect();").await;
    ann.run(&format!(
        "window.root = await chat.send('{group}', 'root').sent;
        await chat.send('{group}', 'a', {{ thread: root.id }}).sent;
        window.thread = chat.openThread('{group}', root.id);
        window.texts = () => thread.replies.map(({{ body, author }}) => `${{author}}:${{body}}`).join(' ');"
    ))
    .await;
    ann.until("texts() === 'ann:a'").await;
    let root = ann.run("return root.id;").await;
    cut_off(&ann, &link).await;
    let service = world.service();
    let reply = async |body: &str| {
        let message = json!({ "group": group, "body": body, "thread": root, "author": "bob" });
        service.post("messages/", message).await.ok(201)["id"].as_str().expect("an id").to_owned()
    };
    let gone = reply("b").await;
    reply("c").await;
    service.delete(&format!("messages/{gone}/")).await.ok(200);
    service.patch("users/bob/", json!({ "new_name": "rob" })).await.ok(200);
    link.restore();
    ann.until("texts() === 'ann:a rob:c' && thread.root.replies.count === 2").await;
    assert_eq!(ann.run("return thread.root.replies.names;").await, json!(["rob", "ann"]));
}

#[tokio::test]
async fn reloaded_thread_has_no_replies_that_were_deleted() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(
        "window.WebSocket = class extends WebSocket {
            constructor(...given) { super(...given); window.socket = this; }
        };
        await chat.connect();",
    )
    .await;
    ann.run(&format!(
        "window.root = await chat.send('{group}', 'root').sent;
        for (const body of ['a', 'b']) await chat.send('{group}', body, {{ thread: root.id }}).sent;
        window.thread = chat.openThread('{group}', root.id);"
    ))
    .await;
    ann.until("thread.replies.length === 2 && !thread.loading").await;
    // As after an absence with more events than a resume sends.
    let last = ann.run("socket.onmessage = null; return thread.replies[1].id;").await;
    world.service().delete(&format!("messages/{}/", last.as_str().expect("an id"))).await.ok(200);
    let reloaded = "await thread.load(); return thread.replies.map(({ body }) => body);";
    assert_eq!(ann.run(reloaded).await, json!(["a"]));
}
