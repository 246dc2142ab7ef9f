-- The days after which messages of a group are erased; null: never, unless the server says so.
ALTER TABLE groups ADD COLUMN keep {number} CHECK (keep > 0);
CREATE INDEX groups_by_keep ON groups (id) WHERE keep IS NOT NULL;
-- Kind 5 erases old messages of the groups in its detail.
CREATE INDEX tasks_of_retention ON tasks (id) WHERE kind = 5;
