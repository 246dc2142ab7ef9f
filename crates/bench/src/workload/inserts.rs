//! W5's bare loop on PostgreSQL: batches of messages, each one prepared statement that takes the
//! groups' numbers and inserts into the real table with all its indexes, and one commit.

use std::time::{Duration, Instant};

use anyhow::Result;
use chinwag_core::Clock;
use chinwag_core::clock::SystemClock;
use tokio_postgres::NoTls;

use crate::frame;
use crate::world::World;

const SQL: &str = "WITH moved AS (
        UPDATE chinwag.groups g SET last_seq = g.last_seq + n.count
        FROM unnest($1::uuid[], $2::bigint[]) n (group_id, count) WHERE g.id = n.group_id
        RETURNING g.id, g.last_seq - n.count AS before
    )
    INSERT INTO chinwag.messages (group_id, seq, author_id, date, id, body)
    SELECT a.group_id, moved.before + a.place, a.author_id, a.date, a.id, a.body
    FROM unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::uuid[], $8::text[])
        AS a (group_id, place, author_id, date, id, body)
    JOIN moved ON moved.id = a.group_id";

/// Messages a second, `batch` in each commit, as many in each group.
pub(super) async fn run(world: &World, batch: usize, stretch: Duration) -> Result<f64> {
    let (client, connection) = tokio_postgres::connect(&world.shared()?.url(), NoTls).await?;
    tokio::spawn(connection);
    let (statement, clock) = (client.prepare(SQL).await?, SystemClock::default());
    let each = i64::try_from(batch / world.groups.len())?;
    let groups: Vec<_> = world.groups.iter().map(|group| group.0).collect();
    let counts = vec![each; groups.len()];
    let rows = || (0..groups.len()).flat_map(|group| (1..=each).map(move |place| (group, place)));
    let of: Vec<_> = rows().map(|(group, _)| groups[group]).collect();
    let places: Vec<_> = rows().map(|(_, place)| place).collect();
    let authors: Vec<_> = rows().map(|(group, _)| world.users[group * 2].0).collect();
    let bodies: Vec<_> = rows().map(|_| frame::body(1, 0)).collect();
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < stretch {
        let dates: Vec<_> = of.iter().map(|_| clock.now().micros()).collect();
        let ids: Vec<_> = of.iter().map(|_| clock.uuid()).collect();
        client
            .execute(&statement, &[&groups, &counts, &of, &places, &authors, &dates, &ids, &bodies])
            .await?;
        done += of.len();
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}
