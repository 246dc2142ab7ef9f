//! Positions and leases of followers.

use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{Follower, FollowerState, Lease, Sign};
use chinwag_core::{HolderId, Result};

use crate::sql::params;
use crate::transfer::table;
use crate::{Sql, Text};

table! {
    FOLLOWERS: "followers" by (follower: Short)
    term: Number, step: Number, holder: Id, position: Bytes,
}

crate::implement! {
    ($) impl_followers: Followers by follower
    read {
        follower(follower: Follower) -> FollowerState;
    }
    write {
        lease_take(follower: Follower, holder: HolderId, seen: Sign) -> Option<Lease>;
        lease_step(lease: &Lease, position: Option<&[u8]>) -> bool;
        lease_release(lease: &Lease) -> bool;
    }
}

pub fn follower(sql: &impl Sql, follower: Follower) -> Result<FollowerState> {
    const FIND: Text = Text::same("SELECT holder, term, step, position FROM followers WHERE follower = $1");
    let state = sql.one(FIND, params![follower.number()], |row| {
        Ok(FollowerState {
            holder: row.maybe(0)?,
            sign: Sign { term: row.get(1)?, step: row.get(2)? },
            position: row.bytes(3)?.map(<[u8]>::to_vec).unwrap_or_default(),
        })
    })?;
    Ok(state.unwrap_or_default())
}

pub fn lease_take(
    sql: &mut impl Sql,
    follower: Follower,
    holder: HolderId,
    seen: Sign,
) -> Result<Option<Lease>> {
    const TAKE: Text = Text::same(
        "INSERT INTO followers (follower, term, step, holder) VALUES ($1, 1, 0, $2)
        ON CONFLICT (follower) DO UPDATE SET term = followers.term + 1, step = 0, holder = $2
            WHERE followers.term = $3 AND followers.step = $4
        RETURNING term",
    );
    let params = params![follower.number(), holder, seen.term, seen.step];
    sql.change_one(TAKE, params, |row| Ok(Lease { follower, term: row.get(0)? }))
}

pub fn lease_step(sql: &mut impl Sql, lease: &Lease, position: Option<&[u8]>) -> Result<bool> {
    const STEP: Text = Text::same(
        "UPDATE followers SET step = step + 1, position = coalesce($1, position)
        WHERE follower = $2 AND term = $3 AND holder IS NOT NULL",
    );
    Ok(sql.change(STEP, params![position, lease.follower.number(), lease.term])? > 0)
}

pub fn lease_release(sql: &mut impl Sql, lease: &Lease) -> Result<bool> {
    const RELEASE: Text = Text::same(
        "UPDATE followers SET step = step + 1, holder = NULL
        WHERE follower = $1 AND term = $2 AND holder IS NOT NULL",
    );
    Ok(sql.change(RELEASE, params![lease.follower.number(), lease.term])? > 0)
}
