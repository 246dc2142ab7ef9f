//! A client that writes as fast as it is answered, or at a given pace, and records the answers. After a failure of the server
//! it retries all unanswered messages.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::WAIT_TIMEOUT;
use super::ledger::Ledger;
use super::socket::{Incoming, TrialSocket};
use crate::client::Client;

/// Messages in flight on a socket.
const WINDOW: usize = 8;
/// The pause after a refusal, and before the next server.
const PAUSE: Duration = Duration::from_millis(50);

/// The transport of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// REST requests.
    Rest,
}

/// The task of a writer while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTask {
    /// Retry unanswered messages, then send new ones, until the server fails or the ledger is closed.
    Flood,
    /// Retry unanswered messages until each has an answer.
    Settle,
}

/// The end of a writer's run.
#[derive(Debug)]
pub struct RunEnd {
    /// The transport of the writer.
    pub transport: Transport,
    /// Requests that were in flight.
    pub cut: usize,
    /// The socket's close code.
    pub code: Option<u16>,
}

/// The writing client.
pub struct Writer {
    transport: Transport,
    name: String,
    token: String,
    group: String,
    ledger: Arc<Ledger>,
    made: usize,
    /// Messages to send next: unanswered ones, and the one that was answered last.
    again: VecDeque<String>,
    last: Option<String>,
    working: bool,
    /// The pause after an answer.
    pace: Duration,
}

impl Writer {
    /// A user who writes to a group.
    pub fn new(transport: Transport, user: &Client, group: &str, ledger: Arc<Ledger>) -> Self {
        let (name, token) = (user.name().to_owned(), user.token().to_owned());
        let (group, again) = (group.to_owned(), VecDeque::new());
        let pace = Duration::ZERO;
        Self { transport, name, token, group, ledger, made: 0, again, last: None, working: false, pace }
    }

    /// Sets the pause after each answer.
    #[must_use]
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// Writes to alternating servers until the ledger is closed and every message that was not given up has an answer. Reports
    /// each end of a server.
    pub async fn write_to_each(mut self, urls: Arc<[String]>) -> (Self, Vec<RunEnd>) {
        let mut ends = Vec::new();
        for url in urls.iter().cycle() {
            let (writer, end) = self.run(url.clone(), WriteTask::Flood).await;
            self = writer;
            if self.ledger.is_closed() && self.is_settled() {
                break;
            }
            if end.cut > 0 || end.code.is_some() {
                ends.push(end);
            }
            sleep(PAUSE).await;
        }
        (self, ends)
    }

    /// Writes to the server at `url` until it fails or the aim is reached.
    pub async fn run(mut self, url: String, aim: WriteTask) -> (Self, RunEnd) {
        // Request an answer again that arrived just before the end.
        self.again.extend(self.last.take());
        let mut flying = VecDeque::new();
        let code = match self.transport {
            Transport::WebSocket => self.write_socket(&url, aim, &mut flying).await,
            Transport::Rest => self.write_rest(&url, aim, &mut flying).await,
        };
        let cut = flying.len();
        self.ledger.note_unanswered(cut);
        if std::mem::take(&mut self.working) {
            self.ledger.end_writer();
        }
        if cut > 1 {
            // Give one up, as a user does who closes the page: it may be stored or not.
            flying.pop_front();
        }
        flying.append(&mut self.again);
        flying.retain(|client_id| !self.ledger.has(client_id));
        self.again = flying;
        let transport = self.transport;
        (self, RunEnd { transport, cut, code })
    }

    async fn write_socket(
        &mut self,
        url: &str,
        aim: WriteTask,
        flying: &mut VecDeque<String>,
    ) -> Option<u16> {
        let mut socket = TrialSocket::connect(url, &self.token).await?;
        let (mut open, mut seen) = (true, 0);
        loop {
            let may_write = self.ledger.may_write();
            while may_write && open && flying.len() < WINDOW {
                let Some(client_id) = self.take(aim) else { break };
                self.ledger.note_request(&client_id);
                open = socket.say(&self.group, &client_id, &body(&client_id)).await;
                flying.push_back(client_id);
            }
            let incoming = if !open || !flying.is_empty() {
                // After a failed send, earlier answers of the server can still be read.
                socket.next().await
            } else if may_write {
                return None;
            } else {
                // Read others' messages while waiting for the readers.
                let Ok(incoming) = timeout(PAUSE, socket.await_next()).await else { continue };
                incoming
            };
            match incoming {
                Incoming::Frame(frame) => {
                    rest(self.handle_frame(&frame, flying, &mut seen)).await;
                }
                Incoming::End(code) => return code,
            }
        }
    }

    /// Handles a frame. Returns the pause after it.
    fn handle_frame(&mut self, frame: &Value, flying: &mut VecDeque<String>, seen: &mut i64) -> Duration {
        let Some(reference) = frame["ref"].as_str() else {
            let is_ours = frame["type"] == "message.text" && frame["data"]["group"] == *self.group;
            if let (Some(seq), true) = (frame["seq"].as_i64(), is_ours) {
                assert!(seq > *seen, "others' messages come in ascending order: {seq} after {seen}");
                *seen = seq;
            }
            return Duration::ZERO;
        };
        let at =
            flying.iter().position(|client_id| client_id == reference).expect("an answer is to a request");
        let client_id = flying.remove(at).expect("it is there");
        if frame["type"] == "message.text" {
            assert_eq!(frame["seq"], frame["data"]["seq"]);
            self.acknowledged(client_id, &frame["data"]);
            return self.pace;
        }
        assert_eq!(frame["code"], 503, "{frame}");
        self.refused(client_id);
        PAUSE
    }

    async fn write_rest(&mut self, url: &str, aim: WriteTask, flying: &mut VecDeque<String>) -> Option<u16> {
        let client = Client::new(url, Some(&self.token), &self.name);
        loop {
            while !self.ledger.may_write() {
                sleep(PAUSE).await;
            }
            let client_id = self.take(aim)?;
            self.ledger.note_request(&client_id);
            flying.push_back(client_id.clone());
            let body = json!({ "group": self.group, "body": body(&client_id), "client_id": client_id });
            let request = client.request(Method::POST, "messages/").json(&body);
            let exchange = async {
                let response = request.send().await.ok()?;
                Some((response.status().as_u16(), response.text().await.ok()?))
            };
            let (status, text) =
                timeout(WAIT_TIMEOUT, exchange).await.expect("an answer or the end comes")?;
            flying.pop_back();
            if status == 201 {
                let message = serde_json::from_str(&text).expect("a message is JSON");
                self.acknowledged(client_id, &message);
                rest(self.pace).await;
            } else {
                assert_eq!(status, 503, "{text}");
                self.refused(client_id);
                sleep(PAUSE).await;
            }
        }
    }

    fn refused(&mut self, client_id: String) {
        self.ledger.note_unanswered(1);
        self.ledger.note_refusal();
        self.again.push_back(client_id);
    }

    fn acknowledged(&mut self, client_id: String, message: &Value) {
        self.ledger.note_acknowledgement(&client_id, message);
        self.last = Some(client_id);
        if !std::mem::replace(&mut self.working, true) {
            self.ledger.begin_writer();
        }
    }

    /// The next message.
    fn take(&mut self, aim: WriteTask) -> Option<String> {
        self.again.pop_front().or_else(|| {
            (aim == WriteTask::Flood && !self.ledger.is_closed()).then(|| {
                self.made += 1;
                format!("{}-{}", self.name, self.made)
            })
        })
    }

    /// Whether every message that was not given up has an answer.
    pub fn is_settled(&self) -> bool {
        self.again.is_empty()
    }
}

/// A unique body; lengths vary.
fn body(client_id: &str) -> String {
    let number: usize =
        client_id.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a number");
    format!("{client_id} {}", "ö".repeat(number * 37 % 500))
}

/// Sleeps, unless the time is 0: a timer takes at least a millisecond.
async fn rest(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
