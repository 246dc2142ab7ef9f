//! Callers: signing up, in and out, and the credential of a request.

use chinwag_core::limits::{Limits, RateLimits};
use serde_json::{Value, json};

use crate::{KEY, NOBODYS, Server, read};

#[tokio::test]
async fn an_account_signs_up_in_and_out() {
    let server = Server::start().await;
    let arlan = json!({"name": "arlan", "password": "correct horse"});
    let response = server.send("POST accounts/", &[], arlan.clone()).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("ASCII").to_owned();
    let (status, session) = read(response).await;
    assert_eq!((status, &session["name"]), (201, &json!("arlan")));
    let token = session["token"].as_str().expect("a token");
    assert_eq!(cookie, format!("access={token}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"));

    let second = read(server.send("POST accounts/", &[], arlan.clone()).await).await;
    assert_eq!((second.0, &second.1["errors"][0]["field"]), (400, &json!("name")));
    let guess = json!({"name": "arlan", "password": "battery staple"});
    let guessed = read(server.send("POST sessions/", &[], guess).await).await;
    let nobody = json!({"name": "nobody", "password": "battery staple"});
    assert_eq!((guessed.0, &guessed), (401, &read(server.send("POST sessions/", &[], nobody).await).await));
    let (status, again) = read(server.send("POST sessions/", &[], arlan.clone()).await).await;
    assert_eq!(status, 201);

    let held = format!("theme=dark; access={token}");
    let by_cookie = [("cookie", held.as_str())];
    for path in ["GET sessions/", "GET sessions/?optional=true"] {
        let (status, current) = read(server.send(path, &by_cookie, Value::Null).await).await;
        assert_eq!(
            (status, &current["name"], &current["expires"]),
            (200, &json!("arlan"), &session["expires"])
        );
    }
    let ended = server.send("DELETE sessions/", &by_cookie, Value::Null).await;
    assert!(
        ended.headers()["set-cookie"].to_str().expect("ASCII").starts_with("access=; Path=/; Max-Age=0;")
    );
    assert_eq!(ended.status(), 200);
    assert_eq!(server.send("GET sessions/", &by_cookie, Value::Null).await.status(), 401);
    let nobody = json!({"name": null, "created": null, "expires": null});
    for headers in [&by_cookie[..], &[]] {
        let (status, answer) =
            read(server.send("GET sessions/?optional=true", headers, Value::Null).await).await;
        assert_eq!((status, answer), (200, nobody.clone()));
    }
    assert_eq!(server.call("GET sessions/?optional=true", "ended", Value::Null).await.0, 401);
    assert_eq!(server.send("GET sessions/?optional=1", &[], Value::Null).await.status(), 401);
    // A failed sign-in reports its own error, even with the cookie of an ended session.
    let guess = json!({"name": "arlan", "password": "battery staple"});
    let left = read(server.send("POST sessions/", &by_cookie, guess).await).await;
    assert_eq!(left, guessed);
    assert_eq!(server.send("POST accounts/", &by_cookie, arlan.clone()).await.status(), 400);
    assert_eq!(server.call("GET sessions/", again["token"].as_str().unwrap(), Value::Null).await.0, 200);
    assert_eq!(server.send("GET sessions/", &[], Value::Null).await.status(), 401);
}

#[tokio::test]
async fn password_guesses_are_delayed() {
    let rates = RateLimits { attempts_per_name: 3, ..RateLimits::lifted() };
    let server = Server::limited(Limits { rates, ..Limits::default() }, |_| {}).await;
    let guess = json!({"name": "arlan", "password": "a guess at it"});
    for _ in 0..3 {
        assert_eq!(server.send("POST sessions/", &[], guess.clone()).await.status(), 401);
    }
    let refused = server.send("POST sessions/", &[], guess).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().is_ok_and(|wait| wait <= 20));
}

#[tokio::test]
async fn without_a_good_credential_nothing_is_served() {
    let server = Server::start().await;
    let [arlan] = server.users(["arlan"]).await;
    for request in ["GET users/", "POST users/", "GET users/arlan/", "DELETE groups/x/", "POST tickets/"] {
        let refused = server.send(request, &[], Value::Null).await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        for bad in ["Bearer nonsense", "Basic YTpi", "Bearer ", &format!("Bearer {KEY}x")] {
            let refused = server.send(request, &[("authorization", bad)], Value::Null).await;
            assert_eq!(refused.status(), 401, "{request} {bad}");
        }
    }
    let long = "x".repeat(300_000);
    for (request, body, wrong) in [
        ("GET users/no%20name/", Value::Null, 404),
        ("GET users/nobody/", Value::Null, 404),
        ("GET groups/x/messages/", Value::Null, 404),
        ("GET users/?limit=0", Value::Null, 400),
        ("GET users/?fields=nonsense", Value::Null, 400),
        ("GET messages/", Value::Null, 400),
        ("POST messages/", json!([]), 400),
        ("POST messages/", json!({"group": NOBODYS, "body": long}), 413),
        ("POST messages/", json!({"group": NOBODYS, "body": "hi"}), 404),
    ] {
        assert_eq!(server.call(request, &arlan, body.clone()).await.0, wrong, "{request}");
        let (status, refused) = server.call(request, "nonsense", body).await;
        assert_eq!((status, &refused["status"]), (401, &json!(401)), "{request}: its token comes first");
    }
    assert_eq!(server.call("POST users/", &arlan, json!({"name": "x"})).await.0, 403);
    assert_eq!(server.call("POST users/arlan/tokens/", &arlan, json!({"ttl": 5})).await.0, 403);
    for (name, ttl, status) in
        [("arlan", json!(0), 400), ("arlan", json!("5"), 400), ("admin", json!(5), 403), ("x", json!(5), 404)]
    {
        let asked = server.service(&format!("POST users/{name}/tokens/"), json!({"ttl": ttl})).await;
        assert_eq!(asked.0, status, "{name} {ttl}");
    }
    let (status, ticket) = server.call("POST tickets/", &arlan, Value::Null).await;
    assert_eq!(status, 201);
    let used = server.call("GET users/", ticket["ticket"].as_str().expect("a ticket"), Value::Null).await;
    assert_eq!(used.0, 401, "a ticket is for one handshake alone");
}

#[tokio::test]
async fn a_proxys_own_authorization_hides_no_cookie() {
    let server = Server::start().await;
    let [arlan] = server.users(["arlan"]).await;
    let cookie = format!("access={arlan}");
    for (sent, status) in [("Basic YTpi", 200), ("Bearer nonsense", 401), ("Bearer ", 401)] {
        let headers = [("authorization", sent), ("cookie", cookie.as_str())];
        assert_eq!(server.send("GET sessions/", &headers, Value::Null).await.status(), status, "{sent}");
    }
    let read = server.send("GET server/", &[("authorization", "Basic YTpi")], Value::Null).await;
    assert_eq!(read.status(), 200, "nobody has signed in");
}

#[tokio::test]
async fn a_cookie_from_another_sites_page_is_refused() {
    let server = Server::start().await;
    let [arlan] = server.users(["arlan"]).await;
    let (cookie, own) = (format!("access={arlan}"), format!("http://{}", server.address));
    for (origin, status) in
        [(own.as_str(), 200), ("http://evil.example", 403), ("null", 403), ("https://127.0.0.1", 403)]
    {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        let asked = server.send("PATCH users/arlan/", &headers, json!({"new_name": "arlan"})).await;
        assert_eq!(asked.status(), status, "{origin}");
        let read = server.send("GET users/arlan/", &headers, Value::Null).await;
        assert_eq!(read.status(), status, "{origin}");
    }
    let login = [("origin", "http://evil.example")];
    let forced =
        server.send("POST sessions/", &login, json!({"name": "arlan", "password": "12345678"})).await;
    assert_eq!(forced.status(), 403);
}

#[tokio::test]
async fn an_open_server_treats_anonymous_callers_as_the_service() {
    let server = Server::with(|options| options.open = true).await;
    let made = server.send("POST users/", &[], json!({"name": "arlan"})).await;
    assert_eq!(made.status(), 201);
    let foreign =
        server.send("POST users/", &[("origin", "http://evil.example")], json!({"name": "astra"})).await;
    assert_eq!(foreign.status(), 403);
    let bad = server.send("GET users/", &[("authorization", "Bearer nonsense")], Value::Null).await;
    assert_eq!(bad.status(), 401);
    let bad = server.send("GET users/", &[("cookie", "access=nonsense")], Value::Null).await;
    assert_eq!(bad.status(), 401);
    assert_eq!(server.send("GET sessions/", &[], Value::Null).await.status(), 401, "nobody is signed in");
}
