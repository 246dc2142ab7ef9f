//! Invites: codes with which anyone joins a group.

use std::fmt;
use std::time::Duration;

use crate::token::letters_and_digits;
use crate::{Clock, Date, GroupId, UserId};

/// The most valid invites per group.
pub const INVITES: usize = 100;
/// The highest use limit that an invite can have.
pub const INVITE_USES: u32 = 10_000;
/// The default lifetime of an invite: 7 days.
pub const INVITE_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// The prefix of a code. It lets people and secret scanners recognise one.
const PREFIX: &str = "cw_invite_";
/// The number of letters and digits after the prefix.
const LENGTH: usize = 22;

/// The code of an invite. It is stored in plain text, and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteCode(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    pub code: InviteCode,
    pub group: GroupId,
    /// The member who created the invite, which ends with this member's membership. None if a service created
    /// it in nobody's name.
    pub maker: Option<UserId>,
    pub created: Date,
    pub expires: Date,
    /// How many more users may join. None: no limit.
    pub uses: Option<u32>,
}

impl InviteCode {
    /// A new code with 131 random bits.
    pub fn new(clock: &dyn Clock) -> Self {
        let text = letters_and_digits(clock.secret());
        // Take the last characters: the first digit is less random than the others.
        Self(format!("{PREFIX}{}", &text[text.len() - LENGTH..]))
    }

    /// Parses a code. `None` if the text cannot be a code.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let is_code = rest.len() == LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| Self(text.to_owned()))
    }

    /// The code that a caller sent. Malformed text becomes the empty code, which no invite has.
    pub fn given(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self(String::new()))
    }

    /// A code from the store.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The plain text, for callers who may see it.
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
