//! Profiles with the module's methods.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_event_is_newer_than_an_answer_that_comes_late() {
    let world = World::start().await;
    world.users(&["ann", "bob", "carl"]).await;
    let _group = world.group(&["ann", "bob", "carl"]).await;
    let (ann, _link) = world.person_with_link("ann").await;
    ann.run("await chat.connect();").await;
    // Hold the answer about bob until it is outdated.
    ann.run(
        "const call = window.fetch;
        window.asked = 0;
        window.fetch = async (url, options) => {
            const answer = await call(url, options);
            if (!String(url).includes('/users/?')) return answer;
            window.asked += 1;
            await new Promise((go) => { window.letGo = go; });
            return answer;
        };
        chat.profileOf('bob');",
    )
    .await;
    ann.until("window.asked === 1").await;
    world.service().put("users/bob/", json!({ "display_name": "Bob Marsh" })).await.ok(200);
    ann.until("chat.profileOf('bob').display_name === 'Bob Marsh'").await;
    // The next profile is requested after the held answer.
    ann.run("window.letGo(); chat.profileOf('carl');").await;
    ann.until("window.asked === 2").await;
    assert_eq!(ann.run("return chat.profileOf('bob').display_name;").await, "Bob Marsh");
}
