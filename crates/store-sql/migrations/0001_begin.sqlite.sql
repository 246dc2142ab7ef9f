-- Version 1, which never changes: a later version is a migration of its own. The numbers in columns
-- named kind, role, origin, added_by and write_first are those of core/src/store/encoding.rs. A column
-- whose values may grow has no CHECK on them.

-- Dates are microseconds since 1970. Ids that clients see are UUIDs of 16 bytes.

-- Names this store's numbers: a restore of an earlier state gives them another name, so that no
-- client takes one history for the other. exact_case: whether ASCII names of users differ by case.
CREATE TABLE history (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    exact_case INTEGER NOT NULL DEFAULT 0 CHECK (exact_case IN (0, 1))
) STRICT, WITHOUT ROWID;

-- origin: 0 signed up here, 1 vouched for by the host application. kind: 0 person, 1 bot.
-- added_by and write_first: 0 anyone, 1 contacts, 2 nobody.
CREATE TABLE users (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT    NOT NULL,
    fold           TEXT    NOT NULL UNIQUE,
    name_key       TEXT    NOT NULL,
    special        INTEGER NOT NULL CHECK (special IN (0, 1)),
    created        INTEGER NOT NULL,
    origin         INTEGER NOT NULL DEFAULT 1 CHECK (origin IN (0, 1)),
    kind           INTEGER NOT NULL DEFAULT 0 CHECK (kind IN (0, 1)),
    display_name   TEXT,
    shown_key      TEXT,
    avatar         TEXT,
    data           TEXT,
    last_seen      INTEGER,
    added_by       INTEGER NOT NULL DEFAULT 0 CHECK (added_by BETWEEN 0 AND 2),
    write_first    INTEGER NOT NULL DEFAULT 0 CHECK (write_first BETWEEN 0 AND 2),
    hide_last_seen INTEGER NOT NULL DEFAULT 0 CHECK (hide_last_seen IN (0, 1)),
    hide_reads     INTEGER NOT NULL DEFAULT 0 CHECK (hide_reads IN (0, 1))
) STRICT;

-- The keys by which names and display names are searched.
CREATE INDEX users_by_name_key ON users (name_key);
CREATE INDEX users_by_shown_key ON users (shown_key) WHERE shown_key IS NOT NULL;

-- Every key under which a name claims its look: whoever holds one keeps all others from it.
CREATE TABLE name_claims (
    claim   TEXT    NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX name_claims_by_user ON name_claims (user_id);

-- The claims of deleted and renamed users' names, which nobody but the service gives anew until then.
CREATE TABLE held_names (
    claim TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX held_names_by_end ON held_names (until);

CREATE TABLE passwords (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc     TEXT    NOT NULL
) STRICT;

-- kind: 0 token, 1 ticket; of_token is the token that asked for a ticket, if one did. number orders a
-- user's tokens as they were made.
CREATE TABLE tokens (
    hash    BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    of_token BLOB,
    number  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user_id, number);
CREATE INDEX tokens_by_expiry ON tokens (expires);

-- What from_id's row about to_id says, and since when. kind: 0 invitation, 1 contact, 2 block.
CREATE TABLE relations (
    from_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    to_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    since   INTEGER NOT NULL,
    PRIMARY KEY (from_id, to_id),
    CHECK (from_id <> to_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX relations_by_target ON relations (to_id, from_id, kind);

-- A group is private if it has a pair, whose lower number comes first; a user's notes to itself are
-- the pair of that user twice. newest_seq and newest_date are those of the newest message that is not
-- erased: they order a user's groups without reading messages.
CREATE TABLE groups (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    last_seq    INTEGER NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
    newest_seq  INTEGER,
    newest_date INTEGER,
    name        TEXT    NOT NULL,
    pair_low    INTEGER,
    pair_high   INTEGER,
    CHECK ((newest_seq IS NULL) = (newest_date IS NULL)),
    CHECK ((pair_low IS NULL) = (pair_high IS NULL)),
    CHECK (pair_low <= pair_high)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX groups_by_pair ON groups (pair_low, pair_high) WHERE pair_low IS NOT NULL;

-- Memberships, messages and log entries outlive a group or user that is deleted until a task has removed
-- them, so they have no foreign keys: whoever reads them joins the groups and users that stand.
-- role: 0 restrict, 1 member, 2 admin, 3 owner. joined_seq is the head of the log before the user
-- joined: what has a higher number counts as unread. A pending member has not accepted yet.
CREATE TABLE memberships (
    group_id       BLOB    NOT NULL,
    user_id        INTEGER NOT NULL,
    role           INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    since          INTEGER NOT NULL,
    last_read_seq  INTEGER,
    last_read_date INTEGER,
    joined_seq     INTEGER NOT NULL DEFAULT 0,
    pending        INTEGER NOT NULL DEFAULT 0 CHECK (pending IN (0, 1)),
    PRIMARY KEY (group_id, user_id),
    CHECK ((last_read_seq IS NULL) = (last_read_date IS NULL))
) STRICT, WITHOUT ROWID;
-- Covers the list of a user's groups.
CREATE INDEX memberships_by_user ON memberships (user_id, group_id, pending, since);

-- A read mark survives leaving. declined: the user left by itself, and strangers do not add it again.
CREATE TABLE former_members (
    user_id        INTEGER NOT NULL,
    group_id       BLOB    NOT NULL,
    last_read_seq  INTEGER,
    last_read_date INTEGER,
    declined       INTEGER NOT NULL DEFAULT 0 CHECK (declined IN (0, 1)),
    PRIMARY KEY (user_id, group_id),
    CHECK ((last_read_seq IS NULL) = (last_read_date IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX former_members_by_group ON former_members (group_id);

-- Clustered by group and number, so that a page is read from neighbouring leaves. An erased
-- message has no body. The author has no foreign key: erased messages outlive their author. The
-- body stands last, so that counting and seeking never follow a long one to its other pages.
-- thread, changed and detail are empty in this version. They stand before the body, where a column that
-- is added later cannot: the number of the thread's first message, the number of the last entry that
-- concerns the message, and fields in the form of a log entry's detail.
CREATE TABLE messages (
    group_id   BLOB    NOT NULL,
    seq        INTEGER NOT NULL CHECK (seq > 0),
    author_id  INTEGER NOT NULL,
    date       INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    respond_to INTEGER CHECK (respond_to < seq),
    edited     INTEGER,
    thread     INTEGER CHECK (thread < seq),
    changed    INTEGER CHECK (changed > seq),
    client_id  TEXT,
    body_hash  BLOB    CHECK (length(body_hash) = 32),
    detail     BLOB,
    body       TEXT,
    PRIMARY KEY (group_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX messages_by_client_id ON messages (group_id, author_id, client_id)
    WHERE client_id IS NOT NULL;
-- What one author wrote that stands: to count what others wrote, and to erase it.
CREATE INDEX messages_by_author ON messages (group_id, author_id, seq) WHERE body IS NOT NULL;
CREATE INDEX messages_by_date ON messages (group_id, date, seq) WHERE body IS NOT NULL;

-- The entries of groups' logs that are no messages. A kind that is not known to the reader has its
-- number and shows nothing. message_seq is the message that an entry concerns; user_id is the user
-- whose names its detail holds.
CREATE TABLE log_entries (
    group_id    BLOB    NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq > 0),
    kind        INTEGER NOT NULL,
    message_seq INTEGER,
    user_id     INTEGER,
    detail      BLOB,
    PRIMARY KEY (group_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_entries_by_user ON log_entries (user_id) WHERE user_id IS NOT NULL;

-- What imports have taken: each object of the source once, by its id there. kind: 0 user, 1 group,
-- 2 relations of two users, 3 membership. What it became may be deleted since.
CREATE TABLE imports (
    kind      INTEGER NOT NULL,
    source_id BLOB    NOT NULL CHECK (length(source_id) = 16),
    user_id   INTEGER,
    group_id  BLOB    CHECK (length(group_id) = 16),
    PRIMARY KEY (kind, source_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_user ON imports (user_id) WHERE user_id IS NOT NULL;

-- Work that remains, in steps, oldest first. A kind that is not known to the reader is left to others.
-- kind: 0 erase a deleted user, 1 erase a deleted group, 2 write a user's new name into the logs of its
-- groups, those after group_id.
CREATE TABLE tasks (
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind     INTEGER NOT NULL,
    user_id  INTEGER,
    group_id BLOB,
    detail   BLOB
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tasks_by_user ON tasks (user_id) WHERE kind = 0;
CREATE UNIQUE INDEX tasks_by_group ON tasks (group_id) WHERE kind = 1;
CREATE INDEX tasks_of_renames ON tasks (user_id) WHERE kind = 2;
