-- The users who may not join a group, nor be added to it. Rows of a group or user that is no more remain until a task has
-- removed them.
CREATE TABLE bans (
    group_id {id}     NOT NULL,
    user_id  {number} NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX bans_by_user ON bans (user_id, group_id);

-- The codes with which anyone joins a group. A code stands while its maker is a member; one that the
-- service made in nobody's name has none. uses is what is left of them, and without a number there is no end to them.
CREATE TABLE invites (
    code     {text}   NOT NULL PRIMARY KEY,
    group_id {id}     NOT NULL,
    maker_id {number},
    created  {number} NOT NULL,
    expires  {number} NOT NULL,
    uses     {number} CHECK (uses > 0)
);
CREATE INDEX invites_by_group ON invites (group_id, created, code);
CREATE INDEX invites_by_expiry ON invites (expires);

-- The beginning of the name of an open group, in the form for searching; null in every other group.
ALTER TABLE groups ADD COLUMN open_key {text};
UPDATE groups SET open_key = lower(substr(name, 1, 64)) WHERE open;
CREATE INDEX groups_by_open_key ON groups (open_key, id) WHERE open_key IS NOT NULL;
