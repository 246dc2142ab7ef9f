-- The feed of events: what changed, by its ids. kind is a FeedKind. position is the place in the feed, given after the
-- commit. No row has text of a message.
CREATE TABLE events (
    id           INTEGER NOT NULL PRIMARY KEY,
    position     INTEGER,
    kind         INTEGER NOT NULL,
    date         INTEGER NOT NULL,
    group_id     BLOB    CHECK (length(group_id) = 16),
    seq          INTEGER,
    message_id   BLOB    CHECK (length(message_id) = 16),
    message_seq  INTEGER,
    message_date INTEGER,
    user_id      INTEGER,
    detail       BLOB
) STRICT;
CREATE INDEX events_by_position ON events (position, id);

-- Whether changes are noted; no row means no. It is apart from feed_bounds, which every numbering changes.
CREATE TABLE feed (
    one     INTEGER NOT NULL PRIMARY KEY,
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT;

-- The last position that was given, and the last one whose event is not kept.
CREATE TABLE feed_bounds (
    one     INTEGER NOT NULL PRIMARY KEY,
    last    INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
