//! The mapping of OpenID Connect identities to users.

use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::{Date, Error, Result, UserId};

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Sql, Text};

table! {
    PROVIDER_IDENTITIES: "provider_identities" by (issuer: Text, subject: Text)
    user_id: Number, created: Number,
}

crate::implement! {
    ($) impl_provider_identities: ProviderIdentities by oidc
    read {
        provider_user(identity: &ProviderIdentity) -> Option<UserId>;
        provider_identities(user: UserId) -> Vec<ProviderIdentity>;
    }
    write {
        provider_identity_insert(identity: &ProviderIdentity, user: UserId, created: Date) -> ();
        provider_identities_delete(user: UserId) -> ();
    }
}

pub fn provider_user(sql: &impl Sql, identity: &ProviderIdentity) -> Result<Option<UserId>> {
    const FIND: Text =
        Text::same("SELECT user_id FROM provider_identities WHERE issuer = $1 AND subject = $2");
    sql.one(FIND, params![identity.issuer(), identity.subject()], |row| row.get(0))
}

pub fn provider_identities(sql: &impl Sql, user: UserId) -> Result<Vec<ProviderIdentity>> {
    const LIST: Text = Text::same(
        "SELECT issuer, subject FROM provider_identities WHERE user_id = $1 ORDER BY issuer, subject",
    );
    sql.all(LIST, params![user], read)
}

pub fn provider_identity_insert(
    sql: &mut impl Sql,
    identity: &ProviderIdentity,
    user: UserId,
    created: Date,
) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO provider_identities (issuer, subject, user_id, created) VALUES ($1, $2, $3, $4)",
    );
    sql.change(INSERT, params![identity.issuer(), identity.subject(), user, created]).map(drop)
}

pub fn provider_identities_delete(sql: &mut impl Sql, user: UserId) -> Result<()> {
    const DELETE: Text = Text::same("DELETE FROM provider_identities WHERE user_id = $1");
    sql.change(DELETE, params![user]).map(drop)
}

fn read(row: &dyn Columns) -> Result<ProviderIdentity> {
    let (issuer, subject): (String, String) = (row.get(0)?, row.get(1)?);
    ProviderIdentity::parse(&issuer, &subject).map_err(Error::internal)
}
