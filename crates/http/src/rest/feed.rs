//! `events/`: the event feed for the service.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use chinwag_core::Error;
use chinwag_core::app::Context;
use chinwag_core::app::feed::{FeedAnswer, FeedQuery};
use chinwag_core::feed::{FEED_PAGE, FEED_PAGE_MOST, FeedKind};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::prelude::*;
use crate::error::Problem;
use crate::extract::query::Query;
use crate::wire::feed::{FeedCursor, FeedEntry};

/// The approximate maximum size of a page, in bytes.
const PAGE_BYTES: usize = 1 << 20;
/// The polling interval of a request that waits for events.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The interval of keep-alive comments in a stream.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

const OFF: &str = "the feed of events is off: set events.enabled";
pub(crate) const GONE: &str = "events after this cursor are no longer kept, or it is of another history: \
    read the state anew, then begin without after";

/// Some events, in order.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedPage {
    events: Vec<FeedEntry>,
    /// The cursor to go on with.
    #[schema(value_type = String)]
    cursor: FeedCursor,
}

/// Lists all events that were committed after a cursor, each once.
///
/// With `Accept: text/event-stream` the response continues until the client closes it.
#[utoipa::path(
    get, path = "/api/v1/events/", tag = "service", operation_id = "event_list",
    params(
        ("after" = Option<String>, Query, description = "A cursor. Default: the oldest event that is kept."),
        ("types" = Option<String>, Query, description = "The types to return, separated by commas. Default: all except `notify`."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 1000, description = "The maximum number. Default: 100."),
        ("wait" = Option<u8>, Query, minimum = 0, maximum = 60, description = "The seconds to wait for an event if there is none. Default: 0."),
        ("Last-Event-ID" = Option<String>, Header, description = "The same as `after`, and takes precedence over it."),
    ),
    responses(
        (status = 200, description = "A page of events. There may be more after the cursor.",
         content((FeedPage = "application/json"), (String = "text/event-stream"))),
        (status = 410, description = "The cursor is too old, or of another history.", content_type = "application/problem+json"),
        Refusals,
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    headers: HeaderMap,
    query: Query,
) -> Result<Response> {
    let streams = headers.get_all(header::ACCEPT).iter().any(accepts_stream);
    let wait = query.wait()?;
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?"));
    let after = last.filter(|_| streams).map_or_else(|| query.after_event(), |last| Ok(Some(last)))?;
    let after = after.map(FeedCursor::given).transpose()?;
    let limit = query.limit(FEED_PAGE_MOST)?.unwrap_or(FEED_PAGE);
    let kinds = query.feed_kinds()?;
    if kinds.as_ref().is_some_and(|kinds| kinds.contains(&FeedKind::Notify)) {
        state.app.notify_ask(&context).await?;
        state.push_changed.notify_one();
    }
    let wanted = FeedQuery { after: None, kinds, limit };
    let mut reader = FeedReader { state, context, query: wanted, place: None };
    let first = reader.begin(after).await?;
    if !streams && (wait.is_zero() || !first.events.is_empty()) {
        return Ok(json(StatusCode::OK, &first));
    }
    let permit = reader.state.feed_waits.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::from(Error::unavailable()))?;
    // Release the request's permit: it holds one for waiting requests instead.
    drop(query);
    if streams { Ok(stream_of(reader, &first, permit)) } else { reader.await_events(wait, first).await }
}

fn accepts_stream(accept: &HeaderValue) -> bool {
    let is_stream = |part: &str| part.split(';').next().map(str::trim) == Some("text/event-stream");
    accept.to_str().is_ok_and(|accept| accept.split(',').any(is_stream))
}

/// The position of a reader in the feed.
struct FeedReader {
    state: Arc<ServerState>,
    context: Context,
    query: FeedQuery,
    place: Option<i64>,
}

impl FeedReader {
    /// The first page, after a cursor.
    async fn begin(&mut self, after: Option<FeedCursor>) -> Result<FeedPage> {
        if after.is_some_and(|after| after.history != self.state.app.history().0) {
            // Read first: a feed that is off, or a caller without access, is answered before the cursor is validated.
            self.part(None, 1).await?;
            return Err(Problem::new(StatusCode::GONE, GONE));
        }
        self.place = after.map(|after| after.position);
        self.next().await
    }

    /// The next page; empty at the end of the feed.
    async fn next(&mut self) -> Result<FeedPage> {
        self.state.settle_feed(&self.context).await?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        loop {
            let (part, has_more) = self.part(self.place, self.query.limit - events.len()).await?;
            self.place = Some(part.cursor.position);
            bytes += part.events.iter().map(FeedEntry::size).sum::<usize>();
            events.extend(part.events);
            if !has_more || events.len() >= self.query.limit || bytes >= PAGE_BYTES {
                return Ok(FeedPage { events, cursor: part.cursor });
            }
        }
    }

    async fn part(&self, after: Option<i64>, limit: usize) -> Result<(FeedPage, bool)> {
        let query = FeedQuery { after, limit, ..self.query.clone() };
        let part = match self.state.app.feed(&self.context, query).await? {
            FeedAnswer::Off => return Err(Problem::new(StatusCode::NOT_FOUND, OFF)),
            FeedAnswer::Gone => return Err(Problem::new(StatusCode::GONE, GONE)),
            FeedAnswer::Part(part) => part,
        };
        let history = self.state.app.history();
        let events = part.events.iter().map(|event| FeedEntry::new(history, event));
        let events = events.collect::<serde_json::Result<_>>().map_err(Error::internal)?;
        Ok((FeedPage { events, cursor: FeedCursor::new(history, part.after) }, part.has_more))
    }

    /// Waits until there is an event, the time is over, or the server drains.
    async fn await_events(mut self, wait: Duration, mut page: FeedPage) -> Result<Response> {
        let end = Instant::now() + wait;
        while page.events.is_empty() && Instant::now() < end && !self.state.is_draining() {
            tokio::time::sleep_until((Instant::now() + POLL_INTERVAL).min(end)).await;
            page = self.next().await?;
        }
        Ok(json(StatusCode::OK, &page))
    }

    /// The next chunk of a stream: events, or a comment if there are none for a while. `None` at its end.
    async fn next_bytes(&mut self) -> Option<Bytes> {
        let comment_at = Instant::now() + COMMENT_EVERY;
        while !self.state.is_draining() {
            match self.next().await {
                Ok(page) if !page.events.is_empty() || Instant::now() >= comment_at => {
                    return Some(written(&page));
                }
                Ok(_) => {}
                // The client reconnects with the last id, and gets the error as a response.
                Err(_) => return None,
            }
            tokio::time::sleep_until((Instant::now() + POLL_INTERVAL).min(comment_at)).await;
        }
        None
    }
}

/// A stream of events: the page `first`, then new events.
fn stream_of(reader: FeedReader, first: &FeedPage, permit: OwnedSemaphorePermit) -> Response {
    // Send something at once, so that the client knows that it is connected.
    let rest =
        stream::unfold((reader, Some(written(first)), permit), |(mut reader, first, permit)| async move {
            let bytes = match first {
                Some(first) => first,
                None => reader.next_bytes().await?,
            };
            Some((Ok::<_, Infallible>(bytes), (reader, None, permit)))
        });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(rest)).into_response()
}

/// The events of a page in the format of `text/event-stream`. An empty page becomes a comment with the current
/// cursor: otherwise, after a long time with events of other types only, the client would reconnect with a cursor
/// that is no longer kept.
fn written(page: &FeedPage) -> Bytes {
    let mut text = String::new();
    if page.events.is_empty() {
        text = format!(":\nid: {}\n\n", page.cursor);
    }
    for event in &page.events {
        let json = serde_json::to_string(event).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "id: {}\ndata: {json}\n\n", event.id());
    }
    text.into()
}
