//! Tasks: long operations that a request begins and steps complete, such as the erasure of users and groups,
//! or the rename of a user in the logs of many groups. The request itself makes the change take effect, and
//! does a first, usually sufficient part. The rest waits as a [`Task`]. Any node does it step by step, each
//! step as one job.

use std::sync::atomic::Ordering;

use super::group::{delete_if_ended, depart};
use super::message::erase_together;
use super::{App, Context, Growth, Unit};
use crate::log::LogEntry;
use crate::permission::Role;
use crate::store::Task;
use crate::user::Caller;
use crate::{Date, GroupId, Name, Result, TaskId, UserId};

/// The bounds of a step.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Messages or other rows of a group.
    pub rows: usize,
    /// Changes of groups, each of which reads the group's members.
    pub groups: usize,
}

/// The first part of a task, which the request itself does.
const AT_ONCE: Effort = Effort { rows: 200, groups: 20 };

impl App {
    /// Whether this node has begun tasks that may have further steps. Tasks of other nodes are found by
    /// [`App::work`].
    pub fn has_work(&self) -> bool {
        self.rules.works.load(Ordering::Acquire)
    }

    /// Does one step of a task. Returns the microseconds for which it occupied the store, or `None` if there
    /// is no task.
    pub async fn work(&self, effort: Effort) -> Result<Option<u64>> {
        let service = Context::new(Caller::Service);
        // Usually there is no task, and a read is sufficient to find that out.
        self.rules.works.store(false, Ordering::Release);
        let waits = self.read(&service, (), |tx, _, ()| Ok(tx.task_next()?.is_some())).await;
        self.rules.works.fetch_or(!matches!(waits, Ok(false)), Ordering::AcqRel);
        if !waits? {
            return Ok(None);
        }
        self.write(Growth::Bounded, &service, effort, |unit, effort| {
            let begun = unit.now();
            let Some((id, task)) = unit.tx.task_next()? else { return Ok(None) };
            unit.step(id, task, *effort)?;
            Ok(Some(micros_between(begun, unit.now())))
        })
        .await
    }
}

fn micros_between(begun: Date, ended: Date) -> u64 {
    u64::try_from(ended.micros() - begun.micros()).unwrap_or(0)
}

impl Unit<'_> {
    /// The id of a new task.
    pub(super) fn new_task(&self) -> TaskId {
        TaskId::new(&*self.rules.clock)
    }

    /// Does the first part of a task that this request has stored.
    pub(super) fn begin_task(&mut self, id: TaskId, task: Task) -> Result<()> {
        self.step(id, task, AT_ONCE)
    }

    fn step(&mut self, id: TaskId, task: Task, effort: Effort) -> Result<()> {
        let is_done = match task {
            Task::EraseUser(user) => self.erase_user(user, effort)?,
            Task::EraseGroup(group) => self.tx.group_erase(group, effort.rows)? < effort.rows,
            Task::LogRename { user, name, new_name, after } => {
                let last = self.log_rename(user, (name, new_name), after, effort)?;
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
    fn erase_user(&mut self, user: UserId, effort: Effort) -> Result<bool> {
        for _ in 0..effort.groups {
            let Some((group, role)) = self.tx.trace_as_member(user)? else {
                return self.erase_messages(user, effort);
            };
            self.take_out(user, group, role)?;
        }
        Ok(false)
    }

    /// Removes a deleted user from a group, if the group still exists.
    fn take_out(&mut self, user: UserId, group: GroupId, role: Role) -> Result<()> {
        let Some(found) = self.tx.group(group)? else { return self.tx.member_remove(group, user) };
        let silenced = found.private && silence_the_other(self, group)?;
        let departed = depart(self, group, user, role == Role::Owner)?;
        // `user.delete` does not report the change of another member's role.
        if silenced || departed.inherited {
            self.group_affected(group, departed.seq, vec![user])?;
        } else {
            self.member_changed(group, departed.seq, Some(user));
        }
        delete_if_ended(self, group, &departed)
    }

    fn erase_messages(&mut self, user: UserId, effort: Effort) -> Result<bool> {
        let (mut rows, mut groups) = (effort.rows, effort.groups);
        while let Some(group) = self.tx.trace_as_former(user)? {
            let found = self.tx.messages_by(group, user, rows)?;
            // The group itself may have been deleted.
            if !found.is_empty() && self.tx.group(group)?.is_some() {
                erase_together(self, group, &found)?;
            }
            rows -= found.len();
            if rows == 0 || groups == 0 {
                return Ok(false);
            }
            groups -= 1;
            self.tx.trace_delete(user, group)?;
        }
        Ok(self.tx.names_delete(user, rows)? < rows)
    }

    /// Writes a rename into the logs of the user's next groups. Returns the last of them if there may be
    /// more.
    fn log_rename(
        &mut self,
        user: UserId,
        (name, new_name): (Name, Name),
        after: Option<GroupId>,
        effort: Effort,
    ) -> Result<Option<GroupId>> {
        let groups = self.tx.groups_of(user, after, effort.groups)?;
        for group in &groups {
            let (name, new_name) = (name.clone(), new_name.clone());
            let seq = self.log(group.id, &LogEntry::MemberRenamed { user, name, new_name })?;
            self.member_changed(group.id, seq, None);
        }
        Ok(groups.last().filter(|_| groups.len() == effort.groups).map(|group| group.id))
    }
}

/// The other user of a private group with a deleted user keeps the history, and may leave. Returns whether
/// its role changed.
fn silence_the_other(unit: &mut Unit, group: GroupId) -> Result<bool> {
    let mut changed = false;
    let now = unit.now();
    for member in unit.tx.members(group)? {
        unit.tx.member_set(group, member.user, Role::Restrict, now)?;
        changed |= member.role != Role::Restrict;
    }
    Ok(changed)
}
