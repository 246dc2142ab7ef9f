//! TLS of the server's own: handshakes, and the certificate with its key, which are read again when their content changes.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::handshakes::Handshakes;
use super::tls_stream::TlsStream;

/// The time between two looks at the files.
const RELOAD_EVERY: Duration = Duration::from_secs(2);
/// The most encrypted bytes that a connection holds until the system takes them.
const BUFFERED: usize = 32 << 10;
/// The time in which a client that does not speak TLS may read why it is refused.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// The most bytes that are read of such a client.
const REFUSED_BYTES: u64 = 64 << 10;
const HTTPS_ONLY: &str = "This address is served over HTTPS only: use https:// instead of http://.\n";

/// Accepts the TLS connections of clients.
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    keys: Arc<TlsKeys>,
    handshakes: Handshakes,
}

/// The certificate and the key in use, and the files that they are read from.
struct TlsKeys {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// The hash of the content that was looked at last, good or not.
    seen: Mutex<[u8; 32]>,
}

/// The content of both files.
struct PemFiles {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl PemFiles {
    fn read(cert: &Path, key: &Path) -> Result<Self, String> {
        let read =
            |path: &Path| fs::read(path).map_err(|why| format!("{} cannot be read: {why}", path.display()));
        Ok(Self { cert: read(cert)?, key: read(key)? })
    }

    fn hash(&self) -> [u8; 32] {
        let (cert, key) = (Sha256::digest(&self.cert), Sha256::digest(&self.key));
        Sha256::new().chain_update(cert).chain_update(key).finalize().into()
    }
}

impl TlsAcceptor {
    /// Reads a certificate with its chain, and its private key, both in PEM. An error names the file, and completes no
    /// sentence. At most `handshakes` are under way at a time.
    pub fn load(cert: PathBuf, key: PathBuf, handshakes: usize) -> Result<Arc<Self>, String> {
        let (content, pair) = TlsKeys::read(&cert, &key)?;
        let keys = Arc::new(TlsKeys { cert, key, current: RwLock::new(pair), seen: Mutex::new(content) });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(keys.clone());
        config.ticketer = ring::Ticketer::new().map_err(|why| why.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(Self { config: Arc::new(config), keys, handshakes: Handshakes::new(handshakes) }))
    }

    /// Completes the handshake of a client, unless `within` is over or newer handshakes take its place.
    pub(crate) async fn accept(
        &self,
        tcp: TcpStream,
        address: IpAddr,
        within: Duration,
    ) -> io::Result<TlsStream> {
        let mut slot = self.handshakes.begin(address);
        tokio::select! {
            accepted = timeout(within, self.accept_in_time(tcp)) => {
                accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
            () = slot.displaced() => Err(io::Error::other("too many handshakes are under way (tls.handshakes)")),
        }
    }

    /// Reads the files again where their content has changed, until it is dropped. Connections that are open stay as they are.
    pub async fn watch(self: Arc<Self>) {
        loop {
            sleep(RELOAD_EVERY).await;
            let keys = self.keys.clone();
            // The files may be on a slow disk.
            let _ = tokio::task::spawn_blocking(move || keys.reload()).await;
        }
    }

    async fn accept_in_time(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        let mut first = [0];
        // A method begins with a capital letter, a handshake with 22. No client shows its user an alert of TLS.
        if tcp.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
            let _ = timeout(REFUSED_WITHIN, refuse_plain_http(tcp)).await;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client sent plain HTTP"));
        }
        let mut encryption = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        encryption.set_buffer_limit(Some(BUFFERED));
        let stream = TlsStream::new(tcp, encryption);
        stream.handshake().await?;
        Ok(stream)
    }
}

impl TlsKeys {
    /// The files' content as a hash, and the pair if they fit.
    fn read(cert: &Path, key: &Path) -> Result<([u8; 32], Arc<CertifiedKey>), String> {
        let files = PemFiles::read(cert, key)?;
        let cannot = |path: &Path, why: &dyn fmt::Display| format!("{} {why}", path.display());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&files.cert).collect();
        let chain = chain.map_err(|why| cannot(cert, &format_args!("is no certificate in PEM: {why}")))?;
        if chain.is_empty() {
            return Err(cannot(cert, &"has no certificate in PEM"));
        }
        let private = PrivateKeyDer::from_pem_slice(&files.key);
        let private = private.map_err(|why| cannot(key, &format_args!("is no private key in PEM: {why}")))?;
        let pair = CertifiedKey::from_der(chain, private, &ring::default_provider());
        let unfit =
            |why: rustls::Error| format!("{} and {} do not fit: {why}", cert.display(), key.display());
        Ok((files.hash(), Arc::new(pair.map_err(unfit)?)))
    }

    /// Uses the pair in the files if it is another one. One that does not fit, as between two writes, is logged once, and is
    /// read again when the content changes.
    fn reload(&self) {
        let content = match PemFiles::read(&self.cert, &self.key) {
            Ok(files) => files.hash(),
            Err(why) => {
                self.note([0; 32], &why);
                return;
            }
        };
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == content {
            return;
        }
        match Self::read(&self.cert, &self.key) {
            Ok((content, pair)) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = pair;
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = content;
                tracing::info!("a new TLS certificate is in use");
            }
            Err(why) => self.note(content, &why),
        }
    }

    /// Logs why the pair in use stays, once for each content.
    fn note(&self, content: [u8; 32], why: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen != content {
            *seen = content;
            tracing::error!(why, "the new TLS certificate cannot be used: the old one stays in use");
        }
    }
}

impl ResolvesServerCert for TlsKeys {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for TlsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsKeys").field("cert", &self.cert).field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

/// Answers a client that speaks plain HTTP, and reads what it has sent: closed with bytes unread, the connection would be
/// reset, and the answer might be lost.
async fn refuse_plain_http(mut tcp: TcpStream) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{HTTPS_ONLY}",
        HTTPS_ONLY.len()
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await?;
    tokio::io::copy(&mut tcp.take(REFUSED_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}
