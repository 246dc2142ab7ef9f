//! The caller of a use case, and the origin of the request.

use crate::audit::CallSource;
use crate::bot::{BEYOND_BOTS, BotSecret};
use crate::event::Origin;
use crate::token::TokenHash;
use crate::user::Caller;
use crate::{Error, Result};

#[derive(Debug, Clone)]
pub struct Context {
    pub who: Who,
    /// The socket of the request, if it came over a WebSocket.
    pub origin: Option<Origin>,
    pub source: CallSource,
}

/// The caller, as far as it is known before the transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A caller whose credential is already checked.
    Known(Caller),
    /// The user of the token with this hash. The transaction looks it up first and refuses an ended token,
    /// whatever the request is.
    Token(TokenHash),
    /// The service, by the hash of a key, which may be limited to some scopes. The transaction looks it up
    /// first.
    Key(TokenHash),
    /// A bot, by a secret of its own. The transaction looks it up first and refuses actions that the secret
    /// does not allow.
    Bot(BotSecret),
}

impl Who {
    /// Whether the caller is the service. Its key may not be looked up yet.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Known(Caller::Service) | Self::Key(_))
    }
}

impl Context {
    /// Refuses a bot's secret. For requests that are not use cases and so never look the secret up.
    pub fn refuse_bots(&self) -> Result<()> {
        match self.who {
            Who::Bot(_) => Err(Error::forbidden(BEYOND_BOTS)),
            Who::Known(_) | Who::Token(_) | Who::Key(_) => Ok(()),
        }
    }

    /// A caller whose credential is already checked.
    pub fn new(caller: Caller) -> Self {
        Self::of(Who::Known(caller))
    }

    /// The server itself, for example a background task. It has the rights of the service.
    pub fn server() -> Self {
        Self::new(Caller::Service)
    }

    /// A command of the operator.
    pub fn command_line() -> Self {
        Self { source: CallSource::CommandLine, ..Self::server() }
    }

    /// A caller that the transaction may still have to look up.
    pub fn of(who: Who) -> Self {
        Self { who, origin: None, source: CallSource::Server }
    }
}
