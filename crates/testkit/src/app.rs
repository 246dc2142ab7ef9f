//! A complete server inside the test's process: store, bus, hub and transports, on a free port. [`crate::process`] runs
//! the real program instead.
//!
//! The store is SQLite in a temporary folder. `TEST_ON=postgres` in the environment selects a new database on a temporary
//! PostgreSQL server; `TEST_ON=nodes` adds Redis as the bus. The same tests pass on all of them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::{Limits, RateLimits, UserRules};
use chinwag_core::store::Store;
use chinwag_core::{Clock, Name};
use chinwag_files::{Location, Storage};
use chinwag_http::trace::TracedStore;
use chinwag_http::wire::events::EventEncoder;
use chinwag_http::{FileOptions, HookOptions, SendHook, ServerState, ServiceKey};
use chinwag_hub::Hub;
use chinwag_hub::bus::{ConnectError, LocalBus, Receiver, RedisBus, RedisOptions};
use chinwag_store_postgres::{OpenError, Options as PostgresOptions, PostgresStore};
use chinwag_store_sql::migration::POSTGRES;
use chinwag_store_sqlite::SqliteStore;
use futures_util::FutureExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::fault::{Faults, Faulty};
use crate::postgres::Database;
use crate::redis::Redis;
use crate::wait::{WAIT_TIMEOUT, Wait, until_connected};
use crate::ws::Ws;

/// The service key of every test's server.
pub const SERVICE_KEY: &str = "the-service-key-of-a-test-0123456789";

/// The lease after which another server takes over the webhooks of a silent one.
const LEASE: Duration = Duration::from_secs(4);

/// The settings of a test's server. Defaults that differ from the real server's are stated.
pub struct Options {
    /// The hub's settings. A disconnect is announced after 200 ms instead of 3 s.
    pub hub: chinwag_hub::Options,
    /// The settings of the transports.
    pub http: chinwag_http::Options,
    /// The limits of the use cases. Rate limits are off, and users who are added to a group are members at once, as with
    /// `groups.consent = false`.
    pub limits: Limits,
    /// The rules about users.
    pub users: UserRules,
    /// The settings of the embedded store. It does not sync, since no test simulates a loss of power.
    pub store: chinwag_store_sqlite::Options,
    /// Faults injected into the embedded store; none at first.
    pub faults: Arc<Faults>,
    /// The source of time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The special users: `admin`, `system`, `tournament`.
    pub special: Vec<Name>,
    /// The time over which a drain closes sockets; 0.
    pub drain: Duration,
    /// The storage of files, a temporary folder; `None` turns files off.
    pub files: Option<Location>,
    /// The variables `AWS_…` for a bucket.
    pub bucket_variables: Vec<(String, String)>,
    /// Whether downloads are redirected to the bucket; no.
    pub redirect_files: bool,
    /// The hook before sending; none.
    pub before_send: Option<HookOptions>,
    /// Whether nodes share rate limits through Redis, which uses the machine's clock; yes.
    pub shared_rates: bool,
}

impl Default for Options {
    fn default() -> Self {
        let key = ServiceKey::parse(SERVICE_KEY).expect("a constant of the right form");
        let special = ["admin", "system", "tournament"].map(|name| Name::parse(name).expect("a name"));
        Self {
            hub: chinwag_hub::Options { presence_grace: Duration::from_millis(200), ..Default::default() },
            http: chinwag_http::Options::new(key),
            limits: Limits { rates: RateLimits::lifted(), consent: false, ..Limits::default() },
            users: UserRules::default(),
            store: chinwag_store_sqlite::Options { durable: false, readers: 2, ..Default::default() },
            faults: Arc::default(),
            clock: Arc::new(SystemClock::default()),
            special: special.to_vec(),
            drain: Duration::ZERO,
            files: Some(Location::Data),
            bucket_variables: Vec::new(),
            redirect_files: false,
            before_send: None,
            shared_rates: true,
        }
    }
}

impl Options {
    /// Sets the hook before sending.
    pub fn ask_before_sending(&mut self, url: &str) -> &mut HookOptions {
        self.before_send.insert(HookOptions {
            url: url.to_owned(),
            secret: None,
            timeout: Duration::from_secs(1),
            allows_on_failure: false,
            message_chars: self.limits.message_chars,
        })
    }
}

/// A server with its data.
///
/// ```no_run
/// # async fn test() {
/// use chinwag_testkit::app::TestApp;
/// use serde_json::json;
///
/// let app = TestApp::start().await;
/// let (ann, bob) = (app.user("ann").await, app.user("bob").await);
/// let mut ws = bob.ws().await;
/// ann.post("messages/", json!({ "group": "…", "body": "hello" })).await.ok(404);
/// app.quiet([&mut ws]).await;
/// # }
/// ```
pub struct TestApp {
    options: Options,
    address: SocketAddr,
    running: Option<Running>,
    /// The folder of stored files, and of images while they are resized.
    files: TempDir,
    /// Dropped last.
    place: DataLocation,
}

/// The location of the data, and the bus if there is one.
enum DataLocation {
    Folder(TempDir),
    Database(Database, Option<Arc<Redis>>),
}

/// The parts that a restart replaces.
struct Running {
    app: App,
    hub: Arc<Hub>,
    state: Arc<ServerState>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    work: JoinHandle<()>,
    webhooks: JoinHandle<()>,
    push: JoinHandle<()>,
    /// The exporter of traces, and the signal that ends it.
    traces: (oneshot::Sender<()>, JoinHandle<()>),
}

impl TestApp {
    /// Starts a server with the defaults.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with some options changed.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::default();
        change(&mut options);
        let files = tempfile::tempdir().expect("a folder");
        let (place, address) = (DataLocation::new().await, ([127, 0, 0, 1], 0).into());
        let mut app = Self { options, address, running: None, files, place };
        app.run().await;
        app
    }

    /// The address: `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client with the service key.
    pub fn service(&self) -> Client {
        Client::new(&self.url(), Some(SERVICE_KEY), "service")
    }

    /// A client without credentials.
    pub fn nobody(&self) -> Client {
        Client::new(&self.url(), None, "nobody")
    }

    /// Creates a user with the service key, and returns a client with a token of this user.
    pub async fn user(&self, name: &str) -> Client {
        self.service().user(name).await
    }

    /// Returns a client with a new token of an existing user.
    pub async fn sign_in(&self, name: &str) -> Client {
        self.service().sign_in(name).await
    }

    /// The use cases, for calls that no transport offers.
    pub fn app(&self) -> &App {
        &self.running().app
    }

    /// The faults of the store.
    pub fn faults(&self) -> Arc<Faults> {
        assert!(matches!(self.place, DataLocation::Folder(_)), "only the embedded store is made to fail so");
        self.options.faults.clone()
    }

    /// The hub.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.running().hub
    }

    /// The state that both transports share.
    pub fn state(&self) -> &Arc<ServerState> {
        &self.running().state
    }

    /// Asserts that no request answered so far has sent a frame to these sockets.
    pub async fn quiet<'a>(&self, sockets: impl IntoIterator<Item = &'a mut Ws>) {
        self.settle().await;
        for socket in sockets {
            socket.quiet().await;
        }
    }

    /// Waits until all events of requests answered so far are queued at their sockets. To detect this, it waits for a later
    /// stored event and a later change of presence at a new user.
    pub async fn settle(&self) {
        let probe = self.user(&format!("probe-{}", self.options.clock.uuid().simple())).await;
        let mut socket = probe.ws().await;
        socket.ask("message.first", json!({ "target": probe.name(), "body": "settled" })).await;
        socket.ask("status.update", json!({ "status": "afk" })).await;
    }

    /// Shuts the server down as SIGTERM does; the data stay. A [`Ws`] that is not read does not answer the close frame, and
    /// delays the shutdown by up to 5 s: join this future with its `close_code`, or drop it first.
    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.state.drain();
        running.work.abort();
        // The server may have stopped already.
        let _ = running.stop.send(());
        running.hub.drain(self.options.drain).await;
        running.task.await.expect("the loop that serves does not panic");
        // An injected fault may have ended this task.
        let _ = running.webhooks.await;
        let _ = running.push.await;
        let (flush, tracing) = running.traces;
        drop(flush);
        let _ = tracing.await;
    }

    /// Restarts the server with the same data and address, so that existing clients continue.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// The same with some options changed.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Options)) {
        self.stop().await;
        change(&mut self.options);
        self.run().await;
    }

    /// The folder of stored files.
    pub fn files(&self) -> PathBuf {
        self.files.path().join("files")
    }

    fn open_files(&self) -> Option<FileOptions> {
        let location = self.options.files.as_ref()?;
        let data = self.files.path().to_owned();
        let options = chinwag_files::Options::new(data.clone(), self.options.bucket_variables.clone());
        let store = Arc::new(Storage::open(location, &options).expect("a storage"));
        Some(FileOptions { store, spool: data, redirect: self.options.redirect_files })
    }

    async fn run(&mut self) {
        let options = &self.options;
        let listener = listen(self.address).await;
        self.address = listener.local_addr().expect("it listens");
        let (bus, events) = self.place.bus().await;
        let store = self.place.store(options, bus.clone()).await;
        let traced = TracedStore::of(store.clone(), options.http.trace.as_ref());
        let app =
            App::new(traced, options.clock.clone(), options.limits.clone()).with_user_rules(options.users);
        let app = match options.before_send.clone() {
            Some(hook) => {
                app.with_before_send(SendHook::new(hook, options.clock.clone()).expect("the hook is right"))
            }
            None => app,
        };
        if options.shared_rates {
            bus.share_rates(app.rates());
        }
        app.prepare(options.special.clone()).await.expect("the special users are made");
        app.feed_prepare().await.expect("the feed is switched");
        chinwag_http::push::prepare(&app).await.expect("the keys for push services are made");
        let clock = options.clock.clone();
        let hub = Hub::start(store, bus, events, Arc::new(EventEncoder), clock, options.hub.clone());
        let http = chinwag_http::Options { files: self.open_files(), ..options.http.clone() };
        let state = ServerState::new(app.clone(), hub.clone(), http).expect("the options are right");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(chinwag_http::serve(listener, state.clone(), stopped.map(drop)));
        let (flush, flushed) = oneshot::channel::<()>();
        let tracing = tokio::spawn(chinwag_http::trace::run(state.tracer.clone(), flushed.map(drop)));
        let work = tokio::spawn(chinwag_http::work::run(app.clone()));
        let webhooks = tokio::spawn(chinwag_http::webhook::run(state.clone(), LEASE));
        let push = tokio::spawn(chinwag_http::push::run(state.clone(), LEASE));
        let traces = (flush, tracing);
        self.running = Some(Running { app, hub, state, stop, task, work, webhooks, push, traces });
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server was not stopped")
    }
}

impl Drop for TestApp {
    /// Releases a stalled store: otherwise a failed test would wait for its threads for ever.
    fn drop(&mut self) {
        self.options.faults.release();
    }
}

impl DataLocation {
    async fn new() -> Self {
        match std::env::var("TEST_ON").as_deref() {
            Err(_) => Self::Folder(tempfile::tempdir().expect("a temporary folder can be made")),
            Ok("postgres") => Self::Database(database_with_tables().await, None),
            Ok("nodes") => Self::Database(database_with_tables().await, Some(shared_redis())),
            Ok(other) => panic!("TEST_ON is postgres or nodes, not {other}"),
        }
    }

    async fn bus(&self) -> (Arc<dyn Bus>, Receiver) {
        if let Self::Database(database, Some(redis)) = self {
            // Each test is a cluster of its own on the shared Redis.
            let options = RedisOptions::new(redis.url(), database.name());
            let clock = SystemClock::default();
            let connect = || RedisBus::connect(options.clone(), &clock);
            let (bus, events) = until_connected(connect, ConnectError::is_away).await;
            return (bus, events);
        }
        let (bus, events) = LocalBus::new(1024);
        (bus, events)
    }

    async fn store(&self, options: &Options, bus: Arc<dyn Bus>) -> Arc<dyn Store> {
        match self {
            Self::Folder(folder) => {
                let path = folder.path().join("chinwag.db");
                let store = SqliteStore::open(&path, options.store.clone(), bus).expect("the store opens");
                Arc::new(Faulty::new(Arc::new(store), options.faults.clone()))
            }
            Self::Database(database, _) => {
                let few = PostgresOptions {
                    readers: 2,
                    writers: 2,
                    senders: 1,
                    name_case: options.store.name_case,
                    connect: WAIT_TIMEOUT,
                    ..PostgresOptions::default()
                };
                let url = database.url();
                let open = || PostgresStore::open(&url, few.clone(), bus.clone());
                Arc::new(until_connected(open, OpenError::is_away).await)
            }
        }
    }
}

/// A database with the current schema, copied from a template, and with a new history id.
async fn database_with_tables() -> Database {
    let mut version = DefaultHasher::new();
    POSTGRES.hash(&mut version);
    let template = format!("chinwag_{:x}", version.finish());
    let fill = async |url: &str| {
        let open = || PostgresStore::open(url, PostgresOptions::default(), LocalBus::new(1).0);
        drop(until_connected(open, OpenError::is_away).await);
    };
    let database = Database::copy_of(&template, fill).await;
    database.ask(
        "UPDATE chinwag.history SET id = gen_random_uuid(); UPDATE chinwag.stamps SET id = gen_random_uuid()",
    );
    database
}

/// The Redis of this process, shared by its tests while one of them uses it.
fn shared_redis() -> Arc<Redis> {
    static SHARED: Mutex<Weak<Redis>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let redis = Arc::new(Redis::start());
        *shared = Arc::downgrade(&redis);
        redis
    })
}

/// Listens on an address. After a restart, another socket may hold the port for a moment.
async fn listen(address: SocketAddr) -> TcpListener {
    let wait = Wait::begin();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(why) => wait.step(|| format!("{address}: {why}")).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_restarted_server_keeps_its_data() {
        let mut app = TestApp::start().await;
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
        assert_eq!(anns.summary(), &json!([]));
        anns.send(json!({ "type": "message.first", "data": { "target": "bob", "body": "hi" } })).await;
        let group = anns.until("group.update").await["data"]["id"].take();
        bobs.until("group.update").await;
        app.quiet([&mut bobs]).await;
        let ((), anns_end, bobs_end) = tokio::join!(app.stop(), anns.close_code(), bobs.close_code());
        assert_eq!((anns_end, bobs_end), (Some(1012), Some(1012)));
        app.restart().await;
        assert_eq!(bob.ws().await.summary()[0]["id"], group);
        app.nobody().get("users/").await.ok(401);
    }
}
