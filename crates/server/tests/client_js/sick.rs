//! A broken server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Listens at the server's address, and gives the same answer to every request.
pub(crate) struct BrokenServer {
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl BrokenServer {
    /// `rest` is the answer to REST requests, `chat` that to handshakes.
    pub(crate) fn at(address: SocketAddr, rest: &'static str, chat: &'static str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option of sockets");
        socket.bind(address).expect("the server is gone from there");
        let listener = socket.listen(64).expect("it listens");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                // Browsers also open connections in advance.
                tokio::spawn(answer(peer, rest, chat, count.clone()));
            }
        });
        Self { asked, task }
    }

    /// The number of requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Frees the address.
    pub(crate) async fn end(self) {
        self.task.abort();
        // Once aborted, the task has released the port.
        assert!(self.task.await.is_err());
    }
}

async fn answer(mut peer: TcpStream, rest: &str, chat: &str, count: Arc<AtomicUsize>) -> Option<()> {
    let mut head = [0; 4096];
    let read = peer.read(&mut head).await.ok()?;
    let answer = match &head[..read] {
        // Browsers reveal an answer only after a successful preflight.
        head if head.starts_with(b"OPTIONS ") => "204 No Content\r\n\r\n",
        head if head.starts_with(b"GET /chat/") => chat,
        head if head.starts_with(b"GET ") => rest,
        _ => return None,
    };
    count.fetch_add(usize::from(!head.starts_with(b"OPTIONS ")), Ordering::Relaxed);
    let allowed = "\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n\
                   Access-Control-Allow-Headers: Authorization\r\n";
    let answer = format!("HTTP/1.1 {}", answer.replacen("\r\n", allowed, 1));
    peer.write_all(answer.as_bytes()).await.ok()?;
    peer.shutdown().await.ok()
}
