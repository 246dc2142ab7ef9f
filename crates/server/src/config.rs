//! The configuration: every setting with its default and bounds, one file for each section.
//! Settings from the environment and the configuration file are read here alone; the service key is read in
//! [`data`](crate::data).

mod audit;
mod auth;
mod backends;
mod events;
mod files;
mod groups;
mod hooks;
mod http;
mod layers;
mod limits;
mod log;
mod messages;
mod period;
mod presence;
mod problems;
mod push;
mod search;
mod shown;
mod shutdown;
mod signup;
mod store;
mod tls;
mod traces;
mod users;
pub(crate) mod variables;
mod webhooks;
mod ws;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use audit::Audit;
pub(crate) use auth::Auth;
pub(crate) use backends::shown;
pub(crate) use events::Events;
pub(crate) use files::{Files, bucket_variables};
pub(crate) use groups::Groups;
pub(crate) use hooks::Hooks;
pub(crate) use http::Http;
pub(crate) use layers::{Flags, load};
pub(crate) use limits::Limits;
pub(crate) use log::{Format, Log};
pub(crate) use messages::Messages;
pub(crate) use period::Period;
pub(crate) use presence::Presence;
pub(crate) use problems::Problems;
pub(crate) use push::Push;
pub(crate) use search::Search;
pub(crate) use shutdown::Shutdown;
pub(crate) use store::Store;
pub(crate) use tls::TlsSettings;
pub(crate) use traces::Traces;
pub(crate) use users::Users;
pub(crate) use webhooks::Webhooks;
pub(crate) use ws::Ws;

/// All settings. The path of a field is its key: `ws.max_frame` in the file, `CHINWAG_WS__MAX_FRAME` in the
/// environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// The address and port to listen on; port 0 is any free port.
    pub(crate) listen: String,
    /// The folder of the database and the service key.
    pub(crate) data: PathBuf,
    /// `sqlite`, for the database in the data folder, or the address of a PostgreSQL database.
    pub(crate) database: String,
    /// The address of the Redis over which nodes exchange hints.
    pub(crate) redis: Option<String>,
    /// The secret shared by all nodes, which authenticates their hints.
    pub(crate) cluster_secret: Option<String>,
    /// The file of the CA certificate that verifies the Redis server.
    pub(crate) redis_ca: Option<PathBuf>,
    /// How long a start waits for PostgreSQL and Redis to answer.
    pub(crate) start_timeout: Period,
    /// Whether callers without a credential count as the service.
    pub(crate) open: bool,
    pub(crate) http: Http,
    pub(crate) ws: Ws,
    pub(crate) auth: Auth,
    pub(crate) audit: Audit,
    pub(crate) events: Events,
    pub(crate) files: Files,
    pub(crate) groups: Groups,
    pub(crate) hooks: Hooks,
    pub(crate) limits: Limits,
    pub(crate) messages: Messages,
    pub(crate) presence: Presence,
    pub(crate) push: Push,
    pub(crate) search: Search,
    pub(crate) users: Users,
    pub(crate) webhooks: Webhooks,
    pub(crate) log: Log,
    pub(crate) traces: Traces,
    pub(crate) store: Store,
    pub(crate) shutdown: Shutdown,
    pub(crate) tls: TlsSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".into(),
            data: "chinwag-data".into(),
            database: "sqlite".into(),
            redis: None,
            cluster_secret: None,
            redis_ca: None,
            start_timeout: Period::seconds(30),
            open: false,
            http: Http::default(),
            ws: Ws::default(),
            auth: Auth::default(),
            audit: Audit::default(),
            events: Events::default(),
            files: Files::default(),
            groups: Groups::default(),
            hooks: Hooks::default(),
            limits: Limits::default(),
            messages: Messages::default(),
            presence: Presence::default(),
            push: Push::default(),
            search: Search::default(),
            users: Users::default(),
            webhooks: Webhooks::default(),
            log: Log::default(),
            traces: Traces::default(),
            store: Store::default(),
            shutdown: Shutdown::default(),
            tls: TlsSettings::default(),
        }
    }
}

impl Config {
    /// Reports values out of bounds, and contradictory settings.
    fn check(&self, problems: &mut Problems) {
        self.check_listen(problems);
        self.check_backends(problems);
        if self.data.as_os_str().is_empty() {
            problems.add("data must name a folder");
        }
        self.http.check(problems);
        self.ws.check(problems);
        self.auth.check(problems);
        self.audit.check(problems);
        self.events.check(problems);
        self.files.check(problems);
        self.hooks.check(problems);
        self.limits.check(problems);
        self.messages.check(problems);
        self.presence.check(problems);
        self.users.check(problems);
        self.push.check(problems);
        self.webhooks.check(problems);
        self.log.check(problems);
        self.traces.check(problems);
        self.store.check(problems);
        self.shutdown.check(problems);
        self.check_tls(problems);
    }

    /// The host of the listening address, an IP address or a name.
    pub(crate) fn listening_host(&self) -> Option<String> {
        self.listen.rsplit_once(':').map(|(host, _)| host.to_owned())
    }

    /// Whether anyone may create an account.
    pub(crate) fn signup(&self) -> bool {
        self.auth.signup(!self.http.origins.is_empty())
    }

    fn check_listen(&self, problems: &mut Problems) {
        let port = self.listen.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            problems.add(format!(
                "listen must be an address and a port, such as 127.0.0.1:8000 or 0.0.0.0:8000, not {:?}",
                self.listen
            ));
        }
    }
}
