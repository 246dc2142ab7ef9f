-- All messages of a group up to this number are erased: pages begin after it. Erasures raise it.
ALTER TABLE groups ADD COLUMN erased_seq {number} NOT NULL DEFAULT 0;
