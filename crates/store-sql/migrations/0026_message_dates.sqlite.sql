-- The messages that stand, by date: those up to dated_seq of their group. The few after it are found by their number, so that
-- a message does not cost a page of this table, but every 32nd.
CREATE TABLE message_dates (
    group_id BLOB    NOT NULL,
    date     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (group_id, date, seq)
) STRICT, WITHOUT ROWID;
ALTER TABLE groups ADD COLUMN dated_seq INTEGER NOT NULL DEFAULT 0;
INSERT INTO message_dates (group_id, date, seq)
    SELECT group_id, date, seq FROM messages INDEXED BY messages_by_date WHERE body IS NOT NULL
    ORDER BY group_id, date, seq;
UPDATE groups SET dated_seq = last_seq;
DROP INDEX messages_by_date;
