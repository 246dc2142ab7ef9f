-- The position of each follower in its work, and its lease. follower: 0 the removal of expired tokens. term is
-- the number of the last lease, step counts what its holder has done in it, and holder is the node that has
-- it. position has the follower's own form.
CREATE TABLE followers (
    follower INTEGER NOT NULL PRIMARY KEY,
    term     INTEGER NOT NULL CHECK (term > 0),
    step     INTEGER NOT NULL CHECK (step >= 0),
    holder   BLOB    CHECK (length(holder) = 16),
    position BLOB    CHECK (length(position) <= 64)
) STRICT;
