-- A user's memberships by their last change, and with groups_by_pair its private groups: a client that comes back is answered
-- without a look at each of its memberships.
CREATE INDEX memberships_by_change ON memberships
    (user_id, max(coalesce(joined_stamp, 0), coalesce(read_stamp, 0), coalesce(settings_stamp, 0)));
CREATE INDEX groups_by_pair_high ON groups (pair_high) WHERE pair_low IS NOT NULL;
