//! Payloads about accounts, sessions and tokens.

use chinwag_core::Name;
use chinwag_core::password::Password;

use super::payload::{RestPayload, payload};
use super::value::Lifetime;

pub(crate) const REST: &[RestPayload] = &[
    NewAccount::REST,
    NamePassword::REST,
    PasswordChange::REST,
    NewPassword::REST,
    NewTicket::REST,
    NewToken::REST,
];

payload! {
    /// An account to create.
    pub struct NewAccount {
        /// The new user's name.
        name: Name,
        /// The password: 8 to 256 characters, none of the most common ones.
        password: Password,
    }
}

payload! {
    /// The name and the password of an account.
    pub struct NamePassword {
        /// The user's name.
        name: String,
        /// The password.
        password: String,
    }
}

payload! {
    /// A user's old and new password.
    pub struct PasswordChange {
        /// The old password.
        old: String,
        /// The new password: 8 to 256 characters, none of the most common ones.
        new: Password,
    }
}

payload! {
    /// A user's new password.
    pub struct NewPassword {
        /// The new password: 8 to 256 characters, none of the most common ones.
        password: Password,
    }
}

payload! {
    /// The purpose of a new ticket.
    pub struct NewTicket {
        /// `files`: reading files, for ten minutes. Default: one WebSocket handshake.
        r#for: Option<String>,
    }
}

payload! {
    /// The lifetime of a new token.
    pub struct NewToken {
        /// The lifetime in seconds, 1 to 31 536 000 (365 days). Default: that of a session.
        ttl: Lifetime,
        /// Whether to take over a user who signed up here: its password and its sessions end.
        adopt: bool,
    }
}
