//! The decision whether a message is sent: the request, the facts, the rule, and the answer. It sits below
//! the store's port. A store that decides one message at a time [runs](Sending::run) it in a job. A store
//! that decides many messages in one statement gathers the same [`Facts`] and [concludes](Sending::conclude)
//! with them.

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
use crate::store::{PriorMessage, Tx};
use crate::thread::{Replies, RootState, ThreadRoot};
use crate::token::REFUSED;
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq};

/// The command to send a message.
#[derive(Debug, Clone)]
pub struct Send {
    /// The author. Users may omit it.
    pub author: Option<Name>,
    pub group: GroupId,
    pub body: Body,
    /// The message of the same group that this one replies to.
    pub respond_to: Option<MessageId>,
    /// The root of the thread: a message of the same group that is not itself a reply.
    pub thread: Option<MessageId>,
    /// The date of the message. Ignored unless a service calls.
    pub date: Option<Date>,
    /// The sender's id of the message. A retry with the same id does not create a second message.
    pub client_id: Option<ClientId>,
    pub mentions: MentionList,
    pub attachments: AttachmentList,
    /// The fields that most messages do not have.
    pub detail: MessageDetail,
    /// The hash of what the client sent, if the hook before sending replaced it.
    pub sent_as: Option<[u8; 32]>,
}

impl Send {
    /// A message with only a body.
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

    /// The command after the hook before sending replaced the content.
    pub(crate) fn replaced(self, Replacement { body, data }: Replacement) -> Self {
        let (sent_as, mut detail) = (Some(self.digest()), self.detail.clone());
        if let Some(data) = data {
            detail.data = data;
        }
        Self { body, detail, sent_as, ..self }
    }

    /// The date of the message. Only a service can set another date than `now`.
    pub(crate) fn date_by(&self, service: bool, now: Date) -> Date {
        self.date.filter(|_| service).unwrap_or(now)
    }

    /// Whether the message has mentions or files.
    pub(crate) fn names_others(&self) -> bool {
        !self.mentions.is_empty() || !self.attachments.is_empty()
    }

    /// Whether the hash that identifies a retry is not simply that of the body and data.
    pub(crate) fn has_own_digest(&self) -> bool {
        self.names_others() || self.sent_as.is_some()
    }

    /// The hash that identifies a retry. It covers what the client sent. Without mentions and files, it
    /// covers the body and the data only.
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
    /// The message is committed and published to the group.
    New(Message),
    /// The message was sent earlier; this repeats the original answer. Nothing is published.
    Before(Message),
}

impl Sent {
    /// The message, whether new or sent earlier.
    pub fn into_message(self) -> Message {
        match self {
            Self::New(message) | Self::Before(message) => message,
        }
    }
}

/// The part of sending that only the use cases can provide.
pub trait SendRules: std::marker::Send + Sync {
    /// A new id and the current date.
    fn stamp(&self) -> (MessageId, Date);
    /// How user names are compared.
    fn name_case(&self) -> NameCase;
    /// Sends a message within this transaction.
    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent>;
}

/// A message to be sent: the request, its caller, and the rules.
#[derive(Clone)]
pub struct Sending {
    rules: Arc<dyn SendRules>,
    context: Context,
    /// Boxed because it moves between several queues.
    command: Box<Send>,
}

/// The facts that decide whether a message is sent, read from one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The calling user, or the author that the calling service names. None if a [`Who::Token`] is not valid,
    /// or if its user is suspended.
    pub author: Option<User>,
    /// The author's membership in the group.
    pub member: Option<Membership>,
    /// Whether the group exists.
    pub stands: bool,
    /// The author's earlier message in the group with the same `client_id`.
    pub prior: Option<PriorMessage>,
    /// The number of the message replied to, if it exists in the same group.
    pub answered: Option<Seq>,
    /// The number of the thread's root, if it exists in the same group and is not itself a reply.
    pub root: Option<Seq>,
    /// The replies to the root, including this message if it was stored.
    pub replies: Option<Replies>,
}

/// The values that the store assigned to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub id: MessageId,
    pub date: Date,
    /// The message's number in the group's log.
    pub seq: Seq,
}

/// The outcome of the rule.
pub(crate) enum Verdict {
    /// The message was sent earlier; this was the answer.
    Before(Box<Message>),
    /// Store the message with this author.
    Keep(User),
}

/// The outcome for a message that a store decided in one statement together with others.
#[derive(Debug)]
pub struct Conclusion {
    pub outcome: Result<Sent>,
    /// Set if the store's decision differs from the rule. That is a fault of the store, and is logged.
    pub disagreement: Option<String>,
}

/// The error text for a message in a private group while one user blocks the other.
pub(crate) const BLOCKED: &str =
    "one of you has blocked the other: neither can write in this conversation until the block is removed";

/// The roles that may send messages.
pub fn senders() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| may(*role, Action::Send))
}

impl Sending {
    pub fn new(rules: Arc<dyn SendRules>, context: Context, command: Send) -> Self {
        Self { rules, context, command: Box::new(command) }
    }

    /// The command. For its date, use [`Sending::stamp`], which ignores the dates of users.
    pub fn command(&self) -> &Send {
        &self.command
    }

    pub fn who(&self) -> Who {
        self.context.who
    }

    /// The caller, and the origin of the request.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// How the author's name is compared.
    pub fn name_case(&self) -> NameCase {
        self.rules.name_case()
    }

    /// Replaces the rules by a wrapper around them.
    #[must_use]
    pub fn with_rules(self, rules: impl FnOnce(Arc<dyn SendRules>) -> Arc<dyn SendRules>) -> Self {
        Self { rules: rules(self.rules), ..self }
    }

    /// The current date.
    pub fn now(&self) -> Date {
        self.rules.stamp().1
    }

    /// The id and date to store. Each call generates new ones.
    pub fn stamp(&self) -> (MessageId, Date) {
        let (id, now) = self.rules.stamp();
        (id, self.command.date_by(self.context.who.is_service(), now))
    }

    /// Whether the facts show that this message must be decided alone, because it would accept a pending
    /// membership or because slow mode applies. A store that decides many messages in one statement then
    /// stores none of them, and [runs](Sending::run) them one by one instead.
    pub fn needs_own_job(&self, facts: &Facts) -> bool {
        let needs_own_job = |member: Membership| member.pending || member.slow_seconds() > 0;
        facts.member.is_some_and(needs_own_job) && facts.prior.is_none()
    }

    /// Whether the request itself shows that this message must be decided alone. Mentions, files, a bot's
    /// secret, a service key, or a replacement by the hook require more facts than [`Facts`] contains. A
    /// store that decides many messages in one statement [runs](Sending::run) this one separately, in its
    /// position in the order.
    pub fn is_alone(&self) -> bool {
        self.command.has_own_digest() || matches!(self.context.who, Who::Bot(_) | Who::Key(_))
    }

    /// Sends the message inside a transaction. For stores that decide one message at a time.
    pub fn run(&self, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        self.rules.run(self, tx, events)
    }

    /// Returns the answer, and adds the event if there is one. For stores that decide many messages in one
    /// statement.
    ///
    /// Such a store must keep exactly the messages that fulfil all of these conditions: the author exists
    /// (the [`Who::Token`] was valid when the batch began) and is the one that the command names; the author
    /// has one of the roles of [`senders`], and is not pending, blocked or in slow mode; there is no prior
    /// message with the same `client_id`; the message replied to, if any, exists in the group; the root of
    /// the thread, if any, is a root in the group. Messages that [stand alone](Sending::needs_own_job) or [are
    /// alone](Sending::is_alone) go to [`Sending::run`].
    ///
    /// A message that the store kept against the rule is published like any other, because it is committed.
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

/// Decides whether the message is sent.
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

/// The hash that identifies a retry: of the body, and of the data if any. The separator is a NUL, which no
/// body contains.
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

/// Adds the thread and the current state of its root, if the message is a reply.
pub(crate) fn in_thread(message: Message, command: &Send, facts: &Facts) -> Message {
    let Some((id, seq)) = command.thread.zip(facts.root) else { return message };
    let root = ThreadRoot { id, seq };
    let state = RootState { root, replies: facts.replies.clone() };
    Message { thread: Some(root), root: Some(Box::new(state)), ..message }
}

/// The answer that the first send got. The body of an erased message comes from the retry. If the message
/// that the first send replied to no longer exists, the retry may refer to any message that does not exist.
fn as_first_answered(
    command: &Send,
    author: &User,
    prior: &PriorMessage,
    answered: Option<Seq>,
) -> Result<Message> {
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
