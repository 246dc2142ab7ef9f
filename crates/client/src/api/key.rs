//! Service keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A service key that is valid for some scopes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceKey {
    pub id: Uuid,
    /// `read`, `write`, `users`, `events`, `admin`.
    pub scopes: Vec<String>,
    /// The date of its creation.
    pub created: String,
    /// When it expires, if ever.
    pub expires: Option<String>,
    /// The secret, which `Debug` hides. Present only in the answer that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, scopes, expires, .. } = self;
        let mut shown = f.debug_struct("ServiceKey");
        shown.field("id", id).field("scopes", scopes).field("expires", expires).finish_non_exhaustive()
    }
}

impl Rest {
    /// Creates a key for some scopes, which expires after `ttl`. Service only.
    pub async fn create_key(&self, scopes: &[&str], ttl: Option<Duration>) -> Result<ServiceKey, Error> {
        let mut key = json!({ "scopes": scopes });
        if let Some(ttl) = ttl {
            key["ttl"] = ttl.as_secs().into();
        }
        self.post("keys/", key).await
    }

    /// The service keys in order of creation, without the first one. Service only.
    pub async fn keys(&self) -> Result<Vec<ServiceKey>, Error> {
        self.get("keys/").await
    }

    /// Deletes a key. Service only.
    pub async fn delete_key(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("keys/{id}/")).await
    }
}
