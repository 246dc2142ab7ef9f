//! Identities at OpenID Connect providers in the store.

use crate::oidc::ProviderIdentity;
use crate::{Date, Result, UserId};

/// Identities of users at providers, in a transaction.
///
/// **Atomicity.** An identity ends in the transaction that removes its user. **Order.** The identities of a
/// user are in order of issuer and subject. **Loss.** None. **Bound.** One per user, ensured by the use case.
pub trait ProviderIdentities {
    /// The user with this identity.
    fn provider_user(&self, identity: &ProviderIdentity) -> Result<Option<UserId>>;

    /// The identities of a user.
    fn provider_identities(&self, user: UserId) -> Result<Vec<ProviderIdentity>>;

    /// Assigns an identity to a user. No user may have it yet.
    fn provider_identity_insert(
        &mut self,
        identity: &ProviderIdentity,
        user: UserId,
        created: Date,
    ) -> Result<()>;

    /// Removes the identities of a user.
    fn provider_identities_delete(&mut self, user: UserId) -> Result<()>;
}
