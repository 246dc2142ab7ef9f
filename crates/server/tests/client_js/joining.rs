//! Open groups, invites and bans with the module's methods.

use chinwag_testkit::client::Client;
use serde_json::json;

use crate::world::{World, load};

#[tokio::test]
async fn open_groups_are_listed_and_joined_and_codes_used() {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let link = world.link().await;
    let (ann, bob) = tokio::join!(world.person("ann", &link), world.person("bob", &link));
    for tab in [&ann, &bob] {
        tab.run("await chat.connect();").await;
    }
    for name in ["Tea", "Éclairs", "Teapots"] {
        ann.run(&format!(
            "await chat.createGroup({{ name: '{name}', open: true, description: 'About it' }});"
        ))
        .await;
    }
    let closed = ann.run("return (await chat.createGroup({ name: 'closed' })).id;").await;
    let first = bob.run("return chat.openGroups({ query: 'TEA', limit: 1 });").await;
    let shown = &first["groups"][0];
    assert_eq!((&shown["name"], &shown["description"]), (&json!("Tea"), &json!("About it")));
    assert_eq!((&shown["membersCount"], &shown["avatar"]), (&json!(1), &json!(null)));
    let second = bob
        .run(&format!(
            "const {{ groups, next }} = await chat.openGroups({{ query: 'TEA', limit: 1, cursor: {} }});
            return [groups.map(({{ name }}) => name), next];",
            first["next"]
        ))
        .await;
    assert_eq!(second, json!([["Teapots"], null]));
    let tea = shown["id"].as_str().expect("an id");
    let joined = bob
        .run(&format!(
            "const group = await chat.joinGroup('{tea}');
            return [group.name, group.role, group === chat.groups.get('{tea}'), (await chat.joinGroup('{tea}')) === group];"
        ))
        .await;
    assert_eq!(joined, json!(["Tea", "members", true, true]));
    ann.until(&format!("chat.groups.get('{tea}').members.includes('bob')")).await;

    let closed = closed.as_str().expect("an id");
    let refused = bob.run(&format!("return chat.joinGroup('{closed}').catch(({{ code }}) => code);")).await;
    assert_eq!(refused, 404);
    let code =
        ann.run(&format!("return (await chat.createInvite('{closed}', {{ uses: 2, ttl: 60 }})).code;")).await;
    let code = code.as_str().expect("a code");
    let listed = ann
        .run(&format!("return (await chat.loadInvites('{closed}')).map(({{ code, uses }}) => [code, uses]);"))
        .await;
    assert_eq!(listed, json!([[code, 2]]));
    let seen = bob.run(&format!("return chat.lookAtInvite('{code}');")).await;
    assert_eq!(seen, json!({ "name": "closed", "description": null, "avatar": null, "membersCount": 1 }));
    assert_eq!(bob.run(&format!("return (await chat.useInvite('{code}')).name;")).await, "closed");
    let left = ann.run(&format!("return (await chat.loadInvites('{closed}'))[0].uses;")).await;
    assert_eq!(left, 1);
    ann.run(&format!("await chat.endInvite('{closed}', '{code}');")).await;
    assert_eq!(ann.run(&format!("return chat.loadInvites('{closed}');")).await, json!([]));

    ann.run(&format!("await chat.updateGroup('{closed}', {{ ban: ['bob'] }});")).await;
    bob.until(&format!("!chat.groups.has('{closed}')")).await;
    assert_eq!(ann.run(&format!("return chat.bannedUsers('{closed}');")).await, json!(["bob"]));
    let refused = ann.run(&format!(
        "return chat.updateGroup('{closed}', {{ members: ['bob'] }}).catch(({{ code, detail }}) => [code, detail.includes('bob')]);"
    ))
    .await;
    assert_eq!(refused, json!([403, true]));
    ann.run(&format!("await chat.updateGroup('{closed}', {{ unban: ['bob'] }});")).await;
    assert_eq!(ann.run(&format!("return chat.bannedUsers('{closed}');")).await, json!([]));
}

#[tokio::test]
async fn messages_from_before_a_member_joined_are_read() {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let (bob, link) = world.person_with_link("bob").await;
    bob.run("await chat.connect();").await;
    let service = world.service();
    let say = async |group: &str, body: &str| {
        let message = json!({ "group": group, "author": "ann", "body": body, "mentions": ["bob"] });
        service.post("messages/", message).await.ok(201)["id"].as_str().expect("an id").to_owned()
    };
    let made = json!({ "name": "Tea", "author": "ann", "open": true });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    let first = say(&group, "first").await;
    let second = say(&group, "second").await;
    bob.run(&format!("await chat.joinGroup('{group}');")).await;
    let counts = format!(
        "const {{ unread, mentioned }} = chat.groups.get('{group}'); return [unread, mentioned, chat.unread]"
    );
    assert_eq!(bob.run(&counts).await, json!([0, 0, 0]));
    say(&group, "third").await;
    bob.until("chat.unread === 1").await;
    service.delete(&format!("messages/{first}/")).await.ok(200);
    bob.until(&format!("bodies('{group}').length === 2")).await;
    assert_eq!(bob.run(&counts).await, json!([1, 1, 1]));

    // A summary does not contain the beginning of the membership.
    bob.run("chat.close();").await;
    load(&bob, "bob", &link, "{}").await;
    bob.run("await chat.connect();").await;
    assert_eq!(bob.run(&counts).await, json!([1, 1, 1]));
    service.delete(&format!("messages/{second}/")).await.ok(200);
    bob.until(&format!("bodies('{group}').length === 1")).await;
    assert_eq!(bob.run(&counts).await, json!([1, 1, 1]));

    // In an accepted group, messages count from when the user was added.
    let made = json!({ "name": "Cake", "author": "ann" });
    let group = service.post("groups/", made).await.ok(201)["id"].as_str().expect("an id").to_owned();
    say(&group, "before").await;
    let token = service.post("users/ann/tokens/", json!({})).await.ok(201);
    let ann = Client::new(&world.url(), token["token"].as_str(), "ann");
    ann.patch(&format!("groups/{group}/"), json!({ "members": ["bob"] })).await.ok(200);
    bob.until(&format!("chat.groups.get('{group}')?.pending")).await;
    say(&group, "after").await;
    bob.run(&format!("await chat.acceptGroup('{group}');")).await;
    bob.until(&format!("bodies('{group}').length === 2 && chat.groups.get('{group}').unread === 1")).await;
    assert_eq!(bob.run("return [chat.unread, faults()];").await, json!([2, []]));
}

#[tokio::test]
async fn joining_that_no_event_follows_is_an_error_of_the_module() {
    let world = World::start().await;
    world.users(&["ann", "bob"]).await;
    let (bob, _link) = world.person_with_link("bob").await;
    bob.run("await chat.connect(); chat.close();").await;
    let made = json!({ "name": "Tea", "author": "ann", "open": true });
    let group = world.service().post("groups/", made).await.ok(201)["id"].clone();
    let join = format!(
        "const wait = window.setTimeout;
        window.setTimeout = (work, delay, ...given) => wait(work, delay === 30_000 ? 0 : delay, ...given);
        return chat.joinGroup({group}).then(() => 'joined', ({{ name, code, message }}) => [name, code, message]);"
    );
    let error = json!(["ChinwagError", 0, "The server did not answer."]);
    assert_eq!(bob.run(&join).await, error);
}
