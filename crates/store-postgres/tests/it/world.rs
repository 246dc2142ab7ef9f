//! The environment of these tests: a store, its use cases, and helpers to fill it.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::group::{Create, Roles};
use chinwag_core::app::message::Send;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::group_details::GroupDetailsUpdate;
use chinwag_core::limits::Limits;
use chinwag_core::log::LogRow;
use chinwag_core::message::{Body, ClientId};
use chinwag_core::send::{Sending, Sent};
use chinwag_core::store::{Answer, Done, ReadJob, Sends, Store, WriteJob, send_as_jobs};
use chinwag_core::user::Caller;
use chinwag_core::{GroupId, GroupName, Name, Seq, UserId, forward_store};
use chinwag_store_postgres::{OpenError, Options, PostgresStore};
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::wait::until_connected;

/// Longer than anything in these tests takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Opens a store, however long a busy machine takes to connect.
pub(crate) async fn open(url: &str, options: &Options, bus: &Arc<Recorder>) -> PostgresStore {
    let open = || PostgresStore::open(url, options.clone(), bus.clone());
    until_connected(open, OpenError::is_away).await
}

/// A store that sends each message as an ordinary job.
pub(crate) struct ByJobs(pub(crate) PostgresStore);

impl Sends for ByJobs {
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
        send_as_jobs(self, sendings)
    }
}

impl Store for ByJobs {
    fn submit_write(&self, job: WriteJob) -> Done<'_> {
        self.0.submit_write(job)
    }

    fn submit_read(&self, job: ReadJob) -> Done<'_> {
        self.0.submit_read(job)
    }

    forward_store!(0);
}

/// A node: a store with its bus, and the use cases on top of it.
pub(crate) struct Node {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) app: App,
    pub(crate) bus: Arc<Recorder>,
}

impl Node {
    pub(crate) async fn open(url: &str, options: Options) -> Self {
        let bus = Arc::<Recorder>::default();
        let store = open(url, &options, &bus).await;
        Self::over(Arc::new(store), bus)
    }

    pub(crate) fn over(store: Arc<dyn Store>, bus: Arc<Recorder>) -> Self {
        let app = App::new(store.clone(), Arc::new(SystemClock::default()), Limits::default());
        Self { store, app, bus }
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        self.app.user_create(&Context::new(Caller::Service), self::name(name)).await.expect("a user").id
    }

    /// A group with these members. The first one is the owner.
    pub(crate) async fn group(&self, members: &[&str]) -> GroupId {
        let members: Vec<_> = members.iter().map(|name| self::name(name)).collect();
        let name = GroupName::parse("group").expect("a name");
        let roles = Roles { members: members[1..].to_vec(), ..Roles::default() };
        let create =
            Create { author: Some(members[0].clone()), name, roles, details: GroupDetailsUpdate::default() };
        self.app.group_create(&Context::new(Caller::Service), create).await.expect("a group").group.id
    }

    /// The complete log of a group.
    pub(crate) async fn log(&self, group: GroupId) -> Vec<LogRow> {
        self.store.read(move |tx| tx.log(group, Seq(0), 100_000)).await.expect("a log")
    }

    pub(crate) async fn head(&self, group: GroupId) -> i64 {
        let found = self.store.read(move |tx| tx.group(group)).await.expect("a read");
        found.expect("the group stands").head.0
    }
}

pub(crate) fn by(user: UserId) -> Context {
    Context::new(Caller::User(user))
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(crate) fn text(group: GroupId, body: &str) -> Send {
    Send::new(group, Body::parse(body, 4096).expect("a body"))
}

pub(crate) fn once(group: GroupId, body: &str, client_id: &str) -> Send {
    Send { client_id: Some(ClientId::parse(client_id).expect("an id")), ..text(group, body) }
}
