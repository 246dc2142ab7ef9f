//! The accept loop, and its shutdown.
//!
//! A connection is closed if it is idle, or takes longer than [`header_timeout`](crate::Options::header_timeout) for
//! a request's head or the TLS handshake, or if the client reads nothing for longer than
//! [`list_timeout`](crate::Options::list_timeout). Once a connection is a WebSocket, the hub bounds and drains it.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::network::client_stream::{ClientStream, OverTls};
use crate::network::file_stream::{FileStream, SpanQueue};
use crate::network::lingering_body::LingeringBody;
use crate::network::peer::trusts;
use crate::network::write_timeout::WriteTimeout;
use crate::options::Options;
use crate::permits::{HolderPermit, PermitsByHolder};
use crate::router::Front;
use crate::state::ServerState;
use crate::{health, huge_pages};

/// The maximum size of a request's head, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// The maximum number of headers in a request.
const HEADERS: usize = 100;
/// The pause of the loop when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `shutdown` is done. Then stops accepting connections, reports not ready, and waits for requests in
/// flight, for at most [`drain_timeout`](crate::Options::drain_timeout).
pub async fn serve(listener: TcpListener, state: Arc<ServerState>, shutdown: impl Future<Output = ()>) {
    let front = Arc::new(Front::new(state.clone()));
    let bounds = Bounds::new(state.clone());
    let mut has_huge_pages = false;
    let (ending, ended) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut tick = interval(UPKEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let Some(held) = bounds.take(address.ip()) else { continue };
                    connections.spawn(connection(stream, address, front.clone(), state.clone(), ended.clone(), held));
                    if !has_huge_pages && connections.len() + state.hub.open_sockets() >= huge_pages::CONNECTIONS {
                        huge_pages::allow();
                        has_huge_pages = true;
                    }
                }
                Err(error) => rest_after(&error, &state).await,
            },
            Some(_) = connections.join_next() => {}
            _ = tick.tick() => health::upkeep(),
            () = &mut shutdown => break,
        }
    }
    drop(listener);
    state.drain();
    ending.send_replace(());
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(state.options.drain_timeout, all).await.is_err() {
        tracing::warn!(left = connections.len(), "connections that did not end in time are cut");
    }
}

/// Serves a connection until it ends or becomes a WebSocket.
async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    front: Arc<Front>,
    state: Arc<ServerState>,
    mut ended: watch::Receiver<()>,
    held: ConnectionPermits,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small packets of a connection may be late");
    }
    let stream = match client_stream(stream, address.ip(), &state.options, &mut ended).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, %address, "a TLS handshake failed");
            return;
        }
    };
    let is_plain = matches!(stream, ClientStream::Plain(_));
    let spans = SpanQueue::default();
    let stream = FileStream::new(stream, spans.clone());
    let handle = service_fn(move |request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let body = Body::new(LingeringBody::new(body, &parts.headers));
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(ConnectInfo(address));
        if is_plain {
            request.extensions_mut().insert(spans.clone());
        } else {
            request.extensions_mut().insert(OverTls);
        }
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(request).await) }
    });
    let stream = WriteTimeout::new(stream, state.options.list_timeout, reset);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(state.options.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        // A client may close its write side and still wait for the response.
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
    drop(held);
}

/// The client's stream, after the handshake if the server has a certificate.
async fn client_stream(
    stream: TcpStream,
    address: IpAddr,
    options: &Options,
    ended: &mut watch::Receiver<()>,
) -> io::Result<ClientStream> {
    let Some(acceptor) = &options.tls_acceptor else { return Ok(ClientStream::Plain(stream)) };
    tokio::select! {
        accepted = acceptor.accept(stream, address, options.header_timeout) => accepted.map(ClientStream::Tls),
        _ = ended.changed() => Err(io::Error::other("the server stops")),
    }
}

/// Resets a connection when it is dropped: otherwise the kernel would retain unsent bytes for minutes.
fn reset(stream: &FileStream) {
    if let Err(error) = stream.tcp().set_zero_linger() {
        tracing::debug!(%error, "a connection that is cut off ends slowly");
    }
}

/// Pauses after an error of `accept`, unless only that connection failed. If the system is out of resources, an
/// immediate retry would spin.
async fn rest_after(error: &io::Error, state: &ServerState) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted) {
        return;
    }
    if state.is_due(&state.notices.accepting) {
        tracing::error!(%error, "no connection can be accepted");
    }
    sleep(ACCEPT_PAUSE).await;
}

/// The bounds on connections, in total and for each address.
struct Bounds {
    state: Arc<ServerState>,
    all: Arc<Semaphore>,
    by_address: PermitsByHolder,
}

/// The permits of one connection, released on drop.
struct ConnectionPermits {
    _one: OwnedSemaphorePermit,
    _of_address: Option<HolderPermit>,
}

impl Bounds {
    fn new(state: Arc<ServerState>) -> Self {
        let all = Arc::new(Semaphore::new(state.options.connections.min(Semaphore::MAX_PERMITS)));
        let by_address = PermitsByHolder::new(state.options.connections_per_address);
        Self { state, all, by_address }
    }

    /// The permits for a connection from `address`, or `None` if a bound is reached.
    fn take(&self, address: IpAddr) -> Option<ConnectionPermits> {
        let Ok(one) = self.all.clone().try_acquire_owned() else {
            counter!("chinwag_connections_refused_total", "why" => "all").increment(1);
            if self.state.is_due(&self.state.notices.connections) {
                tracing::warn!("a connection is closed: the limit http.connections is reached");
            }
            return None;
        };
        if trusts(&self.state.options, address) {
            return Some(ConnectionPermits { _one: one, _of_address: None });
        }
        let of_address = self.by_address.take(address);
        if of_address.is_none() {
            counter!("chinwag_connections_refused_total", "why" => "address").increment(1);
            if self.state.is_due(&self.state.notices.connections_of_address) {
                tracing::warn!(
                    %address,
                    "a connection is closed: this address has reached http.connections_per_address"
                );
            }
        }
        of_address.map(|place| ConnectionPermits { _one: one, _of_address: Some(place) })
    }
}
