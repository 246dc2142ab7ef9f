-- With groups_by_pair: the private groups of a user.
CREATE INDEX groups_by_pair_high ON groups (pair_high) WHERE pair_low IS NOT NULL;
