//! Sign-in through a provider where browsers use TLS, at the root of a host and below a path.

use chinwag_testkit::app::TestApp;
use serde_json::json;

use crate::oidc::{Browser, TestProvider};

/// A server behind a proxy with this public URL.
async fn open(provider: &TestProvider, public: &str) -> TestApp {
    TestApp::with(|app| {
        app.http.oidc = Some(provider.options());
        app.http.signup = false;
        app.http.public_url = Some(public.parse().expect("an address"));
    })
    .await
}

#[tokio::test]
async fn sign_in_over_tls_keeps_to_its_host_and_path() {
    for (origin, base, prefix, path) in [
        ("https://chat.example", "", "__Host-", "/"),
        ("https://app.example", "/chinwag", "__Secure-", "/chinwag"),
    ] {
        let provider = TestProvider::start().await;
        let app = open(&provider, &format!("{origin}{base}")).await;
        let begin = || Browser::begin_at(format!("{}{base}", app.url()), origin.to_owned());
        let mut ann = begin().await;
        assert_eq!(ann.asked["redirect_uri"], format!("{origin}{base}/oidc/callback/"));
        provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
        assert_eq!(ann.come_back().await, format!("{base}/"));
        let posted = provider.answers().posted.clone();
        let host = origin.trim_start_matches("https://");
        let redirect =
            format!("redirect_uri=https%3A%2F%2F{host}{}%2Foidc%2Fcallback%2F", base.replace('/', "%2F"));
        assert!(posted.contains(&redirect), "{posted}");
        assert_eq!(ann.user().await.as_deref(), Some("ann"));
        assert!(
            ann.cookies.keys().all(|name| !name.contains("oidc")),
            "the attempt is over: {:?}",
            ann.cookies
        );

        // Another user has this name: the choice of a new name is kept in a cookie of the same kind.
        let mut eve = begin().await;
        let mut claims = provider.claims(&eve, "ann");
        claims["sub"] = json!("id-eve");
        provider.give(&provider.host.token("ES256", &claims));
        assert_eq!(eve.come_back().await, format!("{base}/?chinwag-sign-in=name&chinwag-name=ann"));
        assert_eq!(eve.post("/api/v1/oidc/", &json!({ "name": "eve" })).await.status(), 201);
        assert_eq!(eve.user().await.as_deref(), Some("eve"));
        let kept: Vec<_> = ann.kept.iter().chain(&eve.kept).collect();
        for name in ["oidc", "oidc-name", "access"] {
            assert!(kept.iter().any(|cookie| cookie.starts_with(&format!("{prefix}{name}="))), "{kept:?}");
        }
        let ends = |cookie: &&&String| cookie.ends_with("; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(kept.iter().filter(ends).count(), kept.len(), "{kept:?}");
        assert!(kept.iter().all(|cookie| cookie.contains(&format!("; Path={path};"))), "{kept:?}");
    }
}

#[tokio::test]
async fn attempt_in_a_cookie_of_a_neighbour_does_not_count() {
    let provider = TestProvider::start().await;
    let app = open(&provider, "https://app.example/chinwag").await;
    let mut ann = Browser::begin_at(format!("{}/chinwag", app.url()), "https://app.example".into()).await;
    provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
    let attempt = ann.cookies.remove("__Secure-oidc").expect("the attempt");
    // Another host of the same domain can set this cookie, even over plain HTTP.
    ann.cookies.insert("oidc".into(), attempt);
    assert_eq!(ann.come_back().await, "/chinwag/?chinwag-sign-in=expired");
    assert_eq!(ann.user().await, None);
}
