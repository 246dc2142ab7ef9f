-- Version 1, which never changes: a later version is a migration of its own. The numbers in columns
-- named kind, role, origin, added_by and write_first are those of core/src/store/encoding.rs. A column
-- whose values may grow has no CHECK on them.

-- Dates are microseconds since 1970. Texts compare by their bytes. `group_id` leads every large key,
-- so that these tables can be partitioned or distributed by it.

-- Names this store's numbers: a restore of an earlier state gives them another name, so that no
-- client takes one history for the other. exact_case: whether ASCII names of users differ by case.
CREATE TABLE history (
    one        smallint PRIMARY KEY CHECK (one = 1),
    id         uuid     NOT NULL,
    exact_case boolean  NOT NULL DEFAULT false
);

-- origin: 0 signed up here, 1 vouched for by the host application. kind: 0 person, 1 bot.
-- added_by and write_first: 0 anyone, 1 contacts, 2 nobody.
CREATE TABLE users (
    id             bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text     COLLATE "C" NOT NULL,
    fold           text     COLLATE "C" NOT NULL UNIQUE,
    name_key       text     COLLATE "C" NOT NULL,
    special        boolean  NOT NULL,
    created        bigint   NOT NULL,
    origin         smallint NOT NULL DEFAULT 1 CHECK (origin IN (0, 1)),
    kind           smallint NOT NULL DEFAULT 0 CHECK (kind IN (0, 1)),
    display_name   text     COLLATE "C",
    shown_key      text     COLLATE "C",
    avatar         text     COLLATE "C",
    data           text     COLLATE "C",
    last_seen      bigint,
    added_by       smallint NOT NULL DEFAULT 0 CHECK (added_by BETWEEN 0 AND 2),
    write_first    smallint NOT NULL DEFAULT 0 CHECK (write_first BETWEEN 0 AND 2),
    hide_last_seen boolean  NOT NULL DEFAULT false,
    hide_reads     boolean  NOT NULL DEFAULT false
);

-- The keys by which names and display names are searched.
CREATE INDEX users_by_name_key ON users (name_key);
CREATE INDEX users_by_shown_key ON users (shown_key) WHERE shown_key IS NOT NULL;

-- Every key under which a name claims its look: whoever holds one keeps all others from it.
CREATE TABLE name_claims (
    claim   text   COLLATE "C" PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX name_claims_by_user ON name_claims (user_id);

-- The claims of deleted and renamed users' names, which nobody but the service gives anew until then.
CREATE TABLE held_names (
    claim text   COLLATE "C" PRIMARY KEY,
    until bigint NOT NULL
);
CREATE INDEX held_names_by_end ON held_names (until);

CREATE TABLE passwords (
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc     text   NOT NULL
);

-- kind: 0 token, 1 ticket; of_token is the token that asked for a ticket, if one did. number orders a
-- user's tokens as they were made.
CREATE TABLE tokens (
    hash     bytea    PRIMARY KEY CHECK (length(hash) = 32),
    user_id  bigint   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind     smallint NOT NULL,
    expires  bigint   NOT NULL,
    of_token bytea,
    number   bigint   NOT NULL
);
CREATE INDEX tokens_by_user ON tokens (user_id, number);
CREATE INDEX tokens_by_expiry ON tokens (expires);

-- What from_id's row about to_id says, and since when. kind: 0 invitation, 1 contact, 2 block.
CREATE TABLE relations (
    from_id bigint   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    to_id   bigint   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    smallint NOT NULL CHECK (kind IN (0, 1, 2)),
    since   bigint   NOT NULL,
    PRIMARY KEY (from_id, to_id),
    CHECK (from_id <> to_id)
);
CREATE INDEX relations_by_target ON relations (to_id, from_id, kind);

-- A group is private if it has a pair, whose lower number comes first; a user's notes to itself are
-- the pair of that user twice. newest_seq and newest_date are those of the newest message that is not
-- erased: they order a user's groups without reading messages. The row changes with each message, so
-- that pages keep room for the new version beside the old.
CREATE TABLE groups (
    id          uuid   PRIMARY KEY,
    last_seq    bigint NOT NULL DEFAULT 0 CONSTRAINT groups_numbered CHECK (last_seq >= 0),
    newest_seq  bigint,
    newest_date bigint,
    name        text   COLLATE "C" NOT NULL,
    pair_low    bigint,
    pair_high   bigint,
    CHECK ((newest_seq IS NULL) = (newest_date IS NULL)),
    CHECK ((pair_low IS NULL) = (pair_high IS NULL)),
    CHECK (pair_low <= pair_high)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX groups_by_pair ON groups (pair_low, pair_high) WHERE pair_low IS NOT NULL;

-- Memberships, messages and log entries outlive a group or user that is deleted until a task has removed
-- them, so they have no foreign keys: whoever reads them joins the groups and users that stand.
-- role: 0 restrict, 1 member, 2 admin, 3 owner. joined_seq is the head of the log before the user
-- joined: what has a higher number counts as unread. A pending member has not accepted yet.
CREATE TABLE memberships (
    group_id       uuid     NOT NULL,
    user_id        bigint   NOT NULL,
    role           smallint NOT NULL CHECK (role BETWEEN 0 AND 3),
    since          bigint   NOT NULL,
    last_read_seq  bigint,
    last_read_date bigint,
    joined_seq     bigint   NOT NULL DEFAULT 0,
    pending        boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (group_id, user_id),
    CHECK ((last_read_seq IS NULL) = (last_read_date IS NULL))
) WITH (fillfactor = 80);
-- Covers the list of a user's groups.
CREATE INDEX memberships_by_user ON memberships (user_id, group_id) INCLUDE (pending, since);

-- A read mark survives leaving. declined: the user left by itself, and strangers do not add it again.
CREATE TABLE former_members (
    group_id       uuid    NOT NULL,
    user_id        bigint  NOT NULL,
    last_read_seq  bigint,
    last_read_date bigint,
    declined       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (group_id, user_id),
    CHECK ((last_read_seq IS NULL) = (last_read_date IS NULL))
);
CREATE INDEX former_members_by_user ON former_members (user_id, group_id);

-- An erased message has no body. The author has no foreign key: erased messages outlive their
-- author. Neither has the group, whose row every message would have to lock.
-- thread, changed and detail are empty in this version. They stand before the body, where a column that
-- is added later cannot: the number of the thread's first message, the number of the last entry that
-- concerns the message, and fields in the form of a log entry's detail.
CREATE TABLE messages (
    group_id   uuid   NOT NULL,
    seq        bigint NOT NULL CHECK (seq > 0),
    author_id  bigint NOT NULL,
    date       bigint NOT NULL,
    id         uuid   NOT NULL,
    respond_to bigint CHECK (respond_to < seq),
    edited     bigint,
    thread     bigint CHECK (thread < seq),
    changed    bigint CHECK (changed > seq),
    client_id  text   COLLATE "C",
    body_hash  bytea  CHECK (length(body_hash) = 32),
    detail     bytea,
    body       text   COLLATE "C",
    PRIMARY KEY (group_id, seq)
);
CREATE UNIQUE INDEX messages_by_id ON messages (id);
CREATE UNIQUE INDEX messages_by_client_id ON messages (group_id, author_id, client_id)
    WHERE client_id IS NOT NULL;
-- What one author wrote that stands: to count what others wrote, and to erase it.
CREATE INDEX messages_by_author ON messages (group_id, author_id, seq) WHERE body IS NOT NULL;
CREATE INDEX messages_by_date ON messages (group_id, date, seq) WHERE body IS NOT NULL;

-- The entries of groups' logs that are no messages. A kind that is not known to the reader has its
-- number and shows nothing. message_seq is the message that an entry concerns; user_id is the user
-- whose names its detail holds.
CREATE TABLE log_entries (
    group_id    uuid     NOT NULL,
    seq         bigint   NOT NULL CHECK (seq > 0),
    kind        smallint NOT NULL,
    message_seq bigint,
    user_id     bigint,
    detail      bytea,
    PRIMARY KEY (group_id, seq)
);
CREATE INDEX log_entries_by_user ON log_entries (user_id) WHERE user_id IS NOT NULL;

-- What imports have taken: each object of the source once, by its id there. kind: 0 user, 1 group,
-- 2 relations of two users, 3 membership. What it became may be deleted since.
CREATE TABLE imports (
    kind      smallint NOT NULL,
    source_id uuid     NOT NULL,
    user_id   bigint,
    group_id  uuid,
    PRIMARY KEY (kind, source_id)
);
CREATE INDEX imports_by_user ON imports (user_id) WHERE user_id IS NOT NULL;

-- Work that remains, in steps, oldest first. A kind that is not known to the reader is left to others.
-- kind: 0 erase a deleted user, 1 erase a deleted group, 2 write a user's new name into the logs of its
-- groups, those after group_id.
CREATE TABLE tasks (
    id       uuid     PRIMARY KEY,
    kind     smallint NOT NULL,
    user_id  bigint,
    group_id uuid,
    detail   bytea
);
CREATE UNIQUE INDEX tasks_by_user ON tasks (user_id) WHERE kind = 0;
CREATE UNIQUE INDEX tasks_by_group ON tasks (group_id) WHERE kind = 1;
CREATE INDEX tasks_of_renames ON tasks (user_id) WHERE kind = 2;
