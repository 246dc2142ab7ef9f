//! Groups that anyone may join.

use chinwag_core::Result;
use chinwag_core::store::{OpenGroupRow, OpenPlace};
use uuid::Uuid;

use crate::group::read;
use crate::sql::params;
use crate::{Columns, Sql, Text, group_columns, limit};

crate::implement! {
    ($) impl_open_groups: OpenGroups by open_group
    read {
        open_groups(prefix: &str, after: Option<&OpenPlace>, limit: usize) -> Vec<OpenGroupRow>;
    }
    write {}
}

pub fn open_groups(
    sql: &impl Sql,
    prefix: &str,
    after: Option<&OpenPlace>,
    most: usize,
) -> Result<Vec<OpenGroupRow>> {
    macro_rules! page {
        ($users:literal) => {
            concat!(
                "SELECT ",
                group_columns!(),
                ", g.open_key, (SELECT count(*) FROM memberships m CROSS JOIN ",
                $users,
                " WHERE m.group_id = g.id) FROM groups g WHERE g.open_key >= $1 AND g.open_key < $2
                AND (g.open_key, g.id) > ($3, $4) ORDER BY g.open_key, g.id LIMIT $5"
            )
        };
    }
    const PAGE: Text = Text::two(
        page!("users u ON u.id = m.user_id"),
        page!("LATERAL (SELECT 1 FROM users WHERE id = m.user_id OFFSET 0) u"),
    );
    let end = format!("{prefix}\u{10ffff}");
    let (key, id) = after.map_or((prefix, Uuid::nil()), |after| (&*after.key, after.group.0));
    sql.all(PAGE, params![prefix, end.as_str(), key, id, limit(most)], |row: &dyn Columns| {
        let group = read(row)?;
        let place = OpenPlace { key: row.get(11)?, group: group.id };
        let members_count = usize::try_from(row.get::<i64>(12)?).unwrap_or(0);
        Ok(OpenGroupRow { group, members_count, place })
    })
}
