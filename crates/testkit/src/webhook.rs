//! A webhook receiver: a real HTTP server that verifies requests with the Standard Webhooks library, records them, and
//! answers as the test decides.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wait::Wait;

/// The largest request body.
const BODY: usize = 1 << 20;

/// A received request.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// Status 200 with this body.
    Body(String),
    /// A redirect (307) to this address.
    Redirect(String),
    /// Status 429 with `Retry-After` in seconds.
    Later(u64),
    /// No response until the test calls [`HookReceiver::release`]; then 200, with the body of [`HookReceiver::release_with`].
    Held,
}

type Answering = Box<dyn Fn(&Received) -> Reply + Send>;

/// A receiver. It stops on drop.
pub struct HookReceiver {
    url: String,
    shared: Arc<ReceiverState>,
    task: JoinHandle<()>,
}

struct ReceiverState {
    received: Mutex<Vec<Received>>,
    answer: Mutex<Answering>,
    released: watch::Sender<Option<String>>,
}

impl Received {
    /// The event, or the request of the hook before sending.
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The text of a header.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_else(|| panic!("no {name}"))
    }

    /// Whether the request is signed with a secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let verifier = Webhook::new(secret).expect("a secret of the standard's form");
        verifier.verify(&self.body, &self.headers).is_ok()
    }

    /// The group of the event, if it has one.
    pub fn group(&self) -> Option<String> {
        let event = self.event();
        let data = &event["data"];
        let group = match event["type"].as_str() {
            Some("group.update") => &data["id"],
            Some("group.delete") => data,
            _ => &data["group"],
        };
        group.as_str().map(str::to_owned)
    }
}

/// A receiver that is not open yet. Its port is reserved and refuses connections.
pub struct ClosedReceiver(TcpSocket);

impl ClosedReceiver {
    /// Reserves a local port.
    pub fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        Self(socket)
    }

    /// The URL that it will have.
    pub fn url(&self) -> String {
        url_of(self.0.local_addr())
    }

    /// Opens the receiver.
    pub fn open(self, answer: impl Fn(&Received) -> Reply + Send + 'static) -> HookReceiver {
        HookReceiver::listening(self.0.listen(64).expect("the port is ours"), answer)
    }
}

fn url_of(address: io::Result<SocketAddr>) -> String {
    format!("http://{}", address.expect("it has a port"))
}

impl HookReceiver {
    /// A receiver that answers 200.
    pub async fn start() -> Self {
        Self::answering(|_| Reply::Status(200)).await
    }

    /// A receiver with custom responses.
    pub async fn answering(answer: impl Fn(&Received) -> Reply + Send + 'static) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").await.expect("a port"), answer)
    }

    fn listening(listener: TcpListener, answer: impl Fn(&Received) -> Reply + Send + 'static) -> Self {
        let url = url_of(listener.local_addr());
        let answer: Answering = Box::new(answer);
        let shared = Arc::new(ReceiverState {
            received: Mutex::default(),
            answer: Mutex::new(answer),
            released: watch::channel(None).0,
        });
        let of_task = shared.clone();
        let router = Router::new().fallback(move |request: Request| receive(of_task.clone(), request));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, task }
    }

    /// Its URL: `http://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Replaces the responses.
    pub fn answer(&self, answer: impl Fn(&Received) -> Reply + Send + 'static) {
        *lock(&self.shared.answer) = Box::new(answer);
    }

    /// Responds to the held requests.
    pub fn release(&self) {
        self.release_with("");
    }

    /// Responds to the held requests with this body.
    pub fn release_with(&self, body: &str) {
        self.shared.released.send_replace(Some(body.to_owned()));
    }

    /// The requests received so far, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// Waits until a condition on the received requests holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let wait = Wait::begin();
        loop {
            let received = self.received();
            if holds(&received) {
                return received;
            }
            wait.step(|| format!("{what} did not come: there were {} requests", received.len())).await;
        }
    }

    /// Waits for a number of requests.
    pub async fn count(&self, count: usize) -> Vec<Received> {
        self.until(&format!("{count} requests"), |received| received.len() >= count).await
    }
}

impl Drop for HookReceiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The sequence numbers of each group in order of first arrival. Panics if they are out of order.
#[track_caller]
pub fn numbers_in_order(received: &[Received]) -> BTreeMap<String, Vec<i64>> {
    let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for request in received {
        let (Some(group), Some(seq)) = (request.group(), request.event()["seq"].as_i64()) else { continue };
        let seen = numbers.entry(group).or_default();
        if seen.contains(&seq) {
            continue;
        }
        assert!(seen.last().is_none_or(|last| *last < seq), "{seq} came after {seen:?}");
        seen.push(seq);
    }
    numbers
}

async fn receive(shared: Arc<ReceiverState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY).await.expect("a body");
    let received = Received { path: parts.uri.path().to_owned(), headers: parts.headers, body };
    let reply = lock(&shared.answer)(&received);
    lock(&shared.received).push(received);
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Reply::Body(body) => body.into_response(),
        Reply::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Reply::Later(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
        Reply::Held => {
            let mut released = shared.released.subscribe();
            // Runs until the receiver is dropped.
            let body = released.wait_for(Option::is_some).await.ok().and_then(|body| body.clone());
            body.unwrap_or_default().into_response()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
