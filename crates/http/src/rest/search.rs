//! `messages/?q=`: the message search.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use chinwag_core::app::search::Hit;
use chinwag_core::store::SearchPlace;
use chinwag_core::{Date, Error, GroupId, Seq};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Array, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::answer::{Refusals, bytes, json as answer_json};
use super::list::link_next;
use crate::error::Result;
use crate::extract::caller::CallerContext;
use crate::extract::query::Query;
use crate::state::ServerState;
use crate::wire::avatar::AvatarUrl;
use crate::wire::fields::{MESSAGE, SelectedFields};
use crate::wire::message::Message;

/// The list's name in cursors.
const LIST: &str = "search";

/// A message that was found, with the places of what was found.
pub(crate) struct FoundMessage;

impl PartialSchema for FoundMessage {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer)).minimum(Some(0));
        let marks = Array::new(Array::new(number));
        let mut schema = Message::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.properties.remove("root");
            object.properties.insert("marks".into(), RefOr::T(Schema::Array(marks)));
            object.required.push("marks".into());
            object.description = Some(
                "A found message. `marks` are the matches in its body: first Unicode scalar value and length."
                    .into(),
            );
        }
        schema
    }
}

impl ToSchema for FoundMessage {}

/// Searches the messages that the caller may read now, newest date first.
///
/// A page may be short or empty although there are more hits: as long as the response names a next page, the search
/// continues there.
#[utoipa::path(
    get, path = "/api/v1/messages/", tag = "messages", operation_id = "message_list",
    params(
        ("q" = String, Query, description = "Words, all of which must occur: `\"a phrase\"`, `prefix*`, `-not`. At most 256 characters."),
        ("group" = Option<String>, Query, description = "Only messages of this group, by its id."),
        ("author" = Option<String>, Query, description = "Only messages of this user."),
        ("before" = Option<String>, Query, description = "Only messages before this date."),
        ("after" = Option<String>, Query, description = "Only messages after this date."),
        ("has" = Option<String>, Query, description = "`file`, `image` or `link`: only messages that have one."),
        ("mentions" = Option<String>, Query, description = "`me`: only messages that mention the caller."),
        ("limit" = Option<u8>, Query, minimum = 1, maximum = 100, description = "The maximum number. Default: 20."),
        ("cursor" = Option<String>, Query, description = "The cursor of the next page, from `Link`."),
        ("fields" = Option<String>, Query, description = "The fields of messages to return in addition to `marks`, separated by `+`. Default: all."),
    ),
    responses((status = 200, description = "The messages, each with `marks`.", body = Vec<FoundMessage>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let fields = query.fields(&MESSAGE)?;
    let Some(mut search) = query.search()? else { return Ok(bytes(StatusCode::OK, b"[]".to_vec())) };
    if let Some(cursor) = query.cursor()? {
        search.from = Some(state.cursors.place(LIST, cursor, opened)?);
    }
    let page = state.app.search(&context, search).await?;
    let mut response = bytes(StatusCode::OK, written(&page.hits, &fields)?);
    show_indexing(&state, page.indexing, &mut response);
    if let Some(place) = page.next {
        let cursor = state.cursors.seal(LIST, &sealed(place));
        link_next(&state, &query.with_cursor(&cursor), &mut response)?;
    }
    Ok(response)
}

/// Adds a header with the progress of the index while it is being built.
fn show_indexing(state: &ServerState, percent: Option<u8>, response: &mut Response) {
    const INDEXING: HeaderName = HeaderName::from_static("chinwag-indexing");
    if let Some(percent) = percent.filter(|_| state.options.search) {
        response.headers_mut().insert(INDEXING, HeaderValue::from(u16::from(percent)));
    }
}

/// The hits as JSON.
fn written(hits: &[Hit], fields: &SelectedFields) -> chinwag_core::Result<Vec<u8>> {
    let mut json = vec![b'['];
    for hit in hits {
        if json.len() > 1 {
            json.push(b',');
        }
        fields.write(&Message::from(&hit.message), &mut json)?;
        // Reopen the object, so that the marks become its last key.
        json.pop();
        if json.last() != Some(&b'{') {
            json.push(b',');
        }
        json.extend_from_slice(b"\"marks\":");
        json.extend_from_slice(json!(hit.marks).to_string().as_bytes());
        json.push(b'}');
    }
    json.push(b']');
    Ok(json)
}

fn sealed(place: SearchPlace) -> Vec<u8> {
    let mut bytes = place.date.micros().to_be_bytes().to_vec();
    bytes.extend(place.group.0.as_bytes());
    bytes.extend(place.seq.0.to_be_bytes());
    bytes
}

fn opened(bytes: &[u8]) -> Option<SearchPlace> {
    let (date, rest) = bytes.split_first_chunk()?;
    let (group, seq) = rest.split_first_chunk()?;
    Some(SearchPlace {
        date: Date::from_micros(i64::from_be_bytes(*date)),
        group: GroupId(Uuid::from_bytes(*group)),
        seq: Seq(i64::from_be_bytes(seq.try_into().ok()?)),
    })
}

/// The first results of each kind, at most 5.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview<'a> {
    /// Users whose name or display name begins so, by the directory's rule.
    people: Vec<FoundPerson<'a>>,
    /// The caller's groups with a word in their name that begins so.
    groups: Vec<FoundGroup<'a>>,
    /// The newest messages that the query finds.
    #[schema(value_type = Vec<FoundMessage>)]
    messages: &'a RawValue,
}

/// A user who was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundPerson<'a> {
    name: &'a str,
    #[schema(required = true)]
    display_name: Option<&'a str>,
    #[schema(value_type = Option<String>, required = true)]
    avatar: Option<AvatarUrl<'a>>,
    /// `person` or `bot`.
    kind: &'static str,
}

/// A group that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundGroup<'a> {
    id: Uuid,
    name: &'a str,
    #[schema(value_type = Option<String>, required = true)]
    avatar: Option<AvatarUrl<'a>>,
}

/// Finds a few users, groups and messages at once, for a search box.
#[utoipa::path(
    get, path = "/api/v1/search/", tag = "messages", operation_id = "search",
    params(("q" = String, Query, description = "The text, at most 256 characters.")),
    responses((status = 200, description = "The first results of each kind.", body = Overview<'static>), Refusals),
)]
pub(crate) async fn overview(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let text = query.searched()?;
    let found = state.app.overview(&context, text.to_owned()).await?;
    let messages = written(&found.messages, &SelectedFields::parse(&MESSAGE, None)?)?;
    let messages = String::from_utf8(messages).map_err(Error::internal)?;
    let messages = RawValue::from_string(messages).map_err(Error::internal)?;
    let people = found.people.iter().map(|card| FoundPerson {
        name: card.name.as_str(),
        display_name: card.display_name.as_deref(),
        avatar: card.avatar.as_deref().map(AvatarUrl),
        kind: card.kind.as_str(),
    });
    let groups = found.groups.iter().map(|group| FoundGroup {
        id: group.id.0,
        name: &group.name,
        avatar: group.details.avatar.as_deref().map(AvatarUrl),
    });
    let overview = Overview { people: people.collect(), groups: groups.collect(), messages: &messages };
    let mut response = answer_json(StatusCode::OK, &overview);
    show_indexing(&state, found.indexing, &mut response);
    Ok(response)
}
