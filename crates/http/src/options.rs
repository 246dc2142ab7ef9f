//! The settings of both transports.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::file_store::FileStore;
use chinwag_core::push::PushContent;
use reqwest::Url;

use crate::auth::jwt;
use crate::auth::oidc::settings::OidcOptions;
use crate::key::ServiceKey;
use crate::network::outside::http_url;
use crate::network::public_url::PublicUrl;
use crate::network::range::Network;
use crate::network::tls::TlsAcceptor;

/// The settings of an operator. Made by [`Options::new`], with the defaults
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
    /// The provider of OpenID Connect through which people sign in (none).
    pub oidc: Option<OidcOptions>,
    /// The host's own validator, an `http` or `https` URL (none).
    pub validate_url: Option<String>,
    /// The time between two questions about open sockets; zero is never (60 s).
    pub validate_every: Duration,
    /// The time for which sockets stay open while it does not answer (10 min).
    pub validate_grace: Duration,
    /// Whether users whom the validator names are made at first sight (no).
    pub validate_creates: bool,
    /// Whether anybody may make an account (yes).
    pub signup: bool,
    /// Whether an index of the words of messages is kept (yes).
    pub search: bool,
    /// The files that users upload (none: they are off).
    pub files: Option<FileOptions>,
    /// The sending to webhooks.
    pub webhooks: WebhookOptions,
    /// The sending of notifications.
    pub push: PushOptions,
    /// The traces that are sent to a collector (none).
    pub trace: Option<TraceOptions>,
    /// The limits that clients may read, by the keys of their settings (none).
    pub shown_limits: serde_json::Map<String, serde_json::Value>,
    /// The settings in force, by their keys, as admins read them: without secrets (none).
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The lifetime of a session (30 days).
    pub session_ttl: Duration,
    /// The name of the cookie that holds a user's token (`access`).
    pub cookie: String,
    /// The address by which browsers reach this server (as requests say).
    pub public_url: Option<PublicUrl>,
    /// Whether browsers reach this server over TLS, where `public_url` does not say.
    pub tls: Tls,
    /// The server's own TLS (none: connections are plain).
    pub tls_acceptor: Option<Arc<TlsAcceptor>>,
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
    /// The time that a connection may be idle, or take to send a request's head (10 s).
    pub header_timeout: Duration,
    /// The time for receiving a request's body (30 s).
    pub body_timeout: Duration,
    /// The time for a client to read one part of a list or a file, and anything of what is written (30 s).
    pub list_timeout: Duration,
    /// The time for connections to end when the server drains (20 s).
    pub drain_timeout: Duration,
    /// REST requests under way at a time; more are answered 503 (1 024).
    pub requests: usize,
    /// Bytes of answers that may wait to be read by one user; more requests of it are answered 429 (8 MiB).
    pub user_bytes: usize,
    /// Bytes of answers that may wait to be read in all; more requests are answered 503 (256 MiB).
    pub total_bytes: usize,
    /// HTTP connections at a time; more are closed at once (50 000). The hub bounds WebSockets.
    pub connections: usize,
    /// HTTP connections of one address at a time; more are closed at once (1 024). Trusted proxies
    /// are not counted.
    pub connections_per_address: usize,
    /// WebSockets of one address at a time; more are answered 503 (4 096). Trusted proxies are not
    /// counted, but those who come through them.
    pub sockets_per_address: usize,
}

/// The settings of uploaded files.
#[derive(Clone)]
pub struct FileOptions {
    /// The storage of their bytes.
    pub store: Arc<dyn FileStore>,
    /// A folder for images while they are prepared.
    pub spool: PathBuf,
    /// Whether a file that browsers save is read at an address of the storage's own, if it makes such.
    pub redirect: bool,
}

/// The settings of webhooks.
#[derive(Debug, Clone, Copy)]
pub struct WebhookOptions {
    /// Whether their addresses may be private ones, such as those of this machine (no).
    pub private: bool,
    /// The time for one request (15 s).
    pub timeout: Duration,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self { private: false, timeout: Duration::from_secs(15) }
    }
}

/// The settings of notifications, beside those of the use cases.
#[derive(Debug, Clone)]
pub struct PushOptions {
    /// Whether endpoints may be private, and not `https` (no).
    pub private: bool,
    /// The time for one request (10 s).
    pub timeout: Duration,
    /// The parts of a message that are sent (all).
    pub content: PushContent,
    /// The contact that push services see: an address of mail or of a page (`public_url`).
    pub subject: Option<String>,
}

impl Default for PushOptions {
    fn default() -> Self {
        let timeout = Duration::from_secs(10);
        Self { private: false, timeout, content: PushContent::Full, subject: None }
    }
}

/// The settings of traces.
#[derive(Clone)]
pub struct TraceOptions {
    /// The address of the collector, which may have a user and a password.
    pub url: Url,
    /// The share of requests and events that are sampled, from 0 to 1 (0.01).
    pub ratio: f64,
    /// The callers whose `traceparent` decides instead (none).
    pub parents: TraceParents,
    /// The longest time for which a span waits for others (5 s).
    pub gather: Duration,
    /// The pause after the first failure of the collector; each further one doubles it (1 s).
    pub pause: Duration,
}

/// The callers whose header `traceparent` says whether a request is sampled, and to which trace it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceParents {
    /// None.
    None,
    /// The trusted proxies.
    Proxies,
    /// Everybody.
    All,
}

impl TraceOptions {
    /// The share that is sampled where no other is set.
    pub const RATIO: f64 = 0.01;

    /// The defaults, for the collector at an address.
    pub fn new(url: Url) -> Self {
        let (gather, pause) = (Duration::from_secs(5), Duration::from_secs(1));
        Self { url, ratio: Self::RATIO, parents: TraceParents::None, gather, pause }
    }

    /// Parses an address. The error completes a sentence that begins with the setting's name.
    pub fn parse_url(text: &str) -> Result<Url, &'static str> {
        let url = http_url(text);
        url.filter(|url| url.path() != "/").ok_or(
            "must be an http:// or https:// address with a path, such as http://127.0.0.1:4318/v1/traces",
        )
    }
}

impl fmt::Debug for TraceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ratio, parents, .. } = self;
        f.debug_struct("TraceOptions").field("ratio", ratio).field("parents", parents).finish_non_exhaustive()
    }
}

impl fmt::Debug for FileOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spool, redirect, .. } = self;
        f.debug_struct("FileOptions")
            .field("spool", spool)
            .field("redirect", redirect)
            .finish_non_exhaustive()
    }
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
            oidc: None,
            validate_url: None,
            validate_every: Duration::from_secs(60),
            validate_grace: Duration::from_secs(600),
            validate_creates: false,
            signup: true,
            search: true,
            files: None,
            webhooks: WebhookOptions::default(),
            push: PushOptions::default(),
            trace: None,
            shown_limits: serde_json::Map::new(),
            settings: serde_json::Map::new(),
            session_ttl: Duration::from_secs(30 * 24 * 3600),
            cookie: "access".into(),
            public_url: None,
            tls: Tls::Auto,
            tls_acceptor: None,
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
            user_bytes: 8 << 20,
            total_bytes: 256 << 20,
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
