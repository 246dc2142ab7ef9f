use std::collections::HashSet;

use super::*;

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn reacted(on: bool) -> LogEntry {
    LogEntry::MessageReacted { message: Seq(9), user: UserId(3), emoji: Emoji::stored(":a:"), on }
}

fn pinned(by: Option<UserId>, on: bool) -> LogEntry {
    LogEntry::MessagePinned { message: Seq(9), id: id(3), by, date: Date::from_micros(5), on }
}

/// Entries with their stored forms: kind, message, user and detail. Only add lines, never change one.
fn entries() -> Vec<(LogEntry, &'static str)> {
    vec![
        (LogEntry::MessageSent, "0 - - -"),
        (LogEntry::MessageEdited(Seq(7)), "1 7 - -"),
        (
            LogEntry::MessageDeleted { id: id(1), seq: Seq(8), root: None },
            "2 8 - 011000000000000000000000000000000000000001",
        ),
        (LogEntry::GroupChanged, "3 - - -"),
        (
            LogEntry::MemberRenamed {
                user: UserId(3),
                name: Name::stored("ann"),
                new_name: Name::stored("éva"),
            },
            "4 - 3 0203000000616e6e0304000000c3a97661",
        ),
        (
            LogEntry::MessagesDeleted { ids: vec![id(1), id(2)], roots: vec![] },
            "5 - - 01200000000000000000000000000000000000000100000000000000000000000000000002",
        ),
        (reacted(true), "6 9 - 04030000003a613a05080000000300000000000000"),
        (reacted(false), "6 9 - 04030000003a613a050800000003000000000000000600000000"),
        (LogEntry::ReactionErased(Seq(9)), "7 9 - -"),
        (
            pinned(Some(UserId(3)), true),
            "8 9 - 0110000000000000000000000000000000000000034008000000050000000000000041080000000300000000000000",
        ),
        (
            pinned(None, false),
            "8 9 - 011000000000000000000000000000000000000003400800000005000000000000000600000000",
        ),
        (
            LogEntry::MessageDeleted { id: id(1), seq: Seq(8), root: Some(Seq(6)) },
            "2 8 - 01100000000000000000000000000000000000000107080000000600000000000000",
        ),
        (
            LogEntry::MessagesDeleted { ids: vec![id(1)], roots: vec![Seq(6), Seq(7)] },
            "5 - - 011000000000000000000000000000000000000001071000000006000000000000000700000000000000",
        ),
        (
            LogEntry::MemberDeleted { lost: vec![id(1), id(2)] },
            "3 - - 01200000000000000000000000000000000000000100000000000000000000000000000002",
        ),
        (LogEntry::ReactionsErased { lost: vec![id(1)] }, "7 - - 011000000000000000000000000000000000000001"),
    ]
}

fn line(entry: &LogEntry) -> String {
    entry.with_stored(|StoredEntry { kind, message, user, detail }| {
        let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
        let digit = |half: u8| char::from_digit(half.into(), 16).expect("a digit");
        let halves = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
        let hex = |bytes: &[u8]| bytes.iter().flat_map(halves).collect();
        let detail: String = detail.map_or("-".into(), hex);
        format!("{kind} {} {} {detail}", number(message.map(|seq| seq.0)), number(user.map(|id| id.0)))
    })
}

#[test]
fn the_stored_form_of_an_entry_never_changes() {
    for (entry, stored) in entries() {
        assert_eq!(line(&entry), stored, "{entry:?}");
    }
}

#[test]
fn an_entry_is_read_as_it_was_stored() {
    for (entry, _) in entries() {
        let read = entry.with_stored(|stored| LogEntry::from_stored(&stored));
        assert_eq!(read, entry);
    }
    let kinds: HashSet<_> = entries().iter().map(|(entry, _)| entry.kind().map(Stored::number)).collect();
    assert_eq!(kinds.len(), LogKind::VALUES.len(), "one of each kind");
}

#[test]
fn unknown_kinds_and_fields_of_a_newer_version_are_skipped() {
    let stored = |kind, detail| StoredEntry { kind, message: Some(Seq(1)), user: None, detail };
    let unknown = LogEntry::from_stored(&stored(900, Some(b"anything")));
    assert_eq!(unknown, LogEntry::Unknown(900));
    assert_eq!(unknown.clone().event(GroupId(Uuid::nil()), None), None);
    assert_eq!(unknown.with_stored(|stored| stored.kind), 900);
    let mut detail = Vec::new();
    put(&mut detail, 200, b"of a newer version");
    put(&mut detail, tag::MESSAGE_IDS, id(5).0.as_bytes());
    let deleted = i64::from(LogKind::MessageDeleted.number());
    assert_eq!(
        LogEntry::from_stored(&stored(deleted, Some(&detail))),
        LogEntry::MessageDeleted { id: id(5), seq: Seq(1), root: None }
    );
    for end in 0..detail.len() {
        let cut = LogEntry::from_stored(&stored(deleted, Some(&detail[..end])));
        assert_eq!(cut, LogEntry::Unknown(deleted), "cut after {end} bytes");
    }
}
