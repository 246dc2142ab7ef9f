//! A TCP proxy with faults: tests put it between two components to cut a connection, stall it, or cut it right after a given
//! text has passed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the target may still write to a client that [`Proxy::cut_after`] has cut off.
const DEAF: Duration = Duration::from_secs(2);

/// The state of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
enum LinkState {
    /// Everything passes.
    Whole,
    /// Nothing passes, but connections stay open and new ones are accepted, like a pulled cable.
    Stalled,
    /// Open and new connections are closed.
    Cut,
    /// Everything passes until a client sends this text. The text still passes, its answer does not, and the link is cut.
    CutAfter(Vec<u8>),
    /// Pieces from the target that contain this text are lost; everything else passes.
    Loses(Vec<u8>),
    /// Everything passes; the first text of a client is replaced by the second.
    Replaces(Vec<u8>, Vec<u8>),
}

/// A proxy on a free loopback port. Drop cuts its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    link: Arc<watch::Sender<LinkState>>,
    count: Arc<Count>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Count {
    /// Bytes.
    passed: AtomicUsize,
    /// Pieces.
    lost: AtomicUsize,
}

impl Proxy {
    /// A proxy to `target` that passes everything at first.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let link = Arc::new(watch::Sender::new(LinkState::Whole));
        let count = Arc::new(Count::default());
        let task = tokio::spawn(accept(listener, target, link.clone(), count.clone()));
        Self { address, link, count, task }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and new ones at once.
    pub fn cut(&self) {
        self.link.send_replace(LinkState::Cut);
    }

    /// Stops all traffic, while connections stay open.
    pub fn stall(&self) {
        self.link.send_replace(LinkState::Stalled);
    }

    /// Cuts the link once a client has sent `text` in one piece. It reaches the target, but its answer does not reach the client.
    pub fn cut_after(&self, text: &[u8]) {
        self.link.send_replace(LinkState::CutAfter(text.to_vec()));
    }

    /// Waits until [`Proxy::cut_after`] has cut.
    pub async fn has_cut(&self) {
        let cut = self.link.subscribe().wait_for(|link| *link == LinkState::Cut).await.is_ok();
        assert!(cut, "the proxy holds its own end");
    }

    /// Drops every later piece from the target that contains `text`.
    pub fn lose(&self, text: &[u8]) {
        self.link.send_replace(LinkState::Loses(text.to_vec()));
    }

    /// Replaces `text` from clients by `by`, which has the same length. A client must send `text` in one piece.
    pub fn replace(&self, text: &[u8], by: &[u8]) {
        assert_eq!(text.len(), by.len());
        self.link.send_replace(LinkState::Replaces(text.to_vec(), by.to_vec()));
    }

    /// The number of dropped pieces.
    pub fn lost(&self) -> usize {
        self.count.lost.load(Ordering::Relaxed)
    }

    /// Restores the link.
    pub fn restore(&self) {
        self.link.send_replace(LinkState::Whole);
    }

    /// Bytes passed in both directions.
    pub fn passed(&self) -> usize {
        self.count.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    link: Arc<watch::Sender<LinkState>>,
    count: Arc<Count>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *link.borrow() != LinkState::Cut {
            tokio::spawn(join(client, target, link.clone(), count.clone()));
        }
    }
}

/// Forwards one connection until either side or the link closes it.
async fn join(client: TcpStream, target: SocketAddr, link: Arc<watch::Sender<LinkState>>, count: Arc<Count>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Otherwise a test of latency would measure Nagle's algorithm.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_in, client_out), (mut server_in, server_out)) = (client.into_split(), server.into_split());
    let mut state = link.subscribe();
    let cuts = tokio::select! {
        ended = carry(client_in, server_out, &link, &count, true) => ended.unwrap_or(false),
        _ = carry(&mut server_in, client_out, &link, &count, false) => false,
        _ = state.wait_for(|link| *link == LinkState::Cut) => false,
    };
    if cuts {
        // The target must process the request before it notices that the client is gone.
        let _ = timeout(DEAF, tokio::io::copy(&mut server_in, &mut tokio::io::sink())).await;
    }
}

/// Forwards one direction until it ends. Returns whether this call has cut the link.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    link: &watch::Sender<LinkState>,
    count: &Count,
    is_client: bool,
) -> io::Result<bool> {
    let mut state = link.subscribe();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await.map(|()| false);
        }
        let open =
            state.wait_for(|link| *link != LinkState::Stalled).await.map_err(io::Error::other)?.clone();
        if open == LinkState::Cut {
            return Ok(false);
        }
        let is_last =
            is_client && matches!(&open, LinkState::CutAfter(text) if contains(&buffer[..read], text));
        if !is_client && matches!(&open, LinkState::Loses(text) if contains(&buffer[..read], text)) {
            count.lost.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        if let (true, LinkState::Replaces(text, by)) = (is_client, &open)
            && let Some(at) = buffer[..read].windows(text.len()).position(|window| window == text)
        {
            buffer[at..at + by.len()].copy_from_slice(by);
        }
        if is_last {
            // The answer may arrive before this task continues.
            link.send_replace(LinkState::Stalled);
        }
        to.write_all(&buffer[..read]).await?;
        count.passed.fetch_add(read, Ordering::Relaxed);
        if is_last {
            link.send_replace(LinkState::Cut);
            return Ok(true);
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn say(peer: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
        peer.write_all(text).await?;
        let mut heard = vec![0; text.len()];
        peer.read_exact(&mut heard).await?;
        Ok(heard)
    }

    #[tokio::test]
    async fn a_link_carries_is_cut_and_is_mended() {
        let proxy = Proxy::to(echo().await).await;
        let mut peer = TcpStream::connect(proxy.address()).await.expect("a link");
        assert_eq!(say(&mut peer, b"hello").await.expect("an echo"), b"hello");
        proxy.cut();
        assert!(say(&mut peer, b"hello").await.is_err());
        let mut peer = TcpStream::connect(proxy.address()).await.expect("it listens on");
        assert!(say(&mut peer, b"hello").await.is_err());
        proxy.restore();
        let mut peer = TcpStream::connect(proxy.address()).await.expect("a link");
        assert_eq!(say(&mut peer, b"hello").await.expect("an echo"), b"hello");
        assert_eq!(proxy.passed(), 20);
    }

    #[tokio::test]
    async fn a_stalled_link_holds_what_it_was_given() {
        let proxy = Proxy::to(echo().await).await;
        let mut peer = TcpStream::connect(proxy.address()).await.expect("a link");
        proxy.stall();
        let answer = tokio::time::timeout(Duration::from_millis(50), say(&mut peer, b"hello"));
        assert!(answer.await.is_err(), "nothing passes");
        proxy.restore();
        let mut heard = [0; 5];
        peer.read_exact(&mut heard).await.expect("it was held, not lost");
        assert_eq!(&heard, b"hello");
    }

    #[tokio::test]
    async fn lose_drops_only_matching_pieces() {
        let proxy = Proxy::to(echo().await).await;
        let mut peer = TcpStream::connect(proxy.address()).await.expect("a link");
        proxy.lose(b"bad");
        let answer = tokio::time::timeout(Duration::from_millis(50), say(&mut peer, b"bad news"));
        assert!(answer.await.is_err(), "it is lost");
        assert_eq!(proxy.lost(), 1);
        proxy.restore();
        assert_eq!(say(&mut peer, b"news").await.expect("an echo"), b"news");
    }

    #[tokio::test]
    async fn a_link_is_cut_between_a_given_text_and_its_answer() {
        let proxy = Proxy::to(echo().await).await;
        let mut peer = TcpStream::connect(proxy.address()).await.expect("a link");
        proxy.cut_after(b"COMMIT");
        assert_eq!(say(&mut peer, b"BEGIN").await.expect("an echo"), b"BEGIN");
        assert!(say(&mut peer, b"do COMMIT").await.is_err());
        proxy.has_cut().await;
    }
}
