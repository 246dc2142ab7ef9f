//! Keys of the service: the payload, and the routes `keys/`.

use std::time::Duration;

use chinwag_core::app::key::MakeKey;
use chinwag_core::scope::{Scope, ScopedKey, Scopes};
use chinwag_core::{Date, KeyId};
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::path::ById;
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::json::Value;
use crate::wire::input::payload::{KeyValue, payload};
use crate::wire::input::value::Lifetime;
use crate::wire::key::Need;
use crate::wire::text::{maybe_text, text};

const SCOPES: &str = "must be a list of read, write, users, events and admin, at least one of them";

payload! {
    /// A service key to create.
    pub struct NewKey {
        /// Its scopes: `read`, `write`, `users`, `events`, `admin`, at least one.
        scopes: Scopes,
        /// The number of seconds after which it expires, 1 to 31 536 000 (365 days). Default: it never expires.
        ttl: Lifetime,
    }
}

/// Parses the scopes in a list.
fn scopes(values: &[Value<'_>]) -> std::result::Result<Scopes, &'static str> {
    let scope = |value: &Value<'_>| match value {
        Value::Text(text) => Scope::parse(text),
        _ => None,
    };
    let scopes: Option<Vec<_>> = values.iter().map(scope).collect();
    scopes.filter(|scopes| !scopes.is_empty()).map(|scopes| Scopes::of(&scopes)).ok_or(SCOPES)
}

impl KeyValue for Scopes {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        let scopes = Scope::ALL.map(Scope::as_str);
        json!({"type": "array", "items": {"type": "string", "enum": scopes}, "minItems": 1})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None => fields.require(key),
            Some(Value::List(values)) => return fields.parsed(key, scopes(&values)),
            Some(_) => fields.refuse(key, SCOPES),
        }
        None
    }
}

/// A key of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct ShownKey<'a> {
    /// The id.
    id: Uuid,
    /// Its scopes.
    scopes: Vec<&'static str>,
    /// The date at which it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    created: Date,
    /// Until when it is good; null if it does not end by itself.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    #[serde(serialize_with = "maybe_text")]
    expires: Option<Date>,
    /// The key, for `Authorization: Bearer`. It is shown when it is made and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl From<&ScopedKey> for ShownKey<'_> {
    fn from(key: &ScopedKey) -> Self {
        let scopes = key.scopes.list().map(Scope::as_str).collect();
        Self { id: key.id.0, scopes, created: key.created, expires: key.expires, key: None }
    }
}

/// Creates a service key with some scopes.
///
/// There can be at most 100 in addition to the first one. A key cannot grant scopes that it does not have.
#[utoipa::path(
    post, path = "/api/v1/keys/", tag = "service", operation_id = "key_create",
    request_body = NewKey,
    responses((status = 201, description = "The new key.", body = ShownKey<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let NewKey { scopes, ttl } = payload.fields()?.command(|new: NewKey, _| Some(new))?;
    let ttl: Option<Duration> = ttl.0;
    let (key, secret) = state.app.key_create(&context, MakeKey { scopes, ttl }).await?;
    let shown = ShownKey { key: Some(secret.expose()), ..ShownKey::from(&key) };
    Ok(json(StatusCode::CREATED, &shown))
}

/// Lists the service keys in order of creation, except the first one.
#[utoipa::path(
    get, path = "/api/v1/keys/", tag = "service", operation_id = "key_list",
    responses((status = 200, description = "The keys, at most 100.", body = Vec<ShownKey<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
) -> Result<Response> {
    let keys = state.app.keys(&context).await?;
    Ok(json(StatusCode::OK, &keys.iter().map(ShownKey::from).collect::<Vec<_>>()))
}

/// Returns a service key, without the secret.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}/", tag = "service", operation_id = "key_get",
    params(("id" = Uuid, Path, description = "The key's id.")),
    responses((status = 200, description = "The key.", body = ShownKey<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<KeyId>,
) -> Result<Response> {
    Ok(json(StatusCode::OK, &ShownKey::from(&state.app.key(&context, id).await?)))
}

/// Deletes a service key.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}/", tag = "service", operation_id = "key_delete",
    params(("id" = Uuid, Path, description = "The key's id.")),
    responses((status = 200, description = "The key is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<KeyId>,
) -> Result<Response> {
    state.app.key_delete(&context, id).await?;
    Ok(nothing())
}
