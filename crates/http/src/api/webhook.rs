//! Webhooks: the payloads, and the routes `webhooks/`.

use axum::body::Bytes;
use chinwag_core::app::webhook::{ChangeWebhook, MakeWebhook, ReplayAnswer};
use chinwag_core::feed::FeedKind;
use chinwag_core::store::encoding::Stored;
use chinwag_core::webhook::{WEBHOOK_URL_CHARS, Webhook, WebhookAttempt, WebhookKinds, WebhookSecret};
use chinwag_core::{Date, Error, WebhookId};
use reqwest::Url;
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Problem;
use crate::extract::path::ById;
use crate::network::outbound::named_url;
use crate::rest::feed::GONE;
use crate::rest::prelude::*;
use crate::webhook::client::WebhookRequest;
use crate::webhook::signature::{secret_of, secret_text};
use crate::wire::feed::FeedCursor;
use crate::wire::input::fields::Fields;
use crate::wire::input::json::{Value, short};
use crate::wire::input::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::Need;
use crate::wire::text::text;

/// The name of all event types together.
const ALL: &str = "*";

pub(crate) const REST: &[RestPayload] = &[NewWebhook::REST, WebhookPatch::REST, WebhookReplay::REST];

payload! {
    /// A webhook to create.
    pub struct NewWebhook {
        /// The address to which events are sent: an absolute `http` or `https` URL of a public host.
        url: WebhookUrl,
        /// The types of events, or `["*"]` for all. Default: all.
        types: Option<WebhookTypes>,
        /// The signing secret: `whsec_` and 24 to 64 bytes in base64. Default: a new one.
        secret: Option<WebhookSecret>,
    }
}

payload! {
    /// Changes of a webhook.
    pub struct WebhookPatch {
        /// The new address.
        url [one_of()]: Option<WebhookUrl>,
        /// The new types.
        types [one_of()]: Option<WebhookTypes>,
        /// The new secret. The previous one also signs for another 24 hours.
        secret [one_of()]: Option<WebhookSecret>,
    }
}

payload! {
    /// A point from which events are sent again.
    pub struct WebhookReplay {
        /// The id of the last event before them, or a cursor of the feed.
        after: String,
    }
}

/// The URL of a webhook.
pub struct WebhookUrl(String);

/// The event types that a webhook receives.
pub struct WebhookTypes(WebhookKinds);

impl WebhookUrl {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        match named_url(text, WEBHOOK_URL_CHARS)? {
            None => Err("must be an absolute http or https URL".into()),
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                Err("must have no user and no password: requests are signed".into())
            }
            Some(_) => Ok(Self(text.to_owned())),
        }
    }
}

impl WebhookTypes {
    fn read(values: &[Value<'_>]) -> std::result::Result<Self, String> {
        let mut names = Vec::new();
        for value in values {
            let Value::Text(name) = value else { return Err("must be a list of types".into()) };
            names.push(name.as_ref());
        }
        if names.is_empty() {
            return Err("must name a type, or be [\"*\"] for all".into());
        }
        if names == [ALL] {
            return Ok(Self(WebhookKinds::All));
        }
        let kind = |name: &&str| {
            FeedKind::named(name)
                .ok_or_else(|| format!("has {:?}, which is not a type of the feed", short(name)))
        };
        Ok(Self(WebhookKinds::of(&names.iter().map(kind).collect::<std::result::Result<Vec<_>, _>>()?)))
    }
}

impl KeyValue for WebhookUrl {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "string", "format": "uri", "maxLength": WEBHOOK_URL_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::parse(&text))
    }
}

impl KeyValue for Option<WebhookUrl> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        WebhookUrl::schema()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.filled_text(key);
        Some(text.and_then(|text| fields.parsed(key, WebhookUrl::parse(&text))))
    }
}

impl KeyValue for Option<WebhookTypes> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        let names: Vec<_> =
            std::iter::once(ALL).chain(FeedKind::VALUES.iter().map(|kind| kind.as_str())).collect();
        json!({"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None => Some(None),
            Some(Value::List(values)) => fields.parsed(key, WebhookTypes::read(&values)).map(Some),
            Some(_) => {
                fields.refuse(key, "must be a list of types");
                None
            }
        }
    }
}

impl KeyValue for Option<WebhookSecret> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.filled_text(key);
        let read = |text: &str| secret_of(text).ok_or("must be whsec_ and 24 to 64 bytes in base64");
        Some(text.and_then(|text| fields.parsed(key, read(&text))))
    }
}

/// An address to which events are sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct ShownWebhook<'a> {
    /// The id.
    id: Uuid,
    /// The address.
    url: &'a str,
    /// The types of events; `*` stands for all.
    types: Vec<&'static str>,
    /// The date at which it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    created: Date,
    /// The secret, which is shown when the webhook is made and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl<'a> From<&'a Webhook> for ShownWebhook<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        let types = match webhook.kinds {
            WebhookKinds::All => vec![ALL],
            kinds @ WebhookKinds::Only(_) => {
                FeedKind::VALUES.iter().filter(|kind| kinds.has(**kind)).map(|kind| kind.as_str()).collect()
            }
        };
        Self { id: webhook.id.0, url: &webhook.url, types, created: webhook.created, secret: None }
    }
}

/// A request to a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(crate) struct ShownAttempt<'a> {
    /// The id of the event.
    event: &'a str,
    /// The date, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    date: Date,
    /// The status of the answer; null if none came.
    #[schema(required = true)]
    status: Option<u16>,
    /// The reason for which it failed; null if it did not.
    #[schema(required = true)]
    error: Option<&'a str>,
    /// The duration in milliseconds.
    ms: u32,
}

impl<'a> From<&'a WebhookAttempt> for ShownAttempt<'a> {
    fn from(attempt: &'a WebhookAttempt) -> Self {
        let WebhookAttempt { event, date, status, error, ms } = attempt;
        Self { event, date: *date, status: *status, error: error.as_deref(), ms: *ms }
    }
}

/// The event of a test request.
#[derive(Serialize)]
struct TestEvent<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(serialize_with = "text")]
    date: Date,
    data: Schema,
}

/// Refuses the URL of a private host, unless the operator allows private hosts.
fn admit(state: &ServerState, url: Option<&WebhookUrl>) -> chinwag_core::Result<()> {
    let is_admitted =
        |url: &WebhookUrl| Url::parse(&url.0).is_ok_and(|url| state.webhook_client.admits(&url));
    if url.is_none_or(is_admitted) {
        return Ok(());
    }
    Err(Error::field(
        "url",
        "must be the address of a public host, unless the operator sets webhooks.private",
    ))
}

/// Creates a webhook.
///
/// Events that are committed from now on are sent to its address.
#[utoipa::path(
    post, path = "/api/v1/webhooks/", tag = "service", operation_id = "webhook_create",
    request_body = NewWebhook,
    responses((status = 201, description = "The new webhook, with its secret.", body = ShownWebhook<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    payload: Payload,
) -> Result<Response> {
    let NewWebhook { url, types, secret } = payload.fields()?.command(|new: NewWebhook, _| Some(new))?;
    admit(&state, Some(&url))?;
    // Give earlier events their positions first, so that all of them are before the webhook's.
    state.settle_feed(&context).await?;
    let kinds = types.map_or(WebhookKinds::All, |types| types.0);
    let webhook = state.app.webhook_create(&context, MakeWebhook { url: url.0, kinds, secret }).await?;
    state.webhooks_changed.notify_one();
    let shown = ShownWebhook { secret: Some(secret_text(&webhook.secret)), ..ShownWebhook::from(&webhook) };
    state.push_changed.notify_one();
    Ok(json(StatusCode::CREATED, &shown))
}

/// Lists the webhooks in order of creation.
///
/// Admins do not see the queries of their addresses.
#[utoipa::path(
    get, path = "/api/v1/webhooks/", tag = "service", operation_id = "webhook_list",
    responses((status = 200, description = "The webhooks.", body = Vec<ShownWebhook<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
) -> Result<Response> {
    let webhooks = state.app.webhooks(&context).await?;
    Ok(json(StatusCode::OK, &webhooks.iter().map(ShownWebhook::from).collect::<Vec<_>>()))
}

/// Returns a webhook.
///
/// Admins do not see the query of its address.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/", tag = "service", operation_id = "webhook_get",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook.", body = ShownWebhook<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
) -> Result<Response> {
    Ok(json(StatusCode::OK, &ShownWebhook::from(&state.app.webhook_shown(&context, id).await?)))
}

/// Changes a webhook.
///
/// A replaced secret remains valid for another 24 hours.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}/", tag = "service", operation_id = "webhook_update",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    request_body = WebhookPatch,
    responses((status = 200, description = "The webhook.", body = ShownWebhook<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
    payload: Payload,
) -> Result<Response> {
    let WebhookPatch { url, types, secret } =
        payload.fields()?.command(|patch: WebhookPatch, _| Some(patch))?;
    admit(&state, url.as_ref())?;
    let (url, kinds) = (url.map(|url| url.0), types.map(|types| types.0));
    let webhook = state.app.webhook_change(&context, ChangeWebhook { id, url, kinds, secret }).await?;
    Ok(json(StatusCode::OK, &ShownWebhook::from(&webhook)))
}

/// Deletes a webhook.
///
/// Events that were not sent yet are never sent to it.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}/", tag = "service", operation_id = "webhook_delete",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The webhook is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
) -> Result<Response> {
    state.app.webhook_delete(&context, id).await?;
    state.webhooks_changed.notify_one();
    Ok(nothing())
}

/// Sends one event of the type `webhook.test` immediately, regardless of the webhook's types.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test/", tag = "service", operation_id = "webhook_test",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The attempt.", body = ShownAttempt<'static>), Refusals),
)]
pub(crate) async fn test(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
) -> Result<Response> {
    let webhook = state.app.webhook(&context, id).await?;
    let client = &state.webhook_client;
    let _permit = client.tests.try_acquire().map_err(|_| Error::unavailable())?;
    let clock = state.app.clock();
    let (event, date) = (format!("test_{}", clock.uuid().as_simple()), clock.now());
    let body = TestEvent { id: &event, kind: "webhook.test", date, data: json!({ "webhook": id.0 }) };
    let body = Bytes::from(serde_json::to_vec(&body).map_err(Error::internal)?);
    let secrets: Vec<_> = webhook.secrets(date).into_iter().cloned().collect();
    let request = WebhookRequest { url: &webhook.url, secrets: &secrets, id: event.clone(), body };
    let attempt = client.attempt(&**clock, request).await;
    state.app.webhook_attempted(&context, id, attempt.clone()).await?;
    Ok(json(StatusCode::OK, &ShownAttempt::from(&attempt)))
}

/// Sends the events after a cursor again, in order for each group, and those that wait for another attempt.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/replay/", tag = "service", operation_id = "webhook_replay",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    request_body = WebhookReplay,
    responses(
        (status = 200, description = "The webhook.", body = ShownWebhook<'static>),
        (status = 410, description = "The cursor is too old, or of another history.", content_type = "application/problem+json"),
        Refusals,
    ),
)]
pub(crate) async fn replay(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
    payload: Payload,
) -> Result<Response> {
    let after = payload.fields()?.command(|replay: WebhookReplay, _| Some(replay.after))?;
    let after = FeedCursor::given(&after)?;
    let gone = || Problem::new(StatusCode::GONE, GONE);
    if after.history != state.app.history().0 {
        // Look the webhook up first: an unknown webhook, or a caller without access, is answered before the cursor is
        // validated.
        state.app.webhook(&context, id).await?;
        return Err(gone());
    }
    state.settle_feed(&context).await?;
    match state.app.webhook_replay(&context, id, after.position).await? {
        ReplayAnswer::Gone => Err(gone()),
        ReplayAnswer::Begun(webhook) => Ok(json(StatusCode::OK, &ShownWebhook::from(&webhook))),
    }
}

/// Lists the most recent attempts to deliver to a webhook, newest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/attempts/", tag = "service", operation_id = "webhook_attempts",
    params(("id" = Uuid, Path, description = "The webhook's id.")),
    responses((status = 200, description = "The attempts, at most 100.", body = Vec<ShownAttempt<'static>>), Refusals),
)]
pub(crate) async fn attempts(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<WebhookId>,
) -> Result<Response> {
    let attempts = state.app.webhook_attempts(&context, id).await?;
    Ok(json(StatusCode::OK, &attempts.iter().map(ShownAttempt::from).collect::<Vec<_>>()))
}
