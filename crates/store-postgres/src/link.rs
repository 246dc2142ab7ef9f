//! One thread's connection to the server. The thread drives it itself on a runtime of its own, so that no
//! statement waits for another thread to wake up.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use chinwag_core::name::NameCase;
use chinwag_core::{Error, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement};

use crate::address::{HostTarget, Target};
use crate::fault::{Failure, reason};
use crate::open::OpenError;

/// A statement's parameters.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How much longer this side waits than the server's own timeouts.
const GRACE: Duration = Duration::from_secs(1);
/// The time after which the server ends an idle transaction, so that a suspended node does not block rows for
/// the others. The node's job is retried.
const IDLE: Duration = Duration::from_secs(10);

/// A connection to the server.
pub(crate) struct Link {
    client: Client,
    pub(crate) name_case: NameCase,
    statements: RefCell<HashMap<&'static str, Statement>>,
    silence: Duration,
    is_silent: Cell<bool>,
    /// The server's timeline, if it accepts writes and reports it.
    timeline: Option<String>,
    /// Completes when the connection ends.
    connection: JoinHandle<Result<(), tokio_postgres::Error>>,
    /// Drives the connection. Dropped last.
    runtime: Runtime,
}

/// Why there is no connection.
pub(crate) enum NoLink {
    /// The server returned an error, or could not be reached.
    Said(tokio_postgres::Error),
    /// The attempt timed out.
    Late,
    /// This machine has no resources left.
    Machine(std::io::Error),
    /// The server is a standby, whose state may be old.
    Standby,
}

impl Link {
    /// Connects to the first usable host that is no standby, and sets up the session. The error is that of the last
    /// host.
    pub(crate) fn open(target: &Target) -> Result<Self, NoLink> {
        Self::open_first(target, false)
    }

    /// Like [`open`](Self::open), but a standby is usable as well.
    pub(crate) fn open_any(target: &Target) -> Result<Self, NoLink> {
        Self::open_first(target, true)
    }

    fn open_first(target: &Target, may_be_standby: bool) -> Result<Self, NoLink> {
        let mut why = NoLink::Late;
        for host in target.hosts() {
            match Self::open_at(host, target, may_be_standby) {
                Ok(link) => return Ok(link),
                Err(refused) => why = refused,
            }
            if matches!(why, NoLink::Late) {
                host.note_silence();
            }
        }
        Err(why)
    }

    fn open_at(host: &HostTarget, target: &Target, may_be_standby: bool) -> Result<Self, NoLink> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(NoLink::Machine)?;
        let connecting = async {
            let (client, connection) = host.config.connect(target.tls.clone()).await?;
            // Ends with the client, or with the connection, which the client then notices.
            let connection = tokio::spawn(connection);
            client.batch_execute(&session(target)).await?;
            let usable = may_be_standby || !is_standby(&client).await?;
            let timeline = timeline(&client).await;
            Ok((client, connection, timeline, usable))
        };
        let connected = runtime.block_on(async { tokio::time::timeout(target.connect, connecting).await });
        let (client, connection, timeline, usable) =
            connected.map_err(|_| NoLink::Late)?.map_err(NoLink::Said)?;
        if !usable {
            return Err(NoLink::Standby);
        }
        let silence = target.statement + GRACE;
        let (statements, is_silent) = (RefCell::default(), Cell::new(false));
        let name_case = target.name_case;
        Ok(Self { client, name_case, statements, silence, is_silent, timeline, connection, runtime })
    }

    /// Whether the link is up, as far as this side has noticed.
    pub(crate) fn is_up(&self) -> bool {
        // The socket was not polled since the last statement.
        self.runtime.block_on(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
        !self.is_silent.get() && !self.client.is_closed()
    }

    /// Whether the server answers, and is no standby.
    pub(crate) fn is_primary(&self) -> bool {
        self.wait(is_standby(&self.client)).is_ok_and(|is_standby| !is_standby)
    }

    /// Waits for `other`, but only until the link ends. While no statement runs, nothing else would notice
    /// that.
    pub(crate) fn while_up<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        let Self { runtime, connection, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = connection => None,
                done = other => Some(done),
            }
        })
    }

    /// Waits for the server's answer to `asking`, up to the timeout of statements.
    pub(crate) fn wait<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        let answer = self.runtime.block_on(async { tokio::time::timeout(self.silence, asking).await });
        answer.map_or_else(
            |_| {
                self.is_silent.set(true);
                Err(Failure::Silent)
            },
            |answer| answer.map_err(Failure::from),
        )
    }

    /// Runs several statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(sql))
    }

    /// Runs one statement without parameters and without a timeout.
    pub(crate) fn batch_without_timeout(&self, sql: &str) -> Result<(), Failure> {
        self.runtime.block_on(self.client.batch_execute(sql)).map_err(Failure::from)
    }

    /// The rows of one statement. With `begin`, also begins a transaction, in the same round trip.
    pub(crate) fn query(
        &self,
        begin: Option<&str>,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        self.wait(async {
            let statement = self.statement(sql).await?;
            self.after(begin, self.client.query(&statement, params)).await
        })
    }

    /// Runs a statement, with `begin` as in [`Link::query`]. Returns the number of changed rows.
    pub(crate) fn execute(
        &self,
        begin: Option<&str>,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<u64, Failure> {
        self.wait(async {
            let statement = self.statement(sql).await?;
            self.after(begin, self.client.execute(&statement, params)).await
        })
    }

    async fn after<T>(
        &self,
        begin: Option<&str>,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        let Some(begin) = begin else { return asking.await };
        let (begun, answer) = futures_util::future::join(self.client.batch_execute(begin), asking).await;
        begun.and(answer)
    }

    /// The client itself, for pipelining several statements.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A prepared statement. Prepared once per link.
    pub(crate) async fn statement(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
    }
}

/// A thread's link, which reconnects after a loss.
#[derive(Default)]
pub(crate) struct LinkSlot(Option<Link>);

impl LinkSlot {
    /// The link. Reconnects if it is down.
    pub(crate) fn link(&mut self, target: &Target) -> Result<&Link> {
        if !self.0.as_ref().is_some_and(Link::is_up) {
            self.0 = None;
            if target.is_away() {
                return Err(Error::unavailable());
            }
            match Link::open(target) {
                Ok(link) => {
                    target.note_timeline(link.timeline.as_ref());
                    self.0 = Some(link);
                }
                Err(why) => {
                    target.note(true);
                    tracing::warn!(error = %why, "the database at {} is not reachable", target.at());
                    return Err(Error::unavailable());
                }
            }
            target.note(false);
        }
        self.0.as_ref().ok_or_else(Error::unavailable)
    }

    /// Closes the link.
    pub(crate) fn drop_link(&mut self) {
        self.0 = None;
    }
}

/// Whether the server is a standby.
async fn is_standby(client: &Client) -> Result<bool, tokio_postgres::Error> {
    Ok(first_value(client, "SELECT pg_is_in_recovery()").await?.as_deref() == Some("t"))
}

/// The server's timeline, which changes when a standby is promoted. A standby has none, and some hosted
/// services do not allow the query.
async fn timeline(client: &Client) -> Option<String> {
    const SQL: &str = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) WHERE NOT pg_is_in_recovery()";
    first_value(client, SQL).await.ok()?
}

/// The first value of the first row, as text.
async fn first_value(client: &Client, sql: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

/// The settings of every session. Every statement of this crate finds a few rows by a key, and joins its
/// tables in the order in which to read them. The settings keep the planner from reading whole tables when
/// its statistics are outdated, and from planning a statement on each run.
fn session(target: &Target) -> String {
    format!(
        "SET search_path = chinwag;
        SET statement_timeout = {};
        SET lock_timeout = {};
        SET idle_in_transaction_session_timeout = {};
        SET client_min_messages = warning;
        SET jit = off;
        SET enable_seqscan = off;
        SET enable_hashjoin = off;
        SET enable_mergejoin = off;
        SET join_collapse_limit = 1;
        SET plan_cache_mode = force_generic_plan;
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') = 'off';",
        target.statement.as_millis(),
        target.lock.as_millis(),
        IDLE.as_millis(),
    )
}

impl NoLink {
    /// The error for the operator who starts the server.
    pub(crate) fn into_open_error(self, target: &Target) -> OpenError {
        let at = target.at();
        let why = match self {
            Self::Late => return OpenError::Away { at, why: "it took too long".into() },
            Self::Machine(why) => return OpenError::Thread(why.to_string()),
            Self::Standby => return OpenError::ReadOnly { at },
            Self::Said(why) => why,
        };
        let (code, words) = (why.code().map(|code| code.code().to_owned()), reason(&why));
        let text = why.to_string();
        match code.as_deref() {
            Some(code) if code.starts_with("28") => {
                OpenError::Refused { at, user: target.user(), why: words }
            }
            Some("3D000") => OpenError::NoDatabase { at, name: target.database() },
            Some("53300") => OpenError::Full { at, why: words },
            Some("57P03" | "57P01") => OpenError::Away { at, why: words },
            Some(_) => OpenError::Other { at, why: words },
            None if text.contains("TLS") => OpenError::Tls { at, why: words },
            None if words.contains("password") || text.contains("authentication") => {
                OpenError::Refused { at, user: target.user(), why: words }
            }
            None if words.contains("does not allow writes") || words.contains("read-write") => {
                OpenError::ReadOnly { at }
            }
            None => OpenError::Away { at, why: words },
        }
    }
}

impl std::fmt::Display for NoLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said(why) => f.write_str(&reason(why)),
            Self::Late => f.write_str("it took too long to connect"),
            Self::Machine(why) => why.fmt(f),
            Self::Standby => f.write_str("it is a standby"),
        }
    }
}
