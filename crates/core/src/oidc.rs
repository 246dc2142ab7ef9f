//! Users who sign in through a provider of OpenID Connect.

/// The most characters of an issuer.
pub const ISSUER_CHARS: usize = 512;
/// The most characters of a subject, as OpenID Connect has it.
pub const SUBJECT_CHARS: usize = 255;

/// A user as a provider knows it: nothing else of what a provider says identifies anybody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderIdentity {
    issuer: String,
    subject: String,
}

impl ProviderIdentity {
    /// Checks the bounds. The error is a sentence without its end.
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

    /// The provider.
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
