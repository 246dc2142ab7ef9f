//! Tasks: long operations that a request starts and that are completed in steps, such as erasing users and
//! groups, or logging a rename in many groups. The request itself makes the change effective and does a first
//! part of the work, which is usually all of it. The remainder is stored as a [`Task`]. Any node can complete
//! it step by step, with one job per step. Only one node at a time does a step of a task.

mod failing;

use std::sync::atomic::Ordering;

pub(super) use self::failing::FailingTasks;
use super::group::{Departure, delete_if_ended, depart};
use super::message::erase_together;
use super::{App, Context, Growth, Unit};
use crate::log::LogEntry;
use crate::permission::Role;
use crate::reaction::MAX_LOST_PER_ENTRY;
use crate::store::{ReactionOf, Task};
use crate::{Date, Error, GroupId, MessageId, Result, Seq, TaskId, UserId};

/// The limits of one step.
#[derive(Debug, Clone, Copy)]
pub struct StepLimits {
    /// The most messages or other rows of groups.
    pub rows: usize,
    /// The most changes of groups. Each one reads all members of the group.
    pub groups: usize,
}

/// The first part of a task, which the request itself does.
pub(super) const AT_ONCE: StepLimits = StepLimits { rows: 200, groups: 20 };

/// A failed step.
#[derive(Debug)]
pub struct StepFailure {
    pub error: Error,
    /// The task and its consecutive failures on this node; none if the store was not reached.
    pub task: Option<(TaskId, u32)>,
}

impl App {
    /// Whether tasks that this node started may have further steps or a pending retry. [`App::work`] finds the tasks of other
    /// nodes.
    pub fn has_work(&self) -> bool {
        self.rules.works.load(Ordering::Acquire) || self.rules.failing.is_due(self.rules.clock.elapsed())
    }

    /// The number of tasks whose last step has failed on this node.
    pub fn failing_tasks(&self) -> usize {
        self.rules.failing.count()
    }

    /// Does one step of a task. Returns the microseconds for which it occupied the store, or `None` if there
    /// is no task, or another node does its next step. One whose step fails is left alone for a while, in
    /// which others are done.
    pub async fn work(&self, effort: StepLimits) -> Result<Option<u64>, StepFailure> {
        let server = Context::server();
        let (failing, now) = (&self.rules.failing, self.rules.clock.elapsed());
        // Usually there is no task. A read is enough to find that out.
        self.rules.works.store(false, Ordering::Release);
        let next = self.read(&server, failing.paused(now), |tx, _, paused| tx.task_next(paused)).await;
        self.rules.works.fetch_or(!matches!(next, Ok(None)), Ordering::AcqRel);
        let Some(id) = next.map_err(|error| StepFailure { error, task: None })? else {
            failing.forget_due(now);
            return Ok(None);
        };
        // After a failure one group at a time, so that it is known which one fails.
        let effort = if failing.has(id) { StepLimits { groups: 1, ..effort } } else { effort };
        let step = self.write(Growth::Bounded, &server, (id, effort), |unit, (id, effort)| {
            let begun = unit.now();
            // Another node may have completed the task.
            let Some(task) = unit.tx.task_hold(*id)? else { return Ok(None) };
            unit.step(*id, task, *effort)?;
            unit.tx.index_flush()?;
            Ok(Some(micros_between(begun, unit.now())))
        });
        match step.await {
            Ok(took) => {
                if took.is_some() {
                    failing.succeeded(id);
                }
                Ok(took)
            }
            Err(error) => {
                let failures = failing.failed(id, self.rules.clock.elapsed());
                if effort.groups == 1 {
                    // On failure, the next attempt begins with the same group.
                    let _ = self.defer_group(id).await;
                }
                Err(StepFailure { error, task: Some((id, failures)) })
            }
        }
    }

    /// Moves the first group of a [`Task::EraseOld`], whose erasure has failed, behind the others.
    async fn defer_group(&self, id: TaskId) -> Result<()> {
        self.write(Growth::Bounded, &Context::server(), id, |unit, id| {
            if let Some(Task::EraseOld { mut groups }) = unit.tx.task_hold(*id)?
                && groups.len() > 1
            {
                groups.rotate_left(1);
                unit.tx.task_shorten(*id, &Task::EraseOld { groups })?;
            }
            Ok(())
        })
        .await
    }
}

fn micros_between(begun: Date, ended: Date) -> u64 {
    u64::try_from(ended.micros() - begun.micros()).unwrap_or(0)
}

impl Unit<'_> {
    pub(super) fn new_task(&self) -> TaskId {
        TaskId::new(&*self.rules.clock)
    }

    /// Does the first part of a task that this request has stored.
    pub(super) fn begin_task(&mut self, id: TaskId, task: Task) -> Result<()> {
        self.step(id, task, AT_ONCE)
    }

    fn step(&mut self, id: TaskId, task: Task, effort: StepLimits) -> Result<()> {
        let is_done = match task {
            Task::EraseUser(user) => self.erase_user(user, effort)?,
            Task::EraseGroup(group) => {
                let files = self.tx.files_drop_of_group(group, effort.rows)?;
                files + self.tx.group_erase(group, effort.rows - files)? < effort.rows
            }
            Task::EraseReactions { group, messages } => {
                self.tx.reactions_erase(group, &messages, effort.rows)? < effort.rows
            }
            Task::EraseWebhookQueue(queue) => self.tx.webhook_queue_erase(queue, effort.rows)? < effort.rows,
            Task::EraseOld { groups } => {
                let left = self.erase_old(groups, effort)?;
                if !left.is_empty() {
                    self.tx.task_shorten(id, &Task::EraseOld { groups: left.clone() })?;
                }
                left.is_empty()
            }
            Task::LogRename { user, name, new_name, by_self, after } => {
                let renamed = LogEntry::MemberRenamed { user, name, new_name };
                let by = Some(user).filter(|_| by_self);
                let last = self.log_rename(user, &renamed, by, after, effort)?;
                if let Some(last) = last {
                    self.tx.task_advance(id, last)?;
                }
                last.is_none()
            }
        };
        if is_done {
            return self.tx.task_delete(id);
        }
        self.rules.works.store(true, Ordering::Release);
        Ok(())
    }

    /// Removes a deleted user from its groups, then erases its messages. Returns whether the task is
    /// complete.
    fn erase_user(&mut self, user: UserId, effort: StepLimits) -> Result<bool> {
        let mut rows = effort.rows;
        for _ in 0..effort.groups {
            let Some((group, role)) = self.tx.trace_as_member(user)? else {
                return self.erase_messages(user, StepLimits { rows, ..effort });
            };
            rows = rows.saturating_sub(self.take_out(user, group, role)?);
            if rows == 0 {
                break;
            }
        }
        Ok(false)
    }

    /// Removes a deleted user and its reactions from a group, if the group still exists. The affected
    /// messages count as changed by the log entry of the removal; clients learn of it from `user.delete`.
    /// Returns the number of removed reactions. There may be more.
    fn take_out(&mut self, user: UserId, group: GroupId, role: Role) -> Result<usize> {
        let Some(found) = self.tx.group(group)? else {
            self.tx.member_remove(group, user)?;
            return Ok(0);
        };
        let silenced = found.private && restrict_other_user(self, group)?;
        let reactions = self.tx.reactions_by(group, user, MAX_LOST_PER_ENTRY)?;
        let why = Departure::Deleted { lost: messages_of(&reactions) };
        let departed = depart(self, group, user, role == Role::Owner, why)?;
        self.drop_reactions(user, group, &reactions, departed.seq)?;
        // `user.delete` does not report that another member's role changed.
        if silenced || departed.inherited {
            self.group_affected(group, departed.seq, vec![user], Some(departed.entry.clone()))?;
        } else {
            self.member_changed(group, departed.seq, Some(user));
        }
        delete_if_ended(self, group, &departed)?;
        Ok(reactions.len())
    }

    fn erase_messages(&mut self, user: UserId, effort: StepLimits) -> Result<bool> {
        let (mut rows, mut groups) = (effort.rows, effort.groups);
        while let Some(group) = self.tx.trace_as_former(user)? {
            // A deleted group is erased by its own task. That task is often later than this one, for example if
            // the group has ended with its last member, and would never begin if this one waited for it.
            if self.tx.group(group)?.is_some() {
                let found = self.tx.messages_by(group, user, rows)?;
                if !found.is_empty() {
                    erase_together(self, group, &found)?;
                }
                rows -= found.len();
                rows -= self.take_reactions(user, group, rows)?;
            }
            if rows == 0 || groups == 0 {
                return Ok(false);
            }
            groups -= 1;
            self.tx.trace_delete(user, group)?;
        }
        if !self.take_avatars(user, StepLimits { rows, groups })? {
            return Ok(false);
        }
        rows -= self.tx.reports_forget(user, rows)?;
        rows -= self.tx.files_drop_of_user(user, rows)?;
        rows -= self.tx.mentions_delete(user, rows)?;
        rows -= self.tx.bans_delete(user, rows)?;
        Ok(self.tx.names_delete(user, rows)? < rows)
    }

    /// Removes at most `limit` reactions of a deleted user: those in groups that it had left, and those that
    /// exceeded the limit when it was removed from a group. Clients learn of this from `user.delete`.
    fn take_reactions(&mut self, user: UserId, group: GroupId, limit: usize) -> Result<usize> {
        let mut erased = 0;
        loop {
            let found = self.tx.reactions_by(group, user, MAX_LOST_PER_ENTRY.min(limit - erased))?;
            if found.is_empty() {
                return Ok(erased);
            }
            let seq = self.log(group, &LogEntry::ReactionsErased { lost: messages_of(&found) })?;
            self.drop_reactions(user, group, &found, seq)?;
            self.member_changed(group, seq, None);
            erased += found.len();
        }
    }

    fn drop_reactions(
        &mut self,
        user: UserId,
        group: GroupId,
        reactions: &[ReactionOf],
        seq: Seq,
    ) -> Result<()> {
        for ReactionOf { message, emoji, .. } in reactions {
            self.tx.reaction_delete(group, *message, user, emoji, seq)?;
        }
        Ok(())
    }

    /// Logs a rename in the user's next groups. Returns the last of these groups if there may be more.
    fn log_rename(
        &mut self,
        user: UserId,
        renamed: &LogEntry,
        by: Option<UserId>,
        after: Option<GroupId>,
        effort: StepLimits,
    ) -> Result<Option<GroupId>> {
        let groups = self.tx.groups_of(user, after, effort.groups)?;
        for group in &groups {
            let seq = self.log_entry(group.id, renamed, by, Vec::new())?.seq;
            self.member_changed(group.id, seq, None);
        }
        Ok(groups.last().filter(|_| groups.len() == effort.groups).map(|group| group.id))
    }
}

/// The ids of the messages, without duplicates. Requires reactions in the order of their messages.
fn messages_of(reactions: &[ReactionOf]) -> Vec<MessageId> {
    let mut ids: Vec<_> = reactions.iter().map(|reaction| reaction.id).collect();
    ids.dedup();
    ids
}

/// Restricts the other user of a private group with a deleted user: it keeps the history, and may leave.
/// Returns whether its role changed.
fn restrict_other_user(unit: &mut Unit, group: GroupId) -> Result<bool> {
    let mut changed = false;
    let now = unit.now();
    for member in unit.tx.members(group)? {
        unit.tx.member_set(group, member.user, Role::Restrict, now)?;
        changed |= member.role != Role::Restrict;
    }
    Ok(changed)
}
