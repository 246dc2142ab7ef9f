//! Open groups, invites and bans, by the module's methods.

use serde_json::json;

use crate::world::World;

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
