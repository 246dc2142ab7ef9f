//! Passwords: Argon2id, as PHC strings. Hashing and verifying take tens of milliseconds and 19 MiB. Run them
//! on a thread that may block, and bound their number.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use unicode_normalization::UnicodeNormalization;

use crate::limits::PASSWORD_CHARS;
use crate::{Error, Result};

/// The most common passwords, in lower case and ascending order, one per line.
static COMMON: &str = include_str!("password/common.txt");
static COMMON_LINES: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
/// The error text for a password that is too short or too long.
const LENGTH: &str = "must have 8 to 256 characters";

/// A password of 8 to 256 characters, as typed and in its normal form (`OpaqueString` of RFC 8265:
/// normalisation form C, with every kind of space replaced by an ASCII space). The length limits count the
/// characters of the normal form. Never displayed, logged or stored.
#[derive(Clone)]
pub struct Password {
    normal: String,
    /// The password as typed, if it differs from `normal`. Older versions hashed this form.
    typed: Option<String>,
}

impl Password {
    /// Parses a password for a sign-in. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let normal: String = text.nfc().map(|c| if is_space(c) { ' ' } else { c }).collect();
        // Earlier versions counted the characters as typed.
        if !is_bounded(&normal) && !is_bounded(text) {
            return Err(LENGTH);
        }
        let typed = (normal != text).then(|| text.to_owned());
        Ok(Self { normal, typed })
    }

    /// Parses a new password. Refuses the 10,000 most common ones.
    pub fn choose(text: &str) -> Result<Self, &'static str> {
        let password = Self::parse(text)?;
        if !is_bounded(&password.normal) {
            return Err(LENGTH);
        }
        let lower = password.normal.to_lowercase();
        if COMMON_LINES.binary_search(&lower.as_str()).is_ok() {
            return Err("is one of the most common passwords: choose another");
        }
        Ok(password)
    }

    /// The hash to store.
    pub fn hash(&self) -> Result<String> {
        let hash = Argon2::default().hash_password(self.normal.as_bytes()).map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether `phc` is a hash of this password. Without a hash, returns false after the same time, so that
    /// timing does not reveal which names have accounts.
    pub fn verify(&self, phc: Option<&str>) -> bool {
        const NOBODY: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$q4Jt1rR4Kc1S9m0m4dI0Yc0b8V0e9E3J6o7y6m6b2hA";
        let known = phc.and_then(|phc| PasswordHash::new(phc).ok());
        let nobody = PasswordHash::new(NOBODY).expect("a constant in the right form");
        let hash = known.as_ref().unwrap_or(&nobody);
        let is = |text: &str| Argon2::default().verify_password(text.as_bytes(), hash).is_ok();
        (is(&self.normal) || self.typed.as_deref().is_some_and(is)) && known.is_some()
    }
}

fn is_bounded(text: &str) -> bool {
    PASSWORD_CHARS.contains(&text.chars().count())
}

/// Whether `c` is a space of any kind (Unicode category `Zs`).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let password = Password::parse("correct horse").expect("long enough");
        let phc = password.hash().expect("hashed");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(password.verify(Some(&phc)));
        assert!(!Password::parse("battery staple").expect("long enough").verify(Some(&phc)));
        assert!(!password.verify(None));
    }

    #[test]
    fn too_short_and_too_long_ones_are_refused() {
        assert!(Password::parse("1234567").is_err());
        assert!(Password::parse(&"x".repeat(257)).is_err());
        assert!(Password::parse("pässwört").is_ok());
    }

    #[test]
    fn a_password_is_one_however_it_is_typed() {
        let phc = Password::parse("Jose\u{301}'s\u{a0}pass\u{3000}word")
            .expect("long enough")
            .hash()
            .expect("hashed");
        for typed in ["Jos\u{e9}'s pass word", "Jose\u{301}'s\u{2003}pass word"] {
            assert!(Password::parse(typed).expect("long enough").verify(Some(&phc)), "{typed}");
        }
        assert!(!Password::parse("jos\u{e9}'s pass word").expect("long enough").verify(Some(&phc)));
    }

    #[test]
    fn characters_of_a_password_count_however_they_are_typed() {
        let (short, long) = ("비밀번호", "é".repeat(200));
        for text in [short.nfc().collect::<String>(), short.nfd().collect()] {
            assert!(Password::choose(&text).is_err(), "{text}: four characters");
        }
        let phc = Password::choose(&long).expect("it fits").hash().expect("hashed");
        let typed: String = long.nfd().collect();
        assert!(typed.chars().count() > *PASSWORD_CHARS.end());
        assert!(Password::parse(&typed).expect("the same one").verify(Some(&phc)));
    }

    #[test]
    fn a_hash_of_a_password_as_typed_stays_good() {
        let typed = "Jose\u{301}'s\u{a0}password";
        let phc = Argon2::default().hash_password(typed.as_bytes()).expect("hashed").to_string();
        assert!(Password::parse(typed).expect("long enough").verify(Some(&phc)));
    }

    #[test]
    fn the_commonest_are_no_new_passwords() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() > 3000 && lines.is_sorted());
        for text in ["password", "PassWord", "12345678", "iloveyou", "qwertyuiop", lines[lines.len() - 1]] {
            assert!(Password::choose(text).is_err(), "{text}");
            assert!(Password::parse(text).is_ok(), "{text}: who has it signs in");
        }
        assert!(Password::choose("correct horse").is_ok());
    }
}
