//! `chinwag serve`: serves until it receives a signal.

use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::settings::Settings;
use crate::background::Background;
use crate::banner::{Banner, open_warning};
use crate::config::{Config, shown};
use crate::data::{Folder, Lock, given_key};
use crate::logging;
use crate::open_files::{self, OpenFileBounds};
use crate::shutdown::{FirstSignal, Serving, drain};
use crate::start_wait::StartWait;
use crate::wire_up::{self, Claim, Node};

/// The timeout for closing the store.
const LINGER: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut config = args.settings.load()?;
    logging::start(&config.log)?;
    let signal = FirstSignal::register()?;
    let files = open_files::raise();
    let bounds = files.and_then(|files| OpenFileBounds::of(&config, files));
    if let Some(bounds) = &bounds {
        bounds.apply(&mut config);
    }
    // A read may block one worker thread, so there are at least two.
    let threads = thread::available_parallelism().map_or(2, NonZero::get).max(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.context("no runtime could be started")?;
    let served = runtime.block_on(serve(&config, (files, bounds), signal));
    // The store closes when the last task that holds it is dropped here.
    runtime.shutdown_timeout(LINGER);
    served
}

/// The limit of open files, if there is one, and the reduced bounds if that limit is too low for the settings.
type OpenFiles = (Option<u64>, Option<OpenFileBounds>);

/// A node that is ready to serve, with the lock and the claim that it holds while it serves.
struct Started {
    claim: Option<Claim>,
    lock: Lock,
    folder: Folder,
    key_is_kept: bool,
    node: Node,
}

async fn serve(config: &Config, files: OpenFiles, mut signal: FirstSignal) -> Result<()> {
    // Bind first: a start that fails here leaves nothing behind.
    let listener = bind(&config.listen).await?;
    let address = listener.local_addr().context("the listening address is not known")?;
    check_key_of(config)?;
    let started = tokio::select! {
        started = start(config) => started?,
        () = signal.received() => {
            tracing::info!("ended by a signal before it served");
            return Ok(());
        }
    };
    // Bound here, so that the claim and the lock are released last.
    let Started { mut claim, lock: _lock, folder, key_is_kept, node } = started;
    let mut background = Background::start(config, &folder, &node);
    let Node { hub, state, .. } = node;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut task = tokio::spawn(chinwag_http::serve(listener, state.clone(), stopped.map(drop)));
    announce(config, &folder, address, key_is_kept, files);
    let fault = tokio::select! {
        () = signal.received() => None,
        ended = &mut task => return Err(anyhow!("the server ended by itself: {ended:?}")),
        why = lost(&mut claim) => return Err(why.context("this node has lost its lease at the database")),
        why = background.failed() => Some(why),
    };
    if let Some(why) = &fault {
        tracing::error!("{why:#}");
    }
    drain(Serving { state, hub, task, stop }, &config.shutdown).await;
    background.end().await;
    if let Some(why) = fault {
        return Err(why);
    }
    tracing::info!("ended");
    Ok(())
}

/// Waits until this node has lost its claim: another node may hold it now, and this one would miss its changes.
async fn lost(claim: &mut Option<Claim>) -> anyhow::Error {
    match claim {
        Some(claim) => claim.lost().await.into(),
        None => pending().await,
    }
}

/// Waits for PostgreSQL and Redis, and opens the store and everything else that the node serves.
async fn start(config: &Config) -> Result<Started> {
    let wait = StartWait::begin(config.start_timeout);
    wait.repeat(|| wire_up::require_links(config)).await?;
    let claim = wait.repeat(|| wire_up::claim(config)).await?;
    let folder = Folder::create(&config.data)?;
    let lock = folder.lock()?;
    let key = folder.key()?;
    let node = wire_up::node(config, &folder, &key.text, &wait).await?;
    Ok(Started { claim, lock, folder, key_is_kept: key.kept, node })
}

/// Checks that nodes which share a Redis have a given service key: a key in one data folder is not shared.
pub(crate) fn check_key_of(config: &Config) -> Result<()> {
    if config.redis.is_some() && given_key()?.is_none() {
        bail!(
            "nodes share one service key: give every node the same CHINWAG_SERVICE_KEY, such as openssl rand -hex 32 prints"
        );
    }
    Ok(())
}

fn announce(config: &Config, folder: &Folder, address: SocketAddr, key_is_kept: bool, files: OpenFiles) {
    let signup = config.signup();
    let (files, bounds) = files;
    let database = config.postgres().map(shown);
    let database = database.as_deref();
    let public = config.http.public_url();
    let (public, open) = (public.as_ref(), config.open);
    let tls = config.tls.is_on();
    Banner { address, tls, public, data: folder.path(), database, open, signup, key_is_kept }.show();
    let data = folder.path().display();
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, %address, %data, database, open_files = files, "serving");
    if config.open {
        tracing::warn!("{}", open_warning(address));
    }
    if let Some(bounds) = bounds {
        tracing::warn!("{bounds}: raise the hard limit (ulimit -Hn, LimitNOFILE), or lower these settings");
    }
    if let Some((path, mode)) = folder.exposed() {
        tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "others on this machine may reach this");
    }
}

/// Binds the listening address. The error says what to do.
pub(crate) async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|why| match why.kind() {
        ErrorKind::AddrInUse => {
            anyhow!(
                "the address {listen} is in use: stop what listens there, or choose another with --listen"
            )
        }
        ErrorKind::PermissionDenied => {
            anyhow!("this user may not listen on {listen}: choose a port from 1024 up with --listen")
        }
        ErrorKind::AddrNotAvailable => {
            anyhow!("this machine does not have the address {listen}: choose one that it has with --listen")
        }
        _ => anyhow!("cannot listen on {listen}: {why}"),
    })
}
