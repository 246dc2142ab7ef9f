//! Payloads about accounts, sessions and tokens.

use std::time::Duration;

use chinwag_core::password::Password;
use chinwag_core::{Name, Result};

use super::Fields;

/// A name and a password to sign up with.
pub struct SigningUp {
    /// The new user's name.
    pub name: Name,
    /// Its password.
    pub password: Password,
}

/// A name and a password to sign in with, either of which may be none that can exist.
pub struct SigningIn {
    /// The name as sent.
    pub name: String,
    /// The password as sent.
    pub password: String,
}

/// POST `accounts/`
pub fn sign_up(mut fields: Fields<'_>) -> Result<SigningUp> {
    let name = fields.name("name");
    let password = fields.text("password");
    let password = password.and_then(|text| fields.parsed("password", Password::parse(&text)));
    fields.finish(|| Some(SigningUp { name: name?, password: password? }))
}

/// POST `sessions/`
pub fn sign_in(mut fields: Fields<'_>) -> Result<SigningIn> {
    let name = fields.text("name");
    let password = fields.text("password");
    fields.finish(|| Some(SigningIn { name: name?.into_owned(), password: password?.into_owned() }))
}

/// POST `users/<name>/tokens/`: how long the token lasts, if it says so.
pub fn token(mut fields: Fields<'_>) -> Result<Option<Duration>> {
    let ttl = fields.maybe_number("ttl").and_then(|ttl| u64::try_from(ttl).ok()).map(Duration::from_secs);
    fields.finish(|| Some(ttl))
}
