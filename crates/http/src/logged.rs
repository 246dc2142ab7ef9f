//! The parts of a request that may be logged.

use std::borrow::Cow;

use axum::http::Uri;

/// The path segment before the code of an invite, which is a secret.
const BEFORE_CODE: &str = "/invites/";
/// The path segment before the secret of an incoming hook.
const BEFORE_HOOK: &str = "/hooks/";
/// The prefixes of codes and of secrets of hooks, wherever they are.
const PREFIXES: [&str; 2] = ["cw_invite_", "cw_hook_"];

/// The path of a request with its secrets cut off. The query is left out: it may contain a ticket.
pub(crate) fn path(uri: &Uri) -> Cow<'_, str> {
    let path = uri.path();
    let after = |part: &str| path.find(part).map(|at| at + part.len()).filter(|at| *at < path.len());
    // In a path of the API, the id of a hook follows, which is not a secret.
    let hook = if path.contains("/api/") { None } else { after(BEFORE_HOOK) };
    let prefixes = PREFIXES.iter().filter_map(|prefix| path.find(prefix));
    match after(BEFORE_CODE).into_iter().chain(hook).chain(prefixes).min() {
        Some(at) => format!("{}…", &path[..at]).into(),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_of_logged_paths() {
        for (sent, logged) in [
            ("/api/v1/groups/a/messages/?ticket=x", "/api/v1/groups/a/messages/"),
            ("/api/v1/groups/a/invites/", "/api/v1/groups/a/invites/"),
            ("/api/v1/groups/a/invites", "/api/v1/groups/a/invites"),
            ("/api/v1/invites/cw_invite_0123/", "/api/v1/invites/…"),
            ("/api/v1/invites/0123", "/api/v1/invites/…"),
            ("/base/api/v1/groups/a/invites/cw_invite_0123/", "/base/api/v1/groups/a/invites/…"),
            ("/api/v1/invite/cw_invite_0123", "/api/v1/invite/…"),
            ("/hooks/cw_hook_0123/", "/hooks/…"),
            ("/base/hooks/0123", "/base/hooks/…"),
            ("/base/api/hooks/cw_hook_0123/", "/base/api/hooks/…"),
            ("/api/v1/users/ci/hooks/0123/", "/api/v1/users/ci/hooks/0123/"),
        ] {
            assert_eq!(path(&sent.parse().expect("an address")), logged, "{sent}");
        }
    }
}
