-- When a token was made, when its use was last noted, and of what browser or program it is. A token of an earlier version has
-- no date of its making.
ALTER TABLE tokens ADD COLUMN created {number};
ALTER TABLE tokens ADD COLUMN last_used {number};
ALTER TABLE tokens ADD COLUMN agent {text};
ALTER TABLE tokens ADD COLUMN address {text};
