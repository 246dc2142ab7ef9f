//! Wires the parts together. This module alone names the implementations of store and bus, and passes settings to
//! every part.

mod files;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use chinwag_core::app::directory::Part;
use chinwag_core::app::user::ProfileParts;
use chinwag_core::app::{self, App};
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::file_store::FileStore;
use chinwag_core::limits::Limits;
use chinwag_core::name::NameCase;
use chinwag_core::store::Store;
use chinwag_core::{Clock, Error, HistoryId};
use chinwag_http::trace::TracedStore;
use chinwag_http::wire::events::EventEncoder;
use chinwag_http::{FileIntake, FileOptions, PublicUrl, SendHook, ServerState, ServiceKey, TlsAcceptor};
use chinwag_hub::Hub;
use chinwag_hub::bus::{ConnectError, LocalBus, Receiver, RedisBus, RedisOptions};
pub(crate) use chinwag_store_postgres::Claim;
use chinwag_store_postgres::{OpenError, PostgresStore};
use chinwag_store_sqlite::SqliteStore;
pub(crate) use chinwag_store_sqlite::{backup, dates_match, history, index_matches, names_fit};
use sha2::{Digest, Sha256};

/// Copying a whole store into another.
pub(crate) mod transfer {
    pub(crate) use chinwag_store_postgres::transfer as postgres;
    pub(crate) use chinwag_store_sql::file_list;
    pub(crate) use chinwag_store_sql::transfer::{Carried, Progress, Source, Target, carry};
    pub(crate) use chinwag_store_sqlite::transfer as sqlite;
}

/// Reading the exports and databases of other chat services.
pub(crate) mod import {
    pub(crate) use chinwag_core::app::file::CompleteFile;
    pub(crate) use chinwag_core::app::import::{
        Check, FileSlot, ImportPage, MessageLookup, MessageState, SourceFile, SourceMessage, Tally,
    };
    pub(crate) use chinwag_core::{Error, FileId};
    pub(crate) use chinwag_http::{FileIntake, IntakeError};
    pub(crate) use chinwag_import::{
        BadExport, ForeignExport, ForeignFile, ForeignMessage, NameTable, NextMessage, Remarks, Service,
        TakenFile, UserIndex, read,
    };
    pub(crate) use chinwag_store_postgres::django;
    pub(crate) use chinwag_store_sql::transfer::Fault;
}

pub(crate) use files::{is_bare, open_storage, without_files};

use crate::config::{Config, Files, shown};
use crate::data::Folder;
use crate::start_wait::StartWait;

/// Commits that may wait for their fan-out. When the bus is full, the store's writers wait.
const BUS: usize = 1024;
/// Heartbeats of a node within its lease.
const BEATS: u32 = 4;

/// The wired parts of a server.
pub(crate) struct Node {
    pub(crate) app: App,
    pub(crate) hub: Arc<Hub>,
    pub(crate) state: Arc<ServerState>,
    /// The storage of files; `None` if files are off.
    pub(crate) files: Option<Arc<dyn FileStore>>,
}

/// Opens the store and wires everything else to it.
pub(crate) async fn node(config: &Config, folder: &Folder, key: &str, wait: &StartWait) -> Result<Node> {
    let clock = Arc::new(SystemClock::default());
    let (bus, events) = wait.repeat(|| open_bus(config, &*clock)).await?;
    let start = Opening { name_case: Some(config.users.name_case()), serves: true };
    let store = wait.repeat(|| open_store(config, folder, bus.clone(), start)).await?;
    let traced = TracedStore::of(store.clone(), config.traces.options().as_ref());
    let app = App::new(traced, clock.clone(), limits(config)).with_user_rules(config.users.rules());
    let app = match config.hooks.options(config.limits.message_chars) {
        Some(hook) => app.with_before_send(SendHook::new(hook, clock.clone()).map_err(startup_error)?),
        None => app,
    };
    bus.share_rates(app.rates());
    for name in wait.repeat(async || app.prepare(config.users.special()).await.map_err(startup_error)).await?
    {
        tracing::warn!(
            user = name.as_str(),
            "users.special names an ordinary user, who signs in as before: rename or delete that user, or name another"
        );
    }
    if wait.repeat(async || app.feed_prepare().await.map_err(startup_error)).await? == Some(false) {
        tracing::warn!(
            "the feed of events is off from now on, for every node: this one starts with events.enabled = false. Its readers \
            miss what is committed until it is on again"
        );
    }
    wait.repeat(async || chinwag_http::push::prepare(&app).await.map_err(startup_error)).await?;
    let hub = Hub::start(store, bus, events, Arc::new(EventEncoder), clock, hub_options(config));
    let key = ServiceKey::parse(key).map_err(|why| anyhow!("the service key {why}"))?;
    chinwag_http::wire::file::set_base(config.http.public_url().as_ref().map_or("", PublicUrl::base));
    let files = files::open(config, folder, &app).await?;
    let mut options = http_options(config, key)?;
    options.files = files.clone().map(|store| FileOptions {
        store,
        spool: folder.path().to_owned(),
        redirect: config.files.redirect,
    });
    let state = ServerState::new(app.clone(), hub.clone(), options).map_err(startup_error)?;
    Ok(Node { app, hub, state, files })
}

/// The use cases, for a command on a folder that no server is serving. Servers of other nodes may run meanwhile.
pub(crate) struct CommandStore {
    pub(crate) app: App,
    /// The hub through which other nodes are informed.
    hub: Option<Arc<Hub>>,
}

/// Opens the store for one command. Its changes are announced to other nodes if there is a Redis; otherwise nobody is
/// informed.
pub(crate) async fn command_store(config: &Config, folder: &Folder) -> Result<CommandStore> {
    let clock = Arc::new(SystemClock::default());
    let (bus, events) = match open_bus(config, &*clock).await {
        Ok((bus, events)) if config.redis.is_some() => (bus, Some(events)),
        Ok((bus, _)) => (bus, None),
        Err(why) => {
            eprintln!(
                "chinwag: {why:#}; running nodes will see the change at their next check of the database"
            );
            (LocalBus::new(1).0 as Arc<dyn Bus>, None)
        }
    };
    let store = open_store(config, folder, bus.clone(), Opening { name_case: None, serves: false }).await?;
    let app = App::new(store.clone(), clock.clone(), limits(config)).with_user_rules(config.users.rules());
    prepare_new(&app, config).await.map_err(startup_error)?;
    let hub = events
        .map(|events| Hub::start(store, bus, events, Arc::new(EventEncoder), clock, hub_options(config)));
    Ok(CommandStore { app, hub })
}

/// Creates the special users in a store that this command has created. An existing store has those of the server's
/// settings, which may differ from the command's.
async fn prepare_new(app: &App, config: &Config) -> chinwag_core::Result<()> {
    let (server, first) = (app::Context::server(), Part { limit: 1, ..Part::default() });
    if app.users(&server, first, ProfileParts::default()).await?.is_empty() {
        app.prepare(config.users.special()).await?;
    }
    Ok(())
}

/// The use cases, for a command with exclusive use of the store.
pub(crate) struct ExclusiveStore {
    pub(crate) app: App,
    _claim: Option<Claim>,
}

/// Opens the store for exclusive use. The claim excludes servers on PostgreSQL; the folder's lock, which the caller
/// holds, excludes one on SQLite.
pub(crate) async fn exclusive_store(config: &Config, folder: &Folder) -> Result<ExclusiveStore> {
    let claim = match config.postgres() {
        Some(url) => Some(Claim::take(url, &postgres_options(config), None).await?),
        None => None,
    };
    let opening = Opening { name_case: Some(config.users.name_case()), serves: false };
    let store = open_store(config, folder, LocalBus::new(1).0, opening).await?;
    let app = App::new(store, Arc::new(SystemClock::default()), limits(config));
    prepare_new(&app, config).await.map_err(startup_error)?;
    Ok(ExclusiveStore { app, _claim: claim })
}

/// The way of files into the storage, for a command that has the store for itself; none if files are off.
pub(crate) async fn intake(config: &Config, folder: &Folder, app: &App) -> Result<Option<FileIntake>> {
    let store = files::open(config, folder, app).await?;
    let options = |store| FileOptions { store, spool: folder.path().to_owned(), redirect: false };
    Ok(store.map(|store| FileIntake::new(options(store), app.limits().files.clone())))
}

impl CommandStore {
    /// Waits until other nodes have been informed.
    pub(crate) async fn end(self) {
        if let Some(hub) = self.hub {
            hub.drain(Duration::ZERO).await;
        }
    }
}

/// Whether a step failed because another server did not answer, so that a retry may succeed. The steps of a start can be
/// repeated even if their outcome is unknown.
pub(crate) fn is_away(why: &anyhow::Error) -> bool {
    why.downcast_ref::<OpenError>().is_some_and(OpenError::is_away)
        || why.downcast_ref::<ConnectError>().is_some_and(ConnectError::is_away)
        || matches!(why.downcast_ref(), Some(Error::Unavailable(_) | Error::Unknown))
}

/// Checks the links of this node. Returns the reason why it cannot start, if there is one; reasons that no wait
/// resolves come first.
pub(crate) async fn require_links(config: &Config) -> Result<()> {
    let found = check_links(config).await;
    let why = found.into_iter().filter_map(Result::err).min_by_key(is_away);
    why.map_or(Ok(()), Err)
}

/// Checks the links to PostgreSQL and Redis, and describes each in one line. Empty for a node without such links.
/// Changes nothing.
pub(crate) async fn check_links(config: &Config) -> Vec<Result<String>> {
    let mut found = Vec::new();
    if let Some(url) = config.postgres() {
        let name_case = Some(config.users.name_case());
        let options = chinwag_store_postgres::Options { name_case, ..postgres_options(config) };
        let state = PostgresStore::check(url, &options).await;
        found.push(state.map(|state| format!("the database {} {state}", shown(url))).map_err(Into::into));
    }
    match redis_options(config) {
        Ok(None) => {}
        Ok(Some(options)) => {
            let server = RedisBus::check(&options).await;
            found.push(server.map(|server| format!("the link between nodes: {server}")).map_err(Into::into));
        }
        Err(why) => found.push(Err(why)),
    }
    found
}

/// Claims a PostgreSQL database, which other nodes of the same cluster may claim, too.
pub(crate) async fn claim(config: &Config) -> Result<Option<Claim>> {
    let Some(url) = config.postgres() else { return Ok(None) };
    let secret = config.redis.as_ref().and(config.cluster_secret.as_ref());
    let cluster = secret.map(|secret| {
        let digest = Sha256::new().chain_update(b"chinwag: which cluster").chain_update(secret).finalize();
        i32::from_be_bytes(*digest.first_chunk().expect("there are 32 bytes"))
    });
    Ok(Some(Claim::take(url, &postgres_options(config), cluster).await?))
}

/// Whether another server, which cannot be informed of changes, uses the PostgreSQL database.
pub(crate) async fn is_served_elsewhere(config: &Config) -> bool {
    let Some(url) = config.postgres().filter(|_| config.redis.is_none()) else { return false };
    Claim::is_held(url, &postgres_options(config)).await.unwrap_or(false)
}

/// The id of the history of the store on PostgreSQL, renewed first if `renew`.
pub(crate) async fn postgres_history(config: &Config, renew: bool) -> Result<HistoryId> {
    let url = config.postgres().context("no PostgreSQL is configured")?;
    let options = postgres_options(config);
    let _claim = if renew {
        // Held until the end, so that no node starts meanwhile.
        let claim = Claim::take(url, &options, None).await;
        Some(claim.context("the history is renewed with every node stopped")?)
    } else {
        None
    };
    Ok(PostgresStore::history(url, &options, renew).await?)
}

async fn open_bus(config: &Config, clock: &dyn Clock) -> Result<(Arc<dyn Bus>, Receiver)> {
    let Some(options) = redis_options(config)? else {
        let (bus, events) = LocalBus::new(BUS);
        // When a connection is lost, the outcome of a commit may be unknown, so events are compared with the store.
        let events = if config.postgres().is_some() { events.compared() } else { events };
        return Ok((bus, events));
    };
    let (bus, events) = RedisBus::connect(options, clock).await?;
    Ok((bus, events))
}

/// The changes that may be made to a store while it is opened.
#[derive(Clone, Copy)]
struct Opening {
    /// The comparison of names to switch to; `None` keeps the current one.
    name_case: Option<NameCase>,
    /// Whether the server opens the store; a command may have other settings. Only the server migrates an older store, which
    /// cannot be undone.
    serves: bool,
}

/// Opens the store.
async fn open_store(
    config: &Config,
    folder: &Folder,
    bus: Arc<dyn Bus>,
    Opening { name_case, serves }: Opening,
) -> Result<Arc<dyn Store>> {
    if let Some(url) = config.postgres() {
        let options =
            chinwag_store_postgres::Options { name_case, upgrade: serves, ..postgres_options(config) };
        return Ok(Arc::new(PostgresStore::open(url, options, bus).await?));
    }
    folder.require_finished()?;
    let database = folder.database();
    let options = chinwag_store_sqlite::Options {
        readers: config.store.readers,
        queue: config.store.queue,
        patience: config.store.patience.0,
        deadline: config.store.deadline.0,
        busy: config.store.busy.0,
        name_case,
        upgrade: serves,
        // A command keeps the size of the existing reserve.
        reserve: (serves || !database.exists()).then_some(config.store.reserve),
        ..chinwag_store_sqlite::Options::default()
    };
    Ok(Arc::new(SqliteStore::open(&database, options, bus)?))
}

fn postgres_options(config: &Config) -> chinwag_store_postgres::Options {
    let store = &config.store;
    chinwag_store_postgres::Options {
        readers: store.readers,
        writers: store.writers,
        senders: store.senders,
        queue: store.queue,
        patience: store.patience.0,
        statement: store.statement_timeout.0,
        connect: store.connect_timeout.0,
        ..chinwag_store_postgres::Options::default()
    }
}

fn redis_options(config: &Config) -> Result<Option<RedisOptions>> {
    let Some(url) = &config.redis else { return Ok(None) };
    let secret = config.cluster_secret.clone().unwrap_or_default();
    let authority = config.redis_ca.as_deref().map(read_certificate).transpose()?;
    Ok(Some(RedisOptions { authority, capacity: BUS, ..RedisOptions::new(url.clone(), secret) }))
}

fn read_certificate(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("redis_ca: {} cannot be read", path.display()))
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        name_chars: limits.name_chars,
        message_chars: limits.message_chars,
        group_members: limits.group_members,
        user_groups: limits.user_groups,
        user_relations: limits.user_relations,
        rates: limits.rates(config.auth.attempts_per_name, config.auth.attempts_per_address),
        consent: config.groups.consent,
        show_blocked_by: config.users.show_blocked_by,
        edit_window: config.messages.edit_window.map(|window| window.0),
        delete_window: config.messages.delete_window.map(|window| window.0),
        messages_keep: config.messages.keep.map(|keep| keep.0),
        files: config.files.limits(),
        feed: config.events.rules(),
        audit: config.audit.rules(),
        webhooks: config.webhooks.max,
        push: config.push.rules(),
    }
}

/// The limits by their keys, as clients see them.
fn shown_limits(config: &Config) -> Result<serde_json::Map<String, serde_json::Value>> {
    let limits = serde_json::to_value(&config.limits)?;
    let limits = limits.as_object().into_iter().flatten();
    let mut shown: serde_json::Map<_, _> =
        limits.map(|(key, limit)| (format!("limits.{key}"), limit.clone())).collect();
    shown.insert("ws.max_frame".into(), config.ws.max_frame.into());
    if config.file_location().is_some() {
        let Files { max_size, per_user, per_user_count, types, .. } = &config.files;
        shown.insert("files.max_size".into(), (*max_size).into());
        shown.insert("files.per_user".into(), (*per_user).into());
        shown.insert("files.per_user_count".into(), (*per_user_count).into());
        shown.insert("files.types".into(), serde_json::to_value(types)?);
    }
    Ok(shown)
}

fn hub_options(config: &Config) -> chinwag_hub::Options {
    let ws = &config.ws;
    chinwag_hub::Options {
        queue_frames: ws.queue_frames,
        queue_bytes: ws.queue_bytes,
        user_bytes: ws.user_bytes,
        total_bytes: ws.total_bytes(),
        presence_grace: config.presence.grace.0,
        ping_every: ws.ping.0,
        pong_within: ws.pong.0,
        sockets: ws.sockets,
        sockets_per_user: ws.sockets_per_user,
        show_blocked_by: config.users.show_blocked_by,
        nodes: chinwag_hub::Nodes {
            lease: config.presence.lease.0,
            beat_every: config.presence.lease.0 / BEATS,
            ..chinwag_hub::Nodes::default()
        },
        ..chinwag_hub::Options::default()
    }
}

fn http_options(config: &Config, key: ServiceKey) -> Result<chinwag_http::Options> {
    let (auth, http) = (&config.auth, &config.http);
    Ok(chinwag_http::Options {
        service_key: key,
        open: config.open,
        jwt: auth.jwt.options()?,
        oidc: auth.oidc.options()?,
        validate_url: auth.validate_url.clone(),
        validate_every: auth.validate_every.0,
        validate_grace: auth.validate_grace.0,
        validate_creates: auth.validate_create,
        signup: config.signup(),
        search: config.search.enabled,
        files: None,
        webhooks: config.webhooks.options(),
        push: config.push.options(),
        trace: config.traces.options(),
        shown_limits: shown_limits(config)?,
        settings: config.shown_settings()?,
        session_ttl: auth.session_ttl.0,
        cookie: auth.cookie.clone(),
        public_url: http.public_url(),
        tls: http.tls(),
        tls_acceptor: tls(config)?,
        hosts: http.hosts.iter().cloned().chain(config.listening_host()).collect(),
        origins: http.origins.clone(),
        trusted_proxies: http.trusted_proxies(),
        trust_forwarded_host: http.trust_forwarded_host,
        strict: http.strict,
        max_body: http.max_body,
        max_frame: config.ws.max_frame,
        header_timeout: http.header_timeout.0,
        body_timeout: http.body_timeout.0,
        list_timeout: http.list_timeout.0,
        drain_timeout: config.shutdown.finish.0,
        requests: http.requests,
        user_bytes: http.user_bytes,
        total_bytes: http.total_bytes(),
        connections: http.connections,
        sockets_per_address: config.ws.sockets_per_address,
        connections_per_address: http.connections_per_address,
    })
}

/// The server's TLS acceptor, if a certificate is configured or requested.
pub(crate) fn tls(config: &Config) -> Result<Option<Arc<TlsAcceptor>>> {
    if let Some(options) = config.tls.acme(&config.data) {
        let acceptor = TlsAcceptor::acme(options, config.tls.handshakes);
        return acceptor.map(Some).map_err(|why| anyhow!("tls.acme: {why}"));
    }
    let Some((cert, key)) = config.tls.both() else { return Ok(None) };
    let acceptor = TlsAcceptor::load(cert, key, config.tls.handshakes);
    acceptor.map(Some).map_err(|why| anyhow!("tls.cert, tls.key: {why}"))
}

/// The text of an error, for the operator who starts the server.
fn startup_error(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.field, field.detail)).collect();
            anyhow!(fields.join("; "))
        }
        other => other.into(),
    }
}
