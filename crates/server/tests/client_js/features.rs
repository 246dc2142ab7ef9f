//! The features of the module as applications use them.

use chinwag_testkit::browser::{self, Tab};
use chinwag_testkit::client::Client;
use serde_json::{Value, json};

use crate::faults::agrees;
use crate::world::{World, load};

async fn talk() -> (World, Tab, Tab) {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let link = world.link().await;
    let (ann, bob) = tokio::join!(world.person("ann", &link), world.person("bob", &link));
    // The link must last until the end of the test.
    std::mem::forget(link);
    ann.run("await chat.connect();").await;
    bob.run("await chat.connect();").await;
    (world, ann, bob)
}

#[tokio::test]
async fn two_people_become_contacts_and_talk_in_private() {
    let (world, ann, bob) = talk().await;
    assert_eq!(
        ann.run("return [await chat.invite('bob'), chat.statusOf('bob')];").await,
        json!(["invitation", null])
    );
    bob.until("chat.relations.invited_by.has('ann')").await;
    assert_eq!(bob.run("return chat.accept('ann');").await, "contact");
    ann.until("chat.relations.contacts.has('bob') && chat.statusOf('bob') === 'online'").await;
    bob.run("chat.setStatus('afk');").await;
    ann.until("chat.statusOf('bob') === 'afk'").await;

    let hello = ann.run("return chat.send({ to: 'BOB' }, '<b>hello</b>').sent;").await;
    assert_eq!((&hello["body"], &hello["author"]), (&json!("<b>hello</b>"), &json!("ann")));
    let group = hello["group"].as_str().expect("an id").to_owned();
    bob.until("chat.privateWith('ann')?.unread === 1").await;
    let shown = bob.run(&format!("const {{ title, other, private: alone, role, latest }} = chat.groups.get('{group}'); return [title, other, alone, role, latest.body, chat.conversations[0].id];")).await;
    assert_eq!(shown, json!(["ann", "ann", true, "members", "<b>hello</b>", group]));

    ann.run("window.writing = []; chat.addEventListener('message', ({ detail }) => writing.push(detail.group.typing.length));").await;
    bob.run(&format!("chat.typing('{group}');")).await;
    ann.until(&format!("chat.groups.get('{group}').typing.includes('bob')")).await;
    bob.run(&format!(
        "window.reply = await chat.send('{group}', 'and to you', {{ respondTo: '{}' }}).sent;",
        hello["id"].as_str().unwrap()
    ))
    .await;
    ann.until(&format!(
        "chat.groups.get('{group}').latest.respond_to && !chat.groups.get('{group}').typing.length"
    ))
    .await;
    // A message ends its author's typing indicator.
    assert_eq!(ann.run("return writing;").await, json!([0]));
    bob.run(&format!("chat.markRead('{group}');")).await;
    assert_eq!(bob.run(&format!("return chat.groups.get('{group}').unread;")).await, 0);
    ann.until(&format!("chat.groups.get('{group}').reads.get('bob') === 2")).await;
    let mark = world.service().post("users/bob/tokens/", json!({})).await.ok(201);
    let bobs = Client::new(&world.url(), mark["token"].as_str(), "bob");
    assert_eq!(bobs.get(&format!("groups/{group}/?fields=last_read_seq")).await.ok(200)["last_read_seq"], 2);

    bob.run("await chat.edit(reply.id, 'and to all of you');").await;
    ann.until(&format!("bodies('{group}')[1] === 'and to all of you'")).await;
    ann.run(&format!("await chat.delete('{}');", hello["id"].as_str().unwrap())).await;
    bob.until(&format!("chat.groups.get('{group}').messages.length === 1 && chat.groups.get('{group}').messages[0].respond_to === null")).await;

    assert_eq!(ann.run("return chat.block('bob');").await, "block");
    // The blocked user is not notified.
    assert_eq!(ann.run(&format!("return chat.groups.get('{group}').role;")).await, "restricts");
    // A refused message stays in the outbox until it is discarded.
    bob.run(&format!("window.failed = chat.send('{group}', 'why?'); failed.sent.catch(() => {{}});")).await;
    bob.until(&format!("chat.groups.get('{group}').unsent[0]?.state === 'failed'")).await;
    let error = bob.run(&format!("const {{ code, message }} = chat.groups.get('{group}').unsent[0].error; return [code, message.length > 10];")).await;
    assert_eq!(error, json!([403, true]));
    assert_eq!(
        bob.run("return failed.sent.catch((error) => error.code);").await,
        403,
        "and the sender is told"
    );
    ann.run("await chat.unblock('bob');").await;
    assert_eq!(ann.run(&format!("return chat.groups.get('{group}').role;")).await, "members");
    bob.run("chat.resend(failed.client_id);").await;
    bob.until(&format!("bodies('{group}').at(-1) === 'why?' && chat.unsentCount === 0")).await;
    let log = world.log(&group).await;
    agrees(&ann, &group, &log).await;
    agrees(&bob, &group, &log).await;
}

#[tokio::test]
async fn groups_are_made_changed_left_deleted_and_people_renamed() {
    let (world, ann, bob) = talk().await;
    let group = ann.run("window.group = await chat.createGroup({ name: 'The garden', members: ['bob'] }); return group.id;").await;
    let group = group.as_str().expect("an id");
    bob.until(&format!("chat.groups.get('{group}')?.title === 'The garden'")).await;
    ann.run("await chat.send(group.id, 'sown').sent;").await;
    // She is a stranger to him: he can read, but receives nothing until he accepts.
    let look = format!(
        "const found = chat.groups.get('{group}'); await chat.loadEarlier('{group}');
        return [found.pending, found.unread, bodies('{group}')];"
    );
    assert_eq!(bob.run(&look).await, json!([true, 0, ["sown"]]));
    bob.run(&format!("await chat.acceptGroup('{group}');")).await;
    bob.until(&format!("!chat.groups.get('{group}').pending && chat.groups.get('{group}').head === 2")).await;
    bob.run(&format!("chat.markRead('{group}');")).await;
    ann.run("await chat.send(group.id, 'the beans are up').sent;").await;
    bob.until(&format!("chat.groups.get('{group}').unread === 1")).await;
    ann.run("window.count = 0; chat.addEventListener('group', () => count++); await chat.updateGroup(group.id, { name: 'The orchard', admins: ['bob'] });").await;
    bob.until(&format!(
        "chat.groups.get('{group}').title === 'The orchard' && chat.groups.get('{group}').role === 'admins'"
    ))
    .await;
    assert_eq!(ann.run("return [count, group.name, group.role];").await, json!([1, "The orchard", "owner"]));
    let refused = bob.try_run(&format!("await chat.deleteGroup('{group}');")).await.unwrap_err();
    assert!(refused.contains("ChinwagError"), "{refused}");

    world.service().patch("users/ann/", json!({ "new_name": "annabel" })).await.ok(200);
    bob.until(&format!("chat.groups.get('{group}').owner[0] === 'annabel' && chat.groups.get('{group}').messages[0].author === 'annabel'")).await;
    ann.until("chat.me === 'annabel' && group.messages[0].author === 'annabel'").await;
    // Unsent messages keep their author after a rename.
    ann.run("await chat.send(group.id, 'by another name').sent;").await;
    agrees(&bob, group, &world.log(group).await).await;
    agrees(&ann, group, &world.log(group).await).await;

    bob.run(&format!("await chat.quitGroup('{group}');")).await;
    assert_eq!(bob.run("return chat.groups.size;").await, 0);
    ann.until("group.admins.length === 0").await;
    ann.run("await chat.deleteGroup(group.id);").await;
    assert_eq!(ann.run("return chat.groups.size;").await, 0);
    let gone = ann.try_run("await chat.send(group.id, 'anybody?').sent;").await.unwrap_err();
    assert!(gone.contains("no longer in this group"), "{gone}");
}

#[tokio::test]
async fn history_is_paged_either_way_while_it_changes() {
    let (world, group) = World::of_two().await;
    let link = world.link().await;
    let ann = browser::open("ann", &world.site.url).await;
    let service = world.service();
    let say = async |body: String| {
        let message = json!({ "group": group, "author": "bob", "body": body });
        service.post("messages/", message).await.ok(201)
    };
    let mut ids = Vec::new();
    for number in 1..=300 {
        ids.push(say(number.to_string()).await["id"].as_str().expect("an id").to_owned());
    }
    load(&ann, "ann", &link, "{ held: 100 }").await;
    ann.run("await chat.connect();").await;
    ann.run(&format!("window.group = chat.groups.get('{group}');")).await;
    assert_eq!(
        ann.run("return [group.messages.length, group.hasEarlier, group.hasLater];").await,
        json!([20, true, false])
    );
    for round in 0..4 {
        // Send, edit and delete while the page is in flight.
        ann.run("window.page = chat.loadEarlier(group.id, 60);").await;
        say(format!("meanwhile {round}")).await;
        let edited = format!("messages/{}/", ids[220 - round * 40]);
        service.patch(&edited, json!({ "body": format!("edited {round}") })).await.ok(200);
        service.delete(&format!("messages/{}/", ids[215 - round * 40])).await.ok(200);
        ann.run("await page;").await;
        assert_contiguous(&ann, &world, &group).await;
    }
    assert_eq!(ann.run("return [group.hasEarlier, group.hasLater];").await, json!([true, true]));
    while ann.run("return group.hasEarlier;").await == true {
        ann.run("await chat.loadEarlier(group.id, 100);").await;
    }
    assert_contiguous(&ann, &world, &group).await;
    assert_eq!(ann.run("return bodies(group.id)[0];").await, "1");
    // A new message is known but not held, because the messages before it are missing.
    say("the newest".to_owned()).await;
    ann.until("group.latest.body === 'the newest'").await;
    assert_contiguous(&ann, &world, &group).await;
    let mut round = 0;
    while ann.run("return group.hasLater;").await == true {
        round += 1;
        ann.run("window.page = chat.loadLater(group.id, 70);").await;
        say(format!("again {round}")).await;
        ann.run("await page;").await;
        assert_contiguous(&ann, &world, &group).await;
    }
    ann.until(&format!("bodies(group.id).at(-1) === 'again {round}'")).await;
    ann.run("await chat.loadAround(group.id, 150, 40);").await;
    assert_contiguous(&ann, &world, &group).await;
    assert_eq!(
        ann.run("return [group.hasEarlier, group.hasLater, group.messages.some(({ seq }) => seq === 150)];")
            .await,
        json!([true, true, true])
    );
    ann.run("await chat.loadLatest(group.id);").await;
    assert_contiguous(&ann, &world, &group).await;
    assert_eq!(ann.run("return [group.hasLater, mostHeld];").await, json!([false, 100]));
}

/// Asserts that the page holds a contiguous part of the server's log.
async fn assert_contiguous(tab: &Tab, world: &World, group: &str) {
    let log = world.log(group).await;
    // Wait until the last event has arrived.
    let service = world.service();
    let head = service.get(&format!("groups/{group}/?fields=head")).await.ok(200)["head"].clone();
    tab.until(&format!("group.head >= {head}")).await;
    let held = tab.run("return group.messages.map(({ id, body, seq }) => ({ id, body, seq }));").await;
    let held = held.as_array().expect("a list");
    let of = |message: &Value| json!({ "id": message["id"], "body": message["body"], "seq": message["seq"] });
    let log: Vec<_> = log.iter().map(of).collect();
    let from = log.iter().position(|message| message == &held[0]).expect("what is held is in the log");
    assert_eq!(held, &log[from..(from + held.len()).min(log.len())]);
    assert_eq!(tab.run("return faults();").await, json!([]));
}

#[tokio::test]
async fn on_the_servers_own_page_a_session_is_kept_in_a_cookie() {
    let world = World::start().await;
    let ann = browser::open("ann", &format!("{}/docs/", world.url())).await;
    let begin = "const { Chinwag } = await import('/chinwag.js'); window.chat = new Chinwag();";
    ann.run(begin).await;
    assert_eq!(ann.run("return chat.whoAmI();").await, Value::Null);
    let refused = ann.run("return chat.signUp('ann', 'short').catch(({ code, message, fields }) => ({ code, message, fields }));").await;
    assert_eq!(refused["code"], 400);
    assert_eq!(refused["fields"][0]["field"], "password");
    ann.run("await chat.signUp('anna', 'a long password'); await chat.connect(); await chat.rename('ann');")
        .await;
    ann.reload().await;
    ann.run(begin).await;
    assert_eq!(
        ann.run("await chat.connect(); return [chat.me, await chat.whoAmI()];").await,
        json!(["ann", "ann"])
    );
    ann.run("window.reasons = []; chat.addEventListener('signedout', ({ detail }) => reasons.push(detail.reason)); await chat.signOut();").await;
    assert_eq!(
        ann.run("return [reasons, chat.me, chat.state, await chat.whoAmI()];").await,
        json!([["signed out"], null, "closed", null])
    );
    let refused = ann.run("return chat.connect().catch(({ code }) => code);").await;
    assert_eq!(refused, 401);
    ann.run("await chat.signIn('ANN', 'a long password'); await chat.connect(); await chat.deleteAccount();")
        .await;
    assert_eq!(ann.run("return [reasons, chat.state];").await, json!([["signed out", "deleted"], "closed"]));
    assert_eq!(ann.run("return chat.signIn('ann', 'a long password').catch(({ code }) => code);").await, 401);
}

#[tokio::test]
async fn any_origin_loads_the_module_and_named_ones_call() {
    let world = World::start().await;
    world.users(&["ann"]).await;
    let nobody = Client::new(&world.url(), None, "nobody");
    let mut files = vec!["/chinwag.js".to_owned(), "/chinwag.d.ts".to_owned()];
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/chinwag")).unwrap() {
        files.push(format!("/chinwag/{}", file.unwrap().file_name().to_str().unwrap()));
    }
    for path in &files {
        let request =
            nobody.request("GET".parse().unwrap(), path).header("origin", "https://elsewhere.example");
        let answer = nobody.send(request).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"), "{path}");
        let kind = if path == "/chinwag.d.ts" { "text/plain" } else { "text/javascript" };
        assert_eq!(answer.header("content-type"), format!("{kind}; charset=utf-8"), "{path}");
    }
    let token = world.service().post("users/ann/tokens/", json!({})).await.ok(201)["token"].clone();
    let (token, named) = (token.as_str().unwrap(), world.site.url.clone());
    for (origin, allowed) in [(named.as_str(), true), ("http://127.0.0.1:1", false), ("null", false)] {
        let preflight = nobody
            .request("OPTIONS".parse().unwrap(), "users/ann/")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = nobody.send(preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
        if allowed {
            let (methods, headers) = (
                answer.header("access-control-allow-methods"),
                answer.header("access-control-allow-headers"),
            );
            assert!(
                ["GET", "POST", "PATCH", "DELETE"].iter().all(|method| methods.contains(method)),
                "{methods}"
            );
            assert!(
                ["Authorization", "Content-Type"].iter().all(|header| headers.contains(header)),
                "{headers}"
            );
        }
        let protocols = format!("chinwag, bearer.{token}");
        let shake = [("origin", origin), ("sec-websocket-protocol", protocols.as_str())];
        let found = nobody.try_ws("/chat/", &shake).await.map(drop).map_err(|refused| refused.status);
        assert_eq!(found, if allowed { Ok(()) } else { Err(403) }, "{origin}");
    }
    // A page of another origin can load the module, and gets a clear error for its calls.
    let elsewhere = browser::open("elsewhere", &world.site.url.replace("127.0.0.1", "localhost")).await;
    let found = elsewhere.run(&format!(
        "const {{ Chinwag }} = await import('{}/chinwag.js'); const chat = new Chinwag({{ token: '{token}' }});
        chat.connect(); await new Promise((done) => chat.addEventListener('state', () => chat.state === 'waiting' && done()));
        return [chat.me, chat.problem.code];", world.url())).await;
    assert_eq!(found, json!([null, 0]));
}

/// The fenced blocks of a language in the module's documentation.
fn examples(language: &str) -> Vec<String> {
    let text = include_str!("../../../../docs/clients.md");
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a block ends").to_owned())
        .collect()
}

#[tokio::test]
async fn every_example_of_the_documentation_works() {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let (ours, token) = (world.url(), format!("/token?user=ann&ttl={}", 3600));
    let pages = examples("html");
    assert_eq!(pages.len(), 1);
    let page = pages[0].replace("https://chat.example", &ours).replace("\"/token\"", &format!("\"{token}\""));
    world.site.page.send_replace(page);
    let ann = browser::open("ann", &world.site.url).await;
    ann.until("document.getElementById('state').textContent === 'ready'").await;
    ann.run("document.getElementById('text').value = 'hello bob'; document.querySelector('button').click();")
        .await;
    ann.until("document.querySelector('#messages li')?.textContent === 'ann: hello bob'").await;
    world.service().get("users/").await.ok(200);

    let snippets = examples("js").concat().replace("https://chat.example", &ours);
    assert_eq!(examples("js").len(), 7);
    let said = ann
        .run(&format!(
            "const {{ Chinwag }} = await import('{ours}/chinwag.js');
            const said = [];
            const console = {{ log: (...words) => said.push(words) }};
            const token = async () => (await fetch('{token}')).text();
            {snippets}
            return said;"
        ))
        .await;
    assert_eq!(said[0], json!(["ann", "ready", ["bob"]]));
    assert!(said.as_array().unwrap().contains(&json!([["beans"]])), "{said}");
    let [.., invited, profile] = said.as_array().unwrap().as_slice() else { panic!("{said}") };
    assert_eq!((invited, profile), (&json!([["bob"]]), &json!(["bob", null])));
    assert!(
        said.as_array().unwrap().iter().any(|words| words[0] == "new:" && words[1] == json!([2])),
        "{said}"
    );
}

#[tokio::test]
async fn unread_counts_groups_that_are_not_shown() {
    let (world, group) = World::of_two().await;
    let sent = json!({ "author": "bob", "group": group, "body": "hello" });
    world.service().post("messages/", sent).await.ok(201);
    let (ann, _link) = world.person_with_link("ann").await;
    let counts = ann
        .run(
            "const { onmessage } = Object.getOwnPropertyDescriptors(WebSocket.prototype);
            const socket = new Promise((found) => {
                Object.defineProperty(WebSocket.prototype, 'onmessage', { ...onmessage, set(listener) {
                    onmessage.set.call(this, listener);
                    if (listener) found([this, listener]);
                } });
            });
            await chat.connect();
            const unread = [];
            chat.addEventListener('unread', ({ detail }) => unread.push(detail.group));
            const before = chat.unread;
            const [, listener] = await socket;
            listener({ data: JSON.stringify({ type: 'summary.more', data: { unread: 7 } }) });
            return [before, chat.unread, unread];",
        )
        .await;
    assert_eq!(counts, json!([1, 8, [null]]));
}

#[tokio::test]
async fn mentions_are_sent_counted_and_kept_in_edits() {
    let (world, ann, bob) = talk().await;
    let group = ann.run("window.group = await chat.createGroup({ name: 'The garden', members: ['bob'] }); return group.id;").await;
    let group = group.as_str().expect("an id");
    bob.until(&format!("chat.groups.get('{group}')?.title === 'The garden'")).await;
    bob.run(&format!("await chat.acceptGroup('{group}'); window.group = chat.groups.get('{group}');")).await;
    let sent = ann.run("window.sent = await chat.send(group.id, '@bob dig', { mentions: ['bob', 'ann'] }).sent; return sent.mentions;").await;
    assert_eq!(sent, json!(["bob", "ann"]));
    let counts = async |mentioned: u32| {
        bob.until(&format!("group.mentioned === {mentioned}")).await;
        let service = world.service();
        let token = service.post("users/bob/tokens/", json!({})).await.ok(201);
        let client = Client::new(&world.url(), token["token"].as_str(), "bob");
        let me = client.get(&format!("groups/{group}/?fields=me")).await.ok(200);
        assert_eq!(me["me"]["mentioned"], mentioned);
    };
    counts(1).await;
    ann.run("await chat.edit(sent.id, '@bob dig!');").await;
    bob.until("group.messages.at(-1).body === '@bob dig!' && group.messages.at(-1).mentions.includes('bob')")
        .await;
    counts(1).await;
    ann.run("await chat.edit(sent.id, 'dig!', { mentions: [] });").await;
    counts(0).await;
    ann.run("await chat.send(group.id, 'all', { mentions: ['@all'] }).sent;").await;
    ann.run("await chat.edit(sent.id, 'dig!', { mentions: ['bob'] });").await;
    counts(2).await;
    ann.run("await chat.delete(sent.id);").await;
    counts(1).await;
    // Mentions by a blocked user do not count, whether before or after the block.
    bob.run("await chat.block('ann');").await;
    counts(0).await;
    ann.run("await chat.send(group.id, 'again', { mentions: ['bob'] }).sent;").await;
    bob.until("group.latest.body === 'again'").await;
    counts(0).await;
    bob.run("await chat.unblock('ann');").await;
    counts(2).await;
    // Mentions follow renames.
    world.service().patch("users/bob/", json!({ "new_name": "rob" })).await.ok(200);
    ann.until("group.messages.at(-1).mentions.includes('rob')").await;
    bob.until("chat.me === 'rob' && group.messages.at(-1).mentions.includes('rob')").await;
    bob.run("chat.markRead(group.id);").await;
    bob.until("group.mentioned === 0 && group.unread === 0").await;
    agrees(&bob, group, &world.log(group).await).await;
}
