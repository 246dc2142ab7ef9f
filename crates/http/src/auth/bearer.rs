//! Where in a request a secret may be.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};

/// The name of the cookie that holds a user's token.
pub(super) const COOKIE: &str = "access";
/// How a token begins in `Sec-WebSocket-Protocol`, where browsers can put one.
const SUBPROTOCOL: &str = "bearer.";

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Authorization<'a> {
    /// A bearer's secret.
    Bearer(&'a str),
    /// Something else, which only the host's validator may know.
    Other,
}

/// The `Authorization` header, if there is one.
pub(super) fn authorization(headers: &HeaderMap) -> Option<Authorization<'_>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let bearer = value.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    Some(match bearer {
        Some(secret) if !secret.is_empty() => Authorization::Bearer(secret),
        _ => Authorization::Other,
    })
}

/// The cookie `access`, if there is one that is not empty.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, secret) = pairs.find(|(name, _)| *name == COOKIE)?;
    Some(secret.trim_matches('"')).filter(|secret| !secret.is_empty())
}

/// The token among the offered subprotocols, if there is one.
pub(super) fn subprotocol(headers: &HeaderMap) -> Option<&str> {
    let values =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|item| item.trim().strip_prefix(SUBPROTOCOL))
}

/// The ticket in a query, if there is one.
pub(super) fn ticket(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == "ticket").map(|(_, ticket)| ticket)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_bearer_is_read_whatever_the_case_of_its_scheme() {
        for (text, read) in [
            ("Bearer abc", Authorization::Bearer("abc")),
            ("bearer  abc ", Authorization::Bearer("abc")),
            ("Bearer", Authorization::Other),
            ("Bearer ", Authorization::Other),
            ("Basic YTpi", Authorization::Other),
        ] {
            assert_eq!(authorization(&headers(&header::AUTHORIZATION, &[text])), Some(read), "{text}");
        }
        assert_eq!(authorization(&HeaderMap::new()), None);
    }

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        for (values, read) in [
            (&["access=abc"][..], Some("abc")),
            (&["sessionid=1; access=abc; csrf=2"], Some("abc")),
            (&["a=b", "access=\"abc\""], Some("abc")),
            (&["xaccess=abc; access_token=1; Access=2"], None),
            (&["access="], None),
            (&["access"], None),
        ] {
            assert_eq!(cookie(&headers(&header::COOKIE, values)), read, "{values:?}");
        }
    }

    #[test]
    fn a_subprotocol_and_a_query_may_hold_a_secret() {
        let offered = headers(&header::SEC_WEBSOCKET_PROTOCOL, &["chinwag, bearer.abc"]);
        assert_eq!(subprotocol(&offered), Some("abc"));
        assert_eq!(subprotocol(&headers(&header::SEC_WEBSOCKET_PROTOCOL, &["chinwag"])), None);
        assert_eq!(ticket(Some("a=1&ticket=x%2Dy")).as_deref(), Some("x-y"));
        assert_eq!(ticket(Some("tickets=1")), None);
    }
}
