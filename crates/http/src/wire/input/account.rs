//! Payloads about accounts, sessions and tokens.

use std::time::Duration;

use chinwag_core::password::Password;
use chinwag_core::token::TTL;
use chinwag_core::{Name, Result};

use super::Fields;
use super::json::Value;

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
    let password = password.and_then(|text| fields.parsed("password", Password::choose(&text)));
    fields.finish(|| Some(SigningUp { name: name?, password: password? }))
}

/// POST `sessions/`
pub fn sign_in(mut fields: Fields<'_>) -> Result<SigningIn> {
    let name = fields.text("name");
    let password = fields.text("password");
    fields.finish(|| Some(SigningIn { name: name?.into_owned(), password: password?.into_owned() }))
}

/// POST `users/<name>/tokens/`
pub struct NewToken {
    /// How long the token lasts, if it says so.
    pub ttl: Option<Duration>,
    /// Whether a user who signed up here is taken over.
    pub adopt: bool,
}

/// POST `users/<name>/tokens/`
pub fn token(mut fields: Fields<'_>) -> Result<NewToken> {
    let ttl = match fields.values.remove("ttl") {
        None | Some(Value::Null) => None,
        Some(Value::Integer(seconds)) if seconds > 0 => Some(Duration::from_secs(seconds.unsigned_abs())),
        Some(_) => {
            fields.refuse("ttl", TTL);
            None
        }
    };
    let adopt = fields.flag("adopt");
    fields.finish(|| Some(NewToken { ttl, adopt }))
}
