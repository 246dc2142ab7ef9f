//! The server events, a declaration each, and the encoder that makes their frames.

use std::collections::BTreeMap;

use bytes::Bytes;
use chinwag_core::app::resume::Resumed;
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::presence::Status;
use chinwag_core::relation::{Outcome, Relations};
use chinwag_core::{Date, GroupId, Name, Seq};
use chinwag_hub::Encode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::frame;
use super::object::{ContactStatuses, Group, Lists, Message};
use super::outgoing;
use super::server_event::{EventValue, Numbered, ServerEvent, ServerEventEntry, history, server_event};
use super::summary::{ContactSummary, GroupSummary, SummaryMore};

/// Every event that the server sends, except errors. A new one is a type below, and a line here.
pub(crate) static SERVER_EVENTS: &[ServerEventEntry] = &[
    ServerEventEntry::of::<GroupSummary>(),
    ServerEventEntry::of::<ContactSummary<'_>>(),
    ServerEventEntry::of::<SummaryMore>(),
    ServerEventEntry::of::<MessageSent<'_>>(),
    ServerEventEntry::of::<MessagesFetched<'_>>(),
    ServerEventEntry::of::<ReadMark<'_>>(),
    ServerEventEntry::of::<MessageEdited<'_>>(),
    ServerEventEntry::of::<MessagesDeleted>(),
    ServerEventEntry::of::<StatusChanged<'_>>(),
    ServerEventEntry::of::<RelationChanged<'_>>(),
    ServerEventEntry::of::<GroupChanged<'_>>(),
    ServerEventEntry::of::<GroupSettings>(),
    ServerEventEntry::of::<GroupLeft<'_>>(),
    ServerEventEntry::of::<GroupDeleted>(),
    ServerEventEntry::of::<TypingStarted<'_>>(),
    ServerEventEntry::of::<TypingStopped<'_>>(),
    ServerEventEntry::of::<UserRenamed<'_>>(),
    ServerEventEntry::of::<UserDeleted<'_>>(),
    ServerEventEntry::of::<Synced>(),
];

server_event! {
    /// A message was sent.
    "message.text", Always
    pub struct MessageSent<'a>(Message<'a>) as "Message";
}

server_event! {
    /// The part of a group's history that this socket has asked for.
    "message.fetch", Never
    pub struct MessagesFetched<'a> {
        /// The user who asked.
        author: &'a Name,
        /// The group.
        group: Uuid,
        /// The date that was asked for, if one was.
        date: Option<Date>,
        /// The messages, newest first.
        history: Vec<Message<'a>>,
    }
}

server_event! {
    /// How far a member has read.
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
    /// A member's mark.
    pub fn new(author: &'a Name, group: GroupId, at: Option<(Seq, Date)>) -> Self {
        let (seq, date) = at.map_or((0, None), |(seq, date)| (seq.0, Some(date)));
        Self { author, group: group.0, date, seq }
    }
}

server_event! {
    /// A message was edited: the new message.
    "message.update", Always
    pub struct MessageEdited<'a>(Message<'a>) as "Message";
}

server_event! {
    /// A message was deleted: `id` and `seq`. Or several together, as their author was deleted: `ids`.
    "message.delete", Always
    pub struct MessagesDeleted {
        /// The group of the messages.
        group: Uuid,
        /// The deleted message.
        id [either]: Option<Uuid>,
        /// The deleted messages.
        ids [either]: Option<Vec<Uuid>>,
        /// The number of the deleted message, which is not the deletion's.
        seq [maybe]: Option<i64>,
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
    /// A relation changed, or already was as requested.
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
    /// A group was made or changed: the group as it is. Lists of members, where it has at most 100. To users to
    /// whom it is new, all of it, with its newest messages and its head.
    "group.update", Changed
    pub struct GroupChanged<'a>(Group<'a>) as "GroupChange";
}

server_event! {
    /// The user's own settings of a group changed.
    "group.me", Never
    pub struct GroupSettings {
        /// The group.
        group: Uuid,
        /// Whether the user has yet to accept the group.
        pending: bool,
    }
}

server_event! {
    /// The user is no longer in a group. Nothing of the group is sent after it.
    "group.quit", Always
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
    const ABOUT: &'static str = "A group was deleted.";
    const NUMBERED: Numbered = Numbered::Always;

    fn data() -> Value {
        let mut id = Uuid::schema();
        id["description"] = "The group's id.".into();
        id
    }
}

server_event! {
    /// A member has begun to type.
    "typing.start", Never
    pub struct TypingStarted<'a> {
        /// The member.
        author: &'a Name,
        /// The group.
        group: Uuid,
    }
}

server_event! {
    /// A member has ceased to type.
    "typing.stop", Never
    pub struct TypingStopped<'a> {
        /// The member.
        author: &'a Name,
        /// The group.
        group: Uuid,
    }
}

server_event! {
    /// A user with whom the receiver shares a group or a relation has another name.
    "user.update", Never
    pub struct UserRenamed<'a> {
        /// The old name.
        name: &'a Name,
        /// The new name.
        new_name: &'a Name,
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
    /// All that was missed has been sent: live events follow.
    "sync.done", Never, history
    pub struct Synced {
        /// The last number of each group that was answered.
        groups: BTreeMap<Uuid, i64>,
        /// The groups that were not, and why: their history is to be fetched.
        refused: BTreeMap<Uuid, &'static str>,
    }
}

impl From<&Resumed> for Synced {
    fn from(resumed: &Resumed) -> Self {
        Self {
            groups: resumed.heads.iter().map(|(group, head)| (group.0, head.0)).collect(),
            refused: resumed.refused.iter().map(|(group, why)| (group.0, why.as_str())).collect(),
        }
    }
}

/// The frames of a user's relations and its contacts' presence.
pub fn contacts(relations: &Relations, presence: &[(&Name, Status)]) -> Vec<Bytes> {
    let lists = Lists::from(relations);
    let summary = ContactSummary { lists, presence: ContactStatuses(presence.to_vec()) };
    let mut frames = vec![outgoing::answer(summary, None)];
    for (author, status) in presence.iter().filter(|(_, status)| *status != Status::Disconnected) {
        frames.push(outgoing::answer(StatusChanged { author, status: *status }, None));
    }
    frames
}

/// Turns events into frames for the hub.
#[derive(Debug, Default)]
pub struct EventEncoder;

impl Encode for EventEncoder {
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes {
        let frame = FrameKeys { seq: event.seq, reference };
        match &event.kind {
            Kind::MessageText(message) => frame.with(MessageSent(message.into())),
            Kind::MessageUpdate(message) => frame.with(MessageEdited(message.into())),
            Kind::MessageDelete { id, group, seq } => {
                let (id, seq) = (Some(id.0), Some(seq.0));
                frame.with(MessagesDeleted { group: group.0, id, ids: None, seq })
            }
            Kind::MessagesDelete { group, ids } => {
                let ids = Some(ids.iter().map(|id| id.0).collect());
                frame.with(MessagesDeleted { group: group.0, id: None, ids, seq: None })
            }
            Kind::MessageRead { author, group, at } => frame.with(ReadMark::new(author, *group, *at)),
            Kind::GroupUpdate { view, .. } => frame.with(GroupChanged(Group::changed(view))),
            Kind::GroupQuit { group, name } | Kind::Pending(Pending::Ended { group, name }) => {
                frame.with(GroupLeft { group: group.0, name })
            }
            Kind::GroupDelete(group) | Kind::Pending(Pending::Deleted(group)) => {
                frame.with(GroupDeleted(group.0))
            }
            Kind::Pending(Pending::Added(view)) => {
                let group = Group { messages: vec![], ..Group::new(view, None) };
                frame.with(GroupChanged(group.pending(true)))
            }
            Kind::GroupAccepted(view) => frame.with(GroupChanged(Group::new(view, None).pending(false))),
            Kind::GroupMe { group, pending } => {
                frame.with(GroupSettings { group: group.0, pending: *pending })
            }
            Kind::ContactUpdate { author: (_, author), name: (_, name), outcome } => {
                frame.with(RelationChanged { author, name, operation: *outcome })
            }
            Kind::StatusUpdate { author, status } => frame.with(StatusChanged { author, status: *status }),
            Kind::UserUpdate { name, new_name, .. } => frame.with(UserRenamed { name, new_name }),
            Kind::UserDelete { name } => frame.with(UserDeleted { name }),
            Kind::Typing { author, group, started: true } => {
                frame.with(TypingStarted { author, group: group.0 })
            }
            Kind::Typing { author, group, started: false } => {
                frame.with(TypingStopped { author, group: group.0 })
            }
            // The hub acts on these and sends nobody anything.
            Kind::Ended(_) | Kind::MemberChanged { .. } => Bytes::new(),
        }
    }

    fn whole(&self, event: &Event, reference: Option<&str>) -> Bytes {
        match &event.kind {
            Kind::GroupUpdate { view, .. } => {
                FrameKeys { seq: event.seq, reference }.with(GroupChanged(Group::new(view, None)))
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

/// The keys of an event's frame beside its data.
struct FrameKeys<'a> {
    seq: Option<Seq>,
    reference: Option<&'a str>,
}

impl FrameKeys<'_> {
    fn with<E: ServerEvent + Serialize>(&self, data: E) -> Bytes {
        outgoing::event(self.seq, data, self.reference)
    }
}

/// Samples of events, for the tests that compare frames with the document.
#[cfg(test)]
pub(crate) mod samples {
    use std::sync::Arc;

    use chinwag_core::event::{Kind, Pending};
    use chinwag_core::group::{Group, Member, View};
    use chinwag_core::message::{ClientId, Message};
    use chinwag_core::permission::Role;
    use chinwag_core::presence::Status;
    use chinwag_core::relation::Outcome;
    use chinwag_core::{Date, GroupId, MessageId, Name, Seq, UserId};
    use uuid::Uuid;

    pub(crate) const ID: Uuid = Uuid::from_u128(0x018f_6b7e_8a1c_7cc3_9d55_1f1b_2a3c_4d5e);
    pub(crate) const GROUP: GroupId = GroupId(ID);

    pub(crate) fn name() -> Name {
        Name::stored("arlan")
    }

    pub(crate) fn date() -> Date {
        Date::from_micros(1_715_509_756_000_949)
    }

    pub(crate) fn sent(client_id: Option<&str>) -> Message {
        Message {
            id: MessageId(ID),
            group: GROUP,
            seq: Seq(3),
            author: UserId(1),
            author_name: name(),
            date: date(),
            body: "hi".into(),
            respond_to: client_id.map(|_| MessageId(ID)),
            edited: client_id.map(|_| date()),
            client_id: client_id.map(ClientId::stored),
        }
    }

    pub(crate) fn view() -> Arc<View> {
        let group = Group { id: GROUP, name: "tea".into(), private: false, head: Seq(3) };
        let member =
            Member { user: UserId(1), name: name(), role: Role::Owner, since: date(), pending: false };
        Arc::new(View { group, members: vec![member], members_count: 1, messages: vec![sent(None)] })
    }

    /// One event of each kind, and those that can look otherwise twice.
    pub(crate) fn kinds() -> Vec<Kind> {
        let kinds = vec![
            Kind::MessageText(sent(None)),
            Kind::MessageText(sent(Some("1"))),
            Kind::MessageUpdate(sent(Some("1"))),
            Kind::MessageDelete { id: MessageId(ID), group: GROUP, seq: Seq(3) },
            Kind::MessagesDelete { group: GROUP, ids: vec![MessageId(ID)] },
            Kind::MessageRead { author: name(), group: GROUP, at: None },
            Kind::MessageRead { author: name(), group: GROUP, at: Some((Seq(3), date())) },
            Kind::GroupUpdate { view: view(), joined: vec![], left: vec![] },
            Kind::GroupQuit { group: GROUP, name: name() },
            Kind::GroupDelete(GROUP),
            Kind::Pending(Pending::Added(view())),
            Kind::Pending(Pending::Ended { group: GROUP, name: name() }),
            Kind::Pending(Pending::Deleted(GROUP)),
            Kind::GroupAccepted(view()),
            Kind::GroupMe { group: GROUP, pending: false },
            Kind::ContactUpdate {
                author: (UserId(1), name()),
                name: (UserId(2), name()),
                outcome: Outcome::Invitation,
            },
            Kind::StatusUpdate { author: name(), status: Status::Afk },
            Kind::UserUpdate { user: UserId(1), name: name(), new_name: name() },
            Kind::UserDelete { name: name() },
            Kind::Typing { author: name(), group: GROUP, started: true },
            Kind::Typing { author: name(), group: GROUP, started: false },
        ];
        // A new kind needs a sample above.
        let is_sent = |kind: &Kind| match kind {
            Kind::MessageText(_) | Kind::MessageUpdate(_) | Kind::MessageDelete { .. } => true,
            Kind::MessagesDelete { .. } => true,
            Kind::MessageRead { .. } | Kind::GroupUpdate { .. } | Kind::GroupQuit { .. } => true,
            Kind::Pending(_) | Kind::GroupAccepted(_) | Kind::GroupMe { .. } => true,
            Kind::GroupDelete(_) | Kind::ContactUpdate { .. } | Kind::StatusUpdate { .. } => true,
            Kind::UserUpdate { .. } | Kind::UserDelete { .. } | Kind::Typing { .. } => true,
            Kind::Ended(_) | Kind::MemberChanged { .. } => false,
        };
        assert!(kinds.iter().all(is_sent));
        kinds
    }
}
