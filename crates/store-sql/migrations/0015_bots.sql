-- Keys of bots, by the SHA-256 of each. group_ids has the ids of the groups in which a key is good, 16 bytes each; may has a
-- bit for each BotRight.
CREATE TABLE bot_keys (
    hash      {bytes}  NOT NULL PRIMARY KEY,
    id        {id}     NOT NULL,
    user_id   {number} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_ids {bytes}  NOT NULL,
    may       {number} NOT NULL,
    created   {number} NOT NULL
);
CREATE INDEX bot_keys_by_user ON bot_keys (user_id, id);

-- Addresses to which other programs post in the name of a bot, by the SHA-256 of their secret. Rows of a group that is no
-- more remain until a task has removed them.
CREATE TABLE incoming_hooks (
    hash     {bytes}  NOT NULL PRIMARY KEY,
    id       {id}     NOT NULL,
    user_id  {number} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id {id}     NOT NULL,
    created  {number} NOT NULL
);
CREATE INDEX incoming_hooks_by_user ON incoming_hooks (user_id, id);
CREATE INDEX incoming_hooks_by_group ON incoming_hooks (group_id);
