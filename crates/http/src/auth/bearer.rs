//! The locations of a credential in a request: headers, cookies, the subprotocol and the query.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, header};

/// The prefix of a token in `Sec-WebSocket-Protocol`, the only header that browsers let a page set on a WebSocket.
const SUBPROTOCOL: &str = "bearer.";

/// The contents of an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Authorization<'a> {
    /// A bearer token.
    Bearer(&'a str),
    /// No text, or a scheme without a secret.
    Malformed,
    /// Another scheme, which the host's validator may understand. Without a validator, it belongs to a proxy in front.
    Other,
}

/// The `Authorization` header, if there is one.
pub(super) fn authorization(headers: &HeaderMap) -> Option<Authorization<'_>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let text = value.to_str().unwrap_or_default();
    let (scheme, secret) = text.split_once(' ').unwrap_or((text, ""));
    Some(match secret.trim() {
        "" => Authorization::Malformed,
        secret if scheme.eq_ignore_ascii_case("bearer") => Authorization::Bearer(secret),
        _ => Authorization::Other,
    })
}

/// The non-empty values of the cookies with this name, in order. Other cookies may contain any bytes.
pub(super) fn cookies<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let pairs =
        headers.get_all(header::COOKIE).into_iter().flat_map(|value| value.as_bytes().split(|b| *b == b';'));
    pairs.filter_map(move |pair| {
        let rest = pair.trim_ascii_start().strip_prefix(name.as_bytes())?;
        let value = rest.trim_ascii_start().strip_prefix(b"=")?;
        let secret = std::str::from_utf8(value).ok()?.trim().trim_matches('"');
        (!secret.is_empty()).then_some(secret)
    })
}

/// The token among the offered subprotocols, if there is one.
pub(super) fn subprotocol(headers: &HeaderMap) -> Option<&str> {
    let values =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|item| item.trim().strip_prefix(SUBPROTOCOL))
}

/// The headers that present this token as a bearer token. Cookies beside a subprotocol are dropped: a page of another
/// origin may have made the browser send them.
pub(super) fn as_header(secret: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {secret}")).expect("it was in a header");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// The headers of a handshake that the validator gets again while the socket is open.
pub(crate) fn vouched_headers(headers: &HeaderMap) -> HeaderMap {
    subprotocol(headers).map_or_else(|| headers.clone(), as_header)
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
            ("Bearer", Authorization::Malformed),
            ("Bearer ", Authorization::Malformed),
            ("Basic YTpi", Authorization::Other),
        ] {
            assert_eq!(authorization(&headers(&header::AUTHORIZATION, &[text])), Some(read), "{text}");
        }
        assert_eq!(authorization(&HeaderMap::new()), None);
    }

    #[test]
    fn cookies_are_found_among_others_by_their_whole_name() {
        let bytes: &[u8] = b"nick=Jos\xc3\xa9\xff; access=abc";
        for (values, read) in [
            (&[&b"access=abc"[..]][..], &["abc"][..]),
            (&[b"sessionid=1; access=abc; csrf=2"], &["abc"]),
            (&[b"a=b", b"access=\"abc\""], &["abc"]),
            (&[b"access=old; access=new;access=  x "], &["old", "new", "x"]),
            (&[bytes], &["abc"]),
            (&[b"access=\xff; access=abc"], &["abc"]),
            (&[b"xaccess=abc; access_token=1; Access=2"], &[]),
            (&[b"access="], &[]),
            (&[b"access"], &[]),
        ] {
            let values = values.iter().map(|value| HeaderValue::from_bytes(value).expect("a header"));
            let headers: HeaderMap = values.map(|value| (header::COOKIE, value)).collect();
            assert_eq!(cookies(&headers, "access").collect::<Vec<_>>(), read, "{headers:?}");
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
