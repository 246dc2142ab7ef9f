//! Statements for servers of the tests, whose rows are read as texts.

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::{SHARED, address};
use crate::wait::Wait;

/// The codes of a server that takes no connection at the moment.
const BUSY: [SqlState; 2] = [SqlState::TOO_MANY_CONNECTIONS, SqlState::CANNOT_CONNECT_NOW];

/// Drives the connections to servers, since statements are run inside and outside of the tests' runtimes.
static ASKING: LazyLock<Runtime> = LazyLock::new(|| {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build().expect("a runtime")
});
/// Free connections to the shared server's own database. To open one costs more than what is run there for a test.
static IDLE: Mutex<Vec<Client>> = Mutex::new(Vec::new());

/// The rows of an answer, as texts.
pub type Rows = Vec<Vec<String>>;

/// Runs statements at an address; the rows as texts. A server that is busy is asked again.
pub fn ask(url: &str, sql: &str) -> Rows {
    patiently(|| ask_once(url, sql)).unwrap_or_else(|why| panic!("{sql}: {why:?}"))
}

/// The same, where it may be refused.
pub fn try_ask(url: &str, sql: &str) -> Result<Rows, String> {
    ask_once(url, sql).map_err(|why| format!("{why:?}"))
}

/// Asks again while the server refuses the connection for the moment, so that nothing has run.
pub(super) fn patiently(
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

/// Runs statements in a server's own database. At the shared server they have a connection that was opened before.
pub(super) fn administer(server: SocketAddr, sql: &str) -> Rows {
    patiently(|| try_administer(server, sql)).unwrap_or_else(|why| panic!("{sql}: {why:?}"))
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

/// Waits for a future that another thread drives.
fn wait_outside<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::sync_channel(1);
    ASKING.spawn(async move { sender.send(future.await) });
    receiver.recv().expect("no panic")
}
