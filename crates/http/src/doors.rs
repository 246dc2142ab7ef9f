//! What both doors stand on: the use cases, the hub, who may come in, and what an operator has
//! configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chinwag_core::Result;
use chinwag_core::app::App;
use chinwag_hub::Hub;

use crate::admission::Admission;
use crate::auth::recheck::Recheck;
use crate::auth::{Auth, Network, PublicUrl, ServiceKey, jwt};
use crate::notice::Notice;
use crate::places::Places;
use crate::rest::cursor::Cursors;

/// Everything that handlers need.
pub struct Doors {
    /// The use cases.
    pub app: App,
    /// Who is connected.
    pub hub: Arc<Hub>,
    /// Who is calling.
    pub auth: Auth,
    /// What an operator has configured.
    pub options: Arc<Options>,
    pub(crate) cursors: Cursors,
    pub(crate) admission: Arc<Admission>,
    pub(crate) recheck: Option<Arc<Recheck>>,
    pub(crate) sockets: Places,
    pub(crate) notices: Notices,
    draining: AtomicBool,
}

/// What the log says at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// A request to a host that is not served.
    pub(crate) host: Notice,
    /// `X-Forwarded-For` from who is no trusted proxy.
    pub(crate) proxy: Notice,
}

/// What an operator may configure of the doors. Made by [`Options::new`], with the defaults
/// named here.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's own")]
pub struct Options {
    /// The service's key.
    pub service_key: ServiceKey,
    /// Whether REST callers without a credential count as the service (no).
    pub open: bool,
    /// The host's own tokens (none).
    pub jwt: jwt::Options,
    /// The host's own validator, an `http` or `https` URL (none).
    pub validate_url: Option<String>,
    /// How often it is asked again about open sockets; zero is never (60 s).
    pub validate_every: Duration,
    /// How long sockets stay open while it does not answer (10 min).
    pub validate_grace: Duration,
    /// Whether users whom the validator names are made at first sight (no).
    pub validate_creates: bool,
    /// Whether anybody may make an account (yes).
    pub signup: bool,
    /// The limits that are told to clients, by the keys of their settings (none).
    pub shown_limits: serde_json::Map<String, serde_json::Value>,
    /// How long a session lasts (30 days).
    pub session_ttl: Duration,
    /// The name of the cookie that holds a user's token (`access`).
    pub cookie: String,
    /// The address by which browsers reach this server (as requests say).
    pub public_url: Option<PublicUrl>,
    /// Whether browsers reach this server over TLS, where `public_url` does not say.
    pub tls: Tls,
    /// Names of hosts that are served beside addresses, `localhost` and `public_url`'s (none).
    pub hosts: Vec<String>,
    /// Origins, such as `https://chat.example`, allowed beside this host's own (none).
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-*` headers are believed (none).
    pub trusted_proxies: Vec<Network>,
    /// Whether their `X-Forwarded-Host` is, too (no).
    pub trust_forwarded_host: bool,
    /// Whether unknown keys and query parameters are refused, and not only named (no).
    pub strict: bool,
    /// The longest body of a request, in bytes (256 KiB).
    pub max_body: usize,
    /// The longest message on a WebSocket, in bytes (64 KiB).
    pub max_frame: usize,
    /// How long a connection may be idle, or take to send a request's head (10 s).
    pub header_timeout: Duration,
    /// How long a request's body may take to come (30 s).
    pub body_timeout: Duration,
    /// How long the reader of a list may take for one part of it (30 s).
    pub list_timeout: Duration,
    /// How long connections may take to end when the server drains (20 s).
    pub drain_timeout: Duration,
    /// REST requests under way at a time; more are answered 503 (1 024).
    pub requests: usize,
    /// HTTP connections at a time; more are closed at once (50 000). The hub bounds WebSockets.
    pub connections: usize,
    /// HTTP connections of one address at a time; more are closed at once (1 024). Trusted proxies
    /// are not counted.
    pub connections_per_address: usize,
    /// WebSockets of one address at a time; more are answered 503 (4 096). Trusted proxies are not
    /// counted, but those who come through them.
    pub sockets_per_address: usize,
}

/// Whether browsers reach the server over TLS: then `https` is its own origin, and its cookie is
/// for TLS alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// As a trusted proxy says in `X-Forwarded-Proto`; without one they do not.
    #[default]
    Auto,
    /// They do, whatever is said.
    Always,
    /// They do not.
    Never,
}

impl Options {
    /// The defaults.
    pub fn new(service_key: ServiceKey) -> Self {
        Self {
            service_key,
            open: false,
            jwt: jwt::Options::default(),
            validate_url: None,
            validate_every: Duration::from_secs(60),
            validate_grace: Duration::from_secs(600),
            validate_creates: false,
            signup: true,
            shown_limits: serde_json::Map::new(),
            session_ttl: Duration::from_secs(30 * 24 * 3600),
            cookie: "access".into(),
            public_url: None,
            tls: Tls::Auto,
            hosts: Vec::new(),
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            trust_forwarded_host: false,
            strict: false,
            max_body: 256 * 1024,
            max_frame: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            list_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
            requests: 1024,
            connections: 50_000,
            connections_per_address: 1024,
            sockets_per_address: 4096,
        }
    }

    /// The path below which everything is served: `""` or `/chinwag`.
    pub fn base(&self) -> &str {
        self.public_url.as_ref().map_or("", PublicUrl::base)
    }
}

impl Doors {
    /// The doors over `app` and `hub`. Refuses options that cannot be served, with a field error.
    pub fn new(app: App, hub: Arc<Hub>, options: Options) -> Result<Arc<Self>> {
        let options = Arc::new(options);
        let admission = Arc::new(Admission::new(&options));
        let auth = Auth::new(app.clone(), options.clone(), admission.clone())?;
        Ok(Arc::new(Self {
            recheck: auth.recheck(&hub),
            auth,
            cursors: Cursors::new(&options.service_key),
            sockets: Places::new(options.sockets_per_address),
            admission,
            notices: Notices::default(),
            draining: AtomicBool::new(false),
            app,
            hub,
            options,
        }))
    }

    /// Whether the server is about to end: it is not ready for more.
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Says from now on that the server is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chinwag_core::clock::SystemClock;
    use chinwag_core::limits::Limits;
    use chinwag_hub::bus::LocalBus;
    use chinwag_store_sqlite::SqliteStore;

    use super::*;
    use crate::wire::outgoing::Wire;

    /// The service's key of all tests.
    pub(crate) const KEY: &str = "0123456789abcdef";

    /// Doors over an empty store.
    pub(crate) fn doors(configure: impl FnOnce(&mut Options)) -> Arc<Doors> {
        let (bus, events) = LocalBus::new(64);
        let store = Arc::new(SqliteStore::memory(bus.clone()).expect("a store"));
        let clock = Arc::new(SystemClock::default());
        let hub = chinwag_hub::Options::default();
        let hub = Hub::start(store.clone(), bus, events, Arc::new(Wire), clock.clone(), hub);
        let mut options = Options::new(ServiceKey::parse(KEY).expect("long enough"));
        configure(&mut options);
        Doors::new(App::new(store, clock, Limits::default()), hub, options)
            .expect("options that can be served")
    }
}
