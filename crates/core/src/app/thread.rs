//! Threads: the replies to a message, and the current state of roots for events.

use std::collections::{BTreeMap, BTreeSet};

use super::actor::visible;
use super::message::{reading, show_to, visible_message};
use super::{App, Context};
use crate::bot::{BotAct, BotTarget};
use crate::event::Kind;
use crate::log::{LogEntry, LogRow};
use crate::message::Message;
use crate::store::{OutsidePart, Page, Tx};
use crate::thread::RootState;
use crate::{GroupId, MessageId, Result, Seq};

/// The number of log numbers that one job examines for messages outside threads.
const PART: usize = 1000;
/// The most jobs per page.
const PARTS: usize = 50;

impl App {
    /// A page of the replies to a message.
    pub async fn thread(&self, context: &Context, root: MessageId, page: Page) -> Result<Vec<Message>> {
        let act = (BotAct::ReadMessages, BotTarget::Message(root));
        self.read_by_bots(context, act, (root, page), |tx, caller, (root, page)| {
            let root = visible_message(tx, caller, *root)?;
            let mut replies = tx.thread_messages(root.group, root.seq, page)?;
            show_to(tx, caller.user(), &mut replies)?;
            Ok(replies)
        })
        .await
    }

    /// A page of a group's messages outside threads. Replies have to be read and skipped. This happens in
    /// parts, each in its own job, so that no job takes long. A page that would read too many parts ends
    /// early, and returns the edge to continue from.
    pub async fn messages_outside_threads(
        &self,
        context: &Context,
        group: GroupId,
        mut page: Page,
    ) -> Result<OutsidePart> {
        let mut messages = Vec::new();
        for _ in 0..PARTS {
            let part =
                self.read_by_bots(context, reading(group), (group, page), |tx, caller, (group, page)| {
                    visible(tx, caller, *group)?;
                    let mut part = tx.messages_outside(*group, page, PART)?;
                    show_to(tx, caller.user(), &mut part.messages)?;
                    Ok(part)
                });
            let part = part.await?;
            page.limit -= part.messages.len();
            messages.extend(part.messages);
            let Some(next) = part.next else { return Ok(OutsidePart { messages, next: None }) };
            page.edge = next;
        }
        Ok(OutsidePart { messages, next: Some(page.edge) })
    }
}

/// The current state of thread roots, by number.
#[derive(Debug, Default)]
pub(super) struct Roots(BTreeMap<Seq, RootState>);

impl Roots {
    /// Reads the roots with these numbers. Runs no query if there are none.
    pub(super) fn read(tx: &dyn Tx, group: GroupId, wanted: &BTreeSet<Seq>) -> Result<Self> {
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let wanted: Vec<_> = wanted.iter().copied().collect();
        let roots = tx.roots(group, &wanted)?;
        Ok(Self(roots.into_iter().map(|state| (state.root.seq, state)).collect()))
    }

    /// Reads the roots of all replies that these entries sent or deleted.
    pub(super) fn of_rows(tx: &dyn Tx, group: GroupId, rows: &[LogRow]) -> Result<Self> {
        let of_row = |row: &LogRow| match &row.entry {
            LogEntry::MessageSent => row
                .message
                .as_ref()
                .and_then(|message| message.thread)
                .map(|root| root.seq)
                .into_iter()
                .collect(),
            entry => entry.roots(),
        };
        Self::read(tx, group, &rows.iter().flat_map(of_row).collect())
    }

    /// The roots with these numbers, as far as they still exist.
    pub(super) fn among(&self, wanted: &[Seq]) -> Vec<RootState> {
        wanted.iter().filter_map(|seq| self.0.get(seq).cloned()).collect()
    }

    /// Adds the roots to an event about replies that were sent or deleted.
    pub(super) fn add_to(&self, kind: &mut Kind, of: &[Seq]) {
        match kind {
            Kind::MessageText(message) => {
                let root = message.thread.and_then(|root| self.0.get(&root.seq));
                message.root = root.cloned().map(Box::new);
            }
            Kind::MessageDelete { root, .. } => *root = self.among(of).pop(),
            Kind::MessagesDelete { roots, .. } => *roots = self.among(of),
            _ => {}
        }
    }
}
