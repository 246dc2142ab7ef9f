//! The right of nodes to serve a database: either one node alone, or the nodes of one cluster. Each node
//! holds an advisory lock of a session while it serves, so the lock ends with the node, however the node
//! ends.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::timeout;

use crate::address::Target;
use crate::link::Link;
use crate::open::{OpenError, Options};
use crate::schema;

/// The first key of all these locks, "Chin" in bytes. The second key identifies the cluster.
const CLASS: i32 = 0x4368_696e;
/// The second key of a single node.
const ALONE: i32 = 0;
/// Timeout for the lock of a node that has just ended.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(100);
/// The interval of checks whether the link of a held lock still works.
const LINK_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// The interval of attempts to reach an unavailable database.
const RETRY: Duration = Duration::from_millis(250);
/// Makes the server detect the failure of a node's machine soon.
const SESSION: &str =
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
    SET idle_session_timeout = 0";

/// A node's right to serve a database. Released on drop.
#[derive(Debug)]
pub struct Claim {
    _stop: oneshot::Sender<()>,
    lost: oneshot::Receiver<OpenError>,
}

/// The holder of a conflicting lock.
pub(crate) enum LockHolder {
    /// A single node.
    Alone,
    /// Nodes of a cluster.
    Cluster,
}

impl Claim {
    /// Claims the database at `url`: with a `cluster` number, which all nodes of a cluster share, together
    /// with these nodes; without one, exclusively. Refused while other nodes serve it that are not of the
    /// same cluster. Changes nothing in the database.
    ///
    /// After a lost link, the lock is taken again as soon as the database answers. If other nodes have
    /// claimed the database in the meantime, the claim is lost permanently.
    pub async fn take(url: &str, options: &Options, cluster: Option<i32>) -> Result<Self, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let taken = tokio::task::spawn_blocking(move || Self::start(&url, &options, cluster)).await;
        taken.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    fn start(url: &str, options: &Options, cluster: Option<i32>) -> Result<Self, OpenError> {
        let target = Target::parse(url, options)?;
        let place =
            HeldLock::take(&target, cluster, None)?.map_err(|taken| refusal(&taken, cluster, &target))?;
        let ((stop, mut stopped), (lose, lost)) = (oneshot::channel(), oneshot::channel());
        let keeper = thread::Builder::new().name("claim".into());
        let kept = keeper.spawn(move || {
            if let Some(taken) = keep(place, &target, cluster, &mut stopped) {
                let why = refusal(&taken, cluster, &target);
                tracing::error!("while the connection to the database was lost: {why}");
                // The claim may have been dropped in the meantime.
                let _ = lose.send(why);
            }
        });
        kept.map_err(|why| OpenError::Thread(why.to_string()))?;
        Ok(Self { _stop: stop, lost })
    }

    /// Waits until the claim is lost, because other nodes have claimed the database while the link was down.
    /// They do not know of this node, which must stop serving.
    pub async fn lost(&mut self) -> OpenError {
        match (&mut self.lost).await {
            Ok(why) => why,
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether any node serves the database at `url`.
    pub async fn is_held(url: &str, options: &Options) -> Result<bool, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let held = tokio::task::spawn_blocking(move || {
            let target = Target::parse(&url, &options)?;
            others(&open(&target)?, &target).map(|others| !others.is_empty())
        });
        held.await.map_err(|why| OpenError::Thread(why.to_string()))?
    }
}

/// A held lock.
struct HeldLock {
    link: Link,
    /// Identifies the session that holds the lock, by process id and start time.
    session: String,
}

impl HeldLock {
    /// Takes the lock, and waits for a node that has just ended. Terminates the `former` session of this node
    /// first, because the server may not have noticed that its link is lost.
    fn take(
        target: &Target,
        cluster: Option<i32>,
        former: Option<&str>,
    ) -> Result<Result<Self, LockHolder>, OpenError> {
        const SESSION: &str =
            "SELECT pid || ' ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid || ' ' || backend_start = $1";
        let link = open(target)?;
        let failed = |why| schema::failed(&why, target);
        if let Some(former) = former {
            link.query(None, END, &[&former]).map_err(failed)?;
        }
        let rows = link.query(None, SESSION, &[]).map_err(failed)?;
        let session = rows.first().map(|row| row.get(0)).unwrap_or_default();
        let until = Instant::now() + LOCK_TIMEOUT;
        loop {
            match lock(&link, target, cluster)? {
                Ok(()) => return Ok(Ok(Self { link, session })),
                Err(_) if Instant::now() < until => thread::sleep(STEP),
                Err(taken) => return Ok(Err(taken)),
            }
        }
    }

    /// Waits until the lock is lost with its link. Returns false once the claim is dropped.
    fn is_lost(&mut self, stopped: &mut oneshot::Receiver<()>) -> bool {
        loop {
            let waited = self.link.while_up(async { timeout(LINK_CHECK_INTERVAL, &mut *stopped).await });
            match waited {
                Some(Ok(_)) => return false,
                // The end of a link may go unnoticed, so send a query. The lock of a standby claims nothing.
                Some(Err(_)) if self.link.is_primary() => {}
                Some(Err(_)) | None => return true,
            }
        }
    }
}

fn open(target: &Target) -> Result<Link, OpenError> {
    let link = Link::open(target).map_err(|why| why.into_open_error(target))?;
    link.batch(SESSION).map_err(|why| schema::failed(&why, target))?;
    Ok(link)
}

/// Takes the lock, or returns the conflicting holder and releases everything.
pub(crate) fn lock(
    link: &Link,
    target: &Target,
    cluster: Option<i32>,
) -> Result<Result<(), LockHolder>, OpenError> {
    let sql = match cluster {
        Some(_) => "SELECT pg_try_advisory_lock_shared($1, $2)",
        None => "SELECT pg_try_advisory_lock($1, $2)",
    };
    let number = number(cluster);
    let rows = link.query(None, sql, &[&CLASS, &number]).map_err(|why| schema::failed(&why, target))?;
    if !rows.first().is_some_and(|row| row.get(0)) {
        return Ok(Err(LockHolder::Alone));
    }
    let Some(other) = others(link, target)?.into_iter().find(|other| *other != number) else {
        return Ok(Ok(()));
    };
    // The session may outlive a dropped link, and its lock would block the next attempt.
    link.batch("SELECT pg_advisory_unlock_all()").map_err(|why| schema::failed(&why, target))?;
    Ok(Err(if other == ALONE { LockHolder::Alone } else { LockHolder::Cluster }))
}

/// The number of nodes that serve the database.
pub(crate) fn servers(link: &Link, target: &Target) -> Result<usize, OpenError> {
    others(link, target).map(|others| others.len())
}

/// The second keys of the locks that other sessions hold.
fn others(link: &Link, target: &Target) -> Result<Vec<i32>, OpenError> {
    const SQL: &str =
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
        AND classid = $1::integer::oid AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = link.query(None, SQL, &[&CLASS]).map_err(|why| schema::failed(&why, target))?;
    let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    Ok(rows.iter().map(|row| number(row.get(0))).collect())
}

/// The second key for a cluster. Positive, since an object id is unsigned, and different from that of a
/// single node.
fn number(cluster: Option<i32>) -> i32 {
    cluster.map_or(ALONE, |cluster| (cluster & i32::MAX).max(1))
}

fn refusal(taken: &LockHolder, cluster: Option<i32>, target: &Target) -> OpenError {
    let name = target.database();
    match (taken, cluster) {
        (LockHolder::Alone, _) => OpenError::ServedAlone { name },
        (LockHolder::Cluster, None) => OpenError::ServedByNodes { name },
        (LockHolder::Cluster, Some(_)) => OpenError::ServedByStrangers { name },
    }
}

/// Keeps a lock until the claim is dropped (`None`) or lost.
fn keep(
    mut place: HeldLock,
    target: &Target,
    cluster: Option<i32>,
    stopped: &mut oneshot::Receiver<()>,
) -> Option<LockHolder> {
    while place.is_lost(stopped) {
        let HeldLock { link, session } = place;
        drop(link);
        place = loop {
            if stopped.try_recv() != Err(TryRecvError::Empty) {
                return None;
            }
            match HeldLock::take(target, cluster, Some(&session)) {
                Ok(Ok(taken_again)) => break taken_again,
                Ok(Err(taken)) => return Some(taken),
                Err(_) => thread::sleep(RETRY),
            }
        };
    }
    None
}
