//! TLS that the server terminates: handshakes, and the source of the certificate.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Date;
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::acme::{Acme, AcmeOptions, AcmeStatus};
use super::handshakes::Handshakes;
use super::tls_files::TlsFiles;
use super::tls_keys::{self, ACME_TLS, TlsKeys};
use super::tls_stream::TlsStream;

/// The maximum number of encrypted bytes that a connection buffers.
const BUFFERED: usize = 32 << 10;
/// How long a plain HTTP client may take to receive the refusal.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// The maximum number of bytes that are read from such a client.
const REFUSED_BYTES: u64 = 64 << 10;
const HTTPS_ONLY: &str = "This address is served over HTTPS only: use https:// instead of http://.\n";
/// The ALPN protocol of all requests.
const HTTP: &[u8] = b"http/1.1";

/// Accepts the TLS connections of clients.
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    keys: Arc<TlsKeys>,
    source: TlsSource,
    handshakes: Handshakes,
}

/// The source of the certificate.
enum TlsSource {
    Files(Arc<TlsFiles>),
    Acme(Arc<Acme>),
}

impl TlsAcceptor {
    /// Loads a certificate chain and its private key, both in PEM. The error names the file, and is a sentence of its
    /// own. `handshakes` bounds the concurrent handshakes.
    pub fn load(cert: PathBuf, key: PathBuf, handshakes: usize) -> Result<Arc<Self>, String> {
        let (files, pair) = TlsFiles::load(cert, key)?;
        Self::new(pair, TlsSource::Files(Arc::new(files)), handshakes)
    }

    /// Serves the certificate that ACME has issued, or a self-signed one until then. Sends no requests before
    /// [`watch`](Self::watch).
    pub fn acme(options: AcmeOptions, handshakes: usize) -> Result<Arc<Self>, String> {
        let (acme, pair) = Acme::load(options)?;
        Self::new(pair, TlsSource::Acme(Arc::new(acme)), handshakes)
    }

    fn new(pair: Arc<CertifiedKey>, source: TlsSource, handshakes: usize) -> Result<Arc<Self>, String> {
        let keys = Arc::new(TlsKeys::new(pair));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(keys.clone());
        config.ticketer = ring::Ticketer::new().map_err(|why| why.to_string())?;
        config.alpn_protocols = vec![HTTP.to_vec()];
        if matches!(source, TlsSource::Acme(_)) {
            config.alpn_protocols.push(ACME_TLS.to_vec());
        }
        Ok(Arc::new(Self { config: Arc::new(config), keys, source, handshakes: Handshakes::new(handshakes) }))
    }

    /// Completes the handshake of a client. Fails after `within`, or when newer handshakes displace it.
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
            () = slot.displaced() => Err(io::Error::other("too many handshakes are in progress (tls.handshakes)")),
        }
    }

    /// Keeps the certificate up to date until the future is dropped: reloads files that have changed, or renews by
    /// ACME. Open connections keep their certificate.
    pub async fn watch(self: Arc<Self>) {
        match &self.source {
            TlsSource::Files(files) => files.watch(&self.keys).await,
            TlsSource::Acme(acme) => acme.run(&self.keys).await,
        }
    }

    /// The expiry of the certificate in use; `None` if ACME has issued none yet, or it cannot be read.
    pub fn expires(&self) -> Option<Date> {
        match &self.source {
            TlsSource::Files(_) => {
                Some(tls_keys::validity(self.keys.current().end_entity_cert().ok()?)?.until)
            }
            TlsSource::Acme(acme) => acme.status().expires,
        }
    }

    /// The state of ACME, if it is used.
    pub fn acme_status(&self) -> Option<AcmeStatus> {
        match &self.source {
            TlsSource::Files(_) => None,
            TlsSource::Acme(acme) => Some(acme.status()),
        }
    }

    async fn accept_in_time(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        let mut first = [0];
        // An HTTP method begins with a capital letter, a TLS handshake with byte 22. Answer in HTTP, since clients do
        // not show TLS alerts to their users.
        if tcp.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
            let _ = timeout(REFUSED_WITHIN, refuse_plain_http(tcp)).await;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client sent plain HTTP"));
        }
        let mut encryption = ServerConnection::new(self.config.clone()).map_err(io::Error::other)?;
        encryption.set_buffer_limit(Some(BUFFERED));
        let stream = TlsStream::new(tcp, encryption);
        stream.handshake().await?;
        if stream.speaks(ACME_TLS) {
            return Err(io::Error::other("an authority has asked for the answer to a challenge"));
        }
        Ok(stream)
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

/// Responds to a plain HTTP client, and reads what it has sent: closing the socket with unread bytes would reset the
/// connection, and the response might be lost.
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
