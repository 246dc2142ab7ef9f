//! `sync.*`

use std::sync::Once;

use chinwag_core::app::resume::{Refusal, Resume, Resumed, Resuming};
use chinwag_core::{GroupId, Result, Seq};
use chinwag_hub::{Close, Encode};
use serde_json::{Map, Value, json};

use crate::wire::events::{EventEncoder, Synced};
use crate::wire::input::Fields;
use crate::wire::input::group::HeldNumbers;
use crate::wire::outgoing;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};

pub(crate) struct SyncResume;

impl ClientEvent for SyncResume {
    const NAME: &'static str = "sync.resume";
    const ABOUT: &'static str = "Asks for all missed events: of each group those after the number held, in order, \
        with all changes of the group itself as one `group.update`; then `sync.done`, which alone carries the `ref`.";
    const EFFECT: &'static str = "to you: the events that you missed after the numbers in `groups` (`{id: last seq held}`), then \
        `sync.done` ([below](#resume)); `history` is optional";
    const ANSWERS: &'static [&'static str] =
        &["message.text", "message.update", "message.delete", "group.update", "user.update", "sync.done"];
    const RIGHT: Right = Right::User;
    type Payload = HeldNumbers;
    type Command = Resume;

    fn example(ids: &Example) -> Value {
        json!({ "groups": Map::from_iter([(ids.group.clone(), 1.into())]) })
    }

    fn command(held: HeldNumbers, _: &mut Fields<'_>) -> Option<Resume> {
        Some(held.command())
    }

    async fn run(request: EventRequest, command: Resume) -> Result<()> {
        resume(request, command).await
    }
}

/// Sends the missed events, then `sync.done`. Events that happen meanwhile are held and follow.
async fn resume(request: EventRequest, command: Resume) -> Result<()> {
    let (state, connection) = (&request.session.state, &request.session.connection);
    let history = state.app.history();
    let done = |resumed: &Resumed| {
        outgoing::numbers(history, &resumed.people, Synced::from(resumed), request.reference())
    };
    if !request.session.may_resume() {
        state.hub.close(connection, Close::TooMuch);
        return Ok(());
    }
    if !state.app.is_of_this_history(&command) {
        let groups = command.since.into_iter().map(|(group, _)| group);
        let refused = Resumed::refusing(groups, Refusal::HistoryChanged);
        state.hub.send(connection, done(&refused));
        return Ok(());
    }
    state.hub.pause(connection);
    let scope = request.session.scope();
    let is_shown = |group: &GroupId| scope.as_ref().is_none_or(|scope| scope.contains(group));
    let (asked, others): (Vec<_>, Vec<_>) = command.since.into_iter().partition(|(group, _)| is_shown(group));
    let (current, since) = state.hub.split_current(connection, asked);
    let mut resuming = Resuming::new([since, others].concat());
    let sent = send_missed(&request, &mut resuming).await;
    if resuming.is_lost {
        // The user has left a group whose events were being sent: the rest can neither be sent nor
        // left out in silence.
        state.hub.close(connection, Close::ResyncRequired);
    }
    let mut resumed = resuming.resumed;
    if command.history.is_some() && resumed.refused.values().any(|why| *why == Refusal::SeqAhead) {
        warn_of_lost_numbers();
    }
    resumed.heads.extend(current);
    let frames = if sent.is_ok() { vec![done(&resumed)] } else { vec![] };
    let heads: Vec<(GroupId, Seq)> = resumed.heads.into_iter().collect();
    state.hub.resume(connection, frames, &heads);
    sent
}

/// Sends the missed events, each page once the one before is written.
async fn send_missed(request: &EventRequest, resuming: &mut Resuming) -> Result<()> {
    let (state, connection) = (&request.session.state, &request.session.connection);
    while !resuming.is_done() && connection.drained().await {
        let (next, events) = state.app.resume_page(&request.context, resuming.clone()).await?;
        *resuming = next;
        let frames = events.iter().map(|event| EventEncoder.event(event, None)).collect();
        state.hub.send_first(connection, frames);
    }
    Ok(())
}

/// Logs once why a client may hold numbers that this history has never given.
fn warn_of_lost_numbers() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a client holds a number past a group's last: if the database was put back by other means than \
             chinwag restore, stop the server and run chinwag history --renew"
        );
    });
}
