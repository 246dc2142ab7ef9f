//! The scope of each route. The check, the table in `docs/protocol.md` and the tests are generated from this table.

use axum::http::Method;
use chinwag_core::scope::{Scope, Scopes};
use chinwag_core::{Error, Result};

use Scope::{Admin, Events, Read, Users, Write};

/// The scopes of paths by prefix: of GET and HEAD, and of other methods. The longest prefix wins.
pub(crate) const SCOPES: &[(&str, PathScopes)] = &[
    ("/api/v1/server/", PathScopes(Read, Read)),
    ("/api/v1/users/", PathScopes(Read, Users)),
    ("/api/v1/users/{name}/keys/", PathScopes(Read, Events)),
    ("/api/v1/users/{name}/hooks/", PathScopes(Read, Events)),
    ("/api/v1/accounts/", PathScopes(Read, Users)),
    ("/api/v1/sessions/", PathScopes(Read, Users)),
    ("/api/v1/tickets/", PathScopes(Read, Users)),
    ("/api/v1/oidc/", PathScopes(Read, Users)),
    ("/api/v1/push/", PathScopes(Read, Users)),
    ("/api/v1/groups/", PathScopes(Read, Write)),
    ("/api/v1/invites/", PathScopes(Read, Write)),
    ("/api/v1/private/", PathScopes(Read, Write)),
    ("/api/v1/messages/", PathScopes(Read, Write)),
    ("/api/v1/relations/", PathScopes(Read, Write)),
    ("/api/v1/files/", PathScopes(Read, Write)),
    // Clients query the progress of an upload by HEAD.
    ("/api/v1/files/uploads/", PathScopes(Write, Write)),
    ("/api/v1/unread/", PathScopes(Read, Read)),
    ("/api/v1/search/", PathScopes(Read, Read)),
    ("/api/v1/events/", PathScopes(Events, Events)),
    ("/api/v1/webhooks/", PathScopes(Read, Events)),
    ("/api/v1/keys/", PathScopes(Admin, Admin)),
    ("/api/v1/audit/", PathScopes(Admin, Admin)),
    ("/api/v1/reports/", PathScopes(Read, Admin)),
    ("/api/v1/settings/", PathScopes(Admin, Admin)),
    ("/hooks/", PathScopes(Write, Write)),
    ("/oidc/", PathScopes(Read, Read)),
];

/// The scopes of one path: of GET and HEAD, and of other methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathScopes(pub(crate) Scope, pub(crate) Scope);

impl PathScopes {
    /// The scopes of a path in the route table.
    ///
    /// # Panics
    ///
    /// If the table above does not have the path.
    pub(crate) fn of(path: &str) -> Self {
        let found = SCOPES.iter().filter(|(begin, _)| path.starts_with(begin));
        let longest = found.max_by_key(|(begin, _)| begin.len());
        longest.unwrap_or_else(|| panic!("{path} has no scope: add it to scopes.rs")).1
    }

    /// The scope that a method needs.
    pub(crate) fn of_method(self, method: &Method) -> Scope {
        if matches!(*method, Method::GET | Method::HEAD) { self.0 } else { self.1 }
    }

    /// Refuses a key without the scope for a method.
    pub(crate) fn require(self, method: &Method, key: Scopes) -> Result<()> {
        let scope = self.of_method(method);
        if key.has(scope) {
            return Ok(());
        }
        Err(Error::forbidden(format!("this key does not have the scope {}", scope.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_route_has_a_scope_and_every_row_a_route() {
        let mut used = BTreeSet::new();
        for route in ROUTES {
            let found = SCOPES.iter().filter(|(begin, _)| route.path.starts_with(begin));
            let row = found.max_by_key(|(begin, _)| begin.len());
            used.insert(row.unwrap_or_else(|| panic!("{} has no scope", route.path)).0);
        }
        let rows: BTreeSet<_> = SCOPES.iter().map(|(begin, _)| *begin).collect();
        assert_eq!(used, rows);
    }

    #[test]
    fn longest_beginning_of_a_path_counts() {
        assert_eq!(PathScopes::of("/api/v1/users/{name}/"), PathScopes(Read, Users));
        assert_eq!(PathScopes::of("/api/v1/users/{name}/hooks/{id}/"), PathScopes(Read, Events));
    }
}
