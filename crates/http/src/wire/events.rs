//! The server events without a file of their own, one declaration each, and the encoder of all events.

#[cfg(test)]
pub(crate) mod samples;

use std::collections::BTreeMap;

use bytes::Bytes;
use chinwag_core::app::resume::{Refusal, Resumed};
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::group::Summary;
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::presence::Status;
use chinwag_core::profile::ProfileCard;
use chinwag_core::relation::{Outcome, Relations};
use chinwag_core::{Date, GroupId, Name, Seq, UserId};
use chinwag_hub::Encode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::frame;
use super::group_settings::GroupSettingsChanged;
use super::message::{Message, RootState};
use super::object::{ContactStatuses, Group, Lists};
use super::outgoing;
use super::profile::UserChanged;
use super::server_event::{
    EventValue, Numbered, ResumeRefusals, ServerEvent, history_and_people, people, server_event,
};
use super::summary::ContactSummary;
use crate::api::pin::PinChanged;
use crate::api::reaction::ReactionChanged;

server_event! {
    /// A message was sent.
    "message.text", Always
    pub struct MessageSent<'a>(Message<'a>) as "Message";
}

server_event! {
    /// The part of a group's history that this socket requested.
    "message.fetch", Never, people
    pub struct MessagesFetched<'a> {
        /// The requesting user.
        author: &'a Name,
        /// The group.
        group: Uuid,
        /// The requested date, if there was one.
        date: Option<Date>,
        /// The messages, newest first.
        history: Vec<Message<'a>>,
    }
}

server_event! {
    /// A member's read mark moved.
    "message.read", Never
    pub struct ReadMark<'a> {
        /// The member.
        author: &'a Name,
        /// The group.
        group: Uuid,
        /// The last read message's date.
        date: Option<Date>,
        /// The last read message's number; 0 before the first.
        seq: i64,
    }
}

impl<'a> ReadMark<'a> {
    /// The read mark of a member.
    pub fn new(author: &'a Name, group: GroupId, at: Option<(Seq, Date)>) -> Self {
        let (seq, date) = at.map_or((0, None), |(seq, date)| (seq.0, Some(date)));
        Self { author, group: group.0, date, seq }
    }
}

server_event! {
    /// A message was edited: the new message.
    "message.update", Changed
    pub struct MessageEdited<'a>(Message<'a>) as "Message";
}

server_event! {
    /// A message was deleted: `id` and `seq`. Or several were deleted together, with their author or by age: `ids`.
    "message.delete", Always
    pub struct MessagesDeleted<'a> {
        /// The group of the messages.
        group: Uuid,
        /// The deleted message.
        id [either]: Option<Uuid>,
        /// The deleted messages.
        ids [either]: Option<Vec<Uuid>>,
        /// The number of the deleted message. The deletion has a number of its own.
        seq [maybe]: Option<i64>,
        /// The current root of the deleted message, if that was a reply.
        root [maybe]: Option<RootState<'a>>,
        /// The current roots of the replies among the deleted messages.
        roots [maybe]: Option<Vec<RootState<'a>>>,
    }
}

server_event! {
    /// The status of a contact, or of the user itself, changed.
    "status.update", Never
    pub struct StatusChanged<'a> {
        /// The user.
        author: &'a Name,
        /// The status over all of the user's sockets.
        status: Status,
    }
}

server_event! {
    /// A relation changed, or was already as requested.
    "contact.update", Never
    pub struct RelationChanged<'a> {
        /// The user who changed it.
        author: &'a Name,
        /// The other user.
        name: &'a Name,
        /// The relation, or the change of it.
        operation: Outcome,
    }
}

server_event! {
    /// A group was created or changed: the current group, with lists of members if it has at most 100. New members
    /// receive everything, with its newest messages and its head.
    "group.update", Changed, people
    pub struct GroupChanged<'a>(Group<'a>) as "GroupChange";
}

server_event! {
    /// The user is no longer in a group. Nothing of the group is sent after it. In the answer to a resume it has no number.
    "group.quit", Changed
    pub struct GroupLeft<'a> {
        /// The group.
        group: Uuid,
        /// The user who left or was removed.
        name: &'a Name,
    }
}

/// A group was deleted.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct GroupDeleted(pub Uuid);

impl ServerEvent for GroupDeleted {
    const NAME: &'static str = "group.delete";
    const ABOUT: &'static str = "A group was deleted. In the answer to a resume it has no number.";
    const NUMBERED: Numbered = Numbered::Changed;

    fn data() -> Value {
        let mut id = Uuid::schema();
        id["description"] = "The group's id.".into();
        id
    }
}

server_event! {
    /// A member started typing.
    "typing.start", Never
    pub struct TypingStarted<'a> {
        /// The member.
        author: &'a Name,
        /// The group.
        group: Uuid,
    }
}

server_event! {
    /// A member stopped typing.
    "typing.stop", Never
    pub struct TypingStopped<'a> {
        /// The member.
        author: &'a Name,
        /// The group.
        group: Uuid,
    }
}

server_event! {
    /// A user with whom the receiver shared a group or a relation was deleted.
    "user.delete", Never
    pub struct UserDeleted<'a> {
        /// The name of the user.
        name: &'a Name,
    }
}

server_event! {
    /// Everything that was missed has been sent. Live events follow.
    "sync.done", Never, history_and_people
    pub struct Synced {
        /// The last number of each group that was resumed.
        groups: BTreeMap<Uuid, i64>,
        /// The groups that were not resumed, with the reason: fetch their history. Under the key `since` the reason why
        /// the client's `since` could not be used: then all was sent.
        refused: ResumeRefusals,
        /// The point to send with the next `sync.resume`, for sockets that have sent `all`, or asked for a part of their summary.
        since [maybe]: Option<String>,
    }
}

impl Synced {
    /// The end of a resume, with the point from which the client continues.
    pub fn new(resumed: &Resumed, since: Option<String>) -> Self {
        let refused = resumed.refused.iter().map(|(group, why)| (group.0.to_string(), why.as_str()));
        let of_since = resumed.is_since_refused.then(|| ("since".to_owned(), Refusal::TooFar.as_str()));
        Self {
            groups: resumed.heads.iter().map(|(group, head)| (group.0, head.0)).collect(),
            refused: ResumeRefusals(refused.chain(of_since).collect()),
            since,
        }
    }
}

/// A group in the response to a resume: as for a user to whom it is new, with the user's own marks and settings.
pub fn resumed_group(summary: &Summary) -> Bytes {
    let seq = (!summary.pending).then_some(summary.view.group.head);
    let data = GroupChanged(Group::summary(summary));
    FrameKeys { seq, reference: None }.with_people(&summary.view.people, data)
}

/// The frames with a user's relations and its contacts' presence.
pub fn contacts(relations: &Relations, presence: &[(&Name, Status)]) -> Vec<Bytes> {
    let lists = Lists::from(relations);
    let summary = ContactSummary { lists, presence: ContactStatuses(presence.to_vec()) };
    let mut frames = vec![outgoing::answer(summary, None)];
    for (author, status) in presence.iter().filter(|(_, status)| *status != Status::Disconnected) {
        frames.push(outgoing::answer(StatusChanged { author, status: *status }, None));
    }
    frames
}

/// Encodes events as frames for the hub.
#[derive(Debug, Default)]
pub struct EventEncoder;

impl Encode for EventEncoder {
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes {
        let frame = FrameKeys { seq: event.seq, reference };
        match &event.kind {
            Kind::MessageText(message) => frame.with(MessageSent(Message::sent(message))),
            Kind::MessageUpdate(message) => frame.with(MessageEdited(message.into())),
            Kind::MessageDelete { id, group, seq, root } => {
                let (id, seq) = (Some(id.0), Some(seq.0));
                let root = root.as_ref().map(RootState::from);
                frame.with(MessagesDeleted { group: group.0, id, ids: None, seq, root, roots: None })
            }
            Kind::MessagesDelete { group, ids, roots } => {
                let ids = Some(ids.iter().map(|id| id.0).collect());
                let roots: Vec<_> = roots.iter().map(RootState::from).collect();
                let roots = Some(roots).filter(|roots| !roots.is_empty());
                frame.with(MessagesDeleted { group: group.0, id: None, ids, seq: None, root: None, roots })
            }
            Kind::MessageReact(reacted) => frame.with(ReactionChanged::from(reacted)),
            Kind::MessagePin(pinned) => frame.with(PinChanged::from(pinned)),
            Kind::MessageRead { author, group, at } => frame.with(ReadMark::new(author, *group, *at)),
            Kind::GroupUpdate { view, entry, .. } => {
                frame.with(GroupChanged(Group::changed(view, entry.as_deref())))
            }
            Kind::GroupQuit { group, name } | Kind::Pending(Pending::Ended { group, name }) => {
                frame.with(GroupLeft { group: group.0, name })
            }
            Kind::GroupDelete(group) | Kind::Pending(Pending::Deleted(group)) => {
                frame.with(GroupDeleted(group.0))
            }
            Kind::Pending(Pending::Added(view)) => {
                let group = Group { messages: vec![], pins: None, ..Group::new(view, None) };
                frame.with(GroupChanged(group.with_me(&GroupSettings::default(), 0, true)))
            }
            Kind::GroupAccepted { view, mentioned } => {
                let group = Group::new(view, None).with_reads(view);
                let group = group.with_me(&GroupSettings::default(), *mentioned, false);
                frame.with_people(&view.people, GroupChanged(group))
            }
            Kind::GroupMe { group, settings, pending } => {
                frame.with(GroupSettingsChanged::new(*group, settings, *pending))
            }
            Kind::ContactUpdate { author: (_, author), name: (_, name), outcome } => {
                frame.with(RelationChanged { author, name, operation: *outcome })
            }
            Kind::StatusUpdate { author, status } => frame.with(StatusChanged { author, status: *status }),
            Kind::UserUpdate { name, new_name, profile, .. } => {
                frame.with(UserChanged::new(name, new_name.as_ref(), profile.as_deref()))
            }
            Kind::UserDelete { name } => frame.with(UserDeleted { name }),
            Kind::Typing { author, group, started: true } => {
                frame.with(TypingStarted { author, group: group.0 })
            }
            Kind::Typing { author, group, started: false } => {
                frame.with(TypingStopped { author, group: group.0 })
            }
            // The hub handles these itself, and sends nothing.
            Kind::Ended(_) | Kind::MemberChanged { .. } => Bytes::new(),
        }
    }

    fn whole(&self, event: &Event, receiver: Option<UserId>, reference: Option<&str>) -> Bytes {
        match &event.kind {
            Kind::GroupUpdate { view, entry, .. } => {
                // A user who joins has no settings yet, even if it was a member before.
                let group = Group::new(view, None).with_reads(view).with_entry(entry.as_deref());
                let mentioned = receiver.map_or(0, |user| view.mentioned_of(user));
                let group = GroupChanged(group.with_me(&GroupSettings::default(), mentioned, false));
                FrameKeys { seq: event.seq, reference }.with_people(&view.people, group)
            }
            _ => self.event(event, reference),
        }
    }

    fn contacts(&self, relations: &Relations, presence: &[(Name, Status)]) -> Vec<Bytes> {
        let presence: Vec<_> = presence.iter().map(|(name, status)| (name, *status)).collect();
        contacts(relations, &presence)
    }

    fn ping(&self) -> Bytes {
        frame::control(frame::PING, b"")
    }
}

/// The keys of an event's frame in addition to its data.
struct FrameKeys<'a> {
    seq: Option<Seq>,
    reference: Option<&'a str>,
}

impl FrameKeys<'_> {
    fn with<E: ServerEvent + Serialize>(&self, data: E) -> Bytes {
        outgoing::event(self.seq, data, self.reference)
    }

    fn with_people<E: ServerEvent + Serialize>(&self, people: &[ProfileCard], data: E) -> Bytes {
        outgoing::with_people(self.seq, people, data, self.reference)
    }
}
