//! `database`, `redis` and `cluster_secret`: one node on the embedded store, or several nodes that share a PostgreSQL
//! database and exchange hints over Redis.

use std::time::Duration;

use super::{Config, Problems};

/// As long as the shortest service key.
const SHORTEST_SECRET: usize = 32;

impl Config {
    /// The address of the PostgreSQL database, if one is configured.
    pub(crate) fn postgres(&self) -> Option<&str> {
        is_postgres(&self.database).then_some(self.database.as_str())
    }

    pub(super) fn check_backends(&self, problems: &mut Problems) {
        if self.database != "sqlite" && !is_postgres(&self.database) {
            problems.add(
                "database must be sqlite, or an address such as postgres://user:password@host:5432/name",
            );
        }
        match &self.redis {
            None => {}
            Some(url) if !is_redis(url) => {
                problems.add(
                    "redis must be an address such as redis://user:password@host:6379, or rediss:// for TLS",
                );
            }
            Some(_) if self.database == "sqlite" => {
                problems.add(
                    "redis is for several nodes, which share a database: set database to a postgres:// address, or leave redis out",
                );
            }
            Some(_) => {}
        }
        match &self.cluster_secret {
            Some(secret)
                if secret.len() < SHORTEST_SECRET || !secret.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                problems.add("cluster_secret must have at least 32 characters of ASCII and no spaces");
            }
            None if self.redis.is_some() && self.postgres().is_some() => {
                problems.add(
                    "redis needs cluster_secret, by which nodes know each other: give every node the same CHINWAG_CLUSTER_SECRET, such as openssl rand -hex 32 prints",
                );
            }
            _ => {}
        }
        let hour = Duration::from_secs(3600);
        problems.period("start_timeout", self.start_timeout, &(Duration::ZERO..=hour));
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn is_redis(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    scheme
        .and_then(|scheme| scheme.split('+').next())
        .is_some_and(|first| ["redis", "rediss"].contains(&first))
}

/// A URL without its password and its query, which may contain one, for display.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let without_query = |text: &str| text.split('?').next().unwrap_or(text).to_owned();
    // A password may contain a slash or `@` that should have been escaped.
    let Some((credentials, place)) = rest.rsplit_once('@') else { return without_query(url) };
    if credentials.contains('?') {
        // Either the password contains it, or the query contains the `@`.
        return format!("{scheme}://…");
    }
    let place = without_query(place);
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:…@{place}"),
        None => format!("{scheme}://{credentials}@{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, expected) in [
            ("sqlite", "sqlite"),
            ("redis://cache:6379", "redis://cache:6379"),
            ("redis://:secret@cache/1", "redis://:…@cache/1"),
            ("postgres://ann@db/chat", "postgres://ann@db/chat"),
            ("postgres://ann:se@c/r:et@db:5432/chat?password=other", "postgres://ann:…@db:5432/chat"),
            ("postgres://db/chat?user=ann&password=secret", "postgres://db/chat"),
            ("postgres://db/chat?user=ann&password=se@cret", "postgres://…"),
            ("postgres://ann:se?cret@db/chat", "postgres://…"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
