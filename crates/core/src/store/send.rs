//! The port for sending messages.

use super::{Answer, Store, Tx, WriteJob, fill, outcome, slot};
use crate::event::Event;
use crate::send::{Sending, Sent};

/// Sending messages, the most frequent write. A store may decide many messages in one statement. For each
/// message, the guarantees of [`Store::submit_write`] apply.
///
/// **Decision.** The result for each message is the same as that of [`Sending::run`] in its own job.
/// **Order.** Messages of one group that are submitted together are numbered in the given order. **Loss.**
/// Every committed message is published, even one that a store kept against the rule.
pub trait Sends {
    /// Sends several messages. Dropping a future does not undo its message.
    fn submit_sends(&self, sendings: Vec<Sending>) -> Vec<Answer<'_, Sent>>;
}

/// Sends each message in its own job. For stores that decide one message at a time.
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
