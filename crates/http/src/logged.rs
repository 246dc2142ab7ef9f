//! The parts of a request that may stand in a log.

use std::borrow::Cow;

use axum::http::Uri;

/// The part of a path before the code of an invite, which is a secret.
const BEFORE_CODE: &str = "/invites/";
/// The beginning of such a code, wherever it stands.
const CODE: &str = "cw_invite_";

/// The path of a request without secrets. The query is no part of it: it may hold a ticket.
pub(crate) fn path(uri: &Uri) -> Cow<'_, str> {
    let path = uri.path();
    let code = path.find(BEFORE_CODE).map(|at| at + BEFORE_CODE.len()).filter(|at| *at < path.len());
    match code.into_iter().chain(path.find(CODE)).min() {
        Some(at) => format!("{}…", &path[..at]).into(),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_left_out_of_logged_paths() {
        for (sent, logged) in [
            ("/api/v1/groups/a/messages/?ticket=x", "/api/v1/groups/a/messages/"),
            ("/api/v1/groups/a/invites/", "/api/v1/groups/a/invites/"),
            ("/api/v1/groups/a/invites", "/api/v1/groups/a/invites"),
            ("/api/v1/invites/cw_invite_0123/", "/api/v1/invites/…"),
            ("/api/v1/invites/0123", "/api/v1/invites/…"),
            ("/base/api/v1/groups/a/invites/cw_invite_0123/", "/base/api/v1/groups/a/invites/…"),
            ("/api/v1/invite/cw_invite_0123", "/api/v1/invite/…"),
        ] {
            assert_eq!(path(&sent.parse().expect("an address")), logged, "{sent}");
        }
    }
}
