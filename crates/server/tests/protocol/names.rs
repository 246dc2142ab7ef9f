//! `users.case = "exact"`: ASCII names that differ in case belong to different users, over both transports.

use chinwag_core::name::NameCase;
use chinwag_testkit::app::TestApp;
use serde_json::json;

async fn exact() -> TestApp {
    TestApp::with(|options| options.store.name_case = Some(NameCase::Exact)).await
}

#[tokio::test]
async fn ascii_names_that_differ_by_case_are_several_users() {
    let mut app = exact().await;
    let (upper, lower) = (app.user("Ann").await, app.user("ann").await);
    let service = app.service();
    service.post("users/", json!({ "name": "ann" })).await.ok(400);
    assert_eq!(service.get("users/Ann/").await.ok(200)["name"], "Ann");
    service.get("users/ANN/").await.ok(404);
    let found = service.get("users/?names=ann,ANN,Ann").await.ok(200);
    assert_eq!(found, json!([{ "name": "ann" }, { "name": "Ann" }]));
    let group = upper.put("private/", json!({ "user": "ann" })).await.ok(201)["id"].clone();
    let mut uppers = upper.ws().await;
    let sent = lower.post("messages/", json!({ "group": group, "body": "hello" })).await.ok(201);
    assert_eq!(
        (&sent["author"], &uppers.until("message.text").await["data"]["author"]),
        (&json!("ann"), &json!("ann"))
    );
    // The author must match in case.
    for author in ["Ann", "ANN"] {
        let sent = json!({ "group": group, "body": "hello", "author": author });
        lower.post("messages/", sent).await.ok(403);
    }
    let relation = json!({ "contact": { "author": "Ann", "name": "Ann", "operation": "invitation" } });
    lower.patch("users/ann/", relation).await.ok(403);
    let made = json!({ "name": "tea", "members": ["ann", "Bob"], "author": "Ann" });
    service.post("groups/", made.clone()).await.ok(400);
    app.user("Bob").await;
    let tea = service.post("groups/", made).await.ok(201);
    assert_eq!((&tea["owner"], &tea["members"]), (&json!(["Ann"]), &json!(["ann", "Bob"])));
    let path = format!("groups/{}/", tea["id"].as_str().expect("an id"));
    let handed = service.patch(&path, json!({ "owner": ["ann"] })).await.ok(200);
    assert_eq!((&handed["owner"], &handed["admins"]), (&json!(["ann"]), &json!(["Ann"])));
    service.patch(&path, json!({ "owner": ["ANN"] })).await.ok(400);
    app.restart().await;
    assert_eq!(lower.get("sessions/").await.ok(200)["name"], "ann");
    let info = app.nobody().get("server/").await.ok(200);
    assert!(info["features"].as_array().expect("a list").contains(&json!("exact_names")), "{info}");
}

#[tokio::test]
async fn exact_names_keep_accounts_and_vouched_names_apart() {
    let app = exact().await;
    let nobody = app.nobody();
    let account = |name: &str, password: &str| json!({ "name": name, "password": password });
    nobody.post("accounts/", account("Ann", "one long password")).await.ok(201);
    nobody.post("accounts/", account("ann", "another long password")).await.ok(201);
    nobody.post("sessions/", account("ann", "one long password")).await.ok(401);
    nobody.post("sessions/", account("Ann", "one long password")).await.ok(201);
    nobody.post("sessions/", account("ANN", "one long password")).await.ok(401);
    app.service().put("users/aNN/", json!({})).await.ok(201);
    // A deleted user's name stays reserved, but only in its exact case.
    app.service().delete("users/ann/").await.ok(200);
    nobody.post("accounts/", account("ann", "another long password")).await.ok(400);
    nobody.post("accounts/", account("anN", "another long password")).await.ok(201);
    let renamed = app.service().patch("users/Ann/", json!({ "new_name": "ANN" })).await.ok(200);
    assert_eq!(renamed["name"], "ANN");
    app.service().patch("users/ANN/", json!({ "new_name": "aNN" })).await.ok(400);
}

#[tokio::test]
async fn exact_names_refuse_doubles_beyond_ascii_in_any_case() {
    let app = exact().await;
    let service = app.service();
    let make = async |name: &str| service.post("users/", json!({ "name": name })).await.status;
    // Cyrillic letters that look like Latin ones.
    for (first, second) in
        [("PocoX", "\u{440}\u{43e}\u{441}\u{43e}\u{445}"), ("\u{420}\u{41e}\u{421}\u{415}", "Poce")]
    {
        assert_eq!((make(first).await, make(second).await), (201, 400), "{first} and {second}");
    }
    assert_eq!(
        (make("\u{c9}lodie").await, make("\u{e9}LODIE").await),
        (201, 400),
        "names beyond ASCII fold as ever"
    );
    assert_eq!(service.get("users/%C3%A9lodie/").await.ok(200)["name"], "\u{c9}lodie");
    assert_eq!(make("pocox").await, 201);
}

#[tokio::test]
async fn folded_names_stay_one_user() {
    let app = TestApp::start().await;
    let ann = app.user("Ann").await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(400);
    ann.post("messages/", json!({ "group": "\u{0}", "body": "x", "author": "ANN" })).await.ok(400);
    assert_eq!(app.service().get("users/aNN/").await.ok(200)["name"], "Ann");
}
