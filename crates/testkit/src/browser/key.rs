//! Named keys for [`Tab::press_key`](super::Tab::press_key).

/// A named key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
}

impl Key {
    /// Its name, its Windows virtual key code, and the text that it types.
    pub(super) fn parts(self) -> (&'static str, u32, &'static str) {
        match self {
            Self::Enter => ("Enter", 13, "\r"),
            Self::Tab => ("Tab", 9, ""),
            Self::Escape => ("Escape", 27, ""),
            Self::Backspace => ("Backspace", 8, ""),
            Self::Up => ("ArrowUp", 38, ""),
            Self::Down => ("ArrowDown", 40, ""),
            Self::Left => ("ArrowLeft", 37, ""),
            Self::Right => ("ArrowRight", 39, ""),
        }
    }
}
