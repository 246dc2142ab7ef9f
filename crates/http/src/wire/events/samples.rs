//! Sample events, for the tests that compare frames with the AsyncAPI document.

use std::sync::Arc;

use chinwag_core::entry::{Change, Entry, MemberChange};
use chinwag_core::event::{Kind, Pending};
use chinwag_core::file::{AltText, Dimensions, FileName, StoredFile, StoredThumbnail};
use chinwag_core::file_store::Attempt;
use chinwag_core::group::{Group, Member, View};
use chinwag_core::group_details::{DetailKey, GroupDetails};
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::mention::Mentions;
use chinwag_core::message::{ClientId, Message, MessageDetail};
use chinwag_core::permission::Role;
use chinwag_core::pin::Pinned;
use chinwag_core::presence::Status;
use chinwag_core::profile::{Details, Origin, UserKind};
use chinwag_core::reaction::{Emoji, Reacted, Tally};
use chinwag_core::relation::Outcome;
use chinwag_core::send::Kept;
use chinwag_core::thread::{Replies, RootState, ThreadRoot};
use chinwag_core::{Date, FileId, GroupId, MessageId, Name, Seq, UserId};
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
    let kept = Kept { id: MessageId(ID), date: date(), seq: Seq(3) };
    let plain = Message::new(GROUP, kept, UserId(1), name(), "hi".into());
    let mentions = Mentions { everyone: true, users: vec![UserId(1)], names: vec![name()] };
    match client_id {
        None => plain,
        Some(client_id) => Message {
            respond_to: Some(MessageId(ID)),
            edited: Some(date()),
            client_id: Some(ClientId::stored(client_id)),
            reactions: vec![tally(None)],
            detail: MessageDetail {
                data: Some("{}".into()),
                mentions,
                attachments: vec![file()],
                pinned: true,
            },
            thread: Some(root().root),
            replies: root().replies,
            root: Some(Box::new(root())),
            ..plain
        },
    }
}

fn file() -> StoredFile {
    let dimensions = Dimensions { width: 4, height: 3 };
    StoredFile {
        id: FileId(ID),
        attempt: Attempt::ONLY,
        name: FileName::cleaned("a.png"),
        media_type: "image/png".into(),
        size: 70,
        dimensions: Some(dimensions),
        thumbnail: Some(StoredThumbnail { dimensions, hash: "aGk=".into() }),
        alt: AltText::parse("A beach").unwrap_or_default(),
    }
}

fn root() -> RootState {
    let replies = Replies { count: 1, last: date(), names: vec![name()] };
    RootState { root: ThreadRoot { id: MessageId(ID), seq: Seq(2) }, replies: Some(replies) }
}

fn profile() -> Arc<Details> {
    Arc::new(Details {
        origin: Origin::Host,
        kind: UserKind::Bot,
        display_name: Some("Arlan".into()),
        avatar: Some("https://app.example/a.png".into()),
        data: Some("{}".into()),
        created: date(),
        last_seen: None,
        hides_last_seen: false,
    })
}

fn tally(mine: Option<bool>) -> Tally {
    Tally { names: vec![name()], mine, ..Tally::new(Emoji::stored("👍"), 1, vec![UserId(1)]) }
}

fn reacted() -> Reacted {
    let message = Message { reactions: vec![tally(Some(true))], ..sent(None) };
    Reacted::new(&message, name(), Emoji::stored("👍"), true)
}

fn pinned(name: Option<Name>) -> Pinned {
    Pinned { id: MessageId(ID), group: GROUP, on: name.is_some(), name }
}

fn entry() -> Arc<Entry> {
    let who = vec![Some(name()), None];
    let changes = vec![
        Change::Created,
        Change::Renamed("tea".into()),
        Change::Details(DetailKey::ALL.to_vec()),
        Change::Members { what: MemberChange::Role(Role::Admin), who, count: 3 },
        Change::UserRenamed { name: name(), new_name: name() },
        Change::UserDeleted,
    ];
    Arc::new(Entry { seq: Seq(3), date: date(), by: Some(name()), changes })
}

pub(crate) fn view() -> Arc<View> {
    let details = GroupDetails { description: Some("Tea".into()), ..GroupDetails::default() };
    let group = Group {
        id: GROUP,
        name: "tea".into(),
        private: false,
        head: Seq(3),
        pins: vec![MessageId(ID)],
        details,
    };
    let member = Member {
        user: UserId(1),
        name: name(),
        role: Role::Owner,
        since: date(),
        pending: false,
        read: Some(Seq(3)),
        hides_reads: false,
    };
    Arc::new(View {
        group,
        members: vec![member],
        members_count: 1,
        messages: vec![sent(None)],
        people: vec![],
        mentioned: vec![],
        reads: vec![(name(), Seq(3))],
    })
}

/// At least one event of each kind, and two of kinds with several forms.
pub(crate) fn kinds() -> Vec<Kind> {
    let kinds = vec![
        Kind::MessageText(sent(None)),
        Kind::MessageText(sent(Some("1"))),
        Kind::MessageUpdate(sent(Some("1"))),
        Kind::MessageDelete { id: MessageId(ID), group: GROUP, seq: Seq(3), root: None },
        Kind::MessageDelete { id: MessageId(ID), group: GROUP, seq: Seq(3), root: Some(root()) },
        Kind::MessagesDelete { group: GROUP, ids: vec![MessageId(ID)], roots: vec![] },
        Kind::MessagesDelete { group: GROUP, ids: vec![MessageId(ID)], roots: vec![root()] },
        Kind::MessageReact(reacted()),
        Kind::MessagePin(pinned(Some(name()))),
        Kind::MessagePin(pinned(None)),
        Kind::MessageRead { author: name(), group: GROUP, at: None },
        Kind::MessageRead { author: name(), group: GROUP, at: Some((Seq(3), date())) },
        Kind::GroupUpdate { view: view(), joined: vec![], left: vec![], entry: None },
        Kind::GroupUpdate { view: view(), joined: vec![], left: vec![], entry: Some(entry()) },
        Kind::GroupQuit { group: GROUP, name: name() },
        Kind::GroupDelete(GROUP),
        Kind::Pending(Pending::Added(view())),
        Kind::Pending(Pending::Ended { group: GROUP, name: name() }),
        Kind::Pending(Pending::Deleted(GROUP)),
        Kind::GroupAccepted { view: view(), mentioned: 1 },
        Kind::GroupMe { group: GROUP, settings: GroupSettings::default(), pending: false },
        Kind::ContactUpdate {
            author: (UserId(1), name()),
            name: (UserId(2), name()),
            outcome: Outcome::Invitation,
        },
        Kind::StatusUpdate { author: name(), status: Status::Afk },
        Kind::UserUpdate { user: UserId(1), name: name(), new_name: Some(name()), profile: None },
        Kind::UserUpdate { user: UserId(1), name: name(), new_name: None, profile: Some(profile()) },
        Kind::UserDelete { name: name() },
        Kind::Typing { author: name(), group: GROUP, started: true },
        Kind::Typing { author: name(), group: GROUP, started: false },
    ];
    // This match fails to compile for a new kind: add a sample above.
    let is_sent = |kind: &Kind| match kind {
        Kind::MessageText(_) | Kind::MessageUpdate(_) | Kind::MessageDelete { .. } => true,
        Kind::MessagesDelete { .. } | Kind::MessageReact(_) | Kind::MessagePin(_) => true,
        Kind::MessageRead { .. } | Kind::GroupUpdate { .. } | Kind::GroupQuit { .. } => true,
        Kind::Pending(_) | Kind::GroupAccepted { .. } | Kind::GroupMe { .. } => true,
        Kind::GroupDelete(_) | Kind::ContactUpdate { .. } | Kind::StatusUpdate { .. } => true,
        Kind::UserUpdate { .. } | Kind::UserDelete { .. } | Kind::Typing { .. } => true,
        Kind::Ended(_) | Kind::MemberChanged { .. } => false,
    };
    assert!(kinds.iter().all(is_sent));
    kinds
}
