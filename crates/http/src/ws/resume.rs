//! `sync.resume`: what was missed, page by page, then `sync.done`.

use std::sync::Once;

use chinwag_core::app::resume::{Refusal, Resume, Resumed, Resuming};
use chinwag_core::{GroupId, Result, Seq};
use chinwag_hub::{Close, Encode};

use super::session::Asked;
use crate::wire::outgoing::{self, Synced, Wire};

/// Answers what was missed, then `sync.done`. What happens meanwhile is held and follows.
pub(super) async fn resume(asked: Asked, command: Resume) -> Result<()> {
    let (doors, connection) = (&asked.session.doors, &asked.session.connection);
    let history = doors.app.history();
    let done =
        |resumed: &Resumed| outgoing::numbers("sync.done", history, Synced::from(resumed), asked.reference());
    if !asked.session.may_resume() {
        doors.hub.close(connection, Close::TooMuch);
        return Ok(());
    }
    if !doors.app.is_of_this_history(&command) {
        let groups = command.since.into_iter().map(|(group, _)| group);
        let refused = Resumed::refusing(groups, Refusal::HistoryChanged);
        doors.hub.send(connection, done(&refused));
        return Ok(());
    }
    doors.hub.pause(connection);
    let (current, since) = doors.hub.split_current(connection, command.since);
    let mut resuming = Resuming::new(since);
    let told = tell(&asked, &mut resuming).await;
    if resuming.is_lost {
        // What is left of a group that the user has lost cannot be told, nor left out in silence.
        doors.hub.close(connection, Close::ResyncRequired);
    }
    let mut resumed = resuming.resumed;
    if command.history.is_some() && resumed.refused.values().any(|why| *why == Refusal::SeqAhead) {
        warn_of_lost_numbers();
    }
    resumed.heads.extend(current);
    let frames = if told.is_ok() { vec![done(&resumed)] } else { vec![] };
    let heads: Vec<(GroupId, Seq)> = resumed.heads.into_iter().collect();
    doors.hub.resume(connection, frames, &heads);
    told
}

/// Tells all that was missed, each page once the one before is written.
async fn tell(asked: &Asked, resuming: &mut Resuming) -> Result<()> {
    let (doors, connection) = (&asked.session.doors, &asked.session.connection);
    while !resuming.is_done() && connection.drained().await {
        let (next, events) = doors.app.resume_page(&asked.context, resuming.clone()).await?;
        *resuming = next;
        let frames = events.iter().map(|event| Wire.event(event, None)).collect();
        doors.hub.send_first(connection, frames);
    }
    Ok(())
}

/// Says once what may be behind a client's numbers that this history has never given.
fn warn_of_lost_numbers() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a client holds a number past a group's last: if the database was put back by other means than \
             chinwag restore, stop the server and run chinwag history --renew"
        );
    });
}
