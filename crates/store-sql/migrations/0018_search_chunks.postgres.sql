-- The index of the search, by date. That of an earlier form is dropped: the server builds it anew from the messages.
DROP TABLE search_words;
DELETE FROM search_groups;

-- The terms of a message, separated by spaces, and that of its group: # and the ordinal. The order and the folding of words are Chinwag's.
CREATE TABLE search_words (
    date    bigint NOT NULL,
    seq     bigint NOT NULL,
    ordinal bigint NOT NULL,
    terms   text COLLATE "C" NOT NULL
);
CREATE INDEX search_words_by_date ON search_words (date, seq);
CREATE INDEX search_words_by_term ON search_words
    USING gin (array_to_tsvector(string_to_array(terms, ' '))) WITH (gin_pending_list_limit = 256);
