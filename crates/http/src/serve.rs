//! The loop that accepts connections, and the end of it.
//!
//! A connection is closed if it is idle, or sends a request's head, for longer than
//! [`header_timeout`](crate::Options::header_timeout). One that has become a WebSocket is no more
//! of this loop's business: the hub bounds and drains those.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tower::ServiceExt;

use crate::auth::trusts;
use crate::doors::{Doors, Options};
use crate::health;
use crate::router::router;

/// How much of a connection is held while a request's head is read.
const HEAD_BYTES: usize = 64 * 1024;
/// The most headers of a request.
const HEADERS: usize = 100;
/// How long the loop rests when the system has no more file descriptors.
const REST: Duration = Duration::from_millis(100);
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `shutdown` is done; then accepts no more, says that it is not ready, and lets
/// requests under way end, for at most [`drain_timeout`](crate::Options::drain_timeout).
pub async fn serve(listener: TcpListener, doors: Arc<Doors>, shutdown: impl Future<Output = ()>) {
    let router = router(doors.clone());
    let places = Places::new(doors.options.clone());
    let (ending, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut tick = interval(UPKEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let Some(place) = places.take(address.ip()) else { continue };
                    connections.spawn(connection(stream, address, router.clone(), doors.clone(), ended.clone(), place));
                }
                Err(error) => rest_after(&error).await,
            },
            Some(_) = connections.join_next() => {}
            _ = tick.tick() => health::upkeep(),
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    doors.drain();
    ending.send_replace(());
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(doors.options.drain_timeout, all).await.is_err() {
        tracing::warn!(left = connections.len(), "connections that did not end in time are cut");
    }
}

/// One connection, to its end or until it becomes a WebSocket.
async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    doors: Arc<Doors>,
    mut ended: watch::Receiver<()>,
    place: Place,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small packets of a connection may be late");
    }
    let handle = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(doors.options.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        // A client may say that it sends no more, and still waits for its answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), handle)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        served = serving.as_mut() => served,
        _ = ended.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, %address, "a connection ended");
    }
    drop(place);
}

/// A connection that fails while it is accepted is that client's loss; when the system has no
/// more to give, to ask again at once would only burn the processor.
async fn rest_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    tracing::error!(%error, "no connection can be accepted");
    sleep(REST).await;
}

/// How many connections there may be, in all and of each address.
struct Places {
    options: Arc<Options>,
    all: Arc<Semaphore>,
    by_address: Counts,
}

/// Connections by address; never one with none.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection's place, free again when it is dropped.
struct Place {
    _one: OwnedSemaphorePermit,
    counted: Option<(IpAddr, Counts)>,
}

impl Places {
    fn new(options: Arc<Options>) -> Self {
        let all = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
        Self { options, all, by_address: Arc::default() }
    }

    /// A place for a connection from `address`, if there is one.
    fn take(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let Ok(one) = self.all.clone().try_acquire_owned() else {
            tracing::warn!("a connection is closed: there are as many as there may be");
            return None;
        };
        if address.is_loopback() || trusts(&self.options, address) {
            return Some(Place { _one: one, counted: None });
        }
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_insert(0);
        if *count >= self.options.connections_per_address {
            tracing::warn!(%address, "a connection is closed: this address has as many as it may");
            return None;
        }
        *count += 1;
        Some(Place { _one: one, counted: Some((address, self.by_address.clone())) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((address, by_address)) = &self.counted else { return };
        let mut by_address = by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ServiceKey;

    fn places(connections: usize, connections_per_address: usize) -> Places {
        let key = ServiceKey::parse("0123456789abcdef").expect("long enough");
        let options = Options { connections, connections_per_address, ..Options::new(key) };
        Places::new(Arc::new(options))
    }

    #[test]
    fn places_are_bounded_in_all_and_for_each_address_and_come_free_again() {
        let places = places(3, 1);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let one = places.take(address("10.0.0.1")).expect("a place");
        assert!(places.take(address("10.0.0.1")).is_none(), "a second of one address");
        assert!(places.take(address("::ffff:10.0.0.1")).is_none(), "the same address");
        let _two = places.take(address("10.0.0.2")).expect("a place");
        let _three = places.take(address("127.0.0.1")).expect("a place");
        assert!(places.take(address("127.0.0.1")).is_none(), "a fourth in all");
        drop(one);
        assert!(places.take(address("10.0.0.1")).is_some(), "a place came free");
        assert_eq!(places.by_address.lock().unwrap().len(), 1, "and is forgotten");
    }
}
