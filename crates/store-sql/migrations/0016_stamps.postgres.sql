-- Stamps: points in the order of commits. A row has the id of the transaction which changed it, so that a client which
-- comes back receives what changed since it was here; that of a group is xmin, which every row has. No stamp means
-- before the first. id names the order, which no other store goes on with. removed is the first stamp from which all
-- departures are kept.
CREATE TABLE stamps (
    one     smallint PRIMARY KEY,
    id      uuid     NOT NULL,
    removed bigint   NOT NULL
);
INSERT INTO stamps (one, id, removed) VALUES (1, gen_random_uuid(), 0);

-- About one stamp for each day, so that departures can be removed by their age.
CREATE TABLE stamp_dates (
    date  bigint PRIMARY KEY,
    stamp bigint NOT NULL
);

-- The users who are no longer in a group, which is deleted or not.
CREATE TABLE departures (
    user_id  bigint  NOT NULL,
    group_id uuid    NOT NULL,
    stamp    bigint  NOT NULL,
    deleted  boolean NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX departures_by_stamp ON departures (stamp);

-- Those of a user's joining or acceptance, of its mark and its settings, and of a profile.
ALTER TABLE memberships ADD COLUMN joined_stamp bigint;
ALTER TABLE memberships ADD COLUMN read_stamp bigint;
ALTER TABLE memberships ADD COLUMN settings_stamp bigint;
ALTER TABLE users ADD COLUMN profile_stamp bigint;
