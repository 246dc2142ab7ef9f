//! A webhook receiver that records the latency of each event.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use chinwag_core::Clock;
use chinwag_core::clock::SystemClock;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The receiver. It stops on drop.
pub(crate) struct HookSink {
    address: SocketAddr,
    lags: Arc<Mutex<Vec<f64>>>,
    _runtime: Runtime,
}

impl HookSink {
    /// Starts the receiver on its own threads.
    pub(crate) fn start() -> Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let (address, lags) = (listener.local_addr()?, Arc::<Mutex<Vec<f64>>>::default());
        runtime.spawn(serve(listener, lags.clone()));
        Ok(Arc::new(Self { address, lags, _runtime: runtime }))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The latency in milliseconds of each event received since the last call.
    pub(crate) fn take(&self) -> Vec<f64> {
        std::mem::take(&mut *self.lags.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(listener: TcpListener, lags: Arc<Mutex<Vec<f64>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let lags = lags.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| receive(request, lags.clone()));
            // The server notices when a connection ends.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    lags: Arc<Mutex<Vec<f64>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await
        && let Some(sent) = sent_at(&body.to_bytes())
    {
        let now = SystemClock::default().now().micros() as f64 / 1000.0;
        lags.lock().unwrap_or_else(PoisonError::into_inner).push(now - sent);
    }
    Ok(Response::new(Full::default()))
}

/// The time of a message in milliseconds since 1970, from the first bytes of its id (UUID version 7).
fn sent_at(event: &[u8]) -> Option<f64> {
    let data = memchr::memmem::find(event, b"\"data\":")?;
    let id = data + memchr::memmem::find(&event[data..], b"\"id\":\"")? + 6;
    let digits = std::str::from_utf8(event.get(id..id + 13)?).ok()?.replace('-', "");
    u64::from_str_radix(&digits, 16).ok().map(|millis| millis as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_of_a_message_is_read_from_its_id() {
        let event =
            br#"{"id":"9","type":"message.text","data":{"id":"0199c0de-f00d-7000-8000-000000000000"}}"#;
        assert_eq!(sent_at(event), Some(f64::from(0x0199_c0de) * 65536.0 + f64::from(0xf00d)));
        assert_eq!(sent_at(b"{}"), None);
    }
}
