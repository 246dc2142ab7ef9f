use uuid::Uuid;

use super::*;
use crate::Name;

fn at(seconds: u64) -> Date {
    Date::from_micros(0).plus(Duration::from_secs(seconds))
}

fn message(seq: i64) -> NotifyingMessage {
    NotifyingMessage {
        id: MessageId(Uuid::from_u128(u128::try_from(seq).expect("positive"))),
        seq: Seq(seq),
        author: UserId(1),
        date: at(0),
        private: false,
        everyone: false,
        mentions: Vec::new(),
        blocked_by: Vec::new(),
    }
}

fn member(user: i64) -> NotifyFacts {
    NotifyFacts {
        user: UserId(user),
        notify: Notify::All,
        muted_until: None,
        read: Seq(0),
        pending: false,
        is_bot: false,
        subscribed: true,
    }
}

/// Every combination of the facts that affect the decision.
fn combinations() -> Vec<(NotifyingMessage, NotifyFacts)> {
    let mut all = Vec::new();
    for user in [1, 2] {
        for notify in Notify::ALL {
            for muted_until in [None, Some(at(50)), Some(at(100)), Some(at(150))] {
                for read in [0, 6, 7, 8] {
                    for bits in 0..64_u8 {
                        let has = |bit: u8| (bits >> bit) & 1 == 1;
                        let member = NotifyFacts {
                            notify,
                            muted_until,
                            read: Seq(read),
                            pending: has(0),
                            is_bot: has(1),
                            ..member(user)
                        };
                        let mentions = if has(2) { vec![UserId(9), UserId(user)] } else { vec![UserId(9)] };
                        let blocked_by = if has(3) { vec![UserId(user)] } else { vec![UserId(8)] };
                        let (private, everyone) = (has(4), has(5));
                        let message =
                            NotifyingMessage { private, everyone, mentions, blocked_by, ..message(7) };
                        all.push((message, member));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn nobody_is_notified_against_its_settings() {
    let mut notified = 0;
    for (message, member) in combinations() {
        let Some(reason) = message.reason(&member, at(100)) else { continue };
        notified += 1;
        let mentioned = message.everyone || message.mentions.contains(&member.user);
        assert_ne!(member.user, message.author);
        assert_ne!(member.notify, Notify::None);
        assert!(member.notify == Notify::All || mentioned, "only mentions are wanted");
        assert!(member.muted_until.is_none_or(|until| until <= at(100)), "the group is muted");
        assert!(member.read < message.seq, "it was read");
        assert!(!member.pending && !member.is_bot);
        assert!(!message.blocked_by.contains(&member.user), "the author is blocked");
        let expected = match (mentioned, message.private) {
            (true, _) => NotifyReason::Mention,
            (false, true) => NotifyReason::Private,
            (false, false) => NotifyReason::Message,
        };
        assert_eq!(reason, expected);
    }
    assert!(notified > 0);
}

#[test]
fn everybody_else_is_notified() {
    for (message, member) in combinations() {
        let mentioned = message.everyone || message.mentions.contains(&member.user);
        let wants = match member.notify {
            Notify::All => true,
            Notify::Mentions => mentioned,
            Notify::None => false,
        };
        let hears = wants && member.muted_until.is_none_or(|until| until <= at(100));
        let may = !member.pending && !member.is_bot && !message.blocked_by.contains(&member.user);
        let unread = member.user != message.author && member.read < message.seq;
        assert_eq!(
            message.reason(&member, at(100)).is_some(),
            hears && may && unread,
            "{message:?} {member:?}"
        );
    }
}

#[test]
fn newest_message_stands_for_all_of_its_group() {
    let mention = NotifyingMessage { mentions: vec![UserId(2)], ..message(5) };
    let messages = [message(4), mention, message(6)];
    let (newest, reason) = collapse(&messages, &member(2), at(0)).expect("a message");
    assert_eq!((newest.seq, reason), (Seq(6), NotifyReason::Mention));
    let wants_mentions = NotifyFacts { notify: Notify::Mentions, ..member(2) };
    let (newest, _) = collapse(&messages, &wants_mentions, at(0)).expect("a message");
    assert_eq!(newest.seq, Seq(5));
    assert_eq!(collapse(&messages, &member(1), at(0)), None);
}

#[test]
fn pauses_grow_and_end_after_a_day() {
    let expires = at(0).plus(NOTIFICATION_TTL);
    let (group, message) = (GroupId(Uuid::nil()), MessageId(Uuid::nil()));
    let subscription = PushId(Uuid::nil());
    let mut waiting = WaitingPush {
        subscription,
        group,
        message,
        seq: Seq(1),
        urgent: false,
        due: at(0),
        expires,
        attempts: 0,
    };
    let asked = waiting.failed(at(0), Some(Duration::from_secs(30))).expect("another attempt");
    assert_eq!(asked.due, at(30));
    let mut pauses = Vec::new();
    while let Some(next) = waiting.failed(waiting.due, None) {
        pauses.push((next.due.micros() - waiting.due.micros()) / 1_000_000);
        assert!(next.due < expires);
        waiting = next;
    }
    assert_eq!(pauses[..13], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600]);
    assert!(pauses[13..].iter().all(|pause| *pause == 3600));
    assert!(waiting.due > at(23 * 3600 - 60), "nearly a day");
}

#[test]
fn position_is_read_as_it_was_written() {
    let group = GroupId(Uuid::from_u128(7));
    let batch = PushBatch { upto: 12, group, user: UserId(3) };
    for position in
        [PushPosition { position: 9, batch: None }, PushPosition { position: 9, batch: Some(batch) }]
    {
        assert_eq!(PushPosition::decode(&position.encode()), position);
        assert!(position.encode().len() <= crate::store::POSITION_BYTES);
    }
    assert_eq!(PushPosition::decode(&[]), PushPosition::default());
}

fn payload(title: &str, body: &str) -> PushPayload {
    PushPayload {
        group: GroupId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        seq: Seq(1),
        title: Some(title.into()),
        author: Some(Name::stored("ann")),
        body: Some(body.into()),
        unread: 1,
        cut: false,
    }
}

/// A form in which a quotation mark takes two bytes, like in JSON.
fn written(payload: &PushPayload) -> Vec<u8> {
    let part = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or("-").replace('"', "\\\"");
    format!("{}|{}|{}", part(&payload.title), part(&payload.body), payload.cut).into_bytes()
}

#[test]
fn long_text_is_cut_at_a_grapheme() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a text");
    assert_eq!(text(payload("t", "short").fit(20, written)), "t|short|false");
    // A family of three people is a single grapheme of 18 bytes.
    let family = "👨\u{200d}👩\u{200d}👦";
    let body = format!("a{family}b{family}");
    assert_eq!(text(payload("t", &body).fit(27, written)), format!("t|a{family}b|true"));
    assert_eq!(text(payload("t", &body).fit(26, written)), format!("t|a{family}|true"));
    assert_eq!(text(payload("t", &body).fit(25, written)), "t|a|true");
    assert_eq!(text(payload("t", "\"\"\"\"\"\"").fit(11, written)), "t|\\\"\\\"|true");
    assert_eq!(text(payload("title", "body").fit(9, written)), "tit||true");
}

#[test]
fn parts_that_the_operator_withholds_are_left_out() {
    let whole = payload("title", "body");
    assert_eq!(whole.clone().showing(PushContent::Full), whole);
    let sender = whole.clone().showing(PushContent::Sender);
    assert_eq!((sender.body, sender.title), (None, whole.title.clone()));
    let none = whole.showing(PushContent::None);
    assert_eq!((none.body, none.title, none.author, none.unread), (None, None, None, 1));
}
