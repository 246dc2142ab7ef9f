//! The effective settings, as admins of the server see them.

use serde_json::{Map, Value};

use super::{Config, shown};

/// Secret settings, shown as `true` if they are set.
const SECRETS: [&str; 4] = ["cluster_secret", "hooks.secret", "auth.jwt.secret", "auth.oidc.secret"];
/// Settings that are URLs, which may contain a password.
const ADDRESSES: [&str; 6] =
    ["database", "redis", "auth.validate_url", "auth.jwt.jwks", "hooks.before_send", "traces.otlp"];

impl Config {
    /// All settings by their keys, without secrets.
    pub(crate) fn shown_settings(&self) -> serde_json::Result<Map<String, Value>> {
        let mut settings = Map::new();
        flatten(&mut settings, String::new(), serde_json::to_value(self)?);
        for key in SECRETS {
            if let Some(value) = settings.get_mut(key).filter(|value| !value.is_null()) {
                *value = true.into();
            }
        }
        for key in ADDRESSES {
            if let Some(Value::String(address)) = settings.get_mut(key) {
                shown(address).split(['?', '#']).next().unwrap_or_default().clone_into(address);
            }
        }
        Ok(settings)
    }
}

/// Flattens sections into keys such as `ws.max_frame`.
fn flatten(settings: &mut Map<String, Value>, key: String, value: Value) {
    match value {
        Value::Object(section) => {
            for (name, value) in section {
                let key = if key.is_empty() { name } else { format!("{key}.{name}") };
                flatten(settings, key, value);
            }
        }
        value => {
            settings.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "quokka-quokka-quokka-quokka-quokka";

    #[test]
    fn no_secret_is_among_the_settings() {
        let mut config = Config {
            database: format!("postgres://ann:{SECRET}@db/chat?password={SECRET}"),
            redis: Some(format!("redis://:{SECRET}@cache")),
            cluster_secret: Some(SECRET.into()),
            ..Config::default()
        };
        config.hooks.secret = Some(SECRET.into());
        config.hooks.before_send = Some(format!("https://ann:{SECRET}@hook.example/?key={SECRET}"));
        config.auth.validate_url = Some(format!("https://host.example/?key={SECRET}"));
        config.traces.otlp = Some(format!("https://ann:{SECRET}@traces.example/v1/traces?key={SECRET}"));
        config.auth.jwt.secret = serde_json::from_value(SECRET.into()).expect("a secret");
        config.auth.oidc.secret = serde_json::from_value(SECRET.into()).expect("a secret");
        let settings = config.shown_settings().expect("settings");
        assert!(!serde_json::to_string(&settings).expect("JSON").contains("quokka"), "{settings:?}");
        for key in SECRETS {
            assert_eq!(settings[key], true, "{key}");
        }
        assert_eq!(settings["database"], "postgres://ann:…@db/chat");
        let plain = Config::default().shown_settings().expect("settings");
        assert_eq!((&plain["cluster_secret"], &plain["ws.max_frame"]), (&Value::Null, &(64 * 1024).into()));
    }

    #[test]
    fn every_key_that_names_a_secret_is_one() {
        let settings = Config::default().shown_settings().expect("settings");
        let named = settings
            .keys()
            .filter(|key| ["secret", "password", "token"].iter().any(|word| key.ends_with(word)));
        assert!(named.into_iter().all(|key| SECRETS.contains(&key.as_str())), "{:?}", settings.keys());
    }
}
