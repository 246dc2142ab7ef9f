//! SQL statements on the tests' servers, with rows as text.

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{SHARED, address};
use crate::wait::Wait;

/// Codes of a server that temporarily accepts no connection.
const BUSY: [SqlState; 2] = [SqlState::TOO_MANY_CONNECTIONS, SqlState::CANNOT_CONNECT_NOW];

/// The runtime of these connections, because statements run inside and outside of the tests' runtimes.
static ASKING: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().expect("a runtime")
});
/// Idle connections to the shared server's default database. A new connection costs more than a test's statements.
static IDLE: Mutex<Vec<Client>> = Mutex::new(Vec::new());

/// Rows of text values.
pub type Rows = Vec<Vec<String>>;

/// Runs statements at a URL. Retries while the server is busy.
pub fn ask(url: &str, sql: &str) -> Rows {
    retry_while_busy(|| ask_once(url, sql)).unwrap_or_else(|why| panic!("{sql}: {why:?}"))
}

/// The same, with an error for a refused statement.
pub fn try_ask(url: &str, sql: &str) -> Result<Rows, String> {
    ask_once(url, sql).map_err(|why| format!("{why:?}"))
}

/// Retries while the server refuses connections, so that nothing has run.
pub(super) fn retry_while_busy(
    ask: impl Fn() -> Result<Rows, tokio_postgres::Error>,
) -> Result<Rows, tokio_postgres::Error> {
    let wait = Wait::begin();
    loop {
        match ask() {
            Err(why) if why.code().is_some_and(|code| BUSY.contains(code)) && !wait.is_over() => {
                wait.step_blocking(|| "the server is busy");
            }
            answer => return answer,
        }
    }
}

pub(super) fn ask_once(url: &str, sql: &str) -> Result<Rows, tokio_postgres::Error> {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    wait_outside(async move { rows(&connected(&url).await?, &sql).await })
}

/// Runs statements in a server's default database, on a pooled connection at the shared server.
pub(super) fn administer(server: SocketAddr, sql: &str) -> Rows {
    retry_while_busy(|| try_administer(server, sql)).unwrap_or_else(|why| panic!("{sql}: {why:?}"))
}

pub(super) fn try_administer(server: SocketAddr, sql: &str) -> Result<Rows, tokio_postgres::Error> {
    let (url, sql) = (address(server, "postgres"), sql.to_owned());
    let is_shared = SHARED.get().is_some_and(|(shared, _)| *shared == server);
    if !is_shared {
        return ask_once(&url, &sql);
    }
    wait_outside(async move {
        let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let open = idle().pop().filter(|client| !client.is_closed());
        let client = if let Some(client) = open { client } else { connected(&url).await? };
        let answer = rows(&client, &sql).await;
        idle().push(client);
        answer
    })
}

async fn connected(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn rows(client: &Client, sql: &str) -> Result<Rows, tokio_postgres::Error> {
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
        }
        _ => None,
    };
    Ok(client.simple_query(sql).await?.into_iter().filter_map(row).collect())
}

/// Blocks on a future that runs on another thread.
fn wait_outside<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    ASKING.spawn(async move { sender.send(future.await) });
    receiver.recv().expect("no panic")
}
