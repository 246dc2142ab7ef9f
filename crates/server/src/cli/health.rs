//! `chinwag health`: checks whether the server of these settings answers. Minimal container images have no other HTTP
//! client.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::say;
use super::settings::Settings;

/// The timeout of each step: the connection, the request, and each read of the response.
const STEP_WITHIN: Duration = Duration::from_secs(5);
/// The bytes of the response that are read; the rest is ignored.
const ANSWER_MOST: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Check whether it is ready: commits reach the disk, and it is not shutting down
    #[arg(long)]
    ready: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.settings.load()?;
    let (listen, is_tls) = (config.listen, config.tls.is_on());
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer =
        ask(&listen, path, is_tls).with_context(|| format!("no answer from the server at {listen}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let Some(status) = head.split(' ').nth(1) else { bail!("the response at {listen} is not HTTP") };
    ensure!(status == "200", "{path} answers {status}: {}", body.trim());
    say(body.trim())
}

/// Sends a GET. Returns the beginning of the response.
fn ask(listen: &str, path: &str, is_tls: bool) -> Result<String> {
    let addresses = listen.to_socket_addrs().context("the address is unknown")?;
    let address = near(addresses.into_iter().next().context("the name has no address")?);
    let stream = TcpStream::connect_timeout(&address, STEP_WITHIN)?;
    stream.set_read_timeout(Some(STEP_WITHIN))?;
    stream.set_write_timeout(Some(STEP_WITHIN))?;
    if is_tls {
        let name = ServerName::try_from("localhost").context("the name of this machine is refused")?;
        return asked(StreamOwned::new(ClientConnection::new(tls_of_any_server()?, name)?, stream), path);
    }
    asked(stream, path)
}

fn asked(mut stream: impl Read + Write, path: &str) -> Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(ANSWER_MOST).read_to_end(&mut answer) {
        // A TLS peer may close the connection without `close_notify`.
        Err(why) if why.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        read => drop(read?),
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A TLS configuration that accepts any certificate. This is safe here: the peer is this machine's own server, the
/// request contains no secret, and the response only decides the health check.
fn tls_of_any_server() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let verifier = Arc::new(AnyServer(provider));
    Ok(Arc::new(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Accepts every certificate, but verifies that the peer has its private key.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The loopback address for a server that listens on all addresses.
fn near(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
