//! `sync.*`

use std::mem;
use std::sync::Once;

use chinwag_core::app::resume::{Refusal, Resume, Resumed, Resuming};
use chinwag_core::{Error, GroupId, Result, Seq};
use chinwag_hub::{Close, Encode};
use serde_json::{Map, Value, json};

use crate::wire::events::{EventEncoder, Synced};
use crate::wire::input::Fields;
use crate::wire::input::group::HeldNumbers;
use crate::wire::key::HEADS;
use crate::wire::outgoing;
use crate::ws::changes;
use crate::ws::client_event::{ClientEvent, EventRequest, Example, Right};
use crate::ws::session::Session;

pub(crate) struct SyncResume;

impl ClientEvent for SyncResume {
    const NAME: &'static str = "sync.resume";
    const ABOUT: &'static str = "Asks for all missed events: of each group those after the number held, in order, \
        with all changes of the group itself as one `group.update`; with `all` whatever else has changed; then `sync.done`, which \
        alone carries the `ref`.";
    const EFFECT: &'static str = "to you: the events that you missed after the numbers in `groups` (`{id: last seq held}`), with \
        `all` whatever else has changed, then `sync.done` ([below](#resume)); only `groups` is required";
    const ANSWERS: &'static [&'static str] = &[
        "message.text",
        "message.update",
        "message.delete",
        "group.update",
        "user.update",
        "group.quit",
        "group.delete",
        "contact.summary",
        "message.read",
        "group.me",
        "sync.done",
    ];
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

/// Sends the missed events and, with `all`, the other changes, then `sync.done`. Events that occur meanwhile are held
/// back, and sent after it.
async fn resume(request: EventRequest, command: Resume) -> Result<()> {
    let (state, connection) = (&request.session.state, &request.session.connection);
    if !request.session.may_resume() {
        state.hub.close(connection, Close::TooMuch);
        return Ok(());
    }
    note_named(&request.session, &command)?;
    let may_ask_for_all = command.all || command.more;
    if may_ask_for_all && request.session.answered().begun.is_none() {
        // Read the point first: everything committed up to it is then in an answer, and does not depend on a live
        // event, which may come later.
        let begun = state.app.commit_point().await?;
        request.session.answered().begun = Some(begun);
    }
    let earlier: Vec<_> = request.session.answered().parts.heads.keys().copied().collect();
    let sent_since = state.hub.pause(connection, earlier);
    let (mut resumed, sent) = answer(&request, &command).await;
    let heads: Vec<(GroupId, Seq)> = resumed.heads.iter().map(|(group, head)| (*group, *head)).collect();
    let mut frames = Vec::new();
    if sent.is_ok() {
        let mut answered = request.session.answered();
        let mut whole = mem::take(&mut answered.parts);
        whole.raise(&sent_since);
        whole.add(mem::take(&mut resumed));
        if command.more {
            answered.parts = whole;
        } else {
            answered.advance(&whole, command.all);
            let since = answered.point.map(|point| changes::sealed(state, point));
            let done = Synced::new(&whole, since);
            frames.push(outgoing::numbers(state.app.history(), &whole.people, done, request.reference()));
        }
    }
    state.hub.resume(connection, frames, &heads);
    sent
}

/// Records the groups that the client names. Refuses more than one resume may name.
fn note_named(session: &Session, command: &Resume) -> Result<()> {
    let mut answered = session.answered();
    let parts = answered.parts.heads.len() + answered.parts.refused.len();
    if parts + command.since.len() > HEADS {
        return Err(Error::field("groups", format!("names more than {HEADS} groups with the parts before")));
    }
    for (group, _) in &command.since {
        if answered.named.len() < HEADS {
            answered.named.insert(*group);
        }
    }
    Ok(())
}

/// Sends the answer to one part of a resume, except `sync.done`.
async fn answer(request: &EventRequest, command: &Resume) -> (Resumed, Result<()>) {
    let (state, connection) = (&request.session.state, &request.session.connection);
    let is_of_this_history = state.app.is_of_this_history(command);
    let (mut resumed, mut sent) = (Resumed::default(), Ok(()));
    if is_of_this_history {
        let scope = request.session.scope();
        let is_shown = |group: &GroupId| scope.as_ref().is_none_or(|scope| scope.contains(group));
        let (asked, others): (Vec<_>, Vec<_>) =
            command.since.iter().copied().partition(|(group, _)| is_shown(group));
        // With a point, do not skip groups that this node considers current: the point covers the store, and this
        // node may not have delivered its newest events yet.
        let (current, since) = if command.all || command.more {
            (Vec::new(), asked)
        } else {
            state.hub.split_current(connection, asked)
        };
        let mut resuming = Resuming::new([since, others].concat());
        sent = send_missed(request, &mut resuming).await;
        if resuming.is_lost {
            // The user has left a group while its events were being sent: the remainder can neither be sent nor
            // silently omitted.
            state.hub.close(connection, Close::ResyncRequired);
        }
        resumed = resuming.resumed;
        resumed.heads.extend(current);
    } else {
        let groups = command.since.iter().map(|(group, _)| *group);
        resumed.add(Resumed::refusing(groups, Refusal::HistoryChanged));
    }
    if command.history.is_some() && resumed.refused.values().any(|why| *why == Refusal::SeqAhead) {
        warn_of_lost_numbers();
    }
    if sent.is_ok() && command.all && !command.more {
        sent = changes::send(request, command, is_of_this_history, &mut resumed).await;
    }
    (resumed, sent)
}

/// Sends the missed events page by page, each after the previous one is written.
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

/// Logs once why a client may have numbers that this history has never assigned.
fn warn_of_lost_numbers() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a client holds a number past a group's last: if the database was put back by other means than \
             chinwag restore, stop the server and run chinwag history --renew"
        );
    });
}
