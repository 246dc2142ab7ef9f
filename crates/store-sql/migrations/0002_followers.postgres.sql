-- The position of each follower in its work, and its lease. follower: 0 the removal of expired tokens. term is
-- the number of the last lease, step counts what its holder has done in it, and holder is the node that has
-- it. position has the follower's own form.
CREATE TABLE followers (
    follower smallint PRIMARY KEY,
    term     bigint   NOT NULL CHECK (term > 0),
    step     bigint   NOT NULL CHECK (step >= 0),
    holder   uuid,
    position bytea    CHECK (length(position) <= 64)
);
