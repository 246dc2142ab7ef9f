//! Presence: one status per user, over all of its sockets.

/// A user's presence, as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// The user has no socket, or all of its sockets set this status ("appear offline").
    #[default]
    Disconnected,
    /// At least one socket is `afk` and none is `online`.
    Afk,
    /// At least one socket is `online`.
    Online,
}

/// A user's presence, in ascending order. Unlike [`Status`], it distinguishes a user without sockets from one
/// who appears offline; other users do not see the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Appearance {
    /// The user has no socket.
    #[default]
    Absent,
    /// All sockets set the status `disconnected` ("appear offline").
    Hidden,
    /// At least one socket is `afk` and none is `online`.
    Afk,
    /// At least one socket is `online`.
    Online,
}

impl Appearance {
    /// A user's appearance over all of its sockets: the highest one.
    pub fn of(sockets: impl IntoIterator<Item = Status>) -> Self {
        sockets.into_iter().map(Self::of_socket).fold(Self::Absent, Self::max)
    }

    /// The status that others see.
    pub fn status(self) -> Status {
        match self {
            Self::Absent | Self::Hidden => Status::Disconnected,
            Self::Afk => Status::Afk,
            Self::Online => Status::Online,
        }
    }

    fn of_socket(status: Status) -> Self {
        match status {
            Status::Disconnected => Self::Hidden,
            Status::Afk => Self::Afk,
            Status::Online => Self::Online,
        }
    }
}

impl Status {
    pub const ALL: [Self; 3] = [Self::Online, Self::Afk, Self::Disconnected];

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
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::Appearance;
    use super::Status::{Afk, Disconnected, Online};

    #[test]
    fn a_user_is_as_present_as_its_most_present_socket() {
        let appearance = |sockets: &[_]| Appearance::of(sockets.iter().copied());
        assert_eq!(appearance(&[]), Appearance::Absent);
        assert_eq!(appearance(&[Disconnected]), Appearance::Hidden);
        assert_eq!(appearance(&[Disconnected, Afk]), Appearance::Afk);
        assert_eq!(appearance(&[Afk, Online, Disconnected]), Appearance::Online);
        assert_eq!((Appearance::Absent.status(), Appearance::Hidden.status()), (Disconnected, Disconnected));
    }
}
