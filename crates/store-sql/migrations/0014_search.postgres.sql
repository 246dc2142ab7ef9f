-- The index of the words of messages. It can be built anew from the messages, so no other store takes it over.
-- ordinal numbers the groups, and is never given again; the index has the messages of a group up to the number position.
CREATE TABLE search_groups (
    ordinal  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    group_id uuid   NOT NULL UNIQUE,
    position bigint NOT NULL
);
-- The terms of a message, and that of its group: # and the ordinal. The order and the folding of words are Chinwag's.
CREATE TABLE search_words (
    group_id uuid     NOT NULL,
    seq      bigint   NOT NULL,
    date     bigint   NOT NULL,
    terms    tsvector NOT NULL,
    PRIMARY KEY (group_id, seq)
);
CREATE INDEX search_words_by_term ON search_words USING gin (terms) WITH (gin_pending_list_limit = 256);
-- The index keeps the words of removed rows until it is built anew: the number grows with each removal.
CREATE SEQUENCE search_removals;
