//! What a request has begun and steps finish: erasing users and groups, and writing another name into the logs
//! of many groups. The request does what makes it true at once, and what little there mostly is to do; the rest
//! waits as a [`Task`], of which any node does a step at a time, each a job of its own.

use std::sync::atomic::Ordering;

use super::group::{delete_if_ended, depart};
use super::message::erase_together;
use super::{App, Context, Unit};
use crate::permission::Role;
use crate::store::{Change, Task};
use crate::user::Caller;
use crate::{Date, GroupId, Name, Result, TaskId, UserId};

/// How much a step may do.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Messages or other rows of a group.
    pub rows: usize,
    /// Changes of groups, each of which reads its members.
    pub groups: usize,
}

/// What a request does at once.
const AT_ONCE: Effort = Effort { rows: 200, groups: 20 };

impl App {
    /// Whether it is known that something remains to be done, by what this node has begun. What others have left
    /// shows by asking.
    pub fn has_work(&self) -> bool {
        self.rules.works.load(Ordering::Acquire)
    }

    /// Does a step of what remains to be done: how long it kept the store from others, in microseconds; `None`
    /// where nothing remains.
    pub async fn work(&self, effort: Effort) -> Result<Option<u64>> {
        let service = Context::new(Caller::Service);
        // Mostly there is nothing, and to find that out nobody need write.
        self.rules.works.store(false, Ordering::Release);
        let waits = self.read(&service, (), |tx, _, ()| Ok(tx.task_next()?.is_some())).await;
        self.rules.works.fetch_or(!matches!(waits, Ok(false)), Ordering::AcqRel);
        if !waits? {
            return Ok(None);
        }
        self.write(&service, effort, |unit, effort| {
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
    /// A new task's id.
    pub(super) fn new_task(&self) -> TaskId {
        TaskId::new(&*self.rules.clock)
    }

    /// Does at once what may be done at once of a task that this request has kept.
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

    /// Takes a user who is no more out of its groups, then erases its messages; whether all is done.
    fn erase_user(&mut self, user: UserId, effort: Effort) -> Result<bool> {
        for _ in 0..effort.groups {
            let Some((group, role)) = self.tx.trace_as_member(user)? else {
                return self.erase_messages(user, effort);
            };
            self.take_out(user, group, role)?;
        }
        Ok(false)
    }

    /// Takes a user who is no more out of a group, if that stands.
    fn take_out(&mut self, user: UserId, group: GroupId, role: Role) -> Result<()> {
        let Some(found) = self.tx.group(group)? else { return self.tx.member_remove(group, user) };
        let silenced = found.private && silence_the_other(self, group)?;
        let departed = depart(self, group, user, role == Role::Owner)?;
        // Of a role that has changed with it `user.delete` says nothing.
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
            // The group itself may be no more.
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

    /// Writes another name into the logs of the next groups of a user; the last of them, if there may be more.
    fn log_rename(
        &mut self,
        user: UserId,
        (name, new_name): (Name, Name),
        after: Option<GroupId>,
        effort: Effort,
    ) -> Result<Option<GroupId>> {
        let groups = self.tx.groups_of(user, after, effort.groups)?;
        for group in &groups {
            let renamed = Change::Renamed { user, name: name.clone(), new_name: new_name.clone() };
            let seq = self.change(group.id, &renamed)?;
            self.member_changed(group.id, seq, None);
        }
        Ok(groups.last().filter(|_| groups.len() == effort.groups).map(|group| group.id))
    }
}

/// Whom a deleted user leaves in a private group keeps its own half, reads it, and may quit. Answers whether
/// anybody's role was changed so.
fn silence_the_other(unit: &mut Unit, group: GroupId) -> Result<bool> {
    let mut changed = false;
    let now = unit.now();
    for member in unit.tx.members(group)? {
        unit.tx.member_set(group, member.user, Role::Restrict, now)?;
        changed |= member.role != Role::Restrict;
    }
    Ok(changed)
}
