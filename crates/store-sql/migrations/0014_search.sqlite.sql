-- The index of the words of messages. It can be built anew from the messages, so no other store takes it over.
-- ordinal numbers the groups, and is never given again; the index has the messages of a group up to the number position.
CREATE TABLE search_groups (
    ordinal  INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB    NOT NULL UNIQUE CHECK (length(group_id) = 16),
    position INTEGER NOT NULL
) STRICT;
-- The terms of a message, under its group's ordinal in the upper bits and its number in the lower 36. Chinwag cuts the
-- words: ascii takes each as it is. Deleted words are overwritten (secure-delete).
CREATE VIRTUAL TABLE search_words USING fts5 (terms, content = '', detail = none, columnsize = 0, tokenize = 'ascii');
INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', 1);
-- The removals of many messages at once leave their words in the table's segments until these are merged: number grows with
-- each of them.
CREATE TABLE search_removals (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO search_removals VALUES (1, 0);
