//! A client that reads a group at alternating servers and collects its complete log: live events in order, and after each
//! disconnect the answer to `sync.resume`, or the history if it has missed too much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::WAIT_TIMEOUT;
use super::socket::{Incoming, TrialSocket};
use crate::client::Client;
use crate::setup::history_after;

/// The pause before it tries the next server.
const PAUSE: Duration = Duration::from_millis(50);

/// The reading client.
pub struct Reader {
    name: String,
    token: String,
    group: String,
    /// The group's head at the start.
    began: Option<i64>,
    /// The last number received.
    last: watch::Sender<i64>,
    /// Id and body of messages by number.
    messages: BTreeMap<i64, (String, String)>,
    /// The close code of each socket.
    ends: Vec<Option<u16>>,
}

/// A resume in progress.
struct PendingResume {
    /// The last number before the resume.
    held: i64,
    /// The highest number seen on the socket: the head of its summary, or a later event.
    head: i64,
}

/// A running reader.
pub struct Reading {
    last: watch::Receiver<i64>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Reader>,
}

impl Reader {
    /// A user who reads a group.
    pub fn new(user: &Client, group: &str) -> Self {
        Self {
            name: user.name().to_owned(),
            token: user.token().to_owned(),
            group: group.to_owned(),
            began: None,
            last: watch::Sender::new(0),
            messages: BTreeMap::new(),
            ends: Vec::new(),
        }
    }

    /// Starts reading at the first server, and changes to the next after each disconnect. Returns once it has reached the
    /// group's head.
    pub async fn follow(self, urls: &[String]) -> Reading {
        let (stop, mut stopped) = watch::channel(false);
        let mut last = self.last.subscribe();
        let urls: Arc<[String]> = urls.into();
        let task = tokio::spawn(async move {
            let mut reader = self;
            for url in urls.iter().cycle() {
                tokio::select! {
                    biased;
                    _ = stopped.wait_for(|stop| *stop) => break,
                    end = reader.read(url) => reader.ends.extend(end),
                }
                sleep(PAUSE).await;
            }
            reader
        });
        let begun = last.wait_for(|last| *last > 0);
        timeout(WAIT_TIMEOUT, begun).await.expect("a server sends the group").expect("the reader is there");
        Reading { last, stop, task }
    }

    /// Reads at one server until the socket closes. Returns its close code, if it was connected.
    async fn read(&mut self, url: &str) -> Option<Option<u16>> {
        let mut socket = TrialSocket::connect(url, &self.token).await?;
        let mut resume = self.began.map(|_| {
            let held = *self.last.borrow();
            PendingResume { held, head: held }
        });
        if let Some(PendingResume { held, .. }) = resume {
            let data = json!({ "groups": { &self.group: held } });
            // If sending fails, the next read reports the end.
            socket.send(json!({ "type": "sync.resume", "data": data })).await;
        }
        loop {
            let frame = match socket.await_next().await {
                Incoming::End(code) => return Some(code),
                Incoming::Frame(frame) => frame,
            };
            if frame["type"] == "sync.done" {
                let resume = resume.take().expect("it was asked for");
                let last = self.resumed(url, &frame["data"], resume).await?;
                self.last.send_replace(last);
            } else {
                self.take(&frame, &mut resume);
            }
        }
    }

    /// The last number after a resume; none if the server has failed meanwhile.
    async fn resumed(&mut self, url: &str, answer: &Value, resume: PendingResume) -> Option<i64> {
        if let Some(head) = answer["groups"][&self.group].as_i64() {
            return Some(head);
        }
        let name = &self.name;
        assert_eq!(answer["refused"][&self.group], "too_far", "{name}: {answer}");
        let client = Client::new(url, Some(&self.token), name);
        for message in history_after(&client, &self.group, resume.held).await? {
            self.hold(&message);
        }
        Some(resume.head)
    }

    fn take(&mut self, frame: &Value, resume: &mut Option<PendingResume>) {
        let name = &self.name;
        match frame["type"].as_str().expect("a frame has a type") {
            "group.summary" => {
                let groups = frame["data"].as_array().expect("groups");
                let group =
                    groups.iter().find(|group| group["id"] == *self.group).expect("it is in the group");
                let head = group["head"].as_i64().expect("a number");
                if let Some(resume) = resume {
                    resume.head = resume.head.max(head);
                } else {
                    assert!(self.began.is_none(), "{name}: {frame}");
                    self.began = Some(head);
                    self.last.send_replace(head);
                }
            }
            kind => {
                let Some(seq) = frame["seq"].as_i64().filter(|_| self.is_of_group(frame)) else { return };
                if kind == "message.text" {
                    assert_eq!(frame["data"]["seq"], seq, "{name}: {frame}");
                    let is_new = self.hold(&frame["data"]);
                    assert!(is_new || resume.is_some(), "{}: number {seq} comes twice", self.name);
                }
                if let Some(resume) = resume {
                    // New events may arrive before the answer to the resume.
                    resume.head = resume.head.max(seq);
                } else {
                    let last = self.last.send_replace(seq);
                    assert_eq!(seq, last + 1, "{}: after {last} comes {frame}", self.name);
                }
            }
        }
    }

    /// Records a message. Returns whether its number is new.
    fn hold(&mut self, message: &Value) -> bool {
        let text = |key: &str| message[key].as_str().expect("text").to_owned();
        let seq = message["seq"].as_i64().expect("a number");
        self.messages.insert(seq, (text("id"), text("body"))).is_none()
    }

    fn is_of_group(&self, frame: &Value) -> bool {
        let data = &frame["data"];
        data["group"] == *self.group || data["id"] == *self.group || *data == *self.group
    }

    /// The close codes of its sockets, except the last.
    pub fn ends(&self) -> &[Option<u16>] {
        &self.ends
    }

    /// The number of messages received.
    pub fn count(&self) -> usize {
        self.messages.len()
    }

    /// Asserts that it has received every message of the history since its start, unchanged.
    #[track_caller]
    pub fn assert_whole(&self, history: &[Value]) {
        let began = self.began.expect("it has read");
        let text = |message: &Value, key: &str| message[key].as_str().expect("text").to_owned();
        let seq = |message: &Value| message["seq"].as_i64().expect("a number");
        let there = history.iter().filter(|message| seq(message) > began);
        let there: BTreeMap<_, _> =
            there.map(|message| (seq(message), (text(message, "id"), text(message, "body")))).collect();
        let missing: Vec<_> = there.keys().filter(|seq| !self.messages.contains_key(seq)).collect();
        assert!(missing.is_empty(), "{} did not receive {missing:?}", self.name);
        assert_eq!(self.messages, there, "{}", self.name);
    }
}

impl Reading {
    /// The last number received.
    pub fn last(&self) -> i64 {
        *self.last.borrow()
    }

    /// A receiver of its progress.
    pub(super) fn progress(&self) -> watch::Receiver<i64> {
        self.last.clone()
    }

    /// Waits until it has received this number. Returns the time taken.
    pub async fn reaches(&self, seq: i64, within: Duration) -> Duration {
        let begun = Instant::now();
        let mut last = self.last.clone();
        let reached = timeout(within, last.wait_for(|last| *last >= seq)).await;
        assert!(reached.is_ok(), "after {within:?} it holds {} of {seq}", self.last());
        reached.expect("it was just looked at").expect("the reader is there");
        begun.elapsed()
    }

    /// Stops it.
    pub async fn stop(self) -> Reader {
        self.stop.send_replace(true);
        self.task.await.expect("the reader has found nothing amiss")
    }
}
