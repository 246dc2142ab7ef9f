-- The keys of the service beside the first one, by their hashes. scopes: the bits of what each is good for.
CREATE TABLE scoped_keys (
    hash    {bytes}  NOT NULL PRIMARY KEY,
    id      {id}     NOT NULL UNIQUE,
    scopes  {number} NOT NULL,
    created {number} NOT NULL,
    expires {number}
);
CREATE INDEX scoped_keys_by_end ON scoped_keys (expires) WHERE expires IS NOT NULL;
