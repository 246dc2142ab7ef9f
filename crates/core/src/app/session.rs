//! Sessions: lists them, records their use, and ends them.

use super::account::end_token;
use super::directory::{found, not_special};
use super::suspension::governs;
use super::user::{editable, load_editable_user};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::limits::Directory;
use crate::session::{SessionClient, TokenUse, USES_NOTED_TOGETHER, UserSession};
use crate::store::Tx;
use crate::token::TokenHash;
use crate::user::{Caller, User};
use crate::{Error, Name, Result, SessionId, UserId};

/// Ends one session of a user.
#[derive(Debug, Clone)]
pub struct EndSession {
    pub name: Name,
    pub id: SessionId,
}

impl App {
    /// The sessions of a user, newest first. For the user itself, services and admins.
    pub async fn sessions(&self, context: &Context, name: Name) -> Result<Vec<UserSession>> {
        let query = (name, self.user_rules().directory, self.clock().now());
        self.read(context, query, |tx, caller, (name, directory, now)| {
            let user = session_owner(tx, caller, *directory, name)?;
            tx.sessions(user.id, *now)
        })
        .await
    }

    /// Ends one session of a user, and closes its sockets. Returns the token.
    pub async fn session_end(&self, context: &Context, command: EndSession) -> Result<TokenHash> {
        self.write(Growth::Bounded, context, (command, context.who), |unit, (command, who)| {
            let EndSession { name, id } = command;
            let user = session_owner(unit.tx, unit.caller, unit.rules.users.directory, name)?;
            unit.require_scope_over(*who, user.id)?;
            let now = unit.now();
            let found = unit.tx.sessions(user.id, now)?.into_iter().find(|session| session.id() == *id);
            let token = found.ok_or(Error::NotFound("session"))?.token;
            unit.audit_with(AuditAction::SessionDelete, &user.name, format_args!("session {id}"))?;
            end_token(unit, &token)?;
            Ok(token)
        })
        .await
    }

    /// Ends all tokens of a user except one, and closes their sockets.
    pub async fn tokens_end_others(&self, context: &Context, name: Name, kept: TokenHash) -> Result<()> {
        self.write(Growth::Bounded, context, (name, kept), |unit, (name, kept)| {
            let user = load_editable_user(unit, name)?;
            unit.audit_with(AuditAction::SessionsDelete, &user.name, "all but the present one")?;
            end_others(unit, user.id, kept)
        })
        .await
    }

    /// Records the use of tokens, in several small transactions.
    pub async fn tokens_use(&self, uses: &[TokenUse]) -> Result<()> {
        for uses in uses.chunks(USES_NOTED_TOGETHER) {
            let server = Context::server();
            self.write(Growth::Bounded, &server, uses.to_vec(), |unit, uses| {
                let now = unit.now();
                unit.tx.tokens_use(uses, now)
            })
            .await?;
        }
        Ok(())
    }
}

/// A user whose sessions the caller may see and end. Users may do this only for themselves; the service and
/// admins for everyone.
pub(super) fn session_owner(tx: &dyn Tx, caller: Caller, directory: Directory, name: &Name) -> Result<User> {
    if !governs(tx, caller, Govern::EndSessions)? {
        return editable(tx, caller, directory, name);
    }
    not_special(found(tx, caller, directory, name)?)
}

/// Ends all tokens of a user except one, and closes their sockets.
pub(super) fn end_others(unit: &mut Unit, user: UserId, kept: &TokenHash) -> Result<()> {
    for ended in unit.tx.tokens_delete_others(user, kept)? {
        unit.publish_end(ended);
    }
    Ok(())
}

/// Records a new token, and the client that requested it for itself.
pub(super) fn begin(unit: &mut Unit, token: &TokenHash, client: Option<&SessionClient>) -> Result<()> {
    let now = unit.now();
    unit.tx.session_begin(token, now, client)
}
