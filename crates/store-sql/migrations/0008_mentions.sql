-- The users for whom a message counts as a mention; user 0 stands for everyone in the group. The mentions in
-- messages.detail are the truth. Rows of a group, message or user that is no more remain until a task has removed them.
CREATE TABLE mentions (
    group_id  {id}     NOT NULL,
    seq       {number} NOT NULL,
    user_id   {number} NOT NULL,
    author_id {number} NOT NULL,
    PRIMARY KEY (group_id, seq, user_id)
);
-- Covers the count of a user's mentions.
CREATE INDEX mentions_by_user ON mentions (user_id, group_id, seq, author_id);
