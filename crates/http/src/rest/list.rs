//! Lists: a JSON array, returned in pages if the query has a limit, and streamed otherwise, with at most two parts in
//! memory. Pages and parts are bounded in rows and bytes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chinwag_core::{AuditId, Error, FileId, GroupId, ReportId, Result};
use futures_util::stream;
use tokio::sync::mpsc;
use tracing::Instrument;
use utoipa::IntoParams;
use uuid::Uuid;

use super::answer::bytes;
use crate::admission::RequestInFlight;
use crate::extract::query::Query;
use crate::shares::ReadLine;
use crate::state::ServerState;

/// The bytes of rows after which a page, or a part of a streamed list, ends.
const PAGE_BYTES: usize = 1 << 20;

/// The parameters of a list that is answered in pages.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct ListPages {
    /// The maximum number of rows of a page; `Link` names the next page. Default: all rows.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// The beginning of the page, from `Link`.
    cursor: Option<String>,
}

/// A list that is read in parts.
pub(crate) trait ListSource: Send + Sync + 'static {
    /// The list's name in cursors.
    const NAME: &str;
    /// Rows in one part of a streamed list.
    const PART: usize;
    /// A position between rows.
    type Place: ListPosition;

    /// Up to `limit` rows after a position. Fewer only at the end, or if they [fill](is_full) a page.
    fn rows(
        &self,
        after: Option<Self::Place>,
        limit: usize,
    ) -> impl Future<Output = Result<Rows<Self::Place>>> + Send;
}

/// A position between the rows of a list.
pub(crate) trait ListPosition: Clone + Send + Sync {
    /// The position as bytes for a cursor.
    fn sealed(self) -> Vec<u8>;

    /// Parses the position from a cursor.
    fn opened(bytes: &[u8]) -> Option<Self>;
}

/// Implements [`ListPosition`] for ids, in lists that are ordered by id.
macro_rules! list_by_id {
    ($($id:ident)+) => {
        $(impl ListPosition for $id {
            fn sealed(self) -> Vec<u8> {
                self.0.as_bytes().to_vec()
            }

            fn opened(bytes: &[u8]) -> Option<Self> {
                Uuid::from_slice(bytes).ok().map(Self)
            }
        })+
    };
}

list_by_id! { AuditId FileId GroupId ReportId }

/// Rows, each with the position after it and its JSON, or `None` if it was deleted meanwhile.
pub(crate) type Rows<P> = Vec<(P, Option<Vec<u8>>)>;

/// A part of a streamed list.
struct ListPart {
    json: Vec<u8>,
    last: bool,
}

/// Answers a list as the query requests: one page, or streamed as a whole.
pub(crate) async fn answer<S: ListSource>(
    state: &Arc<ServerState>,
    source: S,
    query: Query,
) -> Result<Response> {
    let place = |cursor| state.cursors.place(S::NAME, cursor, S::Place::opened);
    let after = query.cursor()?.map(place).transpose()?;
    match query.list_limit()? {
        Some(limit) => page(state, &source, &query, after, limit).await,
        None => whole(state, source, query, after).await,
    }
}

async fn page<S: ListSource>(
    state: &ServerState,
    source: &S,
    query: &Query,
    after: Option<S::Place>,
    limit: usize,
) -> Result<Response> {
    let (mut rows, mut more) = (Rows::<S::Place>::new(), true);
    // Read one row more than requested, to know whether there is a next page.
    while more && rows.len() <= limit {
        let most = (limit + 1 - rows.len()).min(S::PART + 1);
        let after = rows.last().map_or_else(|| after.clone(), |(place, _)| Some(place.clone()));
        let found = source.rows(after, most).await?;
        more = found.len() == most;
        rows.extend(found);
        if cut(&mut rows) {
            more = true;
            break;
        }
    }
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(place, _)| place.clone());
    let next = next.map(|place| state.cursors.seal(S::NAME, &place.sealed()));
    let mut json = vec![b'['];
    append(&mut json, &rows, true);
    json.push(b']');
    let mut response = bytes(StatusCode::OK, json);
    if let Some(cursor) = next {
        link_next(state, &query.with_cursor(&cursor), &mut response)?;
    }
    Ok(response)
}

/// Adds the header `Link` to the next page.
pub(crate) fn link_next(state: &ServerState, next: &str, response: &mut Response) -> Result<(), Error> {
    let link = format!("<{}{next}>; rel=\"next\"", state.options.base());
    let link = HeaderValue::from_str(&link).map_err(Error::internal)?;
    response.headers_mut().insert(header::LINK, link);
    Ok(())
}

/// Streams a list. Reads the first part before the response begins, so that an early error gets its status.
async fn whole<S: ListSource>(
    state: &ServerState,
    source: S,
    mut query: Query,
    after: Option<S::Place>,
) -> Result<Response> {
    let (rows, is_last) = part(&source, after).await?;
    let mut json = vec![b'['];
    let empty = !append(&mut json, &rows, true);
    let last = rows.last().filter(|_| !is_last);
    let Some(place) = last.map(|(place, _)| place.clone()) else {
        json.push(b']');
        return Ok(bytes(StatusCode::OK, json));
    };
    let (sender, receiver) = mpsc::channel(1);
    let within = state.options.list_timeout;
    // Others may read from the store while the client reads.
    let line = query.under_way.as_mut().and_then(RequestInFlight::end_turn);
    let places = line.as_ref().map(ReadLine::list).transpose()?;
    let first = ListPart { json, last: false };
    let reading = async move {
        // Held until the last part is sent: a slow reader keeps its permits for a request and for a list.
        let _held = (query.under_way, places);
        if let Err(error) = parts(&source, place, empty, first, &sender, within, line).await {
            tracing::warn!(error = %error, "a list was cut off");
        }
    };
    tokio::spawn(reading.in_current_span());
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], Body::from_stream(body(receiver))).into_response())
}

/// Sends all parts. Ends early if the client disconnects or reads too slowly.
async fn parts<S: ListSource>(
    source: &S,
    mut place: S::Place,
    mut empty: bool,
    first: ListPart,
    sender: &mpsc::Sender<ListPart>,
    within: Duration,
    line: Option<ReadLine>,
) -> Result<()> {
    let mut next = first;
    loop {
        let last = next.last;
        match tokio::time::timeout(within, sender.send(next)).await {
            Ok(Ok(())) if !last => {}
            Ok(_) => return Ok(()),
            Err(_) => return Err(Error::internal("its reader took too long")),
        }
        let turn = match &line {
            Some(line) => Some(line.turn().await?),
            None => None,
        };
        let (rows, last) = part(source, Some(place.clone())).await?;
        drop(turn);
        let mut json = Vec::new();
        empty = !append(&mut json, &rows, empty) && empty;
        if let Some((next, _)) = rows.last() {
            place = next.clone();
        }
        if last {
            json.push(b']');
        }
        next = ListPart { json, last };
    }
}

/// The rows of the next part, and whether it is the last one.
async fn part<S: ListSource>(source: &S, after: Option<S::Place>) -> Result<(Rows<S::Place>, bool)> {
    let mut rows = source.rows(after, S::PART).await?;
    let is_last = rows.len() < S::PART;
    let is_cut = cut(&mut rows);
    Ok((rows, is_last && !is_cut))
}

/// The parts as a stream. If the last part is missing, the stream ends in an error, which closes the connection, so
/// that a truncated list is not taken for complete.
fn body(receiver: mpsc::Receiver<ListPart>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::unfold((receiver, false), |(mut receiver, done)| async move {
        if done {
            return None;
        }
        Some(match receiver.recv().await {
            Some(part) => (Ok(Bytes::from(part.json)), (receiver, part.last)),
            None => (Err(io::Error::other("the list was cut off")), (receiver, true)),
        })
    })
}

/// Whether rows fill a page in bytes.
pub(crate) fn is_full<P>(rows: &Rows<P>) -> bool {
    rows.iter().filter_map(|(_, row)| row.as_ref()).map(Vec::len).sum::<usize>() >= PAGE_BYTES
}

/// Truncates rows after the one that fills a page. Returns whether one does.
fn cut<P>(rows: &mut Rows<P>) -> bool {
    let mut bytes = 0;
    let end = rows.iter().position(|(_, row)| {
        bytes += row.as_ref().map_or(0, Vec::len);
        bytes >= PAGE_BYTES
    });
    rows.truncate(end.map_or(rows.len(), |end| end + 1));
    end.is_some()
}

/// Appends rows, separated by commas. `empty`: whether the array is still empty. Returns whether any row was
/// appended.
fn append<P>(json: &mut Vec<u8>, rows: &Rows<P>, empty: bool) -> bool {
    let mut first = empty;
    for row in rows.iter().filter_map(|(_, row)| row.as_ref()) {
        if !first {
            json.push(b',');
        }
        json.extend_from_slice(row);
        first = false;
    }
    rows.iter().any(|(_, row)| row.is_some())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::extract::FromRequestParts;
    use axum::http::Request;
    use chinwag_core::UserId;
    use futures_util::StreamExt;

    use super::*;
    use crate::state::tests::state;

    /// The numbers from 0, every third of which is deleted. Reading beyond `fails_at` fails.
    struct Numbers {
        count: u32,
        fails_at: u32,
    }

    impl ListPosition for u32 {
        fn sealed(self) -> Vec<u8> {
            self.to_be_bytes().to_vec()
        }

        fn opened(bytes: &[u8]) -> Option<Self> {
            bytes.try_into().ok().map(u32::from_be_bytes)
        }
    }

    impl ListSource for Numbers {
        const NAME: &str = "numbers";
        const PART: usize = 10;
        type Place = u32;

        async fn rows(&self, after: Option<u32>, limit: usize) -> Result<Rows<u32>> {
            let first = after.map_or(0, |after| after + 1);
            if first >= self.fails_at {
                return Err(Error::unavailable());
            }
            let last = self.count.min(first.saturating_add(u32::try_from(limit).expect("small")));
            Ok((first..last).map(|n| (n, (n % 3 > 0).then(|| n.to_string().into_bytes()))).collect())
        }
    }

    async fn asked(state: &Arc<ServerState>, source: impl ListSource, uri: &str) -> Result<Response> {
        let mut parts = Request::get(uri).body(()).expect("a request").into_parts().0;
        let query = Query::from_request_parts(&mut parts, &()).await.expect("a query");
        answer(state, source, query).await
    }

    async fn text(response: Response) -> Result<String, axum::Error> {
        Ok(String::from_utf8(to_bytes(response.into_body(), 4 << 20).await?.to_vec()).expect("UTF-8"))
    }

    fn numbers(range: std::ops::Range<u32>) -> String {
        let numbers: Vec<_> = range.filter(|n| n % 3 > 0).map(|n| n.to_string()).collect();
        format!("[{}]", numbers.join(","))
    }

    #[tokio::test]
    async fn a_list_of_any_length_is_one_array() {
        let state = state(|_| {});
        for count in [0, 1, 2, 9, 10, 11, 20, 95] {
            let response = asked(&state, Numbers { count, fails_at: u32::MAX }, "/n").await.expect("a list");
            assert_eq!(text(response).await.expect("whole"), numbers(0..count), "{count}");
        }
    }

    /// Rows of 300 KiB.
    struct Long {
        count: u32,
    }

    impl ListSource for Long {
        const NAME: &str = "long";
        const PART: usize = 10;
        type Place = u32;

        async fn rows(&self, after: Option<u32>, limit: usize) -> Result<Rows<u32>> {
            let first = after.map_or(0, |after| after + 1);
            let row = |n| (n, Some(format!("\"{}\"", "x".repeat(300 << 10)).into_bytes()));
            Ok((first..self.count).take(limit).map(row).collect())
        }
    }

    #[tokio::test]
    async fn pages_and_parts_end_with_the_row_that_fills_them() {
        let state = state(|_| {});
        let whole = asked(&state, Long { count: 9 }, "/n").await.expect("a list").into_body();
        let parts: Vec<_> =
            whole.into_data_stream().map(|part| part.expect("whole").len() >> 20).collect().await;
        assert_eq!(parts, [1, 1, 0]);
        let page = asked(&state, Long { count: 9 }, "/n?limit=9").await.expect("a page");
        assert!(page.headers().contains_key(header::LINK), "it names the rest");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&text(page).await.expect("whole")).expect("JSON").len(),
            4
        );
    }

    #[tokio::test]
    async fn an_early_list_failure_has_a_status_a_late_one_cuts_the_body() {
        let state = state(|_| {});
        let at_once = asked(&state, Numbers { count: 95, fails_at: 0 }, "/n").await;
        assert!(matches!(at_once, Err(Error::Unavailable(_))));
        let later = asked(&state, Numbers { count: 95, fails_at: 30 }, "/n").await.expect("a beginning");
        assert!(text(later).await.is_err(), "it is taken for whole");
    }

    #[tokio::test(start_paused = true)]
    async fn lists_of_slow_readers_time_out() {
        let state = state(|options| options.list_timeout = Duration::from_millis(20));
        let slow = asked(&state, Numbers { count: 95, fails_at: u32::MAX }, "/n").await.expect("a beginning");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(text(slow).await.is_err(), "it was waited for");
    }

    #[tokio::test]
    async fn whole_lists_that_a_user_leaves_unread_are_few() {
        let state = state(|_| {});
        let share = state.admission.share(UserId(1));
        let mut unread = Vec::new();
        let refused = loop {
            let mut parts = Request::get("/n").body(()).expect("a request").into_parts().0;
            let turn = state.admission.line(&share, &parts).enter().await.expect("a turn");
            let under_way =
                state.admission.request(Arc::default(), Some(UserId(1))).expect("a place among the requests");
            parts.extensions.insert(under_way.with_turn(Some(turn)));
            let query = Query::from_request_parts(&mut parts, &()).await.expect("a query");
            // The pipeline has released its clone by now.
            parts.extensions.clear();
            match answer(&state, Numbers { count: 95, fails_at: u32::MAX }, query).await {
                Ok(response) => unread.push(response),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::TooMany(_)), "{refused:?}");
        assert!(unread.len() < state.options.requests / 50, "{} have a place", unread.len());
        let other = state.admission.line(&state.admission.share(UserId(2)), &Request::new(()).into_parts().0);
        assert!(other.list().is_ok(), "another user's lists have theirs");
        assert_eq!(text(unread.remove(0)).await.expect("whole"), numbers(0..95));
    }

    #[tokio::test]
    async fn pages_follow_each_other_by_their_cursors() {
        let state = state(|_| {});
        let mut next = Some("/n/?limit=40".to_owned());
        let mut pages = vec![];
        while let Some(uri) = next {
            let page = asked(&state, Numbers { count: 80, fails_at: u32::MAX }, &uri).await.expect("a page");
            let link = page.headers().get(header::LINK).map(|link| link.to_str().expect("ASCII").to_owned());
            next = link.map(|link| link.split(['<', '>']).nth(1).expect("a link").to_owned());
            pages.push(text(page).await.expect("whole"));
        }
        assert_eq!(pages, [numbers(0..40), numbers(40..80)]);
        let forged = asked(&state, Numbers { count: 80, fails_at: u32::MAX }, "/n?cursor=AAAAAAA").await;
        assert!(matches!(forged, Err(Error::Invalid(_))));
    }
}
