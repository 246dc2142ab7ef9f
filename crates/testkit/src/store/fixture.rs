//! The fixture of each case, and shortcuts for test values.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::event::{Event, Kind};
use chinwag_core::message::{Body, ClientId};
use chinwag_core::permission::Role;
use chinwag_core::profile::{Details, Origin, UserKind};
use chinwag_core::send::Kept;
use chinwag_core::store::{NewMessage, Store, Task, Tx};
use chinwag_core::{Date, GroupId, MessageId, Name, Result, Seq, TaskId, UserId};
use uuid::Uuid;

use crate::bus::Recorder;

/// An empty store, and a guard that lives as long.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Dropped after the store: a folder, a schema.
    pub guard: Box<dyn Any + Send + Sync>,
}

/// The fixture of a case: an empty store, its bus, and shortcuts to fill it.
pub struct Fixture {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its bus.
    pub bus: Arc<Recorder>,
    next: AtomicI64,
    _guard: Box<dyn Any + Send + Sync>,
}

impl Fixture {
    /// A fixture with the store that `open` returns.
    pub async fn open<F: Future<Output = Opened>>(open: impl FnOnce(Arc<Recorder>) -> F) -> Self {
        let bus = Arc::new(Recorder::default());
        let Opened { store, guard } = open(bus.clone()).await;
        Self { store, bus, next: AtomicI64::new(1), _guard: guard }
    }

    /// Runs a job that must succeed.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> T {
        self.store.write(move |tx, _| job(tx)).await.expect("the job succeeds")
    }

    /// Runs a read job that must succeed.
    pub async fn read<T: Send + 'static>(&self, job: impl Fn(&dyn Tx) -> Result<T> + Send + 'static) -> T {
        self.store.read(job).await.expect("the read succeeds")
    }

    /// A new user.
    pub async fn user(&self, text: &str) -> UserId {
        let name = name(text);
        let user = self.write(move |tx| tx.user_insert(&name, false, date(0))).await;
        user.expect("the name is free").id
    }

    /// A new group with these members, joined in this order.
    pub async fn group(&self, members: &[UserId]) -> GroupId {
        let (id, members) = (self.group_id(), members.to_vec());
        self.write(move |tx| {
            tx.group_insert(id, "group", None)?;
            for (user, since) in members.iter().zip(0..) {
                tx.member_set(id, *user, Role::Member, date(since))?;
            }
            Ok(id)
        })
        .await
    }

    /// Stores a new message with the next number, dated one second after the last.
    pub async fn send(&self, group: GroupId, author: UserId) -> NewMessage {
        let message = self.message(group, author);
        self.keep(message).await
    }

    /// Stores a message under the next number of its group.
    pub async fn keep(&self, message: NewMessage) -> NewMessage {
        self.write(move |tx| {
            let seq = tx.seq_take_for_messages(message.group, 1, message.date)?;
            let message = NewMessage { seq, ..message.clone() };
            tx.message_insert(&message)?;
            Ok(message)
        })
        .await
    }

    /// A message that is not stored and has no number yet.
    pub fn message(&self, group: GroupId, author: UserId) -> NewMessage {
        let number = self.number();
        let kept = Kept { id: MessageId(uuid(number)), date: date(number), seq: Seq(0) };
        NewMessage::new(group, kept, author, body(&format!("message {number}")))
    }

    /// A new group id; ids ascend.
    pub fn group_id(&self) -> GroupId {
        GroupId(uuid(self.number()))
    }

    /// The next pending task.
    pub async fn next_task(&self) -> Option<(TaskId, Task)> {
        self.read(|tx| {
            let Some(id) = tx.task_next(&[])? else { return Ok(None) };
            Ok(tx.task(id)?.map(|task| (id, task)))
        })
        .await
    }

    /// A new task id; ids ascend.
    pub fn task(&self) -> TaskId {
        TaskId(uuid(self.number()))
    }

    pub(super) fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// A valid name.
pub fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A valid body.
pub fn body(text: &str) -> Body {
    Body::parse(text, 4096).expect("a body")
}

/// A valid client id.
pub fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).expect("a client id")
}

/// The details of a user of the host, without a profile.
pub fn bare_details() -> Details {
    Details {
        origin: Origin::Host,
        kind: UserKind::Person,
        display_name: None,
        avatar: None,
        data: None,
        created: date(0),
        last_seen: None,
        hides_last_seen: false,
    }
}

/// A date in seconds since the start of 2024.
pub fn date(seconds: i64) -> Date {
    Date::from_micros((1_704_067_200 + seconds) * 1_000_000)
}

/// An event with nothing but a number in a group's log.
pub fn numbered_event(group: GroupId, seq: Seq) -> Event {
    Event::in_group(Kind::GroupDelete(group), group, seq)
}

pub(super) fn uuid(number: i64) -> Uuid {
    Uuid::from_u128(u128::from(number.unsigned_abs()))
}
