//! The cookie that holds a browser's session.
//!
//! Over TLS its name has a prefix with which browsers accept it from this host alone. Otherwise a page on a sibling
//! subdomain could set it and sign a user in to another account.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::HeaderValue;

use crate::options::Options;

/// The name of the session cookie.
pub(super) fn name(options: &Options, tls: bool) -> Cow<'_, str> {
    prefixed(&options.cookie, options, tls)
}

/// A cookie's name with the prefix for TLS.
pub(super) fn prefixed<'n>(name: &'n str, options: &Options, tls: bool) -> Cow<'n, str> {
    match (tls, options.base()) {
        (false, _) => Cow::Borrowed(name),
        (true, "") => Cow::Owned(format!("__Host-{name}")),
        // Browsers accept `__Host-` only with the path `/`.
        (true, _) => Cow::Owned(format!("__Secure-{name}")),
    }
}

/// Whether this is a valid name for a cookie that gets a prefix.
pub fn valid_name(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= 64 && !name.starts_with("__") && name.bytes().all(valid)
}

/// The `Set-Cookie` header that stores a session's secret for `ttl`.
pub(super) fn kept(secret: &str, ttl: Duration, options: &Options, tls: bool) -> HeaderValue {
    keep_named(&options.cookie, secret, ttl, options, tls)
}

/// The `Set-Cookie` header that deletes the session cookie.
pub(super) fn dropped(options: &Options, tls: bool) -> HeaderValue {
    drop_named(&options.cookie, options, tls)
}

/// The `Set-Cookie` header that stores an ASCII value under a name for `ttl`.
pub(super) fn keep_named(
    name: &str,
    value: &str,
    ttl: Duration,
    options: &Options,
    tls: bool,
) -> HeaderValue {
    let secure = if tls { "; Secure" } else { "" };
    let path = if options.base().is_empty() { "/" } else { options.base() };
    let (name, seconds) = (prefixed(name, options, tls), ttl.as_secs());
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).expect("a value and a path are plain ASCII")
}

/// The `Set-Cookie` header that deletes the cookie with this name.
pub(super) fn drop_named(name: &str, options: &Options, tls: bool) -> HeaderValue {
    keep_named(name, "", Duration::ZERO, options, tls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::ServiceKey;

    #[test]
    fn cookie_is_kept_from_scripts_other_sites_and_neighbours() {
        let mut options = Options::new(ServiceKey::parse("0123456789abcdef").expect("long enough"));
        let minute = Duration::from_secs(60);
        assert_eq!(
            kept("abc", minute, &options, true),
            "__Host-access=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(dropped(&options, false), "access=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        options.cookie = "chat".into();
        options.public_url = Some("https://app.example/chinwag".parse().expect("an address"));
        assert_eq!(
            kept("abc", minute, &options, true),
            "__Secure-chat=abc; Path=/chinwag; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(dropped(&options, false), "chat=; Path=/chinwag; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn cookie_names_are_tokens_without_a_prefix() {
        assert!(["access", "chat.session", "a-b"].into_iter().all(valid_name));
        assert!(!["", "a b", "a;b", "a=b", "__Host-access", "é"].into_iter().any(valid_name));
    }
}
