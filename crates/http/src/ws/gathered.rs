//! Messages of one socket that arrived together.

use std::future::poll_fn;
use std::task::Poll;

use chinwag_core::Result;
use chinwag_core::app::message::{Send, Sent};
use chinwag_core::event::Event;
use chinwag_core::message::Message;
use chinwag_core::store::Answer;
use chinwag_hub::Encode;
use futures_util::FutureExt;

use super::client_event::{EventRequest, Job};
use crate::trace::{ActiveSpan, for_each};
use crate::wire::events::EventEncoder;

/// Sends messages that arrived together, in order, so that they may share a commit.
pub(super) fn send_all(messages: Vec<(EventRequest, Send)>) -> Job {
    Box::pin(async move {
        let (requests, commands): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let first = requests.first().map(|request: &EventRequest| request.session.state.app.clone());
        let Some(app) = first else { return 0 };
        let all = requests.iter().map(|request| &request.context).zip(commands);
        let spans = requests.iter().map(|request| request.span.as_ref());
        let answers = for_each(spans, || app.messages_send(all)).into_iter().zip(&requests);
        let mut waiting: Vec<_> =
            answers.map(|(answer, request)| (request, within_span(request, answer))).collect();
        // Answer each message as soon as it is done, without waiting for the others. They are few, and usually done together.
        poll_fn(|cx| {
            waiting.retain_mut(|(request, answer)| match answer.poll_unpin(cx) {
                Poll::Ready(sent) => {
                    conclude(request, sent);
                    false
                }
                Poll::Pending => true,
            });
            if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        requests.len()
    })
}

/// Answers this socket unless the message was sent just now: then its event is the answer.
fn conclude(request: &EventRequest, sent: Result<Sent>) {
    match sent {
        Ok(Sent::New(_)) => {}
        Ok(Sent::Before(message)) => answer_sent(request, &message),
        Err(error) => {
            request.session.fail_charged(&error, request.cost, request.reference());
            request.span.iter().for_each(|span| span.note_error(&error));
        }
    }
    request.span.iter().for_each(ActiveSpan::end);
}

/// Awaits a message within the event's span, if it has one.
fn within_span<'a>(request: &EventRequest, answer: Answer<'a, Sent>) -> Answer<'a, Sent> {
    match &request.span {
        Some(span) => Box::pin(span.within(answer)),
        None => answer,
    }
}

/// Answers this socket with a message that was sent before.
pub(super) fn answer_sent(request: &EventRequest, sent: &Message) {
    answer_event(request, &Event::sent(sent));
}

/// Answers this socket with an event that it does not receive otherwise.
pub(super) fn answer_event(request: &EventRequest, event: &Event) {
    request.session.send(EventEncoder.event(event, request.reference()));
}
