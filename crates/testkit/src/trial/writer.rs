//! One client that writes as fast as it is answered, or at its pace, notes what it was told, and
//! after the server's end sends again what had no answer.

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

/// Messages that a socket's writer has under way at once.
const WINDOW: usize = 8;
/// How long it waits after a refusal, and before it tries another server.
const PAUSE: Duration = Duration::from_millis(50);

/// The transport of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// Requests.
    Rest,
}

/// The task of a writer while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTask {
    /// Send again what had no answer, then new messages, until the server or the ledger ends.
    Flood,
    /// Send again what had no answer, until all of it has one.
    Settle,
}

/// How a writer's run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// The transport of the writer.
    pub transport: Transport,
    /// Requests that were under way.
    pub cut: usize,
    /// The socket's close code.
    pub code: Option<u16>,
}

/// The client.
pub struct Writer {
    transport: Transport,
    name: String,
    token: String,
    group: String,
    ledger: Arc<Ledger>,
    made: usize,
    /// Sent without an answer, or answered last: to be sent next.
    again: VecDeque<String>,
    last: Option<String>,
    working: bool,
    /// How long it waits after an answer.
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

    /// It waits so long after each answer before it goes on.
    #[must_use]
    pub fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    /// Writes to one server after another, whichever takes what it sends, until the ledger is closed
    /// and all that it did not give up has an answer. What is seen of each server's end comes with
    /// it.
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

    /// Writes to the server at `url` until it ends or the aim is reached.
    pub async fn run(mut self, url: String, aim: WriteTask) -> (Self, RunEnd) {
        // An answer that came just before the end is asked for once more.
        self.again.extend(self.last.take());
        let mut flying = VecDeque::new();
        let code = match self.transport {
            Transport::WebSocket => self.write_socket(&url, aim, &mut flying).await,
            Transport::Rest => self.write_rest(&url, aim, &mut flying).await,
        };
        let cut = flying.len();
        self.ledger.unanswered(cut);
        if std::mem::take(&mut self.working) {
            self.ledger.ends();
        }
        if cut > 1 {
            // One is given up, as by a person who closes the page: it may be there once, or not.
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
                self.ledger.sends(&client_id);
                open = socket.say(&self.group, &client_id, &body(&client_id)).await;
                flying.push_back(client_id);
            }
            let incoming = if !open || !flying.is_empty() {
                // Where sending failed, what the server said before may still be read.
                socket.next().await
            } else if may_write {
                return None;
            } else {
                // Others' messages are read while the readers are waited for.
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

    /// Takes a frame; how long to wait after it.
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
            self.told(client_id, &frame["data"]);
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
            self.ledger.sends(&client_id);
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
                self.told(client_id, &message);
                rest(self.pace).await;
            } else {
                assert_eq!(status, 503, "{text}");
                self.refused(client_id);
                sleep(PAUSE).await;
            }
        }
    }

    fn refused(&mut self, client_id: String) {
        self.ledger.unanswered(1);
        self.ledger.refused();
        self.again.push_back(client_id);
    }

    fn told(&mut self, client_id: String, message: &Value) {
        self.ledger.acknowledged(&client_id, message);
        self.last = Some(client_id);
        if !std::mem::replace(&mut self.working, true) {
            self.ledger.begins();
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

    /// Whether all that it did not give up has an answer.
    pub fn is_settled(&self) -> bool {
        self.again.is_empty()
    }
}

/// Each message has a body of its own, of one length or another.
fn body(client_id: &str) -> String {
    let number: usize =
        client_id.rsplit('-').next().and_then(|number| number.parse().ok()).expect("a number");
    format!("{client_id} {}", "ö".repeat(number * 37 % 500))
}

/// Not at all, if for no time: a timer's shortest is a millisecond, at every frame.
async fn rest(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
