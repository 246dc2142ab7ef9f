//! Invites: codes with which anyone joins a group.

use std::fmt;
use std::time::Duration;

use crate::token::letters_and_digits;
use crate::{Clock, Date, GroupId, UserId};

/// The invites of a group that stand.
pub const INVITES: usize = 100;
/// The most users who join with one invite that has an end to them.
pub const INVITE_USES: u32 = 10_000;
/// The lifetime of an invite that is made without one: 7 days.
pub const INVITE_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// The beginning of a code, by which people and secret scanners recognise it.
const PREFIX: &str = "cw_invite_";
/// The letters and digits after it.
const LENGTH: usize = 22;

/// The code of an invite. It is stored as it is, and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode(String);

/// An invite, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    pub code: InviteCode,
    pub group: GroupId,
    /// The member who made it, with whose membership it ends; none if a service did in nobody's name.
    pub maker: Option<UserId>,
    pub created: Date,
    pub expires: Date,
    /// The number of users who may still join with it, if there is an end to them.
    pub uses: Option<u32>,
}

impl InviteCode {
    /// A new code of 131 random bits.
    pub fn new(clock: &dyn Clock) -> Self {
        let text = letters_and_digits(clock.secret());
        // The first digit of all is not as random as the others.
        Self(format!("{PREFIX}{}", &text[text.len() - LENGTH..]))
    }

    /// Reads a code. `None` for a text that can be none.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_code = rest.len() == LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| Self(text.to_owned()))
    }

    /// The code that a caller gives. A text that can be none becomes a code that no invite has.
    pub fn given(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self(String::new()))
    }

    /// The code of a row.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text, for those who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn codes_begin_with_their_kind_and_are_read_back() {
        let clock = SystemClock::default();
        let (one, other) = (InviteCode::new(&clock), InviteCode::new(&clock));
        assert!(one != other && InviteCode::parse(one.expose()) == Some(one.clone()));
        assert_eq!(format!("{one:?}"), "InviteCode(…)");
        let code = one.expose();
        for text in
            ["", "cw_invite_", &code[1..], &code[..31], &format!("{code}0"), &code.replace("cw_", "CW_")]
        {
            assert_eq!(InviteCode::parse(text), None, "{text}");
        }
        assert_eq!(InviteCode::parse(&format!("{PREFIX}{}", "é".repeat(11))), None);
    }
}
