//! A resume in progress: the groups still to request, and the events that wait for its end.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::api::{Group, Resume, Synced};
use crate::event::{Frame, ServerEvent};

/// The groups in one frame. This number stays far below the longest frame and the 1,000 groups that a server
/// accepts.
const GROUPS_AT_ONCE: usize = 500;

#[derive(Debug)]
pub(crate) struct Resuming {
    /// The groups in the summary.
    pub(crate) summary: BTreeMap<Uuid, Group>,
    /// Events of groups whose missed events may still arrive, by group, number and message, since several
    /// messages may have changed with the same number.
    pub(crate) held: BTreeMap<(Uuid, i64, Uuid), Frame>,
    /// The combined answers so far.
    pub(crate) answer: Synced,
    history: Option<Uuid>,
    /// The numbers of the groups that are still to be requested.
    behind: BTreeMap<Uuid, i64>,
}

impl Resuming {
    pub(crate) fn new(
        summary: BTreeMap<Uuid, Group>,
        behind: BTreeMap<Uuid, i64>,
        history: Option<Uuid>,
    ) -> Self {
        Self { summary, held: BTreeMap::new(), answer: Synced::default(), history, behind }
    }

    /// Whether there are groups to request.
    pub(crate) fn has_more(&self) -> bool {
        !self.behind.is_empty()
    }

    /// The request for the next groups.
    pub(crate) fn next(&mut self) -> Option<Resume> {
        let after = self.behind.keys().nth(GROUPS_AT_ONCE).copied();
        let rest = after.map(|id| self.behind.split_off(&id)).unwrap_or_default();
        let groups = std::mem::replace(&mut self.behind, rest);
        (!groups.is_empty()).then(|| Resume { groups, history: self.history, ..Resume::default() })
    }

    /// Adds the answer for some of the groups.
    pub(crate) fn take(&mut self, answer: Synced) {
        self.answer.groups.extend(answer.groups);
        self.answer.refused.groups.extend(answer.refused.groups);
    }

    /// Holds an event until the end of the resume. Returns the number of held events.
    pub(crate) fn hold(&mut self, group: Uuid, seq: i64, frame: Frame) -> usize {
        let message = match &frame.event {
            ServerEvent::MessageUpdate(message) => message.id,
            _ => Uuid::nil(),
        };
        self.held.insert((group, seq, message), frame);
        self.held.len()
    }
}
