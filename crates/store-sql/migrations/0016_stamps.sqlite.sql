-- Stamps: points in the order of commits. A row has that of the commit which changed it, so that a client which comes back
-- receives what changed since it was here. No stamp means before the first. Each process writes with stamps that it has
-- reserved; reserved is the last one that any has. id names the order, which no other store goes on with. removed is the
-- first stamp from which all departures are kept.
CREATE TABLE stamps (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    reserved INTEGER NOT NULL,
    removed  INTEGER NOT NULL
) STRICT;
INSERT INTO stamps (one, id, reserved, removed) VALUES (1, randomblob(16), 0, 0);

-- About one stamp for each day, so that departures can be removed by their age.
CREATE TABLE stamp_dates (
    date  INTEGER NOT NULL PRIMARY KEY,
    stamp INTEGER NOT NULL
) STRICT;

-- The users who are no longer in a group, which is deleted or not.
CREATE TABLE departures (
    user_id  INTEGER NOT NULL,
    group_id BLOB    NOT NULL CHECK (length(group_id) = 16),
    stamp    INTEGER NOT NULL,
    deleted  INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX departures_by_stamp ON departures (stamp);

-- Those of a group's newest change, of a user's joining or acceptance, of its mark and its settings, and of a profile.
ALTER TABLE groups ADD COLUMN stamp INTEGER;
ALTER TABLE memberships ADD COLUMN joined_stamp INTEGER;
ALTER TABLE memberships ADD COLUMN read_stamp INTEGER;
ALTER TABLE memberships ADD COLUMN settings_stamp INTEGER;
ALTER TABLE users ADD COLUMN profile_stamp INTEGER;
