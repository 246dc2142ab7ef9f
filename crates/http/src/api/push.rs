//! Push notifications: the payloads, and the routes `push/`.
#![expect(non_snake_case, reason = "the keys of a browser's PushSubscription")]

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use chinwag_core::app::push::{OneSubscription, Subscribe};
use chinwag_core::push::{DeviceKeys, ENDPOINT_CHARS, Subscription};
use chinwag_core::{Date, Error, Name, PushId};
use reqwest::Url;
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::network::outbound::named_url;
use crate::push::encrypt::are_valid;
use crate::rest::message::author;
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::group::InName;
use crate::wire::input::json::Value;
use crate::wire::input::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::Need;
use crate::wire::server_event::object;
use crate::wire::text::text;

pub(crate) const REST: &[RestPayload] = &[PushSubscription::REST, PushSubscriptionKeys::REST];

payload! {
    /// A subscription, in the JSON form of a browser's `PushSubscription`.
    pub struct PushSubscription {
        /// The user who subscribes. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The address at the push service: a public `https` URL.
        endpoint: Endpoint,
        /// The time at which the browser ends it. It is ignored.
        expirationTime: ExpirationTime,
        /// The keys for which notifications are encrypted.
        keys: PushSubscriptionKeys,
    }
}

payload! {
    /// The keys of a subscription.
    pub struct PushSubscriptionKeys {
        /// The device's public key, a point of P-256 in base64url.
        p256dh: PublicKey,
        /// The secret that it shares with the sender, 16 bytes in base64url.
        auth: SharedSecret,
    }
}

/// The endpoint URL of a subscription.
pub struct Endpoint(String);

/// A value that is accepted and ignored.
pub struct ExpirationTime;

/// The device's public key, a point on P-256.
pub struct PublicKey(Vec<u8>);

/// The authentication secret that the device shares with senders.
pub struct SharedSecret(Vec<u8>);

impl Endpoint {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        match named_url(text, ENDPOINT_CHARS)? {
            Some(url) if url.username().is_empty() && url.password().is_none() => Ok(Self(text.to_owned())),
            _ => Err("must be the URL of a push service, without a user".into()),
        }
    }
}

fn decode(text: &str) -> std::result::Result<Vec<u8>, &'static str> {
    let engine = if text.ends_with('=') { &URL_SAFE } else { &URL_SAFE_NO_PAD };
    engine.decode(text).map_err(|_| "must be base64url")
}

impl KeyValue for Endpoint {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string", "format": "uri", "maxLength": ENDPOINT_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::parse(&text))
    }
}

impl KeyValue for ExpirationTime {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "number"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None | Some(Value::Null | Value::Integer(_) | Value::Number(_)) => Some(Self),
            Some(_) => {
                fields.refuse(key, "must be a number, or null");
                None
            }
        }
    }
}

impl KeyValue for PushSubscriptionKeys {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        object("PushSubscriptionKeys")
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let keys = fields.nested(key)?;
        if keys.is_none() {
            fields.refuse(key, "must be an object");
        }
        keys
    }
}

impl KeyValue for PublicKey {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{87}=?$"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, decode(&text)).map(Self)
    }
}

impl KeyValue for SharedSecret {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{22}(==)?$"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, decode(&text)).map(Self)
    }
}

/// The key of this server, with which a browser subscribes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PushKey {
    /// A point of P-256 in base64url: the `applicationServerKey`.
    key: String,
}

/// A subscription, without its keys.
#[derive(Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(crate) struct ShownSubscription<'a> {
    /// The id.
    id: Uuid,
    /// The address at the push service.
    endpoint: &'a str,
    /// The date at which it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    created: Date,
}

impl<'a> From<&'a Subscription> for ShownSubscription<'a> {
    fn from(subscription: &'a Subscription) -> Self {
        let Subscription { id, endpoint, created, .. } = subscription;
        Self { id: id.0, endpoint, created: *created }
    }
}

/// Refuses the request if notifications are off.
fn require_push(state: &ServerState) -> Result<()> {
    if state.app.limits().push.enabled {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_FOUND, "notifications are off: set push.enabled"))
}

/// Returns the public key with which a browser subscribes.
#[utoipa::path(
    get, path = "/api/v1/push/key/", tag = "users", operation_id = "push_key",
    responses((status = 200, description = "The key.", body = PushKey), Refusals),
)]
pub(crate) async fn key(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
) -> Result<Response> {
    require_push(&state)?;
    let keys = state.app.push_keys(&context).await?;
    Ok(json(StatusCode::OK, &PushKey { key: URL_SAFE_NO_PAD.encode(&keys.public) }))
}

/// Subscribes a browser or phone to notifications.
///
/// An endpoint that is sent again is the same subscription, and belongs to the user who sent it last. If a user has
/// more than 20, the one that was sent longest ago is deleted.
#[utoipa::path(
    post, path = "/api/v1/push/subscriptions/", tag = "users", operation_id = "subscription_create",
    request_body = PushSubscription,
    responses(
        (status = 201, description = "The new subscription.", body = ShownSubscription<'static>),
        (status = 200, description = "The existing subscription.", body = ShownSubscription<'static>),
        Refusals,
    ),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    require_push(&state)?;
    let new = payload.fields()?.command(|new: PushSubscription, _| Some(new))?;
    let PushSubscription { author, endpoint: Endpoint(endpoint), keys, .. } = new;
    let PushSubscriptionKeys { p256dh: PublicKey(public), auth: SharedSecret(secret) } = keys;
    if !Url::parse(&endpoint).is_ok_and(|url| state.push_client.admits(&url)) {
        return Err(Error::field(
            "endpoint",
            "must be an https URL of a public host, unless the operator sets push.private",
        )
        .into());
    }
    let keys = DeviceKeys { public, secret };
    if !are_valid(&keys) {
        return Err(Error::field("keys", "must be a point of P-256, and a secret of 16 bytes").into());
    }
    let (subscription, is_new) = state.app.subscribe(&context, Subscribe { author, endpoint, keys }).await?;
    state.push_changed.notify_one();
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &ShownSubscription::from(&subscription)))
}

/// Lists the caller's subscriptions, oldest first by the time at which they were last sent.
#[utoipa::path(
    get, path = "/api/v1/push/subscriptions/", tag = "users", operation_id = "subscription_list",
    params(("author" = Option<String>, Query, description = "The user, if a service asks.")),
    responses((status = 200, description = "The subscriptions, at most 20.", body = Vec<ShownSubscription<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    require_push(&state)?;
    let subscriptions = state.app.subscriptions(&context, query.author()?).await?;
    Ok(json(StatusCode::OK, &subscriptions.iter().map(ShownSubscription::from).collect::<Vec<_>>()))
}

/// Deletes a subscription.
#[utoipa::path(
    delete, path = "/api/v1/push/subscriptions/{id}/", tag = "users", operation_id = "subscription_delete",
    params(
        ("id" = Uuid, Path, description = "The subscription's id."),
        ("author" = Option<String>, Query, description = "The user in whose name a service acts."),
    ),
    request_body = InName,
    responses((status = 200, description = "It has ended."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<PushId>,
    query: Query,
    payload: Payload,
) -> Result<Response> {
    require_push(&state)?;
    let author = author(&query, &payload)?;
    state.app.unsubscribe(&context, OneSubscription { author, id }).await?;
    Ok(nothing())
}
