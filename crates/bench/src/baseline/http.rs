//! A bare hyper server that answers each path with bytes recorded from the real server.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Status and content by path.
pub(crate) type Answers = HashMap<String, (u16, Bytes)>;

pub(super) async fn serve(listener: TcpListener, file: &Path) -> Result<()> {
    let answers = Arc::new(read(&std::fs::read(file)?).context("the answers cannot be read")?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = answers.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| answer(request, answers.clone()));
            // The load notices when a connection ends.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    // A server has to read the request's body.
    let _ = request.into_body().collect().await;
    let (status, content) = answers.get(&path).cloned().unwrap_or((404, Bytes::new()));
    let mut response = Response::new(Full::new(content));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Appends one recorded answer to the file of answers.
pub(crate) fn put(path: &str, status: u16, content: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(format!("{path}\n{status}\n{}\n{content}", content.len()).as_bytes());
}

fn read(mut bytes: &[u8]) -> Option<Answers> {
    let mut answers = Answers::new();
    while !bytes.is_empty() {
        let mut line = || {
            let end = memchr::memchr(b'\n', bytes)?;
            let line = std::str::from_utf8(&bytes[..end]).ok()?.to_owned();
            bytes = &bytes[end + 1..];
            Some(line)
        };
        let (path, status, length) = (line()?, line()?.parse().ok()?, line()?.parse().ok()?);
        answers.insert(path, (status, Bytes::copy_from_slice(bytes.get(..length)?)));
        bytes = &bytes[length..];
    }
    Some(answers)
}
