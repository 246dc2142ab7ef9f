//! The client of push services.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::app::push::PushResult;
use metrics::counter;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::network::outbound::{OutboundClient, is_private, read_some};
use crate::options::{Options, PushOptions};

/// The number of remembered refusals. Each is logged once.
const LOGGED: usize = 1000;
/// The maximum length of a reason in the log, in characters.
const REASON_CHARS: usize = 200;

/// Sends notifications to push services.
pub(crate) struct PushClient {
    client: OutboundClient,
    /// Whether endpoints may have private addresses, and need not be `https`.
    private: bool,
    /// The contact for push services.
    pub(super) subject: Option<String>,
    /// Origin and status of the refusals that were logged.
    logged: Mutex<HashSet<(String, u16)>>,
}

/// A notification to send.
pub(super) struct PushRequest {
    pub(super) url: Url,
    pub(super) authorization: String,
    pub(super) topic: String,
    pub(super) urgency: &'static str,
    /// How long the push service keeps the notification, in seconds.
    pub(super) ttl: u64,
    pub(super) body: Vec<u8>,
}

impl PushClient {
    pub(crate) fn new(options: &Options) -> Self {
        let PushOptions { private, timeout, subject, .. } = options.push.clone();
        let page = options.public_url.as_ref().filter(|url| url.tls());
        let page = page.map(|url| format!("https://{}{}", url.authority(), url.base()));
        Self {
            client: OutboundClient::new(private, timeout, "push.private"),
            private,
            subject: subject.or(page),
            logged: Mutex::default(),
        }
    }

    /// Whether an endpoint is acceptable. Its host name is checked again when it is resolved.
    pub(crate) fn admits(&self, endpoint: &Url) -> bool {
        (self.private || endpoint.scheme() == "https") && self.client.admits(endpoint)
    }

    /// Makes one attempt to send a notification.
    pub(super) async fn attempt(&self, request: PushRequest) -> PushResult {
        let origin = request.url.origin().ascii_serialization();
        let (result, outcome) = self.send(request, &origin).await;
        counter!("chinwag_push_requests_total", "result" => outcome).increment(1);
        result
    }

    async fn send(&self, request: PushRequest, origin: &str) -> (PushResult, &'static str) {
        let PushRequest { url, authorization, topic, urgency, ttl, body } = request;
        let post = match self.client.post(url) {
            Ok(post) => post,
            Err(why) => return (self.refused(origin, 0, &why), "refused"),
        };
        let sent = post
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("ttl", ttl)
            .header("topic", topic)
            .header("urgency", urgency)
            .body(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(why) if is_private(&why) => {
                return (self.refused(origin, 0, &self.client.reason(&why)), "refused");
            }
            // The connection failed, so the notification cannot have arrived.
            Err(why) if why.is_connect() => return (PushResult::Failed(None), "failed"),
            // The notification may have arrived, so do not send it twice.
            Err(why) => {
                tracing::debug!(origin, error = %self.client.reason(&why), "a notification may be lost");
                return (PushResult::Ended, "lost");
            }
        };
        let (status, pause) = (response.status(), pause(response.headers()));
        let body = read_some(response).await;
        match status {
            status if status.is_success() => (PushResult::Ended, "sent"),
            StatusCode::NOT_FOUND | StatusCode::GONE => (PushResult::Gone, "gone"),
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                (PushResult::Failed(pause), "failed")
            }
            status => {
                let reason = String::from_utf8_lossy(&body);
                (self.refused(origin, status.as_u16(), &reason), "refused")
            }
        }
    }

    /// Logs a refusal once for each push service and status.
    fn refused(&self, origin: &str, status: u16, reason: &str) -> PushResult {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < LOGGED && logged.insert((origin.to_owned(), status)) {
            let reason: String = reason.chars().take(REASON_CHARS).collect();
            tracing::warn!(origin, status, reason, "a push service refuses notifications: see push.subject");
        }
        PushResult::Ended
    }
}

/// The pause that a push service requests in `Retry-After`, in seconds. A date is ignored.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
