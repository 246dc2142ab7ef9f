//! Incoming hooks: the payloads, the routes `users/<bot>/hooks/`, and the public routes `/hooks/<secret>/`.

mod slack_parts;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use chinwag_core::app::Context;
use chinwag_core::app::bot::MakeIncomingHook;
use chinwag_core::app::message::Send;
use chinwag_core::bot::{BotSecret, IncomingHook};
use chinwag_core::message::{INVISIBLE, MessageDetail};
use chinwag_core::profile::{Avatar, DisplayName};
use chinwag_core::slack_text;
use chinwag_core::token::TokenHash;
use chinwag_core::{Date, Error, GroupId, HookId, MessageId};
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;
use uuid::Uuid;

use self::slack_parts::{SlackAttachments, SlackBlocks};
use crate::auth::Identified;
use crate::extract::path::{ById, ByName, ByValue, PathValue};
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::not_an_object;
use crate::wire::input::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::Need;
use crate::wire::text::text;

pub(crate) const REST: &[RestPayload] = &[NewHook::REST, HookMessage::REST];

/// The path prefix before a hook's secret.
const BEFORE_SECRET: &str = "/hooks/";

payload! {
    /// An incoming hook to create.
    pub struct NewHook {
        /// The group in which its messages are sent.
        group: GroupId,
    }
}

payload! {
    /// A message in the form of Slack's incoming webhooks, as JSON, or in the field `payload` of a form. Other keys of Slack's
    /// are ignored.
    pub struct HookMessage {
        /// The text, with Slack's escapes `&amp;`, `&lt;` and `&gt;`, and links as `<https://a.example|label>`.
        text [one_of()]: SlackText,
        /// Attachments: their titles, texts and fields are appended to the text, one line each.
        attachments [one_of()]: SlackAttachments,
        /// Blocks: the texts of headers, sections and contexts replace the text, one line each.
        blocks [one_of()]: SlackBlocks,
        /// A name that pages show beside the bot's. It is stored in the message's `data`.
        username: Option<DisplayName>,
        /// The `https` address of a picture. It is stored in the message's `data`.
        icon_url: IconAddress,
        /// The id of a message of the group, which is the root of a thread.
        thread_ts: Option<MessageId>,
    }
}

/// The text of a message, with Slack's escapes.
pub struct SlackText(Option<String>);

impl KeyValue for SlackText {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(fields.maybe_text(key).map(Into::into)))
    }
}

impl KeyValue for Option<DisplayName> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "maxLength": chinwag_core::limits::DISPLAY_NAME_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.maybe_filled(key);
        Some(text.and_then(|text| fields.parsed(key, DisplayName::parse(&text))))
    }
}

/// The URL of a picture on another server.
pub struct IconAddress(Option<String>);

impl KeyValue for IconAddress {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "format": "uri", "maxLength": chinwag_core::limits::AVATAR_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let Some(text) = fields.maybe_filled(key) else { return Some(Self(None)) };
        if let Ok(Avatar::Address(_)) = Avatar::parse(&text) {
            return Some(Self(Some(text.into_owned())));
        }
        fields.refuse(key, "must be an https:// address without white space");
        None
    }
}

/// The `data` of a message that a hook sends.
#[derive(Serialize)]
struct HookData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_url: Option<&'a str>,
}

impl HookMessage {
    /// The command that sends the message, or `None` if a field was refused.
    fn command(self, group: GroupId, fields: &mut Fields<'_>) -> Option<Send> {
        let Self { text: SlackText(text), attachments, blocks, username, icon_url, thread_ts } = self;
        let (SlackAttachments(attached), SlackBlocks(blocks), IconAddress(icon_url)) =
            (attachments, blocks, icon_url);
        // As in Slack, blocks replace the text.
        let shown = if blocks.is_empty() { text.into_iter().collect() } else { blocks };
        let lines: Vec<_> = shown.iter().chain(&attached).map(|text| slack_text::plain(text)).collect();
        let body = fields.body("text", &lines.join("\n"))?;
        if body.is_empty() {
            fields.refuse("text", INVISIBLE);
            return None;
        }
        let mut detail = MessageDetail::default();
        if username.is_some() || icon_url.is_some() {
            let data = HookData {
                username: username.as_ref().map(DisplayName::as_str),
                icon_url: icon_url.as_deref(),
            };
            detail.data = Some(serde_json::to_string(&data).expect("texts are JSON").into());
        }
        Some(Send { thread: thread_ts, detail, ..Send::new(group, body) })
    }
}

/// An address to which other programs post messages of a bot.
#[derive(Serialize, ToSchema)]
#[schema(as = IncomingHook)]
pub(crate) struct ShownHook {
    /// The id.
    id: Uuid,
    /// The group in which its messages are sent.
    group: Uuid,
    /// The date at which it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    created: Date,
    /// The address, a path if the server knows no `http.public_url`. It is shown when the hook is made and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl From<&IncomingHook> for ShownHook {
    fn from(hook: &IncomingHook) -> Self {
        Self { id: hook.id.0, group: hook.group.0, created: hook.created, url: None }
    }
}

/// The hash of the secret in a hook's address.
pub(crate) struct HookSecret(TokenHash);

impl PathValue for HookSecret {
    const KEY: &str = "secret";

    fn from_path(text: &str) -> std::result::Result<Self, Error> {
        Ok(Self(TokenHash::of(text)))
    }
}

/// Identifies the bot of a hook by the secret in the path.
pub(crate) async fn identified(state: &ServerState, parts: &Parts) -> chinwag_core::Result<Identified> {
    let path = parts.uri.path();
    let secret = path.rsplit_once(BEFORE_SECRET).map(|(_, secret)| secret.trim_end_matches('/'));
    let secret = BotSecret::Hook(TokenHash::of(secret.unwrap_or_default()));
    let grant = state.auth.bot_grant(parts, secret).await?;
    Ok(Identified::Bot(secret, grant.user))
}

/// Creates an incoming hook: an address to which another program posts messages in the bot's name.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/hooks/", tag = "service", operation_id = "hook_create",
    params(("name" = String, Path, description = "The bot's name.")),
    request_body = NewHook,
    responses((status = 201, description = "The new hook, with its address.", body = ShownHook), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    payload: Payload,
) -> Result<Response> {
    let group = payload.fields()?.command(|new: NewHook, _| Some(new.group))?;
    let (hook, secret) = state.app.incoming_hook_create(&context, MakeIncomingHook { bot, group }).await?;
    let server = state.options.public_url.as_ref().map_or_else(String::new, ToString::to_string);
    let url = Some(format!("{server}{BEFORE_SECRET}{}/", secret.expose()));
    Ok(json(StatusCode::CREATED, &ShownHook { url, ..ShownHook::from(&hook) }))
}

/// Lists the incoming hooks of a bot, in order of creation.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/hooks/", tag = "service", operation_id = "hook_list",
    params(("name" = String, Path, description = "The bot's name.")),
    responses((status = 200, description = "The hooks, at most 100.", body = Vec<ShownHook>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
) -> Result<Response> {
    let hooks = state.app.incoming_hooks(&context, bot).await?;
    Ok(json(StatusCode::OK, &hooks.iter().map(ShownHook::from).collect::<Vec<_>>()))
}

/// Returns an incoming hook of a bot.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/hooks/{id}/", tag = "service", operation_id = "hook_get",
    params(
        ("name" = String, Path, description = "The bot's name."),
        ("id" = Uuid, Path, description = "The hook's id."),
    ),
    responses((status = 200, description = "The hook.", body = ShownHook), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    ById(id): ById<HookId>,
) -> Result<Response> {
    Ok(json(StatusCode::OK, &ShownHook::from(&state.app.incoming_hook(&context, bot, id).await?)))
}

/// Deletes an incoming hook of a bot.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/hooks/{id}/", tag = "service", operation_id = "hook_delete",
    params(
        ("name" = String, Path, description = "The bot's name."),
        ("id" = Uuid, Path, description = "The hook's id."),
    ),
    responses((status = 200, description = "The hook is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    ById(id): ById<HookId>,
) -> Result<Response> {
    state.app.incoming_hook_delete(&context, bot, id).await?;
    Ok(nothing())
}

/// A form with a message.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct HookForm {
    /// A `HookMessage`, as JSON.
    payload: String,
}

/// Sends a message in the name of a hook's bot.
///
/// The body is a `HookMessage`, or a form with one in its field `payload`.
#[utoipa::path(
    post, path = "/hooks/{secret}/", tag = "service", operation_id = "hook_receive",
    params(("secret" = String, Path, description = "The secret of the hook.")),
    request_body(content((HookMessage = "application/json"), (HookForm = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "The message is committed.", content_type = "text/plain", body = String), Refusals),
    security(()),
)]
pub(crate) async fn receive(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByValue(HookSecret(hash)): ByValue<HookSecret>,
    payload: Payload,
) -> Result<Response> {
    let grant = state.app.bot_grant(BotSecret::Hook(hash)).await?;
    let group = grant.groups.first().copied().ok_or(Error::NotFound("hook"))?;
    let object = object_of(payload.bytes())?;
    let fields = Fields::parse(&object)?.limited(state.app.limits());
    let command = fields.command(|message: HookMessage, fields| message.command(group, fields))?;
    sent(&state, &context, command).await?;
    Ok("ok".into_response())
}

/// Sends the message. If the bot is not in the group, sending is forbidden.
async fn sent(state: &ServerState, context: &Context, command: Send) -> chinwag_core::Result<()> {
    match state.app.message_send(context, command).await {
        Ok(_) => Ok(()),
        Err(Error::NotFound("group")) => {
            Err(Error::forbidden("the bot of this hook is not a member of its group: add it"))
        }
        Err(Error::Invalid(mut fields)) => {
            // Name the field as Slack does.
            for field in &mut fields {
                if field.field == "thread" {
                    field.field = "thread_ts".into();
                }
            }
            Err(Error::Invalid(fields))
        }
        Err(why) => Err(why),
    }
}

/// The JSON object in a body: the body itself, or the field `payload` of a form.
fn object_of(body: &[u8]) -> chinwag_core::Result<std::borrow::Cow<'_, [u8]>> {
    if not_an_object(body).is_none() {
        return Ok(body.into());
    }
    let field = form_urlencoded::parse(body).find(|(key, _)| key == "payload").map(|(_, value)| value);
    let object = field
        .ok_or_else(|| Error::field("", "must be a JSON object, or a form with one in its field payload"))?;
    Ok(object.into_owned().into_bytes().into())
}
