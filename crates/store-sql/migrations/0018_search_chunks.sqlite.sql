-- The index of the search, by date. That of an earlier form is dropped: the server builds it anew from the messages.
DROP TABLE search_words;
DELETE FROM search_groups;

-- The terms of a message, and that of its group: # and the ordinal. Chinwag cuts the words: ascii takes each as it is. Deleted words
-- are overwritten (secure-delete).
CREATE VIRTUAL TABLE search_words USING fts5 (
    terms, content = '', detail = none, columnsize = 0, tokenize = 'ascii tokenchars ''#'''
);
INSERT INTO search_words (search_words, rank) VALUES ('secure-delete', 1);

-- The messages of the rows of search_words, up to 256 in a chunk, whose rows begin at 256 times its number. All dates of a
-- chunk are from first to last. A message is in the chunk of the longest such span that was not full: spans are divided by 16,
-- down to one microsecond, whose further messages are in parts by group and number. entries: in the order of the rows, the
-- date after first, the ordinal of the group and the number of each, 7 bits a byte.
CREATE TABLE search_chunks (
    chunk   INTEGER PRIMARY KEY,
    last    INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    entries BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_chunks_by_date ON search_chunks (last, first, part);
