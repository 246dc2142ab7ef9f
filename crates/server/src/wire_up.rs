//! Wiring: the only place that names the store and the bus, and hands every part its settings.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use chinwag_core::Error;
use chinwag_core::app::App;
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::Limits;
use chinwag_core::store::Store;
use chinwag_http::wire::outgoing::Wire;
use chinwag_http::{Doors, ServiceKey};
use chinwag_hub::Hub;
use chinwag_hub::bus::LocalBus;
use chinwag_store_sqlite::SqliteStore;
pub(crate) use chinwag_store_sqlite::backup;

use crate::config::Config;
use crate::data::Folder;

/// Commits that may wait for their fan-out; then the store's writer waits, too.
const BUS: usize = 1024;

/// A server's parts, wired and ready to serve.
pub(crate) struct Node {
    pub(crate) app: App,
    pub(crate) hub: Arc<Hub>,
    pub(crate) doors: Arc<Doors>,
}

/// Opens the store and wires everything to it. Blocks while the store opens.
pub(crate) async fn node(config: &Config, folder: &Folder, key: &str) -> Result<Node> {
    let clock = Arc::new(SystemClock::default());
    let (bus, events) = LocalBus::new(BUS);
    let store = open_store(config, folder, bus.clone())?;
    let app = App::new(store.clone(), clock.clone(), limits(config));
    app.prepare(config.users.special()).await.map_err(why_not)?;
    let hub = Hub::start(store, bus, events, Arc::new(Wire), clock, hub_options(config));
    let key = ServiceKey::parse(key).map_err(|why| anyhow!("the service key {why}"))?;
    let doors = Doors::new(app.clone(), hub.clone(), door_options(config, key)?).map_err(why_not)?;
    Ok(Node { app, hub, doors })
}

/// The use cases alone, for commands that run beside no server: nobody is told what happens.
pub(crate) async fn app_alone(config: &Config, folder: &Folder) -> Result<App> {
    let (bus, nobody) = LocalBus::new(1);
    drop(nobody);
    let store = open_store(config, folder, bus)?;
    let app = App::new(store, Arc::new(SystemClock::default()), limits(config));
    app.prepare(config.users.special()).await.map_err(why_not)?;
    Ok(app)
}

fn open_store(config: &Config, folder: &Folder, bus: Arc<dyn Bus>) -> Result<Arc<dyn Store>> {
    let options = chinwag_store_sqlite::Options {
        readers: config.store.readers,
        queue: config.store.queue,
        patience: config.store.patience.0,
        deadline: config.store.deadline.0,
        busy: config.store.busy.0,
        ..chinwag_store_sqlite::Options::default()
    };
    Ok(Arc::new(SqliteStore::open(&folder.database(), options, bus)?))
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        message_chars: limits.message_chars,
        group_members: limits.group_members,
        user_groups: limits.user_groups,
        user_relations: limits.user_relations,
    }
}

fn hub_options(config: &Config) -> chinwag_hub::Options {
    let ws = &config.ws;
    chinwag_hub::Options {
        queue_frames: ws.queue_frames,
        queue_bytes: ws.queue_bytes,
        presence_grace: config.presence.grace.0,
        ping_every: ws.ping.0,
        pong_within: ws.pong.0,
        sockets: ws.sockets,
        sockets_per_user: ws.sockets_per_user,
        ..chinwag_hub::Options::default()
    }
}

fn door_options(config: &Config, key: ServiceKey) -> Result<chinwag_http::Options> {
    let (auth, http) = (&config.auth, &config.http);
    Ok(chinwag_http::Options {
        service_key: key,
        open: config.open,
        jwt: auth.jwt.options()?,
        validate_url: auth.validate_url.clone(),
        validate_creates: auth.validate_create,
        signup: auth.signup,
        session_ttl: auth.session_ttl.0,
        tls: http.tls(),
        origins: http.origins.clone(),
        trusted_proxies: http.trusted_proxies(),
        max_body: http.max_body,
        max_frame: config.ws.max_frame,
        header_timeout: http.header_timeout.0,
        body_timeout: http.body_timeout.0,
        list_timeout: http.list_timeout.0,
        drain_timeout: config.shutdown.finish.0,
        events_per_second: config.limits.events_per_second,
        requests: http.requests,
        connections: http.connections,
        sockets_per_address: config.ws.sockets_per_address,
        connections_per_address: http.connections_per_address,
        attempts_per_name: auth.attempts_per_name,
        attempts_per_address: auth.attempts_per_address,
    })
}

/// A refusal as whoever starts the server reads it.
fn why_not(error: Error) -> anyhow::Error {
    match error {
        Error::Invalid(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.field, field.detail)).collect();
            anyhow!(fields.join("; "))
        }
        other => other.into(),
    }
}
