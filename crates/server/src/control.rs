//! The control socket in the data folder, by which `chinwag user` and `chinwag key` reach the running server. The
//! permissions of the folder are the only access check. One connection carries one [`Order`] and its
//! [`OrderOutcome`], each as one line of JSON.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chinwag_core::app::App;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::admin::{Order, OrderOutcome, carry_out};

/// Concurrent connections; more wait.
const CONNECTIONS: usize = 4;
/// The maximum size of an order, in bytes.
const MAX_ORDER_BYTES: u64 = 64 * 1024;
/// The timeout for reading an order and executing it.
const ORDER_TIMEOUT: Duration = Duration::from_secs(30);

/// The listener for orders. Removes the socket's file on drop.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens at `path`. Replaces the file that a killed server has left there: the caller holds the folder's lock,
    /// so no other server uses it.
    pub(crate) fn listen(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(why) if why.kind() != ErrorKind::NotFound => return Err(why),
            _ => {}
        }
        let control = Self { listener: UnixListener::bind(path)?, path: path.into() };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(control)
    }

    /// Executes orders until the future is dropped.
    pub(crate) async fn serve(self, app: App) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let place = places.clone().acquire_owned().await.expect("it is never closed");
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let app = app.clone();
                    tokio::spawn(async move {
                        if !matches!(timeout(ORDER_TIMEOUT, answer(stream, &app)).await, Ok(Ok(()))) {
                            tracing::warn!("a command of chinwag user was interrupted");
                        }
                        drop(place);
                    });
                }
                Err(why) => {
                    tracing::warn!(error = %why, "the control socket does not accept");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Ignore the error: the next start removes the file.
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(mut stream: UnixStream, app: &App) -> Result<()> {
    let (input, mut output) = stream.split();
    let mut line = String::new();
    BufReader::new(input.take(MAX_ORDER_BYTES)).read_line(&mut line).await?;
    let outcome = match serde_json::from_str::<Order>(&line) {
        Ok(order) => carry_out(app, order).await,
        Err(_) => OrderOutcome::Refused("the running server is of another version: start it again".into()),
    };
    output.write_all(format!("{}\n", serde_json::to_string(&outcome)?).as_bytes()).await?;
    Ok(())
}

/// Has the running server execute one order.
pub(crate) async fn send(stream: UnixStream, order: &Order) -> Result<OrderOutcome> {
    let (input, mut output) = stream.into_split();
    let asked = async {
        output.write_all(format!("{}\n", serde_json::to_string(order)?).as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(input).read_line(&mut line).await?;
        Ok::<_, anyhow::Error>(serde_json::from_str(&line)?)
    };
    timeout(ORDER_TIMEOUT, asked)
        .await
        .map_err(anyhow::Error::from)
        .and_then(|outcome| outcome)
        .context("the running server does not answer: see its log")
}
