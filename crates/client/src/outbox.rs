//! The requests of a session: queued, or in flight.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::command::ClientEvent;
use crate::error::Error;
use crate::event::{Frame, ServerEvent};

/// A request, and the sender of its answer.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) event: ClientEvent,
    pub(crate) answer: oneshot::Sender<Result<Frame, Error>>,
}

/// The requests of a session, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Request>,
    /// In flight, by the number that is the `ref`, and therefore in the order of sending.
    sent: BTreeMap<u64, Request>,
    last: u64,
}

impl Outbox {
    pub(crate) fn push(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    /// The number of queued requests.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The text of the next request to send, and whether it will be answered, if fewer than `in_flight` are in flight.
    /// Fails requests of more than `longest` bytes.
    pub(crate) fn take(&mut self, in_flight: usize, longest: usize) -> Option<(String, bool)> {
        while self.sent.len() < in_flight.max(1) {
            let request = self.waiting.pop_front()?;
            self.last += 1;
            let is_answered = request.event.is_answered();
            let reference = is_answered.then(|| self.last.to_string());
            let text = request.event.to_text(reference.as_deref());
            self.sent.insert(self.last, request);
            if text.len() <= longest {
                return Some((text, is_answered));
            }
            let why = format!("it has {} bytes, and Options::max_frame is {longest}", text.len());
            self.finish(self.last, Err(Error::TooLong(why)));
        }
        None
    }

    /// Completes the last request taken, which the server does not answer.
    pub(crate) fn finish_unanswered(&mut self) {
        let silent = ServerEvent::Unknown { name: String::new(), data: serde_json::Value::Null };
        let frame = Frame {
            seq: None,
            reference: None,
            history: None,
            more: None,
            people: BTreeMap::new(),
            event: silent,
        };
        self.finish(self.last, Ok(frame));
    }

    /// Fails the longest request in flight, which was too long for the server. Returns whether there was one.
    pub(crate) fn refuse_longest(&mut self, why: &str) -> bool {
        let length = |(_, request): &(&u64, &Request)| request.event.to_text(None).len();
        let longest = self.sent.iter().max_by_key(length).map(|(number, _)| *number);
        longest.is_some_and(|number| self.finish(number, Err(Error::TooLong(why.to_owned()))))
    }

    fn finish(&mut self, number: u64, outcome: Result<Frame, Error>) -> bool {
        let Some(request) = self.sent.remove(&number) else { return false };
        // The caller may have dropped the future.
        let _ = request.answer.send(outcome);
        true
    }

    /// Handles a frame that may be an answer. If a refusal is worth a retry, puts the request back at the
    /// front and returns the delay before it.
    pub(crate) fn settle(
        &mut self,
        frame: &Frame,
        backoff: Duration,
        retry_max: Duration,
    ) -> Option<Duration> {
        let number = self.number(frame)?;
        let request = self.sent.remove(&number)?;
        if let ServerEvent::Error(refusal) = &frame.event {
            let pause = refusal.retry_after.unwrap_or(backoff);
            let again = match refusal.status {
                429 => true,
                503 => request.event.is_repeatable(),
                _ => false,
            };
            if again && pause <= retry_max {
                self.waiting.push_front(request);
                return Some(pause.max(backoff.min(Duration::from_secs(1))));
            }
        }
        // The caller may have dropped the future.
        let _ = request.answer.send(frame.clone().accepted().map_err(Error::Refused));
        None
    }

    /// The request that a frame answers, identified by its `ref`, or by the `client_id` if the message
    /// arrives with a resume.
    fn number(&self, frame: &Frame) -> Option<u64> {
        if let Some(reference) = &frame.reference {
            return reference.parse().ok();
        }
        let ServerEvent::MessageText(message) = &frame.event else { return None };
        let client_id = message.client_id.as_deref()?;
        let is_it = |request: &&Request| match &request.event {
            ClientEvent::MessageText(sent) => Some(sent.group) == message.group,
            ClientEvent::MessageFirst(_) => true,
            _ => false,
        };
        let mut found = self.sent.iter().filter(|(_, request)| request.event.client_id() == Some(client_id));
        found.find(|(_, request)| is_it(request)).map(|(number, _)| *number)
    }

    /// Handles a lost connection. Repeatable requests return to the front of the queue, in order. The outcome
    /// of the others is unknown.
    pub(crate) fn disconnect(&mut self, why: &str) {
        for request in std::mem::take(&mut self.sent).into_values().rev() {
            if request.event.is_repeatable() {
                self.waiting.push_front(request);
            } else {
                // The caller may have dropped the future.
                let _ = request.answer.send(Err(Error::Lost(why.to_owned())));
            }
        }
    }

    /// Fails all requests with the same error.
    pub(crate) fn fail(&mut self, error: &Error) {
        let sent = std::mem::take(&mut self.sent).into_values();
        for request in sent.chain(std::mem::take(&mut self.waiting)) {
            // The caller may have dropped the future.
            let _ = request.answer.send(Err(error.clone()));
        }
    }

    #[cfg(test)]
    fn client_ids(&self) -> Vec<&str> {
        self.waiting.iter().filter_map(|request| request.event.client_id()).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::api::{GroupId, NewMessage};

    type Answer = oneshot::Receiver<Result<Frame, Error>>;

    fn push(outbox: &mut Outbox, event: ClientEvent) -> Answer {
        let (answer, receiver) = oneshot::channel();
        outbox.push(Request { event, answer });
        receiver
    }

    fn message(client_id: &str) -> ClientEvent {
        let client_id = Some(client_id.to_owned());
        ClientEvent::MessageText(NewMessage { body: "b".into(), client_id, ..Default::default() })
    }

    fn take(outbox: &mut Outbox, in_flight: usize) -> Option<(String, bool)> {
        outbox.take(in_flight, 300)
    }

    fn frame(text: &str) -> Frame {
        Frame::parse(text).unwrap()
    }

    fn settle(outbox: &mut Outbox, text: &str) -> Option<Duration> {
        outbox.settle(&frame(text), Duration::from_millis(250), Duration::from_secs(120))
    }

    #[test]
    fn lost_connection_keeps_the_order_of_messages() {
        let mut outbox = Outbox::default();
        let _answers = ["a", "b", "c"].map(|id| push(&mut outbox, message(id)));
        assert!(
            take(&mut outbox, 2).is_some()
                && take(&mut outbox, 2).is_some()
                && take(&mut outbox, 2).is_none()
        );
        outbox.disconnect("gone");
        assert_eq!(outbox.client_ids(), ["a", "b", "c"]);
    }

    #[test]
    fn unrepeatable_request_is_lost_with_the_connection() {
        let mut outbox = Outbox::default();
        let mut answer = push(&mut outbox, ClientEvent::GroupQuit(GroupId::default()));
        take(&mut outbox, 1);
        outbox.disconnect("gone");
        assert_eq!(answer.try_recv().unwrap(), Err(Error::Lost("gone".into())));
        assert_eq!(outbox.waiting(), 0);
    }

    #[test]
    fn rate_limit_is_waited_for_and_a_long_one_is_a_refusal() {
        let mut outbox = Outbox::default();
        let mut answer = push(&mut outbox, message("a"));
        take(&mut outbox, 1);
        let refused = |wait: u32, reference: u32| {
            format!(
                r#"{{"type":"error.data","code":429,"data":{{"detail":"slow","retry_after":{wait}}},"ref":"{reference}"}}"#
            )
        };
        assert_eq!(settle(&mut outbox, &refused(3, 1)), Some(Duration::from_secs(3)));
        assert_eq!(outbox.client_ids(), ["a"]);
        take(&mut outbox, 1);
        assert_eq!(settle(&mut outbox, &refused(3600, 2)), None);
        assert_eq!(answer.try_recv().unwrap().unwrap_err().status(), Some(429));
    }

    #[test]
    fn busy_server_is_not_waited_for_longer_than_asked() {
        let mut outbox = Outbox::default();
        let mut answer = push(&mut outbox, message("a"));
        take(&mut outbox, 1);
        let busy =
            r#"{"type":"error.handler","code":503,"data":{"detail":"busy","retry_after":3600},"ref":"1"}"#;
        assert_eq!(settle(&mut outbox, busy), None);
        assert_eq!(answer.try_recv().unwrap().unwrap_err().status(), Some(503));
    }

    #[test]
    fn resumed_message_acknowledges_by_its_client_id() {
        let mut outbox = Outbox::default();
        let mut answer = push(&mut outbox, message("a"));
        take(&mut outbox, 1);
        let (id, group) = (Uuid::from_u128(1), Uuid::nil());
        let resumed = |client_id: &str| {
            format!(
                r#"{{"type":"message.text","seq":1,"data":{{"id":"{id}","group":"{group}","author":"ann","body":"b","date":"2024","respond_to":null,"seq":1,"edited":null,"client_id":"{client_id}"}}}}"#
            )
        };
        settle(&mut outbox, &resumed("other"));
        assert!(answer.try_recv().is_err(), "another message is no answer");
        settle(&mut outbox, &resumed("a"));
        assert!(answer.try_recv().unwrap().is_ok());
    }

    #[test]
    fn typing_is_sent_without_a_ref() {
        let mut outbox = Outbox::default();
        let mut answer = push(&mut outbox, ClientEvent::TypingStart(GroupId::default()));
        let (text, is_answered) = take(&mut outbox, 1).unwrap();
        assert!(!is_answered && !text.contains("\"ref\""), "{text}");
        outbox.finish_unanswered();
        assert!(answer.try_recv().unwrap().is_ok());
    }

    #[test]
    fn longest_request_is_refused_and_shorter_ones_stay() {
        let mut outbox = Outbox::default();
        let mut answers =
            ["a", &"b".repeat(300), &"c".repeat(99), "d"].map(|id| push(&mut outbox, message(id)));
        while take(&mut outbox, 9).is_some() {}
        assert!(matches!(answers[1].try_recv().unwrap(), Err(Error::TooLong(_))), "it is not sent");
        assert!(outbox.refuse_longest("1009"));
        assert_eq!(answers[2].try_recv().unwrap(), Err(Error::TooLong("1009".into())));
        outbox.disconnect("gone");
        assert_eq!(outbox.client_ids(), ["a", "d"]);
    }
}
