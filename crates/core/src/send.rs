//! The decision to send a message: the request, the facts, the rule, and the answer made from them. It lies below
//! the store's port. A store that decides one message at a time [runs](Sending::run) it in a job. A store that
//! decides many in one statement gathers the same [`Facts`] and [concludes](Sending::conclude) with them.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::actor::{acting, member_as};
use crate::before_send::Replacement;
use crate::context::{Context, Who};
use crate::event::Event;
use crate::file::AttachmentList;
use crate::group::Membership;
use crate::mention::MentionList;
use crate::message::{Body, ClientId, Message, MessageDetail};
use crate::name::NameCase;
use crate::permission::{Action, Role, allow, may};
use crate::store::{Prior, Tx};
use crate::thread::{Replies, RootState, ThreadRoot};
use crate::token::REFUSED;
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq};

/// Sends a message.
#[derive(Debug, Clone)]
pub struct Send {
    /// The author. A user may omit its own name.
    pub author: Option<Name>,
    pub group: GroupId,
    pub body: Body,
    /// The message of the same group that it answers.
    pub respond_to: Option<MessageId>,
    /// The root of its thread, a message of the same group that is no reply itself.
    pub thread: Option<MessageId>,
    /// Its date, which counts only if a service calls.
    pub date: Option<Date>,
    /// The sender's own id for it. A retry with the same id makes no second message.
    pub client_id: Option<ClientId>,
    /// The users whom it mentions.
    pub mentions: MentionList,
    /// The files that it carries.
    pub attachments: AttachmentList,
    /// The parts that most messages do not have.
    pub detail: MessageDetail,
    /// The hash of what the client sent, if the hook before sending has put something else in its place.
    pub sent_as: Option<[u8; 32]>,
}

impl Send {
    /// A message with a body and nothing else.
    pub fn new(group: GroupId, body: Body) -> Self {
        Self {
            author: None,
            group,
            body,
            respond_to: None,
            thread: None,
            date: None,
            client_id: None,
            mentions: MentionList::default(),
            attachments: AttachmentList::default(),
            detail: MessageDetail::default(),
            sent_as: None,
        }
    }

    /// The same with what the hook before sending puts in its place.
    pub(crate) fn replaced(self, Replacement { body, data }: Replacement) -> Self {
        let (sent_as, mut detail) = (Some(self.digest()), self.detail.clone());
        if let Some(data) = data {
            detail.data = data;
        }
        Self { body, detail, sent_as, ..self }
    }

    /// The date of the message: its own counts only if a service calls.
    pub(crate) fn date_by(&self, service: bool, now: Date) -> Date {
        self.date.filter(|_| service).unwrap_or(now)
    }

    /// Whether it is more than its body and the parts of its detail.
    pub(crate) fn names_others(&self) -> bool {
        !self.mentions.is_empty() || !self.attachments.is_empty()
    }

    /// Whether the hash by which a retry is known is not that of its body and data.
    pub(crate) fn has_own_digest(&self) -> bool {
        self.names_others() || self.sent_as.is_some()
    }

    /// The hash by which a retry is known, which is that of what the client sent. Without mentions and files it is that of the
    /// body and the data.
    pub(crate) fn digest(&self) -> [u8; 32] {
        if let Some(digest) = self.sent_as {
            return digest;
        }
        let first = digest(&self.body, &self.detail);
        if !self.names_others() {
            return first;
        }
        let mut digest = Sha256::new_with_prefix(first);
        self.mentions.digest(&mut digest);
        self.attachments.digest(&mut digest);
        digest.finalize().into()
    }
}

/// The result of sending.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// The message is committed, and published to the group.
    New(Message),
    /// It was sent before: the original answer. Nothing is published.
    Before(Message),
}

impl Sent {
    /// The message, however it came to be.
    pub fn into_message(self) -> Message {
        match self {
            Self::New(message) | Self::Before(message) => message,
        }
    }
}

/// The part of sending that needs more than the decision: use cases provide it.
pub trait SendRules: std::marker::Send + Sync {
    /// A new id, and the date of now.
    fn stamp(&self) -> (MessageId, Date);
    /// The comparison of names.
    fn name_case(&self) -> NameCase;
    /// Sends a message in this transaction.
    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent>;
}

/// A message on its way into the store: the request, its caller, and the rules.
#[derive(Clone)]
pub struct Sending {
    rules: Arc<dyn SendRules>,
    context: Context,
    /// Boxed, since it is moved from queue to queue.
    command: Box<Send>,
}

/// The facts about a message to send, from one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user who calls; if it is the service, the user that it names as the author. None if a
    /// [`Who::Token`] is not good, or is that of a user who is suspended.
    pub author: Option<User>,
    /// That user's membership in the group.
    pub member: Option<Membership>,
    /// Whether there is such a group.
    pub stands: bool,
    /// That user's earlier message in the group with the same `client_id`.
    pub prior: Option<Prior>,
    /// The number of the message that is answered, if it stands in the same group.
    pub answered: Option<Seq>,
    /// The number of the root of the thread, if it stands in the same group and is no reply itself.
    pub root: Option<Seq>,
    /// The replies to the root, this message included, if it was kept.
    pub replies: Option<Replies>,
}

/// The values that a store has given to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: MessageId,
    /// Its date.
    pub date: Date,
    /// Its number.
    pub seq: Seq,
}

/// The decision of the rule.
pub(crate) enum Verdict {
    /// It was sent before, and this was the answer.
    Before(Box<Message>),
    /// It is to be kept in this name.
    Keep(User),
}

/// The outcome of a message that a store has decided in one statement with others.
#[derive(Debug)]
pub struct Conclusion {
    pub outcome: Result<Sent>,
    /// The difference, if the store has decided otherwise than the rule. It is a fault of the store, to be logged.
    pub disagreement: Option<String>,
}

/// The refusal of what is written in a private group while a block stands.
pub(crate) const BLOCKED: &str =
    "one of you has blocked the other: neither can write in this conversation until the block is removed";

/// The roles of those who may send.
pub fn senders() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| may(*role, Action::Send))
}

impl Sending {
    /// A message on its way.
    pub fn new(rules: Arc<dyn SendRules>, context: Context, command: Send) -> Self {
        Self { rules, context, command: Box::new(command) }
    }

    /// The command. Its date counts only for services: see [`Sending::stamp`].
    pub fn command(&self) -> &Send {
        &self.command
    }

    /// The caller.
    pub fn who(&self) -> Who {
        self.context.who
    }

    /// The caller, and the socket of the request.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The comparison of the name of its author.
    pub fn name_case(&self) -> NameCase {
        self.rules.name_case()
    }

    /// The same message under other rules, made from the present ones.
    #[must_use]
    pub fn with_rules(self, rules: impl FnOnce(Arc<dyn SendRules>) -> Arc<dyn SendRules>) -> Self {
        Self { rules: rules(self.rules), ..self }
    }

    /// The date of now.
    pub fn now(&self) -> Date {
        self.rules.stamp().1
    }

    /// The id and the date for it, taken anew at each call.
    pub fn stamp(&self) -> (MessageId, Date) {
        let (id, now) = self.rules.stamp();
        (id, self.command.date_by(self.context.who.is_service(), now))
    }

    /// Whether it has to be decided by itself, since it would accept a pending membership, or the author is in slow
    /// mode: a store that decides many messages in one statement keeps none of them then, and
    /// [runs](Sending::run) them one after the other.
    pub fn stands_alone(&self, facts: &Facts) -> bool {
        let stands_alone = |member: Membership| member.pending || member.slow_seconds() > 0;
        facts.member.is_some_and(stands_alone) && facts.prior.is_none()
    }

    /// Whether a store that decides many messages in one statement sends it alone: its mentions and files, the secret of
    /// its bot, a key of the service, or what the client sent in its place, are decided by more facts than those of [`Facts`]. It is then
    /// [run](Sending::run) in its place among the others.
    pub fn is_alone(&self) -> bool {
        self.command.has_own_digest() || matches!(self.context.who, Who::Bot(_) | Who::Key(_))
    }

    /// Sends it inside a transaction, as a store does that decides one message at a time.
    pub fn run(&self, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        self.rules.run(self, tx, events)
    }

    /// The answer, and the event if there is one, for a store that has decided many messages in one
    /// statement. It has kept exactly those whose author is there (of a [`Who::Token`] that was
    /// good when the batch began) and is the one that is named, has a role of [`senders`], is neither
    /// pending nor blocked nor in slow mode, has no prior message with the `client_id`, answers nothing or what
    /// stands in the group, and is in no thread or in that of a root of the group. A message that
    /// [stands alone](Sending::stands_alone), or [is alone](Sending::is_alone), was left to [`Sending::run`].
    ///
    /// A message that the store has kept against the rule is published like any other, since it is committed.
    pub fn conclude(&self, facts: &Facts, kept: Option<Kept>, events: &mut Vec<Event>) -> Conclusion {
        let decided = self.decide(facts);
        let disagreement = match (&decided, kept) {
            (Ok(Verdict::Keep(_)), Some(_)) | (Ok(Verdict::Before(_)) | Err(_), None) => None,
            (Ok(Verdict::Keep(_)), None) => {
                Some("the store refused a message that the rule allows".to_owned())
            }
            (Ok(Verdict::Before(first)), Some(kept)) => {
                Some(format!("the store kept message {} again as {}", first.id.0, kept.id.0))
            }
            (Err(why), Some(kept)) => {
                Some(format!("the store kept message {} against the rule: {why}", kept.id.0))
            }
        };
        let outcome = match (decided, &facts.author, kept) {
            (Ok(Verdict::Keep(author)), _, Some(kept)) => Ok(self.publish(&author, kept, facts, events)),
            (_, Some(author), Some(kept)) => Ok(self.publish(author, kept, facts, events)),
            (Ok(Verdict::Before(message)), _, None) => Ok(Sent::Before(*message)),
            (Err(why), _, _) => Err(why),
            (Ok(_), _, _) => Err(Error::internal("the store decided otherwise than the rule")),
        };
        Conclusion { outcome, disagreement }
    }

    fn decide(&self, facts: &Facts) -> Result<Verdict> {
        let caller = match (self.context.who, &facts.author) {
            (Who::Known(caller), _) => caller,
            (Who::Token(_), Some(author)) => Caller::User(author.id),
            (Who::Token(_), None) | (Who::Bot(_) | Who::Key(_), _) => return Err(REFUSED),
        };
        judge(caller, &self.command, facts, self.name_case())
    }

    fn publish(&self, author: &User, kept: Kept, facts: &Facts, events: &mut Vec<Event>) -> Sent {
        let message = in_thread(message(&self.command, author, kept), &self.command, facts);
        events.push(Event::sent(&message).from(self.context.origin.as_ref()));
        Sent::New(message)
    }
}

pub(crate) fn gather(tx: &dyn Tx, caller: Caller, command: &Send) -> Result<Facts> {
    let author = match caller {
        Caller::User(id) => tx.user(id)?,
        Caller::Service => command.author.as_ref().map(|name| tx.user_named(name)).transpose()?.flatten(),
    };
    let Some(user) = &author else { return Ok(Facts::default()) };
    let member = tx.membership(command.group, user.id)?;
    let prior = |id: &ClientId| tx.message_prior(command.group, user.id, id);
    let answered = command.respond_to.map(|id| tx.message(id)).transpose()?.flatten();
    let root = command.thread.map(|id| tx.message(id)).transpose()?.flatten();
    Ok(Facts {
        member,
        stands: member.is_some() || tx.group(command.group)?.is_some(),
        prior: command.client_id.as_ref().map(prior).transpose()?.flatten(),
        answered: answered.filter(|message| message.group == command.group).map(|message| message.seq),
        root: root.filter(|root| root.group == command.group && root.thread.is_none()).map(|root| root.seq),
        replies: None,
        author,
    })
}

/// The rule.
pub(crate) fn judge(caller: Caller, command: &Send, facts: &Facts, case: NameCase) -> Result<Verdict> {
    let author = acting(caller, command.author.as_ref(), facts.author.clone(), case)?
        .ok_or_else(|| Error::field("author", "must name the acting user"))?;
    let member = member_as(caller, facts.member, facts.stands, &author)?;
    if let Some(prior) = &facts.prior {
        let message = as_first_answered(command, &author, prior, facts.answered)?;
        return Ok(Verdict::Before(Box::new(message)));
    }
    if member.blocked {
        return Err(Error::forbidden(BLOCKED));
    }
    allow(member.role, Action::Send, "you may read this group but not write to it")?;
    if command.respond_to.is_some() && facts.answered.is_none() {
        return Err(Error::field("respond_to", "must be a message of this group"));
    }
    if command.thread.is_some() && facts.root.is_none() {
        let why = "must be a message of this group that is not a reply in a thread itself";
        return Err(Error::field("thread", why));
    }
    Ok(Verdict::Keep(author))
}

/// The hash by which a retry is known: of the body and of the data, if there is any. A body has no NUL.
pub fn digest(body: &Body, detail: &MessageDetail) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(body.as_str());
    if let Some(data) = &detail.data {
        digest.update([0]);
        digest.update(data.as_bytes());
    }
    digest.finalize().into()
}

pub(crate) fn message(command: &Send, author: &User, kept: Kept) -> Message {
    let body = command.body.clone().into_text();
    Message {
        respond_to: command.respond_to,
        client_id: command.client_id.clone(),
        detail: command.detail.clone(),
        ..Message::new(command.group, kept, author.id, author.name.clone(), body)
    }
}

/// The message with its thread and the thread's root, if it is a reply.
pub(crate) fn in_thread(message: Message, command: &Send, facts: &Facts) -> Message {
    let Some((id, seq)) = command.thread.zip(facts.root) else { return message };
    let root = ThreadRoot { id, seq };
    let state = RootState { root, replies: facts.replies.clone() };
    Message { thread: Some(root), root: Some(Box::new(state)), ..message }
}

/// The answer that the first send got. Of an erased message the body comes from the retry. If the message that the first
/// one answered does not stand any more, the retry may name any that does not stand.
fn as_first_answered(command: &Send, author: &User, prior: &Prior, answered: Option<Seq>) -> Result<Message> {
    let thread = prior.thread.map(|thread| thread.root.id);
    let is_other = prior.body_hash.is_some_and(|first| first != command.digest());
    let answers_other =
        command.respond_to != prior.respond_to && (prior.respond_to.is_some() || answered.is_some());
    if is_other || answers_other || thread != command.thread {
        return Err(Error::Conflict("this client_id was used for another message: choose a new one"));
    }
    let kept = Kept { id: prior.id, date: prior.date, seq: prior.seq };
    let thread = prior.thread.filter(|thread| thread.stands).map(|thread| thread.root);
    Ok(Message { respond_to: prior.respond_to, thread, ..message(command, author, kept) })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::UserId;

    struct NoRules;

    impl SendRules for NoRules {
        fn stamp(&self) -> (MessageId, Date) {
            unreachable!("the store has stamped it")
        }

        fn name_case(&self) -> NameCase {
            NameCase::Folded
        }

        fn run(&self, _: &Sending, _: &mut dyn Tx, _: &mut Vec<Event>) -> Result<Sent> {
            unreachable!("the store has decided")
        }
    }

    fn concluded(member: Option<Role>, is_kept: bool) -> (Conclusion, Vec<Event>) {
        let (user, group) = (UserId(1), GroupId(Uuid::from_u128(1)));
        let body = Body::parse("hello", 10).expect("a body");
        let sending =
            Sending::new(Arc::new(NoRules), Context::new(Caller::User(user)), Send::new(group, body));
        let author = User { id: user, name: Name::stored("ann"), special: false };
        let member = member.map(|role| Membership { role, pending: false, blocked: false, slow: 0 });
        let facts = Facts { author: Some(author), member, stands: true, ..Facts::default() };
        let id = MessageId(Uuid::from_u128(2));
        let kept = is_kept.then(|| Kept { id, date: Date::from_micros(0), seq: Seq(7) });
        let mut events = Vec::new();
        (sending.conclude(&facts, kept, &mut events), events)
    }

    #[test]
    fn message_kept_against_the_rule_is_published() {
        for member in [None, Some(Role::Restrict)] {
            let (Conclusion { outcome, disagreement }, events) = concluded(member, true);
            assert!(matches!(outcome, Ok(Sent::New(message)) if message.seq == Seq(7)));
            assert!(disagreement.is_some_and(|why| why.contains("against the rule")));
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].seq, Some(Seq(7)));
        }
    }

    #[test]
    fn agreement_is_no_fault_and_refusal_publishes_nothing() {
        let (kept, events) = concluded(Some(Role::Member), true);
        assert!(kept.outcome.is_ok() && kept.disagreement.is_none() && events.len() == 1);
        let (refused, events) = concluded(Some(Role::Restrict), false);
        assert!(matches!(refused.outcome, Err(Error::Forbidden(_))) && refused.disagreement.is_none());
        assert!(events.is_empty());
        let (lost, events) = concluded(Some(Role::Member), false);
        assert!(lost.outcome.is_err() && lost.disagreement.is_some() && events.is_empty());
    }
}
