//! Users who sign in through an OpenID Connect provider.

/// The longest issuer, in characters.
pub const ISSUER_CHARS: usize = 512;
/// The longest subject, in characters, as in the OpenID Connect specification.
pub const SUBJECT_CHARS: usize = 255;

/// A provider's identity of a user: its issuer and subject. No other claim identifies a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderIdentity {
    issuer: String,
    subject: String,
}

impl ProviderIdentity {
    /// Checks the bounds. The error is a sentence without a full stop.
    pub fn parse(issuer: &str, subject: &str) -> Result<Self, &'static str> {
        let fits = |text: &str, most: usize| {
            !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
        };
        if !fits(issuer, ISSUER_CHARS) {
            return Err("iss must have 1 to 512 characters, none of them a control character");
        }
        if !fits(subject, SUBJECT_CHARS) {
            return Err("sub must have 1 to 255 characters, none of them a control character");
        }
        Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    /// The provider's address.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The provider's own id of the user.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_have_bounds() {
        let identity = ProviderIdentity::parse("https://id.example", "é7").expect("it fits");
        assert_eq!((identity.issuer(), identity.subject()), ("https://id.example", "é7"));
        assert!(ProviderIdentity::parse("https://id.example", &"é".repeat(255)).is_ok());
        for (issuer, subject) in [("", "7"), ("i", ""), ("i", "7\n"), ("i\0", "7"), ("i", &"7".repeat(256))] {
            assert!(ProviderIdentity::parse(issuer, subject).is_err(), "{issuer:?} {subject:?}");
        }
    }
}
