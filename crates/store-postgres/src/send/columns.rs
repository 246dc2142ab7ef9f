//! The parameters of the statement that sends a batch.

use std::collections::{BTreeSet, HashMap};

use chinwag_core::Name;
use chinwag_core::context::Who;
use chinwag_core::message::ClientId;
use chinwag_core::send::{Send, digest, senders};
use chinwag_core::store::encoding::Stored;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::Stamped;

/// The parameters of [`SEND`](super::statements::SEND): lists of the groups, of the writers in them, and of the messages.
/// Indexes into these lists start at 1.
pub(super) struct Columns<'m> {
    pub(super) groups: Vec<Uuid>,
    group_at: Vec<i32>,
    pub(super) callers: Vec<Option<i64>>,
    tokens: Vec<Option<Vec<u8>>>,
    /// The moment at which each token must be valid.
    moments: Vec<i64>,
    folds: Vec<Option<String>>,
    pub(super) writers: Vec<i32>,
    client_ids: Vec<Option<&'m str>>,
    respond_to: Vec<Option<Uuid>>,
    ids: Vec<Uuid>,
    dates: Vec<i64>,
    bodies: Vec<&'m str>,
    hashes: Vec<Option<Vec<u8>>>,
    roles: Vec<i16>,
    details: Vec<Option<Vec<u8>>>,
    threads: Vec<Option<Uuid>>,
    /// The date of the batch, for the feed.
    now: i64,
}

impl<'m> Columns<'m> {
    pub(super) fn of(messages: &'m [Stamped<'m>]) -> Self {
        let commands = || messages.iter().map(|stamped| stamped.message.sending.command());
        // The hash is only compared for retries, which need a client_id.
        let hash = |command: &Send| digest(&command.body, &command.detail).to_vec();
        let mut columns = Self {
            groups: Vec::new(),
            group_at: Vec::new(),
            callers: Vec::new(),
            tokens: Vec::new(),
            moments: Vec::new(),
            folds: Vec::new(),
            writers: Vec::new(),
            client_ids: sparse(commands().map(|command| command.client_id.as_ref().map(ClientId::as_str))),
            respond_to: sparse(commands().map(|command| command.respond_to.map(|id| id.0))),
            ids: messages.iter().map(|stamped| stamped.id.0).collect(),
            dates: messages.iter().map(|stamped| stamped.date.micros()).collect(),
            bodies: commands().map(|command| command.body.as_str()).collect(),
            hashes: sparse(commands().map(|command| command.client_id.as_ref().map(|_| hash(command)))),
            roles: senders().map(Stored::number).collect(),
            details: sparse(commands().map(|command| command.detail.stored())),
            threads: sparse(commands().map(|command| command.thread.map(|id| id.0))),
            now: messages.first().map_or(0, |stamped| stamped.message.sending.now().micros()),
        };
        columns.name_writers(messages);
        columns
    }

    /// Adds each group once, in order, and each combination of a group and a writer once.
    fn name_writers(&mut self, messages: &'m [Stamped<'m>]) {
        let adjacent = messages.chunk_by(|one, next| one.message.group() == next.message.group());
        let groups: BTreeSet<_> = adjacent.map(|part| part[0].message.group()).collect();
        let group_at: HashMap<_, _> = groups.iter().copied().zip(1..).collect();
        self.groups = groups.into_iter().map(|group| group.0).collect();
        let mut known = HashMap::new();
        // Messages that follow each other often have the same writer.
        let mut last = None;
        for stamped in messages {
            let (group, sending) = (stamped.message.group(), &stamped.message.sending);
            let author = sending.command().author.as_ref();
            let (caller, token) = match sending.who() {
                Who::Known(caller) => (caller.user().map(|user| user.0), None),
                Who::Token(hash) => (None, Some(hash.0)),
                // Messages of a bot or a service key are sent alone. No user has this number.
                Who::Bot(_) | Who::Key(_) => (Some(i64::MIN), None),
            };
            let next = i32::try_from(known.len() + 1).unwrap_or(i32::MAX);
            let key = (group, caller, token, author.map(Name::as_str));
            let writer = match last {
                Some((of, writer)) if of == key => writer,
                _ => *known.entry(key).or_insert_with(|| {
                    self.group_at.push(group_at[&group]);
                    self.callers.push(caller);
                    self.tokens.push(token.map(|hash| hash.to_vec()));
                    self.moments.push(stamped.date.micros());
                    self.folds.push(author.map(|name| name.fold(sending.name_case())));
                    next
                }),
            };
            last = Some((key, writer));
            self.writers.push(writer);
        }
    }

    /// The thread roots that the messages name.
    pub(super) fn roots(&self) -> Vec<Uuid> {
        let roots: BTreeSet<_> = self.threads.iter().flatten().copied().collect();
        roots.into_iter().collect()
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 17] {
        [
            &self.groups,
            &self.group_at,
            &self.callers,
            &self.tokens,
            &self.moments,
            &self.folds,
            &self.writers,
            &self.client_ids,
            &self.respond_to,
            &self.ids,
            &self.dates,
            &self.bodies,
            &self.hashes,
            &self.roles,
            &self.details,
            &self.threads,
            &self.now,
        ]
    }
}

/// A column of values that few messages have. Empty if no message has one; the statement then uses nulls.
fn sparse<T>(values: impl Iterator<Item = Option<T>> + Clone) -> Vec<Option<T>> {
    if values.clone().all(|value| value.is_none()) { Vec::new() } else { values.collect() }
}
