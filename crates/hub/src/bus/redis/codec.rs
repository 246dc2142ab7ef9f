//! The format of hints, version 2: the byte `2`, a 32-byte HMAC-SHA-256 over the channel's name and
//! everything that follows, the sending node, its running number, the milliseconds since its start, and
//! fields. A field is a tag, a length and that many bytes. Nodes skip unknown tags, so that different
//! versions can run side by side. Numbers are little-endian.

use bytes::{BufMut, Bytes, BytesMut};
use chinwag_core::presence::Appearance;
use chinwag_core::token::TokenHash;
use chinwag_core::{GroupId, Name, Seq, UserId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::senders::{Nonce, Stamp};
use crate::bus::link::{Channel, Hint, HintKind, NodeId};

const VERSION: u8 = 2;
const MAC: usize = 32;
const HEAD: usize = 1 + MAC;
/// The longest hint. A hint that exceeds it is sent without its frame; its number is sufficient.
pub(super) const MAX_HINT_BYTES: usize = 1024 * 1024;

/// The tags of fields.
mod tag {
    pub(super) const KIND: u8 = 1;
    pub(super) const GROUP: u8 = 2;
    pub(super) const SEQ: u8 = 3;
    pub(super) const FRAME: u8 = 4;
    pub(super) const USER: u8 = 5;
    pub(super) const JOINED: u8 = 6;
    pub(super) const LEFT: u8 = 7;
    pub(super) const OTHER: u8 = 8;
    pub(super) const NAME: u8 = 9;
    pub(super) const TOKEN: u8 = 10;
    pub(super) const STATUS: u8 = 11;
    pub(super) const RECEIVERS: u8 = 12;
    pub(super) const COUNT: u8 = 13;
    pub(super) const LAST: u8 = 14;
    pub(super) const PART: u8 = 15;
    pub(super) const PARTS: u8 = 16;
    pub(super) const ROSTER: u8 = 17;
    pub(super) const WHOLE: u8 = 18;
    pub(super) const NONCE: u8 = 19;
    pub(super) const BUT: u8 = 20;
    pub(super) const HIDDEN: u8 = 21;
}

/// The kinds of messages for the challenge between nodes. The kinds of hints count up from 0.
mod handshake {
    pub(super) const CHALLENGE: u8 = 255;
    pub(super) const ANSWER: u8 = 254;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeMessage {
    Hint(Hint),
    /// Asks the receiver to answer immediately.
    Challenge(Nonce),
    /// Repeats the nonce of the challenge.
    Answer(Nonce),
}

/// Keys derived from the cluster's secret.
#[derive(Clone)]
pub(super) struct Keys {
    mac: Hmac<Sha256>,
    /// The prefix of this cluster's channels. Several clusters may share a server.
    prefix: String,
}

impl Keys {
    /// Derives the keys from the cluster's secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let derive = |label: &[u8]| keyed(secret).chain_update(label).finalize().into_bytes();
        let name = derive(b"chinwag: names of channels");
        let prefix =
            name.iter().take(4).fold("chinwag:".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        Self { mac: keyed(&derive(b"chinwag: hints between nodes")), prefix }
    }

    /// A channel's name on the server.
    pub(super) fn name(&self, channel: Channel) -> String {
        let prefix = &self.prefix;
        match channel {
            Channel::Group(id) => format!("{prefix}:g:{id}"),
            Channel::User(id) => format!("{prefix}:u:{}", id.0),
            Channel::Nodes => format!("{prefix}:nodes"),
            Channel::Node(id) => format!("{prefix}:n:{id}"),
        }
    }

    /// The key of a rate limit's bucket that all nodes share.
    pub(super) fn bucket(&self, name: &str) -> String {
        format!("{}:r:{name}", self.prefix)
    }

    /// Encodes a message with this stamp for the channel with this name.
    pub(super) fn encode(&self, name: &str, stamp: Stamp, message: &NodeMessage) -> Bytes {
        let frames =
            if let NodeMessage::Hint(hint) = message { hint.frame.len() + hint.whole.len() } else { 0 };
        let mut bytes = BytesMut::with_capacity(168 + frames);
        bytes.put_u8(VERSION);
        bytes.put_bytes(0, MAC);
        bytes.put_u128_le(stamp.node.0);
        bytes.put_u64_le(stamp.number);
        bytes.put_u64_le(stamp.sent);
        FieldWriter(&mut bytes).message(message);
        if bytes.len() > MAX_HINT_BYTES
            && let NodeMessage::Hint(hint) = message
        {
            let bare =
                Hint { kind: HintKind::Unknown, frame: Bytes::new(), whole: Bytes::new(), ..hint.clone() };
            return self.encode(name, stamp, &NodeMessage::Hint(bare));
        }
        let mac = self.mac_of(name, &bytes[HEAD..]).finalize().into_bytes();
        bytes[1..HEAD].copy_from_slice(&mac);
        bytes.freeze()
    }

    /// Decodes a message, if a node of this cluster has made it for the channel with this name.
    pub(super) fn decode(&self, name: &[u8], bytes: &Bytes) -> Option<(Stamp, NodeMessage)> {
        if bytes.first() != Some(&VERSION) || bytes.len() > MAX_HINT_BYTES {
            return None;
        }
        let (mac, body) = bytes[1..].split_at_checked(MAC)?;
        let receivers = self.mac.clone().chain_update(name).chain_update([0]).chain_update(body);
        receivers.verify_slice(mac).ok()?;
        let (node, rest) = body.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (sent, fields) = rest.split_first_chunk()?;
        let message = Fields::read(bytes, fields)?.message()?;
        let (number, sent) = (u64::from_le_bytes(*number), u64::from_le_bytes(*sent));
        Some((Stamp { node: NodeId(u128::from_le_bytes(*node)), number, sent }, message))
    }

    fn mac_of(&self, name: &str, body: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(name).chain_update([0]).chain_update(body)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a HMAC takes a key of any length")
}

struct FieldWriter<'a>(&'a mut BytesMut);

impl FieldWriter<'_> {
    fn field(&mut self, tag: u8, value: &[u8]) {
        self.0.put_u8(tag);
        self.0.put_u32_le(u32::try_from(value.len()).unwrap_or(u32::MAX));
        self.0.put_slice(value);
    }

    fn user(&mut self, tag: u8, user: UserId) {
        self.field(tag, &user.0.to_le_bytes());
    }

    fn users(&mut self, tag: u8, users: &[UserId]) {
        let bytes: Vec<u8> = users.iter().flat_map(|user| user.0.to_le_bytes()).collect();
        self.field(tag, &bytes);
    }

    fn message(&mut self, message: &NodeMessage) {
        let (kind, nonce) = match message {
            NodeMessage::Hint(hint) => return self.hint(hint),
            NodeMessage::Challenge(nonce) => (handshake::CHALLENGE, nonce),
            NodeMessage::Answer(nonce) => (handshake::ANSWER, nonce),
        };
        self.field(tag::KIND, &[kind]);
        self.field(tag::NONCE, &nonce.to_le_bytes());
    }

    fn hint(&mut self, hint: &Hint) {
        self.field(tag::KIND, &[number_of(&hint.kind)]);
        if let Some(group) = hint.group {
            self.field(tag::GROUP, group.0.as_bytes());
        }
        if let Some(seq) = hint.seq {
            self.field(tag::SEQ, &seq.0.to_le_bytes());
        }
        self.kind(&hint.kind);
        if !hint.frame.is_empty() {
            self.field(tag::FRAME, &hint.frame);
        }
        if !hint.whole.is_empty() {
            self.field(tag::WHOLE, &hint.whole);
        }
    }

    fn kind(&mut self, kind: &HintKind) {
        match kind {
            HintKind::Group(but) => {
                if let Some(first) = but.first() {
                    self.user(tag::USER, *first);
                }
                // Versions that do not know this tag except only the first user.
                if but.len() > 1 {
                    self.users(tag::BUT, but);
                }
            }
            HintKind::Changed { joined, left } => {
                self.users(tag::JOINED, joined);
                self.users(tag::LEFT, left);
            }
            HintKind::Passed { left } => self.users(tag::LEFT, left),
            HintKind::Deleted | HintKind::Ask | HintKind::Unknown => {}
            HintKind::Joined(user)
            | HintKind::User(user)
            | HintKind::Invited(user)
            | HintKind::UserEnded(user)
            | HintKind::UserSuspended(user) => {
                self.user(tag::USER, *user);
            }
            HintKind::Renamed { to, user: other, name }
            | HintKind::Contact { to, contact: (other, name) } => {
                self.user(tag::USER, *to);
                self.user(tag::OTHER, *other);
                self.field(tag::NAME, name.as_str().as_bytes());
            }
            HintKind::TokenEnded(hash) => self.field(tag::TOKEN, &hash.0),
            HintKind::Presence { count, user, name, appearance, receivers } => {
                self.field(tag::COUNT, &count.to_le_bytes());
                self.user(tag::USER, *user);
                self.field(tag::NAME, name.as_str().as_bytes());
                self.field(tag::STATUS, &[status_number(*appearance)]);
                self.users(tag::RECEIVERS, receivers);
                self.hidden(&[(*user, *appearance)]);
            }
            HintKind::Beat { count, last } => {
                self.field(tag::COUNT, &count.to_le_bytes());
                if *last {
                    self.field(tag::LAST, &[]);
                }
            }
            HintKind::Roster { count, part, parts, users } => {
                self.field(tag::COUNT, &count.to_le_bytes());
                self.field(tag::PART, &part.to_le_bytes());
                self.field(tag::PARTS, &parts.to_le_bytes());
                let mut bytes = Vec::with_capacity(users.len() * 9);
                for (user, appearance) in users {
                    bytes.extend(user.0.to_le_bytes());
                    bytes.push(status_number(*appearance));
                }
                self.field(tag::ROSTER, &bytes);
                self.hidden(users);
            }
        }
    }

    /// Writes the users that appear offline. Versions that do not know this field treat them as disconnected.
    fn hidden(&mut self, users: &[(UserId, Appearance)]) {
        let hidden = users.iter().filter(|(_, appearance)| *appearance == Appearance::Hidden);
        let hidden: Vec<_> = hidden.map(|(user, _)| *user).collect();
        if !hidden.is_empty() {
            self.users(tag::HIDDEN, &hidden);
        }
    }
}

fn number_of(kind: &HintKind) -> u8 {
    match kind {
        HintKind::Unknown => 0,
        HintKind::Group(_) => 1,
        HintKind::Changed { .. } => 2,
        HintKind::Deleted => 3,
        HintKind::Joined(_) => 4,
        HintKind::User(_) => 5,
        HintKind::Invited(_) => 15,
        HintKind::Renamed { .. } => 6,
        HintKind::Contact { .. } => 7,
        HintKind::TokenEnded(_) => 8,
        HintKind::UserEnded(_) => 9,
        HintKind::Presence { .. } => 10,
        HintKind::Beat { .. } => 11,
        HintKind::Ask => 12,
        HintKind::Roster { .. } => 13,
        HintKind::Passed { .. } => 14,
        HintKind::UserSuspended(_) => 16,
    }
}

fn status_number(appearance: Appearance) -> u8 {
    match appearance {
        Appearance::Absent | Appearance::Hidden => 0,
        Appearance::Afk => 1,
        Appearance::Online => 2,
    }
}

fn appearance_of(number: u8) -> Option<Appearance> {
    [Appearance::Absent, Appearance::Afk, Appearance::Online].get(usize::from(number)).copied()
}

/// The decoded fields of a hint.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<u8>,
    group: Option<GroupId>,
    seq: Option<Seq>,
    frame: Bytes,
    whole: Bytes,
    user: Option<UserId>,
    joined: Vec<UserId>,
    left: Vec<UserId>,
    other: Option<UserId>,
    name: Option<&'a str>,
    token: Option<TokenHash>,
    appearance: Option<Appearance>,
    receivers: Vec<UserId>,
    count: Option<u64>,
    last: bool,
    part: Option<u32>,
    parts: Option<u32>,
    roster: Vec<(UserId, Appearance)>,
    nonce: Option<Nonce>,
    but: Vec<UserId>,
    hidden: Vec<UserId>,
}

impl<'a> Fields<'a> {
    /// Reads the fields, which are a part of `all`. Returns `None` if a field is truncated or malformed.
    fn read(all: &Bytes, mut rest: &'a [u8]) -> Option<Self> {
        let mut fields = Self::default();
        while let Some((tag, after)) = rest.split_first() {
            let (length, after) = after.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (value, after) = after.split_at_checked(length)?;
            rest = after;
            fields.take(*tag, value, all)?;
        }
        Some(fields)
    }

    fn take(&mut self, tag: u8, value: &'a [u8], all: &Bytes) -> Option<()> {
        match tag {
            tag::KIND => self.kind = Some(*value.first()?),
            tag::GROUP => self.group = Some(GroupId(Uuid::from_slice(value).ok()?)),
            tag::SEQ => self.seq = Some(Seq(i64::from_le_bytes(value.try_into().ok()?))),
            tag::FRAME => self.frame = all.slice_ref(value),
            tag::WHOLE => self.whole = all.slice_ref(value),
            tag::USER => self.user = Some(user(value)?),
            tag::JOINED => self.joined = users(value)?,
            tag::LEFT => self.left = users(value)?,
            tag::OTHER => self.other = Some(user(value)?),
            tag::NAME => self.name = Some(std::str::from_utf8(value).ok()?),
            tag::TOKEN => self.token = Some(TokenHash(value.try_into().ok()?)),
            tag::STATUS => self.appearance = Some(appearance_of(*value.first()?)?),
            tag::RECEIVERS => self.receivers = users(value)?,
            tag::COUNT => self.count = Some(u64::from_le_bytes(value.try_into().ok()?)),
            tag::NONCE => self.nonce = Some(Nonce::from_le_bytes(value.try_into().ok()?)),
            tag::LAST => self.last = true,
            tag::PART => self.part = Some(u32::from_le_bytes(value.try_into().ok()?)),
            tag::PARTS => self.parts = Some(u32::from_le_bytes(value.try_into().ok()?)),
            tag::BUT => self.but = users(value)?,
            tag::HIDDEN => self.hidden = users(value)?,
            tag::ROSTER => {
                let each =
                    value.chunks_exact(9).map(|entry| Some((user(&entry[..8])?, appearance_of(entry[8])?)));
                self.roster = each.collect::<Option<_>>()?;
            }
            _ => {}
        }
        Some(())
    }

    fn message(self) -> Option<NodeMessage> {
        Some(match self.kind? {
            handshake::CHALLENGE => NodeMessage::Challenge(self.nonce?),
            handshake::ANSWER => NodeMessage::Answer(self.nonce?),
            _ => NodeMessage::Hint(self.hint()?),
        })
    }

    fn hint(self) -> Option<Hint> {
        let name = || self.name.map(Name::stored);
        let kind = match self.kind? {
            1 if self.but.is_empty() => HintKind::Group(self.user.into_iter().collect()),
            1 => HintKind::Group(self.but),
            2 => HintKind::Changed { joined: self.joined, left: self.left },
            3 => HintKind::Deleted,
            4 => HintKind::Joined(self.user?),
            5 => HintKind::User(self.user?),
            6 => HintKind::Renamed { to: self.user?, user: self.other?, name: name()? },
            7 => HintKind::Contact { to: self.user?, contact: (self.other?, name()?) },
            8 => HintKind::TokenEnded(self.token?),
            9 => HintKind::UserEnded(self.user?),
            16 => HintKind::UserSuspended(self.user?),
            10 => HintKind::Presence {
                count: self.count?,
                user: self.user?,
                name: name()?,
                appearance: if self.hidden.is_empty() { self.appearance? } else { Appearance::Hidden },
                receivers: self.receivers,
            },
            11 => HintKind::Beat { count: self.count?, last: self.last },
            12 => HintKind::Ask,
            13 => HintKind::Roster {
                count: self.count?,
                part: self.part?,
                parts: self.parts?,
                users: with_hidden(self.roster, &self.hidden),
            },
            14 => HintKind::Passed { left: self.left },
            15 => HintKind::Invited(self.user?),
            _ => HintKind::Unknown,
        };
        let numbered = matches!(
            kind,
            HintKind::Changed { .. }
                | HintKind::Passed { .. }
                | HintKind::Deleted
                | HintKind::Joined(_)
                | HintKind::Invited(_)
        );
        let grouped = numbered || matches!(kind, HintKind::Group(_));
        if grouped && self.group.is_none() || numbered && self.seq.is_none() {
            return None;
        }
        Some(Hint { kind, group: self.group, seq: self.seq, frame: self.frame, whole: self.whole })
    }
}

/// Marks the users of a roster that appear offline.
fn with_hidden(mut users: Vec<(UserId, Appearance)>, hidden: &[UserId]) -> Vec<(UserId, Appearance)> {
    let mut hidden = hidden.iter().peekable();
    for (user, appearance) in &mut users {
        // Both lists are in the same order.
        if hidden.next_if_eq(&&*user).is_some() {
            *appearance = Appearance::Hidden;
        }
    }
    users
}

fn user(bytes: &[u8]) -> Option<UserId> {
    Some(UserId(i64::from_le_bytes(bytes.try_into().ok()?)))
}

fn users(bytes: &[u8]) -> Option<Vec<UserId>> {
    bytes.chunks_exact(8).map(user).collect()
}

#[cfg(test)]
mod tests;
