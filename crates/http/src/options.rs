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

/// The operator's settings. [`Options::new`] sets the defaults in parentheses.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the operator's own")]
pub struct Options {
    pub service_key: ServiceKey,
    /// Whether REST callers without a credential count as the service (no).
    pub open: bool,
    /// JWTs of the host application (none).
    pub jwt: jwt::Options,
    /// The OpenID Connect provider through which people sign in (none).
    pub oidc: Option<OidcOptions>,
    /// The URL of the host application's validator, `http` or `https` (none).
    pub validate_url: Option<String>,
    /// The time between two validations of an open socket; zero for never (60 s).
    pub validate_every: Duration,
    /// How long sockets stay open while the validator does not answer (10 min).
    pub validate_grace: Duration,
    /// Whether users whom the validator names are created when they first appear (no).
    pub validate_creates: bool,
    /// Whether anyone may create an account (yes).
    pub signup: bool,
    /// Whether messages are indexed for the search (yes).
    pub search: bool,
    /// The storage of uploaded files (none: files are off).
    pub files: Option<FileOptions>,
    /// The delivery to webhooks.
    pub webhooks: WebhookOptions,
    /// The delivery of push notifications.
    pub push: PushOptions,
    /// The export of traces to a collector (none).
    pub trace: Option<TraceOptions>,
    /// The limits that clients can read, by the keys of their settings (none).
    pub shown_limits: serde_json::Map<String, serde_json::Value>,
    /// The effective settings that admins can read, by key, without secrets (none).
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The lifetime of a session (30 days).
    pub session_ttl: Duration,
    /// The name of the cookie that holds a user's token (`access`).
    pub cookie: String,
    /// The URL by which browsers reach this server (derived from requests).
    pub public_url: Option<PublicUrl>,
    /// Whether browsers reach this server over TLS, if `public_url` is not set.
    pub tls: Tls,
    /// TLS that the server terminates itself (none: connections are plain).
    pub tls_acceptor: Option<Arc<TlsAcceptor>>,
    /// Accepted host names, in addition to IP addresses, `localhost` and that of `public_url` (none).
    pub hosts: Vec<String>,
    /// Allowed origins, such as `https://chat.example`, in addition to this host's own (none).
    pub origins: Vec<String>,
    /// Trusted proxies, whose `X-Forwarded-*` headers are used (none).
    pub trusted_proxies: Vec<Network>,
    /// Whether their `X-Forwarded-Host` is trusted as well (no).
    pub trust_forwarded_host: bool,
    /// Whether requests with unknown keys and query parameters are refused. Otherwise the response names them (no).
    pub strict: bool,
    /// The maximum size of a request body, in bytes (256 KiB).
    pub max_body: usize,
    /// The maximum size of a WebSocket message, in bytes (64 KiB).
    pub max_frame: usize,
    /// The timeout for a request's head, and for an idle connection (10 s).
    pub header_timeout: Duration,
    /// The timeout for a request's body (30 s).
    pub body_timeout: Duration,
    /// The timeout for a client to read one chunk of a list or a file, and for any blocked write (30 s).
    pub list_timeout: Duration,
    /// How long connections may take to end when the server drains (20 s).
    pub drain_timeout: Duration,
    /// Concurrent REST requests; further ones are answered with 503 (1 024).
    pub requests: usize,
    /// Unread response bytes of one user; its further requests are answered with 429 (8 MiB).
    pub user_bytes: usize,
    /// Unread response bytes of all clients; further requests are answered with 503 (256 MiB).
    pub total_bytes: usize,
    /// Concurrent HTTP connections; further ones are closed at once (50 000). The hub bounds WebSockets.
    pub connections: usize,
    /// Concurrent HTTP connections of one address; further ones are closed at once (1 024). Trusted proxies are not
    /// counted.
    pub connections_per_address: usize,
    /// Concurrent WebSockets of one address; further ones are answered with 503 (4 096). Trusted proxies are not
    /// counted, but the clients behind them are.
    pub sockets_per_address: usize,
}

/// The settings of uploaded files.
#[derive(Clone)]
pub struct FileOptions {
    /// The storage of their bytes.
    pub store: Arc<dyn FileStore>,
    /// The folder for images while they are prepared.
    pub spool: PathBuf,
    /// Whether downloads that browsers save are redirected to a presigned URL, if the storage offers such.
    pub redirect: bool,
}

/// The settings of webhooks.
#[derive(Debug, Clone, Copy)]
pub struct WebhookOptions {
    /// Whether webhooks may have private addresses, such as those of this machine (no).
    pub private: bool,
    /// The timeout of one request (15 s).
    pub timeout: Duration,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self { private: false, timeout: Duration::from_secs(15) }
    }
}

/// The settings of push notifications, in addition to those of the use cases.
#[derive(Debug, Clone)]
pub struct PushOptions {
    /// Whether endpoints may have private addresses, and need not be `https` (no).
    pub private: bool,
    /// The timeout of one request (10 s).
    pub timeout: Duration,
    /// The parts of a message that a notification contains (all).
    pub content: PushContent,
    /// The contact for push services: a `mailto:` or `https:` URL (`public_url`).
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
    /// The URL of the collector, which may contain a user and a password.
    pub url: Url,
    /// The sampled share of requests and events, 0 to 1 (0.01).
    pub ratio: f64,
    /// The callers whose `traceparent` decides instead (none).
    pub parents: TraceParents,
    /// How long a span may wait to be sent in a batch (5 s).
    pub gather: Duration,
    /// The backoff after the first failure of the collector; each further failure doubles it (1 s).
    pub pause: Duration,
}

/// The callers whose header `traceparent` determines whether a request is sampled, and its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceParents {
    /// None.
    None,
    /// The trusted proxies.
    Proxies,
    /// All callers.
    All,
}

impl TraceOptions {
    /// The default of the sampled share.
    pub const RATIO: f64 = 0.01;

    /// The defaults, for a collector at this URL.
    pub fn new(url: Url) -> Self {
        let (gather, pause) = (Duration::from_secs(5), Duration::from_secs(1));
        Self { url, ratio: Self::RATIO, parents: TraceParents::None, gather, pause }
    }

    /// Parses a URL. The error completes a sentence that begins with the setting's name.
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

/// Whether browsers reach the server over TLS. If so, its own origin is `https`, and its cookie is `Secure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// According to `X-Forwarded-Proto` of a trusted proxy; without one, no.
    #[default]
    Auto,
    /// Always, whatever the header says.
    Always,
    Never,
}

impl Options {
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
