//! The state that both transports share: use cases, hub, authentication and settings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::StatusCode;
use chinwag_core::Result;
use chinwag_core::app::{App, Context};
use chinwag_hub::Hub;
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::admission::Admission;
use crate::auth::Auth;
use crate::auth::recheck::Recheck;
use crate::cursor::CursorSeal;
use crate::error::Problem;
use crate::files::FileService;
use crate::notice::Notice;
use crate::options::Options;
use crate::permits::{PermitsByHolder, SharedPermits};
use crate::push::client::PushClient;
use crate::store_probe::StoreProbe;
use crate::trace::Tracer;
use crate::webhook::client::WebhookClient;

/// Requests that may wait for events concurrently.
const FEED_WAITS: usize = 64;
/// Concurrent exports. One address, or one user, may have a tenth of them.
const EXPORTS: usize = 20;

/// The shared state of all handlers.
pub struct ServerState {
    /// The use cases.
    pub app: App,
    /// The connected sockets.
    pub hub: Arc<Hub>,
    /// Authentication of callers.
    pub auth: Auth,
    /// The settings of the operator.
    pub options: Arc<Options>,
    pub(crate) cursors: CursorSeal,
    pub(crate) admission: Arc<Admission>,
    pub(crate) recheck: Option<Arc<Recheck>>,
    pub(crate) sockets: PermitsByHolder,
    files: Option<FileService>,
    pub(crate) notices: Notices,
    pub(crate) documents: Documents,
    pub(crate) store_probe: StoreProbe,
    /// Permits for exports.
    pub(crate) exports: SharedPermits,
    /// Permits for requests that wait for events.
    pub(crate) feed_waits: Arc<Semaphore>,
    /// Held while events are assigned their positions, so that one request at a time does it.
    feed_settling: Mutex<()>,
    pub(crate) webhook_client: WebhookClient,
    /// Notified when webhooks change on this node, and when the server drains.
    pub(crate) webhooks_changed: Notify,
    pub(crate) push_client: PushClient,
    /// Notified when a subscription is added, and when the server drains.
    pub(crate) push_changed: Notify,
    /// The tracer, if traces are exported.
    pub tracer: Option<Arc<Tracer>>,
    draining: AtomicBool,
}

/// The API documents with the address of this server. They are generated on the first request, since that takes
/// milliseconds and anyone may request them.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The OpenAPI document.
    pub(crate) rest: OnceLock<Bytes>,
    /// The AsyncAPI document.
    pub(crate) socket: OnceLock<Bytes>,
}

/// Notices that are logged at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// A request to a host that is not served.
    pub(crate) host: Notice,
    /// `X-Forwarded-For` from a peer that is not a trusted proxy.
    pub(crate) proxy: Notice,
    /// The bound on connections is reached, in total or for one address.
    pub(crate) connections: Notice,
    pub(crate) connections_of_address: Notice,
    /// The system could not accept a connection.
    pub(crate) accepting: Notice,
    /// The bound on sockets of one address is reached.
    pub(crate) sockets: Notice,
    /// A socket that the hub refused.
    pub(crate) refused_sockets: Notice,
}

impl ServerState {
    /// Creates the state over `app` and `hub`. Refuses invalid options with a field error.
    pub fn new(app: App, hub: Arc<Hub>, options: Options) -> Result<Arc<Self>> {
        let options = Arc::new(options);
        let admission = Arc::new(Admission::new(options.clone()));
        let auth = Auth::new(app.clone(), options.clone(), admission.clone())?;
        Ok(Arc::new(Self {
            recheck: auth.recheck(&hub),
            auth,
            cursors: CursorSeal::new(&options.service_key),
            sockets: PermitsByHolder::new(options.sockets_per_address),
            files: options.files.clone().map(FileService::new),
            admission,
            notices: Notices::default(),
            documents: Documents::default(),
            store_probe: StoreProbe::default(),
            exports: SharedPermits::new(EXPORTS),
            feed_waits: Arc::new(Semaphore::new(FEED_WAITS)),
            feed_settling: Mutex::new(()),
            webhook_client: WebhookClient::new(options.webhooks),
            webhooks_changed: Notify::new(),
            push_client: PushClient::new(&options),
            push_changed: Notify::new(),
            tracer: options.trace.clone().map(|trace| Arc::new(Tracer::new(trace, app.clock().clone()))),
            draining: AtomicBool::new(false),
            app,
            hub,
            options,
        }))
    }

    /// Whether a notice may be logged now.
    pub(crate) fn is_due(&self, notice: &Notice) -> bool {
        notice.is_due(self.app.clock().now())
    }

    /// The file service; an error if files are off.
    pub(crate) fn files(&self) -> Result<&FileService, Problem> {
        let off =
            "files are off: nodes share no data folder, so files.store must name a shared folder or a bucket";
        self.files.as_ref().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, off))
    }

    /// Assigns positions to committed events before the feed is read. Refuses callers other than services.
    pub(crate) async fn settle_feed(&self, context: &Context) -> Result<()> {
        if self.app.feed_is_behind(context).await? {
            let _alone = self.feed_settling.lock().await;
            self.app.feed_settle().await?;
        }
        Ok(())
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Begins the shutdown: from now on the server reports that it is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.webhooks_changed.notify_one();
        self.push_changed.notify_one();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chinwag_core::clock::SystemClock;
    use chinwag_core::limits::Limits;
    use chinwag_hub::bus::LocalBus;
    use chinwag_store_sqlite::SqliteStore;

    use super::*;
    use crate::key::ServiceKey;
    use crate::wire::events::EventEncoder;

    /// The service key in all tests.
    pub(crate) const KEY: &str = "0123456789abcdef";

    /// A state over an empty store.
    pub(crate) fn state(configure: impl FnOnce(&mut Options)) -> Arc<ServerState> {
        let (bus, events) = LocalBus::new(64);
        let store = Arc::new(SqliteStore::memory(bus.clone()).expect("a store"));
        let clock = Arc::new(SystemClock::default());
        let hub = chinwag_hub::Options::default();
        let hub = Hub::start(store.clone(), bus, events, Arc::new(EventEncoder), clock.clone(), hub);
        let mut options = Options::new(ServiceKey::parse(KEY).expect("long enough"));
        configure(&mut options);
        ServerState::new(App::new(store, clock, Limits::default()), hub, options)
            .expect("options that can be served")
    }
}
