//! Credentials and their sources.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Error;
use crate::rest::Rest;

/// A credential. `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user token, a JWT of your application or the service key.
    Bearer(String),
    /// The value of a `Cookie` header, such as `access=cw_token_…`.
    Cookie(String),
    /// The value of a ticket, which opens one WebSocket.
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

/// The source of the credential for each connection of a session.
#[derive(Clone)]
pub struct Access(Source);

#[derive(Clone)]
enum Source {
    Fixed(Credential),
    Renewed(Arc<dyn Fn() -> Fetch + Send + Sync>),
}

impl Access {
    /// Fetches a credential before each connection, for example a token from your backend. The session ends
    /// if `fetch` returns [`Error::Refused`] with a status other than 429 and 503.
    pub fn renewed<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credential, Error>> + Send + 'static,
    {
        Self(Source::Renewed(Arc::new(move || Box::pin(fetch()))))
    }

    /// Fetches a ticket over REST before each connection, so that the token is not used for the WebSocket.
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
