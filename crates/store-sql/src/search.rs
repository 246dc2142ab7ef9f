//! Messages in order of date.

use chinwag_core::message::MessageDetail;
use chinwag_core::store::{Candidate, SearchPlace};
use chinwag_core::{Date, GroupId, Result, Seq};

use crate::sql::params;
use crate::{Keys, Sql, Text, limit};

crate::implement! {
    ($) impl_candidates: Candidates by search
    read {
        candidates(groups: &[GroupId], before: (Date, Seq), most: usize) -> Vec<Candidate>;
    }
    write {}
}

pub fn candidates(
    sql: &impl Sql,
    groups: &[GroupId],
    before: (Date, Seq),
    most: usize,
) -> Result<Vec<Candidate>> {
    // Those of an author who is no more do not stand, and so count towards no limit.
    macro_rules! newest {
        ($messages:literal, $group:literal) => {
            concat!(
                "SELECT m.date, m.group_id, m.seq, m.id, m.author_id, m.body, m.detail FROM ",
                $messages,
                " ON u.id = m.author_id WHERE m.body IS NOT NULL AND m.group_id = ",
                $group,
                " AND (m.date, m.seq) < ($2, $3) ORDER BY m.date DESC, m.seq DESC LIMIT $4"
            )
        };
    }
    const FIND: Text = Text::two(
        newest!("messages m INDEXED BY messages_by_date CROSS JOIN users u", "$1"),
        concat!(
            "SELECT found.* FROM unnest($1::uuid[]) asked (id) CROSS JOIN LATERAL (",
            newest!("messages m JOIN users u", "asked.id"),
            ") found"
        ),
    );
    let keys = Keys::Ids(groups.iter().map(|group| group.0).collect());
    let (date, seq) = before;
    sql.each(FIND, &keys, params![date, seq, limit(most)], |row| {
        let place = SearchPlace { date: row.get(0)?, group: row.get(1)?, seq: row.get(2)? };
        Ok(Candidate {
            place,
            id: row.get(3)?,
            author: row.get(4)?,
            body: row.text(5)?.unwrap_or_default().to_owned(),
            detail: row.bytes(6)?.map(|column| MessageDetail::read(column).0).unwrap_or_default(),
        })
    })
}
