//! Presence: one status for each user, over all of its sockets.

/// A user's presence, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Status {
    /// No socket, or all sockets set this status ("appear offline").
    #[default]
    Disconnected,
    /// Some socket is `afk` and none is `online`.
    Afk,
    /// Some socket is `online`.
    Online,
}

impl Status {
    /// A user's status over all of its sockets: the highest of them.
    pub fn of(sockets: impl IntoIterator<Item = Status>) -> Status {
        sockets.into_iter().max().unwrap_or_default()
    }

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Afk => "afk",
            Self::Disconnected => "disconnected",
        }
    }

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Online, Self::Afk, Self::Disconnected].into_iter().find(|s| s.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{self, Afk, Disconnected, Online};

    #[test]
    fn a_user_is_as_present_as_its_most_present_socket() {
        assert_eq!(Status::of([]), Disconnected);
        assert_eq!(Status::of([Disconnected, Afk]), Afk);
        assert_eq!(Status::of([Afk, Online, Disconnected]), Online);
    }
}
