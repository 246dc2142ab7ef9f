//! The cookie that a browser keeps its session in.

use std::time::Duration;

use axum::http::HeaderValue;

use super::bearer::COOKIE;

/// The `Set-Cookie` that keeps a session's secret for `ttl`.
pub(super) fn kept(secret: &str, ttl: Duration, tls: bool) -> HeaderValue {
    written(secret, ttl.as_secs(), tls)
}

/// The `Set-Cookie` that drops it.
pub(super) fn dropped(tls: bool) -> HeaderValue {
    written("", 0, tls)
}

fn written(secret: &str, seconds: u64, tls: bool) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    let text = format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("a secret is URL-safe base 64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_kept_from_scripts_and_from_other_sites_posts() {
        assert_eq!(
            kept("abc", Duration::from_secs(60), true),
            "access=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(dropped(false), "access=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
