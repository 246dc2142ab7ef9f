//! Passwords: Argon2id, as PHC strings. Both functions take tens of milliseconds and 19 MiB:
//! run them where they may block, and only so many at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::limits::PASSWORD_CHARS;
use crate::{Error, Result};

/// A password of 8 to 256 characters, as typed. Never shown, logged or stored.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Reads one. The error ends a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !PASSWORD_CHARS.contains(&text.chars().count()) {
            return Err("must have 8 to 256 characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// What is kept of it.
    pub fn hash(&self) -> Result<String> {
        let hash = Argon2::default().hash_password(self.0.as_bytes()).map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Whether it is the one that `phc` was made of. Without one it takes the same time and
    /// answers no, so that nobody learns which names have accounts.
    pub fn verify(&self, phc: Option<&str>) -> bool {
        const NOBODY: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$q4Jt1rR4Kc1S9m0m4dI0Yc0b8V0e9E3J6o7y6m6b2hA";
        let known = phc.and_then(|phc| PasswordHash::new(phc).ok());
        let nobody = PasswordHash::new(NOBODY).expect("a constant in the right form");
        let hash = known.as_ref().unwrap_or(&nobody);
        Argon2::default().verify_password(self.0.as_bytes(), hash).is_ok() && known.is_some()
    }
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
}
