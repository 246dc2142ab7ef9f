-- Reactions to messages. Each has taken the number seq of its group's log. The tallies in messages.detail are made
-- from these rows. Rows of a group, message or user that is no more remain until a task has removed them.
CREATE TABLE reactions (
    group_id    {id}     NOT NULL,
    message_seq {number} NOT NULL,
    seq         {number} NOT NULL CHECK (seq > message_seq),
    user_id     {number} NOT NULL,
    emoji       {text}   NOT NULL,
    date        {number} NOT NULL,
    PRIMARY KEY (group_id, message_seq, seq)
);
CREATE UNIQUE INDEX reactions_by_emoji ON reactions (group_id, message_seq, emoji, user_id);
CREATE INDEX reactions_by_user ON reactions (user_id, group_id, message_seq, seq);
