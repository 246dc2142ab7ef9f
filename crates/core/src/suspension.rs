//! Suspensions: a suspended user can neither sign in nor use any of its credentials for some time.

use std::sync::Arc;

use crate::limits::SUSPENSION_CHARS;
use crate::text::trimmed;
use crate::{Date, Error};

/// A suspension of a user. It ends at a fixed date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    pub until: Date,
    /// The reason, which is shown to the user.
    pub reason: Option<Arc<str>>,
}

/// The status of a user that the service and admins control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserStanding {
    /// Whether the user is an admin of the server.
    pub admin: bool,
    /// The latest suspension, which may have ended.
    pub suspension: Option<Suspension>,
}

impl Suspension {
    /// The error for every request of the suspended user.
    pub fn refusal(&self) -> Error {
        let until = self.until;
        Error::forbidden(match &self.reason {
            None => format!("this account is suspended until {until}"),
            Some(reason) => format!("this account is suspended until {until}: {reason}"),
        })
    }
}

impl UserStanding {
    /// The suspension, if it has not ended at `now`.
    pub fn suspended_at(&self, now: Date) -> Option<&Suspension> {
        self.suspension.as_ref().filter(|suspension| suspension.until > now)
    }

    /// Returns 403 if the user is suspended at `now`.
    pub fn admit(&self, now: Date) -> Result<(), Error> {
        self.suspended_at(now).map_or(Ok(()), |suspension| Err(suspension.refusal()))
    }
}

/// The reason of a suspension: up to 500 characters, trimmed, at least one of them visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspensionReason(Arc<str>);

impl SuspensionReason {
    /// Parses a reason. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        trimmed(text, SUSPENSION_CHARS, "must contain a visible character, or be null").map(Self)
    }

    pub fn into_text(self) -> Arc<str> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspension_ends_by_itself() {
        let suspension = Suspension { until: Date::from_micros(10), reason: Some("spam".into()) };
        let standing = UserStanding { admin: false, suspension: Some(suspension.clone()) };
        assert_eq!(standing.suspended_at(Date::from_micros(9)), Some(&suspension));
        assert_eq!(standing.suspended_at(Date::from_micros(10)), None);
        let refusal = standing.admit(Date::from_micros(9)).expect_err("a refusal").to_string();
        assert_eq!(refusal, "this account is suspended until 1970-01-01T00:00:00.000010Z: spam");
        assert!(
            standing.admit(Date::from_micros(10)).is_ok()
                && UserStanding::default().admit(suspension.until).is_ok()
        );
    }

    #[test]
    fn reason_is_visible_and_bounded() {
        assert_eq!(SuspensionReason::parse("  spam ").map(SuspensionReason::into_text), Ok("spam".into()));
        assert!(SuspensionReason::parse(&"é".repeat(500)).is_ok());
        assert!(
            ["", " ", "\u{200b}", &"é".repeat(501)]
                .into_iter()
                .all(|text| SuspensionReason::parse(text).is_err())
        );
    }
}
