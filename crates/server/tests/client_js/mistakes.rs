//! Mistakes of an application are rejected at once and block nothing else.

use serde_json::json;

use crate::world::World;

/// Stores an outbox message that no version can send, as an earlier version may have left it.
const KEPT: &str = "const database = await new Promise((done) => { const asked = indexedDB.open('chinwag'); asked.onsuccess = () => done(asked.result); });
    const put = database.transaction('unsent', 'readwrite').objectStore('unsent').put({
        client_id: 'kept', owner: `${chat.server} ann ${chat.account}`, tab: 'an earlier one', group: null, to: 'bob', body: 'kept',
        respond_to: null, data: { order: 1n }, date: new Date().toISOString(), failed: null });
    await new Promise((done) => (put.onsuccess = done));";

#[tokio::test]
async fn message_without_json_is_refused_and_blocks_nothing() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("await chat.connect();").await;
    let refused = "const cycle = {};
        cycle.cycle = cycle;
        const refused = (...given) => { try { chat.send(...given); return 'sent'; } catch ({ name, message }) { return `${name}: ${message}`.split('\\n')[0]; } };
        const of = (data) => refused({ to: 'bob' }, 'hello', { data });
        return [of({ order: 1n }), of(cycle), of({ f() {} }), refused(null, 'hello'), refused({ to: 'bob' }, 5), chat.unsentCount];";
    let messages = json!([
        "TypeError: A message must have a form in JSON: \"order\" is a bigint.",
        "TypeError: A message must have a form in JSON: Converting circular structure to JSON",
        "TypeError: A message must have a form in JSON: \"f\" is a function.",
        "TypeError: A message needs a receiver: the id of a group, { group: id } or { to: name }.",
        "TypeError: The body of a message must be a text, and is a number.",
        0
    ]);
    assert_eq!(ann.run(refused).await, messages);
    ann.run(&format!("{KEPT} chat.close(); await chat.connect();")).await;
    ann.until("chat.unsentTo('bob')[0]?.state === 'failed'").await;
    let why = "return [chat.unsentTo('bob')[0].error.code, (await chat.send({ to: 'bob' }, 'after').sent).body, chat.persistent]";
    assert_eq!(ann.run(why).await, json!([400, "after", true]));
    let unknown = format!(
        "return Promise.all(['{}', 'junk'].map((id) => chat.send(id, 'hello').sent.catch(({{ code }}) => code)))",
        group.replace(char::is_alphanumeric, "0")
    );
    assert_eq!(ann.run(&unknown).await, json!([404, 404]));
    // The server would close the connection for a frame that is too long.
    let long = format!(
        "return Promise.all(['x'.repeat(70_000), 'é'.repeat(40_000)].map((text) =>
            chat.send('{group}', 'long', {{ data: {{ text }} }}).sent.catch(({{ code }}) => code)));"
    );
    assert_eq!(ann.run(&long).await, json!([413, 413]));
    let after = format!("return (await chat.send('{group}', 'after').sent).body");
    assert_eq!(ann.run(&after).await, "after", "refused messages block nothing");
    ann.until("chat.state === 'ready'").await;
    let field = "return chat.changeUser({ display_name: 5 }).catch(({ message }) => message)";
    assert_eq!(ann.run(field).await, "Display name must be a text or null.");
}

#[tokio::test]
async fn token_function_without_a_text_is_asked_again() {
    let (world, _) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("window.Chinwag = chat.constructor; window.answers = [undefined, {}, '']; window.problems = [];
        window.fine = new Chinwag({ server: chat.server, token: () => answers.length ? answers.shift() : fetch('/token?user=ann').then((answer) => answer.text()) });
        fine.addEventListener('state', () => { if (fine.state === 'waiting') { problems.push([fine.problem.setup, fine.problem.message]); queueMicrotask(() => fine.retry()); } });
        await fine.connect();").await;
    let problem = |what: &str| {
        json!([
            "token",
            format!(
                "No token is available: the function must return a text, and what it returned is {what}."
            )
        ])
    };
    assert_eq!(
        ann.run("return [problems, fine.me]").await,
        json!([[problem("undefined"), problem("an object"), problem("empty")], "ann"])
    );
    let made = "return [Promise.resolve('x'), null, 5].map((token) => { try { new Chinwag({ token }); } catch (error) { return error.name; } })";
    assert_eq!(ann.run(made).await, json!(["TypeError", "TypeError", "TypeError"]));
}

#[tokio::test]
async fn message_that_ends_each_connection_is_given_up() {
    let (world, group) = World::of_two().await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run(
        "window.times = 0;
        WebSocket.prototype.send = new Proxy(WebSocket.prototype.send, {
            apply: (send, socket, [frame]) => (frame.includes('poison') ? (times++, socket.close()) : send.call(socket, frame)),
        });
        chat.addEventListener('state', () => chat.state === 'waiting' && queueMicrotask(() => chat.retry()));
        await chat.connect();",
    )
    .await;
    let sent = format!(
        "const [bad, after] = ['poison', 'after'].map((body) => chat.send('{group}', body).sent.catch((error) => error));
        return [(await bad).message, times, (await after).body];"
    );
    let given_up = "The connection was lost each time this message was sent.";
    assert_eq!(ann.run(&sent).await, json!([given_up, 10, "after"]));
    ann.run("chat.resend(chat.groups.values().next().value.unsent[0].client_id);").await;
    ann.until("times === 20").await;
}

#[tokio::test]
async fn frame_over_the_limit_of_the_server_is_not_sent() {
    let (world, group) = World::of_two_with(&[("CHINWAG_WS__MAX_FRAME", "8192")]).await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("window.states = []; await chat.connect(); chat.addEventListener('state', () => states.push(chat.state));")
        .await;
    let long = format!("return chat.send('{group}', 'é'.repeat(4_090)).sent.catch(({{ code }}) => code)");
    assert_eq!(ann.run(&long).await, 413);
    assert_eq!(ann.run("return states").await, json!([]));
}
