//! The statements of a batch.

use chinwag_core::stored_number;
use chinwag_store_sql::{block_stands, gone};

/// Locks these groups' rows: until this transaction ends, no other one assigns numbers of their logs.
pub(crate) const HOLD: &str = "SELECT 1 FROM groups WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// Looks up each author once per group, regardless of the number of its messages, and then each message.
///
/// Each `OFFSET 0` keeps the planner from using only a part of a key, which would read all rows of a large
/// group. The check that a message is not erased is outside of it, because the planner could otherwise scan a
/// whole partial index if it believes that the table is empty.
///
/// Returns one row per writer, one row with the numbers of all messages in order, and one row for each
/// message with further facts.
///
/// A group that was created between the two statements is not locked. If another transaction has assigned
/// numbers of its log in between, the number -1 violates a constraint and rolls back the batch, which is then
/// retried.
pub(crate) const SEND: &str = concat!(
    "WITH writers AS MATERIALIZED (
        SELECT w.place, g.last_seq, u.id, u.name, u.special, m.role, m.pending, b.blocked, g.slow,
            g.id IS NOT NULL AND coalesce(m.role = ANY($14) AND NOT m.pending, false) AND NOT b.blocked
                AND (g.slow = 0 OR m.role >= ",
    stored_number!(Role::Admin),
    ")
                AND (w.fold IS NULL OR w.fold = u.fold) AS may
        FROM unnest($2::integer[], $3::bigint[], $4::bytea[], $5::bigint[], $6::text[]) WITH ORDINALITY
            AS w (group_at, caller, token, moment, fold, place)
        LEFT JOIN groups g ON g.id = ($1::uuid[])[w.group_at]
        LEFT JOIN users u ON u.id = CASE WHEN w.token IS NULL
            THEN coalesce(w.caller, (SELECT id FROM users WHERE fold = w.fold))
            ELSE (SELECT user_id FROM tokens WHERE hash = w.token AND kind = ",
    stored_number!(TokenKind::Token),
    " AND expires > w.moment) END
            AND (w.token IS NULL OR coalesce(u.suspended_until, 0) <= w.moment)
        LEFT JOIN LATERAL (
            SELECT role, pending FROM memberships
            WHERE group_id = g.id AND user_id = u.id OFFSET 0
        ) m ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN g.pair_low IS NULL THEN false ELSE ",
    block_stands!("g.pair_low", "g.pair_high"),
    " OR ",
    block_stands!("g.pair_high", "g.pair_low"),
    " END AS blocked OFFSET 0) b
    ), known AS MATERIALIZED (
        SELECT array_agg(coalesce(last_seq, 0)) AS last_seqs, array_agg(coalesce(id, 0)) AS ids, array_agg(may) AS may
        FROM (SELECT * FROM writers ORDER BY place) w
    ), judged AS (
        SELECT f.*, CASE WHEN f.stays THEN f.last_seq
            + count(*) FILTER (WHERE f.stays) OVER (PARTITION BY f.group_at ORDER BY f.place) END AS seq
        FROM (
            SELECT a.*, ($2::integer[])[a.writer] AS group_at, k.last_seqs[a.writer] AS last_seq,
                k.ids[a.writer] AS author_id, p.id AS prior_id, p.seq AS prior_seq, p.date AS prior_date,
                p.body_hash AS prior_hash, p.answers AS prior_answers, p.thread_id, p.thread_seq,
                p.thread_stands, r.seq AS answered, t.seq AS root,
                k.may[a.writer] AND p.id IS NULL AND (a.respond_to IS NULL OR r.seq IS NOT NULL)
                    AND (a.thread IS NULL OR t.seq IS NOT NULL) AS stays
            FROM known k CROSS JOIN unnest($7::integer[], $8::text[], $9::uuid[], $10::uuid[], $11::bigint[], $12::text[],
                    $13::bytea[], $15::bytea[], $16::uuid[]) WITH ORDINALITY
                AS a (writer, client_id, respond_to, id, date, body, body_hash, detail, thread, place)
            LEFT JOIN LATERAL (
                SELECT m.id, m.seq, m.date, m.body_hash, q.id AS answers, w.id AS thread_id, w.seq AS thread_seq,
                    w.stands AS thread_stands
                FROM messages m LEFT JOIN LATERAL (
                    SELECT CASE WHEN body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " THEN id END AS id FROM messages
                    WHERE group_id = m.group_id AND seq = m.respond_to OFFSET 0
                ) q ON true
                LEFT JOIN LATERAL (
                    SELECT id, seq, body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " AS stands FROM messages
                    WHERE group_id = m.group_id AND seq = m.thread OFFSET 0
                ) w ON true
                WHERE m.group_id = ($1::uuid[])[($2::integer[])[a.writer]] AND m.author_id = k.ids[a.writer]
                    AND m.client_id = a.client_id OFFSET 0
            ) p ON true
            LEFT JOIN LATERAL (
                SELECT seq, group_id, body IS NOT NULL AND NOT ",
    gone!(postgres "author_id"),
    " AS stands
                FROM messages WHERE id = a.respond_to OFFSET 0
            ) r ON r.stands AND r.group_id = ($1::uuid[])[($2::integer[])[a.writer]]
            LEFT JOIN LATERAL (
                SELECT x.seq, x.group_id, x.body IS NOT NULL AND NOT ",
    gone!(postgres "x.author_id"),
    " AND NOT coalesce((
                    SELECT z.body IS NOT NULL AND NOT ",
    gone!(postgres "z.author_id"),
    " FROM messages z WHERE z.group_id = x.group_id AND z.seq = x.thread OFFSET 0
                ), false) AS stands
                FROM messages x WHERE x.id = a.thread OFFSET 0
            ) t ON t.stands AND t.group_id = ($1::uuid[])[($2::integer[])[a.writer]]
        ) f
    ), kept AS (
        INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, thread, client_id, body_hash, detail, body)
        SELECT ($1::uuid[])[group_at], seq, author_id, date, id, answered, root, client_id, body_hash, detail, body
        FROM judged WHERE stays
    ), moved AS (
        UPDATE groups g SET last_seq = CASE WHEN g.last_seq = n.before THEN n.last ELSE -1 END,
            newest_seq = n.last, newest_date = n.date
        FROM (SELECT group_at, min(last_seq) AS before, max(seq) AS last, (array_agg(date ORDER BY seq DESC))[1] AS date
            FROM judged WHERE stays GROUP BY group_at) n
        WHERE g.id = ($1::uuid[])[n.group_at]
    ), noted AS (
        INSERT INTO events (kind, date, group_id, seq, message_id, message_seq, message_date, user_id)
        SELECT ",
    stored_number!(FeedKind::MessageText),
    ", $17::bigint, ($1::uuid[])[group_at], seq, id, seq, date, author_id
        FROM judged WHERE stays AND (SELECT enabled FROM feed WHERE one = 1)
        ORDER BY place
    )
    SELECT -place, id, name, special, role, last_seq IS NOT NULL, pending, blocked, slow,
        NULL::bigint[], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM writers
    UNION ALL
    SELECT place, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, prior_id, prior_seq, prior_date, prior_hash, prior_answers, answered, root, thread_id, thread_seq, thread_stands
    FROM judged WHERE prior_id IS NOT NULL OR answered IS NOT NULL OR root IS NOT NULL
    UNION ALL
    SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        array_agg(seq ORDER BY place), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM judged"
);

/// Marks those of these messages that have replies as roots. Only batches with replies run it.
pub(crate) const MARK: &str =
    "UPDATE messages m SET thread = 0 WHERE m.id = ANY($1) AND m.thread IS DISTINCT FROM 0
    AND EXISTS (SELECT 1 FROM messages x
        WHERE x.group_id = m.group_id AND x.thread = m.seq AND x.body IS NOT NULL OFFSET 0)";
