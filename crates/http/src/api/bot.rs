//! Keys of bots: the payload, and the routes `users/<bot>/keys/`.

use std::str::FromStr;

use chinwag_core::app::bot::MakeBotKey;
use chinwag_core::bot::{BotKey, BotRight, BotRights, KEY_GROUPS};
use chinwag_core::{BotKeyId, Date, GroupId};
use serde::Serialize;
use serde_json::{Value as Schema, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::path::{ById, ByName};
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::json::Value;
use crate::wire::input::payload::{KeyValue, payload};
use crate::wire::key::Need;
use crate::wire::text::text;

payload! {
    /// A key to create for a bot.
    pub struct NewBotKey {
        /// The ids of the groups for which it is valid, 1 to 100.
        groups: KeyGroups,
        /// Its rights: `read` the groups, `send` messages in them, or both.
        may: BotRights,
    }
}

/// The groups of a key.
pub struct KeyGroups(Vec<GroupId>);

impl KeyGroups {
    fn parse(fields: &mut Fields<'_>, key: &'static str, values: &[Value<'_>]) -> Option<Self> {
        if values.is_empty() || values.len() > KEY_GROUPS {
            fields.refuse(key, format!("must have 1 to {KEY_GROUPS} groups"));
            return None;
        }
        fields.elements(key, values, GroupId::from_str).map(Self)
    }
}

impl KeyValue for KeyGroups {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({"type": "array", "items": GroupId::schema(), "minItems": 1, "maxItems": KEY_GROUPS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None => fields.require(key),
            Some(Value::List(values)) => return Self::parse(fields, key, &values),
            Some(_) => fields.refuse(key, "must be a list of groups' ids"),
        }
        None
    }
}

/// Parses the rights in a list.
fn rights(values: &[Value<'_>]) -> std::result::Result<BotRights, String> {
    let right = |value: &Value<'_>| match value {
        Value::Text(text) => BotRight::parse(text),
        _ => None,
    };
    let rights: Option<Vec<_>> = values.iter().map(right).collect();
    let rights = rights.filter(|rights| !rights.is_empty());
    rights.map(|rights| BotRights::of(&rights)).ok_or_else(|| "must be a list of read, send or both".into())
}

impl KeyValue for BotRights {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        let rights = BotRight::ALL.map(BotRight::as_str);
        json!({"type": "array", "items": {"type": "string", "enum": rights}, "minItems": 1})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None => fields.require(key),
            Some(Value::List(values)) => return fields.parsed(key, rights(&values)),
            Some(_) => fields.refuse(key, "must be a list of read, send or both"),
        }
        None
    }
}

/// A key of a bot.
#[derive(Serialize, ToSchema)]
#[schema(as = BotKey)]
pub(crate) struct ShownBotKey<'a> {
    /// The id.
    id: Uuid,
    /// The groups in which it is good.
    groups: Vec<Uuid>,
    /// Its rights there.
    may: Vec<&'static str>,
    /// The date at which it was made, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    created: Date,
    /// The key, for `Authorization: Bearer`. It is shown when it is made and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl From<&BotKey> for ShownBotKey<'_> {
    fn from(key: &BotKey) -> Self {
        Self {
            id: key.id.0,
            groups: key.groups.iter().map(|group| group.0).collect(),
            may: key.may.list().map(BotRight::as_str).collect(),
            created: key.created,
            key: None,
        }
    }
}

/// Creates a key that lets a bot read or send in some groups, and nothing else.
#[utoipa::path(
    post, path = "/api/v1/users/{name}/keys/", tag = "service", operation_id = "bot_key_create",
    params(("name" = String, Path, description = "The bot's name.")),
    request_body = NewBotKey,
    responses((status = 201, description = "The new key.", body = ShownBotKey<'static>), Refusals),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    payload: Payload,
) -> Result<Response> {
    let NewBotKey { groups: KeyGroups(groups), may } =
        payload.fields()?.command(|new: NewBotKey, _| Some(new))?;
    let (key, secret) = state.app.bot_key_create(&context, MakeBotKey { bot, groups, may }).await?;
    let shown = ShownBotKey { key: Some(secret.expose()), ..ShownBotKey::from(&key) };
    Ok(json(StatusCode::CREATED, &shown))
}

/// Lists the keys of a bot, in order of creation.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/keys/", tag = "service", operation_id = "bot_key_list",
    params(("name" = String, Path, description = "The bot's name.")),
    responses((status = 200, description = "The keys, at most 100.", body = Vec<ShownBotKey<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
) -> Result<Response> {
    let keys = state.app.bot_keys(&context, bot).await?;
    Ok(json(StatusCode::OK, &keys.iter().map(ShownBotKey::from).collect::<Vec<_>>()))
}

/// Returns a key of a bot, without the secret.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/keys/{id}/", tag = "service", operation_id = "bot_key_get",
    params(
        ("name" = String, Path, description = "The bot's name."),
        ("id" = Uuid, Path, description = "The key's id."),
    ),
    responses((status = 200, description = "The key.", body = ShownBotKey<'static>), Refusals),
)]
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    ById(id): ById<BotKeyId>,
) -> Result<Response> {
    Ok(json(StatusCode::OK, &ShownBotKey::from(&state.app.bot_key(&context, bot, id).await?)))
}

/// Deletes a key of a bot, and closes its sockets.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}/keys/{id}/", tag = "service", operation_id = "bot_key_delete",
    params(
        ("name" = String, Path, description = "The bot's name."),
        ("id" = Uuid, Path, description = "The key's id."),
    ),
    responses((status = 200, description = "The key is deleted."), Refusals),
)]
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ByName(bot): ByName,
    ById(id): ById<BotKeyId>,
) -> Result<Response> {
    state.app.bot_key_delete(&context, bot, id).await?;
    Ok(nothing())
}
