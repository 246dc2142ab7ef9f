//! Names of users and of groups.
//!
//! A user's name is its public key. It follows PRECIS `UsernameCasePreserved` (RFC 8265) and
//! UTS 39's highly restrictive level, so that it is written in one script. Two names that differ
//! only in case, in width, or by look-alike letters of another script are the same name.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::UsernameCasePreserved;
use unicode_script::{Script, UnicodeScript};
use unicode_security::confusable_detection::skeleton;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

use crate::limits::{GROUP_NAME_CHARS, NAME_CHARS};

/// A user's name: 1 to 32 characters, valid and in its canonical form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a name and brings it to its canonical form (width and normalisation form C; the
    /// case is kept). The error ends a sentence that begins with the name of the field.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("may not be empty");
        }
        if text.len() > NAME_CHARS * 16 {
            return Err("is longer than 32 characters");
        }
        let plain = text.bytes().all(is_plain);
        let name = if plain { Ok(Cow::Borrowed(text)) } else { UsernameCasePreserved::enforce(text) };
        let name = name
            .map_err(|_| "may hold letters, digits and plain punctuation only: no spaces, symbols or control characters")?;
        if name.chars().count() > NAME_CHARS {
            return Err("is longer than 32 characters");
        }
        if name.starts_with('@') || name.contains('/') {
            return Err("may not begin with @ or contain /");
        }
        if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("may not contain white space");
        }
        if !plain && !name.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err("mixes letters of several scripts: use one script");
        }
        Ok(Self(name.into()))
    }

    /// A name that the store holds, parsed when it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key by which the name is found: case aside. Width is already one.
    pub fn fold(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        self.0.chars().flat_map(fold).collect()
    }

    /// Every key under which the name claims its look: if two names share one, they are the same
    /// name. One or two keys, the first with letters folded before they are compared by look,
    /// the second after, since capitals and small letters have different doubles.
    pub fn claims(&self) -> Vec<String> {
        let folded: String = self.fold().chars().flat_map(look).collect();
        let looked: String = self.0.chars().flat_map(look).flat_map(fold).collect();
        if folded == looked { vec![folded] } else { vec![folded, looked] }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What may stand in a name wherever it stands, as it is, and is of one script with all others.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// Upper case first, so that ß meets ss and both small sigmas meet.
fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

/// A letter of another script as the Latin one it looks like. Latin stays as it is: `rn` may
/// look like `m`, but `Tam` and `Tarn` are two people.
fn look(c: char) -> impl Iterator<Item = char> {
    let mut buffer = [0; 4];
    let text = &*c.encode_utf8(&mut buffer);
    let mut seen: Vec<char> = match c.script() {
        Script::Latin | Script::Common | Script::Inherited => vec![c],
        _ => skeleton(text).collect(),
    };
    if seen == ['r', 'n'] && c != 'm' {
        seen = vec!['m'];
    }
    seen.into_iter()
}

/// A group's name: 1 to 200 characters, trimmed, with no control characters, and not `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The name of every private group.
    pub const PRIVATE: &'static str = "@";

    /// Trims and reads a name. The error ends a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = text.trim();
        if name.is_empty() {
            return Err("may not be empty");
        }
        if name.chars().nth(GROUP_NAME_CHARS).is_some() {
            return Err("is longer than 200 characters");
        }
        if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err("may not contain control characters");
        }
        if name == Self::PRIVATE {
            return Err("may not be @, the name of private conversations");
        }
        Ok(Self(name.into()))
    }

    /// The name as shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (Name::parse(a).expect(a).claims(), Name::parse(b).expect(b).claims());
        a.iter().any(|key| b.contains(key))
    }

    #[test]
    fn ordinary_names_of_many_scripts_are_names() {
        for text in [
            "arlan",
            "Tam",
            "a",
            "Élodie",
            "borys_2",
            "x.y-z",
            "名前",
            "Аркадий",
            "محمد",
            "李小龍",
            "कमल",
            "o'neil",
        ] {
            assert_eq!(Name::parse(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(33);
        for text in [
            "",
            " ",
            "a b",
            "@arlan",
            "a/b",
            "a\0b",
            "a\nb",
            "\u{202e}abc",
            "раypal",
            "a\u{200b}b",
            "😀",
            "\u{a0}",
            &long,
        ] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn case_width_and_another_scripts_look_alikes_make_no_other_name() {
        for (a, b) in [
            ("Tam", "tAM"),
            ("ａｒｌａｎ", "arlan"),
            ("IOPA", "ІОРА"),
            ("HET", "НЕТ"),
            ("pocox", "росох"),
            ("ΣΑΣ", "σας"),
        ] {
            assert!(same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn what_is_plain_is_read_as_any_other_text_would_be() {
        for byte in 0..128_u8 {
            let text = format!("a{}B", char::from(byte));
            if is_plain(byte) {
                let enforced = UsernameCasePreserved::enforce(&*text).ok();
                assert_eq!(enforced.as_deref(), Some(&*text));
                assert!(text.check_restriction_level(RestrictionLevel::HighlyRestrictive), "{text:?}");
                assert_eq!(Name::parse(&text).expect(&text).as_str(), text);
            }
            let folded: String = text.chars().flat_map(fold).collect();
            assert_eq!(Name::stored(&text).fold(), folded);
        }
    }

    #[test]
    fn names_of_one_script_may_look_alike() {
        for (a, b) in [("Tam", "Tarn"), ("bill", "biII2"), ("modern", "modem"), ("l0", "lO"), ("vv", "w")] {
            assert!(!same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn a_group_name_is_trimmed_and_bounded() {
        assert_eq!(
            GroupName::parse("  Stellaron Hunter Chatgroup's ").map(|n| n.as_str().to_owned()),
            Ok("Stellaron Hunter Chatgroup's".into())
        );
        assert!(GroupName::parse(&"é".repeat(200)).is_ok());
        for text in ["", "  ", "@", " @ ", "a\nb", "a\u{7f}b", &"é".repeat(201)] {
            assert!(GroupName::parse(text).is_err(), "{text:?}");
        }
    }
}
