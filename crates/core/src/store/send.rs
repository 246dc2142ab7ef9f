//! The port for sending messages.

use super::{Answer, Store, Tx, WriteJob, fill, outcome, slot};
use crate::event::Event;
use crate::send::{Sending, Sent};

/// Sending messages: the frequent write, which a store may decide for many messages in one statement. It keeps the
/// promises of [`Store::submit_write`] for each message.
///
/// **Decision.** Each message has the answer of [`Sending::run`] in a job of its own. **Order.** Messages of one
/// group that come together are numbered in their order. **Loss.** Every committed message is published, also one
/// that a store has kept against the rule.
pub trait Sends {
    /// Sends messages that come together. Dropping a future does not undo its message.
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>>;
}

/// Sends each message as a job of its own, for a store that decides one at a time.
pub fn send_as_jobs<S: Store + ?Sized>(store: &S, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>> {
    let job = |sending: Sending| {
        let (slot, filled) = slot();
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            fill(&slot, sending.run(tx, events)?);
            Ok(())
        };
        (Box::new(job) as WriteJob, filled)
    };
    let (jobs, filled): (Vec<_>, Vec<_>) = sendings.into_iter().map(job).unzip();
    let done = store.submit_writes(jobs).into_iter().zip(filled);
    done.map(|(done, filled)| -> Answer<'_, Sent> { Box::pin(outcome(done, filled)) }).collect()
}
