//! The hook before sending: a program of the host that is asked about each message and edit before it is stored.

mod breaker;
mod question;
mod ruling;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use chinwag_core::before_send::{BeforeSend, Question, QuestionLane, QuestionTurn, Ruling};
use chinwag_core::store::Answer;
use chinwag_core::webhook::WebhookSecret;
use chinwag_core::{Clock, Error, Result, UserId};
use metrics::{counter, gauge};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::breaker::Breaker;
use self::turns::Turns;
use crate::network::outbound::AGENT;
use crate::network::outside::{built, http_url};
use crate::notice::Notice;
use crate::webhook::signature::{secret_of, signatures};

/// Concurrent questions. Further ones wait, each within its own timeout.
const MAX_IN_FLIGHT: usize = 64;
/// The maximum size of a response, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;
/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(30);

/// The settings of the hook.
#[derive(Debug, Clone)]
pub struct HookOptions {
    /// The URL of the hook.
    pub url: String,
    /// The secret with which questions are signed, if they are.
    pub secret: Option<WebhookSecret>,
    /// The timeout of a question.
    pub timeout: Duration,
    /// Whether messages are stored unchanged while the hook fails. Otherwise they are refused.
    pub allows_on_failure: bool,
    /// The maximum length of a message body, in characters.
    pub message_chars: usize,
}

impl HookOptions {
    /// Parses a URL. The error completes a sentence that begins with the setting's name.
    pub fn parse_url(text: &str) -> std::result::Result<Url, &'static str> {
        http_url(text).ok_or("must be an absolute http or https URL")
    }

    /// Parses a secret. The error completes a sentence that begins with the setting's name.
    pub fn parse_secret(text: &str) -> std::result::Result<WebhookSecret, &'static str> {
        secret_of(text).ok_or("must be whsec_ and 24 to 64 bytes in base64")
    }
}

pub struct SendHook {
    options: HookOptions,
    url: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    under_way: Semaphore,
    turns: Turns,
    breaker: Breaker,
    /// Limits the log entry that the hook fails to one a minute.
    failed: Notice,
}

impl SendHook {
    pub fn new(options: HookOptions, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let url = HookOptions::parse_url(&options.url).map_err(Error::internal)?;
        let client = built(|client| client.retry(reqwest::retry::never()).pool_idle_timeout(IDLE))?;
        Ok(Arc::new(Self {
            url,
            client,
            clock,
            under_way: Semaphore::new(MAX_IN_FLIGHT),
            turns: Turns::default(),
            breaker: Breaker::default(),
            failed: Notice::default(),
            options,
        }))
    }

    async fn answer(&self, question: &Question) -> std::result::Result<Ruling, String> {
        let _permit = self.under_way.acquire().await.map_err(|why| why.to_string())?;
        let body = Bytes::from(question::written(question).map_err(|why| why.to_string())?);
        let id = format!("question_{}", self.clock.uuid().as_simple());
        let timestamp = self.clock.now().micros().div_euclid(1_000_000);
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);
        if let Some(secret) = &self.options.secret {
            let signature = signatures(std::slice::from_ref(secret), &id, timestamp, &body);
            request = request.header("webhook-signature", signature);
        }
        // Keep the URL, which may contain a secret, out of the log.
        let failed = |why: reqwest::Error| why.without_url().to_string();
        let mut response = request.body(body).send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer is {}", response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES {
                return Err(format!("the answer is longer than {ANSWER_BYTES} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        ruling::read(&bytes, self.options.message_chars, question.has_files)
    }

    async fn ask_in_time(&self, question: &Question) -> std::result::Result<Ruling, String> {
        let Some(attempt) = self.breaker.admit(self.clock.elapsed()) else {
            return Err("it has failed repeatedly, and is called again in a moment".to_owned());
        };
        let answered = match timeout(self.options.timeout, self.answer(question)).await {
            Ok(answered) => answered,
            Err(_) => Err(format!("no answer came within {:?}", self.options.timeout)),
        };
        attempt.end(answered.is_ok(), self.clock.elapsed());
        answered
    }
}

impl BeforeSend for SendHook {
    fn take_turn(&self, user: UserId, lane: QuestionLane) -> Result<Box<dyn QuestionTurn>> {
        Ok(Box::new(self.turns.take(user, lane)?))
    }

    fn ask(&self, question: Question) -> Answer<'_, Ruling> {
        Box::pin(async move {
            let answered = self.ask_in_time(&question).await;
            gauge!("chinwag_hook_open").set(if self.breaker.is_open() { 1.0 } else { 0.0 });
            let result = match &answered {
                Ok(Ruling::Allow) => "allowed",
                Ok(Ruling::Refuse(_)) => "refused",
                Ok(Ruling::Replace(_)) => "replaced",
                Err(_) => "failed",
            };
            counter!("chinwag_hook_questions_total", "result" => result).increment(1);
            match answered {
                Ok(ruling) => Ok(ruling),
                Err(why) => {
                    if self.failed.is_due(self.clock.now()) {
                        tracing::warn!(why, "the hook before sending fails (hooks.before_send)");
                    }
                    if self.options.allows_on_failure { Ok(Ruling::Allow) } else { Err(Error::unavailable()) }
                }
            }
        })
    }
}
