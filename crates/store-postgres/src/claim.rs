//! The nodes that serve a database: one alone, or several that know each other. Each holds a lock of
//! its session for as long as it serves, so that it goes with the node, however that ends.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::address::Target;
use crate::link::Link;
use crate::open::{OpenError, Options};
use crate::schema;

/// The first number of all locks, "Chin" in bytes; the second names the cluster.
const CLASS: i32 = 0x4368_696e;
/// The second number of a node alone.
const ALONE: i32 = 0;
/// A node that has just ended may still be about to let go.
const PATIENCE: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(100);
/// The pause between checks of a held lock.
const LOOK: Duration = Duration::from_secs(5);
/// The server is to notice soon when the machine of a node is gone.
const SESSION: &str =
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
    SET idle_session_timeout = 0";

/// A node's place at a database. Dropped, it is given up.
#[derive(Debug)]
pub struct Claim {
    _stop: mpsc::Sender<()>,
}

/// The holder of a conflicting lock.
enum Taken {
    /// A node that is alone.
    Alone,
    /// Nodes of a cluster.
    Cluster,
}

impl Claim {
    /// Takes a place at the database at `url` among the nodes of `cluster`, a number that they have
    /// in common and no others; or, without one, alone. Refused while others serve it who are not of
    /// the same cluster. Changes nothing in the database.
    ///
    /// After a lost link the lock is taken again as soon as it can be; the log says if others
    /// have come meanwhile.
    pub async fn take(url: &str, options: &Options, cluster: Option<i32>) -> Result<Self, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let taken = tokio::task::spawn_blocking(move || Self::start(&url, &options, cluster)).await;
        taken.map_err(|why| OpenError::Thread(why.to_string()))?
    }

    fn start(url: &str, options: &Options, cluster: Option<i32>) -> Result<Self, OpenError> {
        let target = Target::parse(url, options)?;
        let until = Instant::now() + PATIENCE;
        let link = open(&target)?;
        loop {
            match lock(&link, &target, cluster)? {
                Ok(()) => break,
                Err(_) if Instant::now() < until => thread::sleep(STEP),
                Err(taken) => return Err(refusal(&taken, cluster, &target)),
            }
        }
        let (stop, stopped) = mpsc::channel();
        let keeper = thread::Builder::new().name("claim".into());
        let kept = keeper.spawn(move || keep(link, &target, cluster, &stopped));
        kept.map_err(|why| OpenError::Thread(why.to_string()))?;
        Ok(Self { _stop: stop })
    }

    /// Whether a node serves the database at `url` now.
    pub async fn is_held(url: &str, options: &Options) -> Result<bool, OpenError> {
        let (url, options) = (url.to_owned(), options.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let target = Target::parse(&url, &options)?;
            others(&open(&target)?, &target).map(|others| !others.is_empty())
        });
        looked.await.map_err(|why| OpenError::Thread(why.to_string()))?
    }
}

fn open(target: &Target) -> Result<Link, OpenError> {
    let link = Link::open(target).map_err(|why| why.into_open_error(target))?;
    link.batch(SESSION).map_err(|why| schema::failed(&why, target))?;
    Ok(link)
}

/// Takes the lock, or says who stands in the way, and then has none.
fn lock(link: &Link, target: &Target, cluster: Option<i32>) -> Result<Result<(), Taken>, OpenError> {
    let sql = match cluster {
        Some(_) => "SELECT pg_try_advisory_lock_shared($1, $2)",
        None => "SELECT pg_try_advisory_lock($1, $2)",
    };
    let number = number(cluster);
    let rows = link.query(None, sql, &[&CLASS, &number]).map_err(|why| schema::failed(&why, target))?;
    if !rows.first().is_some_and(|row| row.get(0)) {
        return Ok(Err(Taken::Alone));
    }
    let Some(other) = others(link, target)?.into_iter().find(|other| *other != number) else {
        return Ok(Ok(()));
    };
    // The session may outlive a dropped link, and its lock would stand in the way of the next attempt.
    link.batch("SELECT pg_advisory_unlock_all()").map_err(|why| schema::failed(&why, target))?;
    Ok(Err(if other == ALONE { Taken::Alone } else { Taken::Cluster }))
}

/// The number of nodes that serve the database.
pub(crate) fn servers(link: &Link, target: &Target) -> Result<usize, OpenError> {
    others(link, target).map(|others| others.len())
}

/// The second numbers of the locks that other sessions hold.
fn others(link: &Link, target: &Target) -> Result<Vec<i32>, OpenError> {
    const SQL: &str =
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
        AND classid = $1::integer::oid AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let rows = link.query(None, SQL, &[&CLASS]).map_err(|why| schema::failed(&why, target))?;
    let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    Ok(rows.iter().map(|row| number(row.get(0))).collect())
}

/// No cluster's is negative, or that of a node alone: an object's id has no sign.
fn number(cluster: Option<i32>) -> i32 {
    cluster.map_or(ALONE, |cluster| (cluster & i32::MAX).max(1))
}

fn refusal(taken: &Taken, cluster: Option<i32>, target: &Target) -> OpenError {
    let name = target.database();
    match (taken, cluster) {
        (Taken::Alone, _) => OpenError::ServedAlone { name },
        (Taken::Cluster, None) => OpenError::ServedByNodes { name },
        (Taken::Cluster, Some(_)) => OpenError::ServedByStrangers { name },
    }
}

/// Looks after the lock until the claim is dropped.
fn keep(link: Link, target: &Target, cluster: Option<i32>, stopped: &mpsc::Receiver<()>) {
    let mut held = Some(link);
    let mut told = false;
    while matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
        if held.as_ref().is_some_and(|link| link.batch("SELECT 1").is_ok()) {
            continue;
        }
        held = None;
        let Ok(link) = open(target) else { continue };
        match lock(&link, target, cluster) {
            Ok(Ok(())) => (held, told) = (Some(link), false),
            Ok(Err(taken)) if !told => {
                let why = refusal(&taken, cluster, target);
                tracing::error!("while the link to the database was away: {why}");
                told = true;
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}
