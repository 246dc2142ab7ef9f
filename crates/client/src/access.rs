//! Credentials, and where a session gets a new one.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Error;
use crate::rest::Rest;

/// A credential. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user token, a JWT of your application or the service key.
    Bearer(String),
    /// The value of a `Cookie` header, such as `access=cw_token_…`.
    Cookie(String),
    /// A ticket, which opens one WebSocket and no more.
    Ticket(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Cookie(_) => "Cookie(…)",
            Self::Ticket(_) => "Ticket(…)",
        })
    }
}

type Fetch = Pin<Box<dyn Future<Output = Result<Credential, Error>> + Send>>;

/// Where a session gets the credential for each connection.
#[derive(Clone)]
pub struct Access(Source);

#[derive(Clone)]
enum Source {
    Fixed(Credential),
    Renewed(Arc<dyn Fn() -> Fetch + Send + Sync>),
}

impl Access {
    /// Asks for a credential before each connection, for example your back end for a token. An
    /// [`Error::Refused`] with a status other than 429 and 503 ends the session.
    pub fn renewed<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credential, Error>> + Send + 'static,
    {
        Self(Source::Renewed(Arc::new(move || Box::pin(fetch()))))
    }

    /// Takes a ticket over REST before each connection, so that the token stays out of the WebSocket.
    pub fn tickets(rest: &Rest) -> Self {
        let rest = rest.clone();
        Self::renewed(move || {
            let rest = rest.clone();
            async move { rest.ticket().await.map(|ticket| Credential::Ticket(ticket.ticket)) }
        })
    }

    pub(crate) fn is_renewed(&self) -> bool {
        matches!(self.0, Source::Renewed(_))
    }

    pub(crate) async fn credential(&self) -> Result<Credential, Error> {
        match &self.0 {
            Source::Fixed(credential) => Ok(credential.clone()),
            Source::Renewed(fetch) => fetch().await,
        }
    }
}

impl From<Credential> for Access {
    fn from(credential: Credential) -> Self {
        Self(Source::Fixed(credential))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_renewed() { "Access(renewed)" } else { "Access(fixed)" })
    }
}
