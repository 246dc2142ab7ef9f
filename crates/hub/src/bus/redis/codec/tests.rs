use super::*;

const NODE: NodeId = NodeId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
const STAMP: Stamp = Stamp { node: NODE, number: 5, sent: 1_000 };

fn keys() -> Keys {
    Keys::of(b"a secret")
}

fn group() -> GroupId {
    GroupId(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001))
}

/// One hint of each kind.
fn hints() -> Vec<Hint> {
    let (ann, ben, name) = (UserId(1), UserId(-2), Name::stored("Ben"));
    let frame = Bytes::from_static(b"frame");
    let about = |kind, frame: &Bytes| Hint {
        group: Some(group()),
        seq: Some(Seq(7)),
        ..Hint::new(kind).with(frame.clone())
    };
    let (none, users) = (Bytes::new(), vec![ann, ben]);
    let presence = |appearance| {
        let (name, receivers) = (Name::stored("Ben"), vec![ann, ben]);
        Hint::new(HintKind::Presence { count: 3, user: ann, name, appearance, receivers })
    };
    let roster = |users| Hint::new(HintKind::Roster { count: 3, part: 1, parts: 2, users });
    vec![
        about(HintKind::Unknown, &none),
        about(HintKind::Group(vec![]), &frame),
        Hint { seq: None, ..about(HintKind::Group(vec![ann]), &frame) },
        about(HintKind::Changed { joined: users.clone(), left: vec![ben] }, &frame),
        Hint { whole: frame.clone(), ..about(HintKind::Changed { joined: vec![ben], left: vec![] }, &frame) },
        about(HintKind::Passed { left: vec![ann] }, &none),
        about(HintKind::Deleted, &frame),
        about(HintKind::Joined(ben), &none),
        about(HintKind::Invited(ben), &frame),
        Hint::new(HintKind::User(ann)).with(frame.clone()),
        Hint::new(HintKind::Renamed { to: ann, user: ben, name: name.clone() }).with(frame.clone()),
        Hint::new(HintKind::Contact { to: ann, contact: (ben, name.clone()) }).with(frame),
        Hint::new(HintKind::TokenEnded(TokenHash([9; 32]))),
        Hint::new(HintKind::UserEnded(ben)),
        Hint::new(HintKind::UserSuspended(ben)),
        presence(Appearance::Afk),
        Hint::new(HintKind::Beat { count: 3, last: false }),
        Hint::new(HintKind::Beat { count: 3, last: true }),
        Hint::new(HintKind::Ask),
        roster(vec![(ann, Appearance::Online)]),
        presence(Appearance::Hidden),
        roster(vec![(ann, Appearance::Afk), (ben, Appearance::Hidden)]),
    ]
}

/// These hints as messages, and the messages of the handshake.
fn messages() -> Vec<NodeMessage> {
    let handshake = [NodeMessage::Challenge(u128::MAX - 1), NodeMessage::Answer(1)];
    hints().into_iter().map(NodeMessage::Hint).chain(handshake).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn every_kind_of_hint_is_read_as_it_was_written() {
    for message in messages() {
        let bytes = keys().encode("here", STAMP, &message);
        assert_eq!(keys().decode(b"here", &bytes), Some((STAMP, message)));
    }
}

/// Recorded hints of version 2. Nodes of other versions read and write exactly these bytes.
#[test]
fn version_two_is_what_was_recorded() {
    let recorded = include_str!("version-2.txt");
    let written: Vec<_> =
        messages().iter().map(|message| hex(&keys().encode("here", STAMP, message))).collect();
    assert_eq!(written.join("\n"), recorded.trim_end());
    assert_eq!(keys().name(Channel::Group(group())), format!("chinwag:8368465e:g:{}", group()));
}

#[test]
fn additions_of_a_newer_node_are_skipped_and_numbers_kept() {
    let mut bytes = BytesMut::new();
    bytes.put_u8(VERSION);
    bytes.put_bytes(0, MAC);
    bytes.put_u128_le(NODE.0);
    bytes.put_u64_le(5);
    bytes.put_u64_le(1_000);
    let mut writer = FieldWriter(&mut bytes);
    writer.field(tag::KIND, &[200]);
    writer.field(201, b"something new");
    writer.field(tag::GROUP, group().0.as_bytes());
    writer.field(tag::SEQ, &7_i64.to_le_bytes());
    let mac = keys().mac_of("here", &bytes[HEAD..]).finalize().into_bytes();
    bytes[1..HEAD].copy_from_slice(&mac);
    let expected = Hint { group: Some(group()), seq: Some(Seq(7)), ..Hint::new(HintKind::Unknown) };
    assert_eq!(keys().decode(b"here", &bytes.freeze()), Some((STAMP, NodeMessage::Hint(expected))));
}

#[test]
fn a_hint_with_any_other_byte_is_refused() {
    for message in messages() {
        let good = keys().encode("here", STAMP, &message);
        assert_eq!(Keys::of(b"another").decode(b"here", &good), None);
        assert_eq!(keys().decode(b"there", &good), None);
        for at in 0..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 1;
            assert_eq!(keys().decode(b"here", &bad.into()), None);
            assert_eq!(keys().decode(b"here", &good.slice(..at)), None);
        }
    }
}

#[test]
fn an_overlong_hint_loses_its_frame_and_keeps_its_number() {
    let frame = Bytes::from(vec![b'x'; MAX_HINT_BYTES]);
    let long =
        Hint { group: Some(group()), seq: Some(Seq(7)), ..Hint::new(HintKind::Group(vec![])).with(frame) };
    let bytes = keys().encode("here", STAMP, &NodeMessage::Hint(long.clone()));
    assert!(bytes.len() < 200);
    let (_, read) = keys().decode(b"here", &bytes).expect("it is good");
    let bare = Hint { kind: HintKind::Unknown, frame: Bytes::new(), ..long };
    assert_eq!(read, NodeMessage::Hint(bare));
}
