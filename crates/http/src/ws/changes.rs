//! The part of a resume with `all`: everything that has changed for the user beyond the groups that the client names.

use bytes::Bytes;
use chinwag_core::app::changes::{Changes, ChangesPart, ChangesQuery};
use chinwag_core::app::resume::{Resume, Resumed};
use chinwag_core::store::CommitPoint;
use chinwag_core::{HistoryId, Result};
use chinwag_hub::Encode;
use uuid::Uuid;

use super::client_event::EventRequest;
use super::session::Session;
use crate::state::ServerState;
use crate::wire::events::{EventEncoder, resumed_group};

/// The list name of sealed points.
const SEALED: &str = "since";
const ID: usize = 16;

/// Sends the changes page by page, each after the previous one is written. Adds the heads of the groups to `resumed`.
pub(super) async fn send(
    request: &EventRequest,
    command: &Resume,
    is_of_this_history: bool,
    resumed: &mut Resumed,
) -> Result<()> {
    let session = &request.session;
    let (state, connection) = (&session.state, &session.connection);
    let given = command.changed_since.as_deref();
    let since = given.filter(|_| is_of_this_history).and_then(|text| opened(state, text));
    let query = ChangesQuery { named: session.answered().named.clone(), since, window: session.window };
    let mut changes = Changes::new(query, given.is_some() && since.is_none());
    while !changes.is_done() && connection.drained().await {
        let (next, parts) = state.app.changes_page(&request.context, changes).await?;
        changes = next;
        let frames = parts.iter().flat_map(|part| frames(session, part)).collect();
        state.hub.send_first(connection, frames);
    }
    resumed.heads.extend(changes.heads);
    resumed.is_since_refused |= changes.too_far;
    Ok(())
}

fn frames(session: &Session, part: &ChangesPart) -> Vec<Bytes> {
    match part {
        ChangesPart::Groups(groups) => groups.iter().map(resumed_group).collect(),
        ChangesPart::Events(events) => events.iter().map(|event| EventEncoder.event(event, None)).collect(),
        // Skip the frames after the first: the summary contains the presence of all contacts.
        ChangesPart::People(people) => session.contact_frames(people).into_iter().take(1).collect(),
    }
}

/// A point in the opaque form for clients. It is only valid in the history that made it.
pub(super) fn sealed(state: &ServerState, point: CommitPoint) -> String {
    state.cursors.seal(SEALED, &written(state.app.history(), point))
}

fn opened(state: &ServerState, text: &str) -> Option<CommitPoint> {
    read(state.app.history(), &state.cursors.open(SEALED, text)?)
}

fn written(HistoryId(history): HistoryId, CommitPoint { order, next }: CommitPoint) -> Vec<u8> {
    [history.as_bytes().as_slice(), order.as_bytes(), &next.to_be_bytes()].concat()
}

fn read(HistoryId(history): HistoryId, bytes: &[u8]) -> Option<CommitPoint> {
    let (made, rest) = bytes.split_first_chunk::<ID>()?;
    let (order, next) = rest.split_first_chunk::<ID>()?;
    let next = i64::from_be_bytes(next.try_into().ok()?);
    (Uuid::from_bytes(*made) == history).then_some(CommitPoint { order: Uuid::from_bytes(*order), next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_was_written() {
        let [history, order] = [1, 2].map(Uuid::from_u128);
        let point = CommitPoint { order, next: 7 };
        let bytes = written(HistoryId(history), point);
        assert_eq!(read(HistoryId(history), &bytes), Some(point));
        assert_eq!(read(HistoryId(order), &bytes), None, "another history");
        assert_eq!(read(HistoryId(history), &bytes[1..]), None);
        assert_eq!(read(HistoryId(history), &[]), None);
    }
}
