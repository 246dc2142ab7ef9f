//! Rows of every kind and their reads, for tests of stores that an earlier version has written.

use chinwag_core::group_settings::GroupSettings;
use chinwag_core::log::LogEntry;
use chinwag_core::permission::Role;
use chinwag_core::profile::{Details, Origin, UserKind};
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::search::RequiredTerm;
use chinwag_core::send::Kept;
use chinwag_core::store::{
    Follower, FollowerState, ImportKind, Imported, IndexPart, NewMessage, SearchPlace, Task, Tx,
};
use chinwag_core::token::{self, TokenHash};
use chinwag_core::user::{Allowed, Settings};
use chinwag_core::{GroupId, MessageId, Result, Seq, TaskId, UserId};

use super::{Fixture, body, client_id, date, name, uuid};

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const OLGA: UserId = UserId(4);

const SETTINGS: Settings = Settings {
    added_by: Allowed::Contacts,
    write_first: Allowed::Nobody,
    hide_last_seen: true,
    hide_reads: true,
};

fn group() -> GroupId {
    GroupId(uuid(500))
}

fn private() -> GroupId {
    GroupId(uuid(501))
}

fn message_id(number: i64) -> MessageId {
    MessageId(uuid(600 + number))
}

fn hash(byte: u8) -> TokenHash {
    TokenHash([byte; 32])
}

fn profile() -> Details {
    Details {
        origin: Origin::Account,
        kind: UserKind::Bot,
        display_name: Some("Ann é".into()),
        avatar: Some("https://a.example/ann".into()),
        data: Some("{}".into()),
        created: date(0),
        last_seen: None,
        hides_last_seen: true,
    }
}

fn renamed() -> LogEntry {
    LogEntry::MemberRenamed { user: BOB, name: name("bobby"), new_name: name("bob") }
}

/// Fills an empty store through the port, the same in every run.
pub async fn fill(f: &Fixture) {
    for text in ["ann", "bob", "gone", "olga"] {
        f.user(text).await;
    }
    f.write(fill_users).await;
    f.write(fill_group).await;
}

fn fill_users(tx: &mut dyn Tx) -> Result<()> {
    tx.origin_set(ANN, Origin::Account)?;
    tx.profile_set(ANN, &profile())?;
    tx.settings_set(ANN, &SETTINGS)?;
    tx.password_set(ANN, "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA")?;
    tx.token_insert(&hash(1), ANN, token::Kind::Token, date(9_000_000))?;
    tx.token_insert(&hash(2), ANN, token::Kind::Ticket { of: Some(hash(1)) }, date(9_000_000))?;
    let contact = Some(Relation::Contact);
    tx.pair_set(ANN, BOB, Pair { mine: contact, theirs: contact }, date(1))?;
    let (invitation, block) = (Some(Relation::Invitation), Some(Relation::Block));
    tx.pair_set(OLGA, ANN, Pair { mine: invitation, theirs: None }, date(2))?;
    tx.pair_set(BOB, OLGA, Pair { mine: block, theirs: None }, date(3))?;
    tx.names_hold(&["gone".into()], date(9_000_000))?;
    tx.imported_add(&[
        (uuid(900), Imported::User(BOB)),
        (uuid(901), Imported::Group(group())),
        (uuid(902), Imported::Relation),
        (uuid(903), Imported::Membership),
    ])?;
    tx.user_delete(UserId(3), TaskId(uuid(700)))?;
    let (name, new_name) = (name("bobby"), name("bob"));
    tx.task_insert(
        TaskId(uuid(701)),
        &Task::LogRename { user: BOB, name, new_name, by_self: false, after: Some(group()) },
    )
}

fn fill_group(tx: &mut dyn Tx) -> Result<()> {
    let id = group();
    tx.group_insert(private(), "@", Some((BOB, ANN)))?;
    tx.group_insert(id, "group é", None)?;
    for (user, role) in [(ANN, Role::Owner), (BOB, Role::Restrict), (OLGA, Role::Member)] {
        tx.member_set(id, user, role, date(user.0))?;
    }
    tx.pending_set(id, BOB, true)?;
    let message = |seq, text: &str| {
        let kept = Kept { id: message_id(seq), date: date(100 + seq), seq: Seq(seq) };
        NewMessage::new(id, kept, ANN, body(text))
    };
    tx.seq_take(id, 1)?;
    tx.log_insert(id, Seq(1), &LogEntry::GroupChanged)?;
    tx.seq_take_for_messages(id, 3, date(104))?;
    tx.message_insert(&NewMessage { client_id: Some(client_id("one")), ..message(2, "first") })?;
    tx.message_insert(&NewMessage { respond_to: Some(Seq(2)), ..message(3, "second") })?;
    tx.message_insert(&message(4, "deleted"))?;
    tx.message_edit(id, Seq(2), &body("edited"), date(200))?;
    tx.seq_take(id, 4)?;
    tx.log_insert(id, Seq(5), &LogEntry::MessageEdited(Seq(2)))?;
    tx.message_erase(id, Seq(4))?;
    tx.log_insert(id, Seq(6), &LogEntry::MessageDeleted { id: message_id(4), seq: Seq(4), root: None })?;
    tx.log_insert(id, Seq(7), &renamed())?;
    tx.log_insert(
        id,
        Seq(8),
        &LogEntry::MessagesDeleted { ids: vec![message_id(90), message_id(91)], roots: vec![] },
    )?;
    tx.mark_set(id, ANN, Seq(3), date(103))?;
    tx.member_remove(id, OLGA)?;
    tx.declined_set(id, OLGA, true)
}

/// Checks everything that [`fill`] has written.
pub async fn check(f: &Fixture) {
    f.read(check_users).await;
    f.read(check_group).await;
    f.write(check_index).await;
    let next = f.write(|tx| tx.user_insert(&name("new"), false, date(0))).await.map(|user| user.id);
    assert_eq!(next, Some(UserId(5)), "a number is never given again");
    assert_eq!(f.write(|tx| tx.seq_take(group(), 1)).await, Seq(9));
}

/// The search index, which version 1 did not have, takes its messages.
fn check_index(tx: &mut dyn Tx) -> Result<()> {
    let states = tx.indexed_groups(&[group()])?;
    assert_eq!((states[0].head, states[0].position), (Seq(8), Seq(0)));
    let texts = tx.unindexed_texts(group(), 9)?;
    assert_eq!(texts.iter().map(|text| text.body.as_str()).collect::<Vec<_>>(), ["edited", "second"]);
    tx.index_add(&[IndexPart { group: group(), texts, position: Seq(8) }])?;
    let term = RequiredTerm { text: "second".into(), is_prefix: false };
    let found = tx.indexed_places(&[term], &tx.indexed_groups(&[group()])?, SearchPlace::end(), 9)?;
    assert_eq!(found.rest, None);
    assert_eq!(found.places.iter().map(|place| place.seq).collect::<Vec<_>>(), [Seq(3)]);
    Ok(())
}

fn check_users(tx: &dyn Tx) -> Result<()> {
    assert_eq!(
        tx.identity(&name("ANN"))?.map(|found| (found.user.id, found.origin)),
        Some((ANN, Origin::Account))
    );
    assert_eq!(tx.user(UserId(3))?, None);
    assert_eq!(tx.details(&[ANN])?, [Some(profile())]);
    assert_eq!((tx.settings(ANN)?, tx.settings(BOB)?), (SETTINGS, Settings::default()));
    assert!(tx.password(ANN)?.is_some_and(|phc| phc.ends_with("aGFzaA")));
    let kinds = [tx.token(&hash(1))?, tx.token(&hash(2))?].map(|found| found.map(|token| token.kind));
    assert_eq!(kinds, [Some(token::Kind::Token), Some(token::Kind::Ticket { of: Some(hash(1)) })]);
    let contact = Some(Relation::Contact);
    assert_eq!(tx.pair(ANN, BOB)?, Pair { mine: contact, theirs: contact });
    assert_eq!(tx.pair(ANN, OLGA)?, Pair { mine: None, theirs: Some(Relation::Invitation) });
    assert_eq!(tx.pair(BOB, OLGA)?, Pair { mine: Some(Relation::Block), theirs: None });
    assert!(tx.names_held(&["gone".into()], date(0))?);
    assert_eq!(tx.imported(ImportKind::User, &[uuid(900)])?, [Some(Imported::User(BOB))]);
    assert_eq!(tx.imported(ImportKind::Group, &[uuid(901)])?, [Some(Imported::Group(group()))]);
    assert_eq!(tx.imported(ImportKind::Membership, &[uuid(903)])?, [Some(Imported::Membership)]);
    assert_eq!(tx.group_settings(group(), BOB)?, GroupSettings::default());
    assert_eq!(tx.follower(Follower::ExpiredTokens)?, FollowerState::default());
    let task = TaskId(uuid(700));
    assert_eq!((tx.task_next(&[])?, tx.task(task)?), (Some(task), Some(Task::EraseUser(UserId(3)))));
    Ok(())
}

fn check_group(tx: &dyn Tx) -> Result<()> {
    let id = group();
    assert_eq!(tx.group_of_pair(ANN, BOB)?, Some(private()));
    assert_eq!(
        tx.group(id)?.map(|group| (group.name.to_string(), group.head)),
        Some(("group é".into(), Seq(8)))
    );
    let positions: Vec<_> =
        tx.group_positions(ANN)?.into_iter().map(|at| (at.group, at.head, at.active)).collect();
    assert_eq!(positions, [(id, Seq(8), date(103))]);
    let members: Vec<_> = tx.members(id)?.into_iter().map(|m| (m.user, m.role, m.pending)).collect();
    assert_eq!(members, [(ANN, Role::Owner, false), (BOB, Role::Restrict, true)]);
    assert_eq!(tx.mark(id, ANN)?.last_read, Some((Seq(3), date(103))));
    let newcomer = tx.newcomers(id, ANN, &[OLGA])?.pop().expect("a user");
    assert!(newcomer.declined);
    let rows: Vec<_> = tx
        .log(id, Seq(0), 99)?
        .into_iter()
        .map(|row| (row.seq.0, row.entry, row.message.map(|message| message.body.to_string())))
        .collect();
    let deleted = LogEntry::MessageDeleted { id: message_id(4), seq: Seq(4), root: None };
    let together = LogEntry::MessagesDeleted { ids: vec![message_id(90), message_id(91)], roots: vec![] };
    assert_eq!(
        rows,
        [
            (1, LogEntry::GroupChanged, None),
            (2, LogEntry::MessageSent, Some("edited".into())),
            (3, LogEntry::MessageSent, Some("second".into())),
            (4, LogEntry::MessageSent, None),
            (5, LogEntry::MessageEdited(Seq(2)), Some("edited".into())),
            (6, deleted, None),
            (7, renamed(), None),
            (8, together, None),
        ]
    );
    let prior = tx.message_prior(id, ANN, &client_id("one"))?.expect("it was sent");
    assert_eq!((prior.seq, prior.body_hash.is_some()), (Seq(2), true));
    assert_eq!(tx.message(message_id(3))?.and_then(|message| message.respond_to), Some(message_id(2)));
    Ok(())
}
