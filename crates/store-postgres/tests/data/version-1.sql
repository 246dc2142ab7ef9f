SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA chinwag;
COMMENT ON SCHEMA chinwag IS 'Chinwag''s';
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE chinwag.about (
    one boolean DEFAULT true NOT NULL,
    version integer NOT NULL,
    unfinished boolean DEFAULT false NOT NULL,
    CONSTRAINT about_one_check CHECK (one)
);
CREATE TABLE chinwag.former_members (
    group_id uuid NOT NULL,
    user_id bigint NOT NULL,
    last_read_seq bigint,
    last_read_date bigint,
    declined boolean DEFAULT false NOT NULL,
    CONSTRAINT former_members_check CHECK (((last_read_seq IS NULL) = (last_read_date IS NULL)))
);
CREATE TABLE chinwag.groups (
    id uuid NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    newest_seq bigint,
    newest_date bigint,
    name text NOT NULL COLLATE pg_catalog."C",
    pair_low bigint,
    pair_high bigint,
    CONSTRAINT groups_check CHECK (((newest_seq IS NULL) = (newest_date IS NULL))),
    CONSTRAINT groups_check1 CHECK (((pair_low IS NULL) = (pair_high IS NULL))),
    CONSTRAINT groups_check2 CHECK ((pair_low <= pair_high)),
    CONSTRAINT groups_numbered CHECK ((last_seq >= 0))
)
WITH (fillfactor='50');
CREATE TABLE chinwag.held_names (
    claim text NOT NULL COLLATE pg_catalog."C",
    until bigint NOT NULL
);
CREATE TABLE chinwag.history (
    one smallint NOT NULL,
    id uuid NOT NULL,
    exact_case boolean DEFAULT false NOT NULL,
    CONSTRAINT history_one_check CHECK ((one = 1))
);
CREATE TABLE chinwag.imports (
    kind smallint NOT NULL,
    source_id uuid NOT NULL,
    user_id bigint,
    group_id uuid
);
CREATE TABLE chinwag.log_entries (
    group_id uuid NOT NULL,
    seq bigint NOT NULL,
    kind smallint NOT NULL,
    message_seq bigint,
    user_id bigint,
    detail bytea,
    CONSTRAINT log_entries_seq_check CHECK ((seq > 0))
);
CREATE TABLE chinwag.memberships (
    group_id uuid NOT NULL,
    user_id bigint NOT NULL,
    role smallint NOT NULL,
    since bigint NOT NULL,
    last_read_seq bigint,
    last_read_date bigint,
    joined_seq bigint DEFAULT 0 NOT NULL,
    pending boolean DEFAULT false NOT NULL,
    CONSTRAINT memberships_check CHECK (((last_read_seq IS NULL) = (last_read_date IS NULL))),
    CONSTRAINT memberships_role_check CHECK (((role >= 0) AND (role <= 3)))
)
WITH (fillfactor='80');
CREATE TABLE chinwag.messages (
    group_id uuid NOT NULL,
    seq bigint NOT NULL,
    author_id bigint NOT NULL,
    date bigint NOT NULL,
    id uuid NOT NULL,
    respond_to bigint,
    edited bigint,
    thread bigint,
    changed bigint,
    client_id text COLLATE pg_catalog."C",
    body_hash bytea,
    detail bytea,
    body text COLLATE pg_catalog."C",
    CONSTRAINT messages_body_hash_check CHECK ((length(body_hash) = 32)),
    CONSTRAINT messages_check CHECK ((respond_to < seq)),
    CONSTRAINT messages_check1 CHECK ((thread < seq)),
    CONSTRAINT messages_check2 CHECK ((changed > seq)),
    CONSTRAINT messages_seq_check CHECK ((seq > 0))
);
CREATE TABLE chinwag.name_claims (
    claim text NOT NULL COLLATE pg_catalog."C",
    user_id bigint NOT NULL
);
CREATE TABLE chinwag.passwords (
    user_id bigint NOT NULL,
    phc text NOT NULL
);
CREATE TABLE chinwag.relations (
    from_id bigint NOT NULL,
    to_id bigint NOT NULL,
    kind smallint NOT NULL,
    since bigint NOT NULL,
    CONSTRAINT relations_check CHECK ((from_id <> to_id)),
    CONSTRAINT relations_kind_check CHECK ((kind = ANY (ARRAY[0, 1, 2])))
);
CREATE TABLE chinwag.tasks (
    id uuid NOT NULL,
    kind smallint NOT NULL,
    user_id bigint,
    group_id uuid,
    detail bytea
);
CREATE TABLE chinwag.tokens (
    hash bytea NOT NULL,
    user_id bigint NOT NULL,
    kind smallint NOT NULL,
    expires bigint NOT NULL,
    of_token bytea,
    number bigint NOT NULL,
    CONSTRAINT tokens_hash_check CHECK ((length(hash) = 32))
);
CREATE TABLE chinwag.users (
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    fold text NOT NULL COLLATE pg_catalog."C",
    name_key text NOT NULL COLLATE pg_catalog."C",
    special boolean NOT NULL,
    created bigint NOT NULL,
    origin smallint DEFAULT 1 NOT NULL,
    kind smallint DEFAULT 0 NOT NULL,
    display_name text COLLATE pg_catalog."C",
    shown_key text COLLATE pg_catalog."C",
    avatar text COLLATE pg_catalog."C",
    data text COLLATE pg_catalog."C",
    last_seen bigint,
    added_by smallint DEFAULT 0 NOT NULL,
    write_first smallint DEFAULT 0 NOT NULL,
    hide_last_seen boolean DEFAULT false NOT NULL,
    hide_reads boolean DEFAULT false NOT NULL,
    CONSTRAINT users_added_by_check CHECK (((added_by >= 0) AND (added_by <= 2))),
    CONSTRAINT users_kind_check CHECK ((kind = ANY (ARRAY[0, 1]))),
    CONSTRAINT users_origin_check CHECK ((origin = ANY (ARRAY[0, 1]))),
    CONSTRAINT users_write_first_check CHECK (((write_first >= 0) AND (write_first <= 2)))
);
ALTER TABLE chinwag.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME chinwag.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO chinwag.about VALUES (true, 1, false);
INSERT INTO chinwag.former_members VALUES ('00000000-0000-0000-0000-0000000001f4', 4, NULL, NULL, true);
INSERT INTO chinwag.groups VALUES ('00000000-0000-0000-0000-0000000001f5', 0, NULL, NULL, '@', 1, 2);
INSERT INTO chinwag.groups VALUES ('00000000-0000-0000-0000-0000000001f4', 8, 3, 1704067303000000, 'group é', NULL, NULL);
INSERT INTO chinwag.held_names VALUES ('gone', 1713067200000000);
INSERT INTO chinwag.history VALUES (1, 'd59e804e-e8dc-4097-96a0-4fda70089ff4', false);
INSERT INTO chinwag.imports VALUES (0, '00000000-0000-0000-0000-000000000384', 2, NULL);
INSERT INTO chinwag.imports VALUES (1, '00000000-0000-0000-0000-000000000385', NULL, '00000000-0000-0000-0000-0000000001f4');
INSERT INTO chinwag.imports VALUES (2, '00000000-0000-0000-0000-000000000386', NULL, NULL);
INSERT INTO chinwag.imports VALUES (3, '00000000-0000-0000-0000-000000000387', NULL, NULL);
INSERT INTO chinwag.log_entries VALUES ('00000000-0000-0000-0000-0000000001f4', 1, 3, NULL, NULL, NULL);
INSERT INTO chinwag.log_entries VALUES ('00000000-0000-0000-0000-0000000001f4', 5, 1, 2, NULL, NULL);
INSERT INTO chinwag.log_entries VALUES ('00000000-0000-0000-0000-0000000001f4', 6, 2, 4, NULL, '\x01100000000000000000000000000000000000025c');
INSERT INTO chinwag.log_entries VALUES ('00000000-0000-0000-0000-0000000001f4', 7, 4, NULL, 2, '\x0205000000626f6262790303000000626f62');
INSERT INTO chinwag.log_entries VALUES ('00000000-0000-0000-0000-0000000001f4', 8, 5, NULL, NULL, '\x0120000000000000000000000000000000000002b2000000000000000000000000000002b3');
INSERT INTO chinwag.memberships VALUES ('00000000-0000-0000-0000-0000000001f4', 2, 0, 1704067202000000, NULL, NULL, 0, true);
INSERT INTO chinwag.memberships VALUES ('00000000-0000-0000-0000-0000000001f4', 1, 3, 1704067201000000, 3, 1704067303000000, 0, false);
INSERT INTO chinwag.messages VALUES ('00000000-0000-0000-0000-0000000001f4', 3, 1, 1704067303000000, '00000000-0000-0000-0000-00000000025b', 2, NULL, NULL, NULL, NULL, NULL, NULL, 'second');
INSERT INTO chinwag.messages VALUES ('00000000-0000-0000-0000-0000000001f4', 2, 1, 1704067302000000, '00000000-0000-0000-0000-00000000025a', NULL, 1704067400000000, NULL, NULL, 'one', '\xa7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e', NULL, 'edited');
INSERT INTO chinwag.messages VALUES ('00000000-0000-0000-0000-0000000001f4', 4, 1, 1704067304000000, '00000000-0000-0000-0000-00000000025c', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO chinwag.name_claims VALUES ('ann', 1);
INSERT INTO chinwag.name_claims VALUES ('bob', 2);
INSERT INTO chinwag.name_claims VALUES ('olga', 4);
INSERT INTO chinwag.passwords VALUES (1, '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA');
INSERT INTO chinwag.relations VALUES (1, 2, 1, 1704067201000000);
INSERT INTO chinwag.relations VALUES (2, 1, 1, 1704067201000000);
INSERT INTO chinwag.relations VALUES (4, 1, 0, 1704067202000000);
INSERT INTO chinwag.relations VALUES (2, 4, 2, 1704067203000000);
INSERT INTO chinwag.tasks VALUES ('00000000-0000-0000-0000-0000000002bc', 0, 3, NULL, NULL);
INSERT INTO chinwag.tasks VALUES ('00000000-0000-0000-0000-0000000002bd', 2, 2, '00000000-0000-0000-0000-0000000001f4', '\x0105000000626f6262790203000000626f62');
INSERT INTO chinwag.tokens VALUES ('\x0101010101010101010101010101010101010101010101010101010101010101', 1, 0, 1713067200000000, NULL, 1);
INSERT INTO chinwag.tokens VALUES ('\x0202020202020202020202020202020202020202020202020202020202020202', 1, 1, 1713067200000000, '\x0101010101010101010101010101010101010101010101010101010101010101', 2);
INSERT INTO chinwag.users OVERRIDING SYSTEM VALUE VALUES (2, 'bob', 'bob', 'bob', false, 1704067200000000, 1, 0, NULL, NULL, NULL, NULL, NULL, 0, 0, false, false);
INSERT INTO chinwag.users OVERRIDING SYSTEM VALUE VALUES (4, 'olga', 'olga', 'olga', false, 1704067200000000, 1, 0, NULL, NULL, NULL, NULL, NULL, 0, 0, false, false);
INSERT INTO chinwag.users OVERRIDING SYSTEM VALUE VALUES (1, 'ann', 'ann', 'ann', false, 1704067200000000, 0, 1, 'Ann é', 'ann e', 'https://a.example/ann', '{}', NULL, 1, 2, true, true);
SELECT pg_catalog.setval('chinwag.users_id_seq', 4, true);
ALTER TABLE ONLY chinwag.about
    ADD CONSTRAINT about_pkey PRIMARY KEY (one);
ALTER TABLE ONLY chinwag.former_members
    ADD CONSTRAINT former_members_pkey PRIMARY KEY (group_id, user_id);
ALTER TABLE ONLY chinwag.groups
    ADD CONSTRAINT groups_pkey PRIMARY KEY (id);
ALTER TABLE ONLY chinwag.held_names
    ADD CONSTRAINT held_names_pkey PRIMARY KEY (claim);
ALTER TABLE ONLY chinwag.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (one);
ALTER TABLE ONLY chinwag.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (kind, source_id);
ALTER TABLE ONLY chinwag.log_entries
    ADD CONSTRAINT log_entries_pkey PRIMARY KEY (group_id, seq);
ALTER TABLE ONLY chinwag.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (group_id, user_id);
ALTER TABLE ONLY chinwag.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (group_id, seq);
ALTER TABLE ONLY chinwag.name_claims
    ADD CONSTRAINT name_claims_pkey PRIMARY KEY (claim);
ALTER TABLE ONLY chinwag.passwords
    ADD CONSTRAINT passwords_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY chinwag.relations
    ADD CONSTRAINT relations_pkey PRIMARY KEY (from_id, to_id);
ALTER TABLE ONLY chinwag.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY chinwag.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY chinwag.users
    ADD CONSTRAINT users_fold_key UNIQUE (fold);
ALTER TABLE ONLY chinwag.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
CREATE INDEX former_members_by_user ON chinwag.former_members USING btree (user_id, group_id);
CREATE UNIQUE INDEX groups_by_pair ON chinwag.groups USING btree (pair_low, pair_high) WHERE (pair_low IS NOT NULL);
CREATE INDEX held_names_by_end ON chinwag.held_names USING btree (until);
CREATE INDEX imports_by_user ON chinwag.imports USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX log_entries_by_user ON chinwag.log_entries USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX memberships_by_user ON chinwag.memberships USING btree (user_id, group_id) INCLUDE (pending, since);
CREATE INDEX messages_by_author ON chinwag.messages USING btree (group_id, author_id, seq) WHERE (body IS NOT NULL);
CREATE UNIQUE INDEX messages_by_client_id ON chinwag.messages USING btree (group_id, author_id, client_id) WHERE (client_id IS NOT NULL);
CREATE INDEX messages_by_date ON chinwag.messages USING btree (group_id, date, seq) WHERE (body IS NOT NULL);
CREATE UNIQUE INDEX messages_by_id ON chinwag.messages USING btree (id);
CREATE INDEX name_claims_by_user ON chinwag.name_claims USING btree (user_id);
CREATE INDEX relations_by_target ON chinwag.relations USING btree (to_id, from_id, kind);
CREATE UNIQUE INDEX tasks_by_group ON chinwag.tasks USING btree (group_id) WHERE (kind = 1);
CREATE UNIQUE INDEX tasks_by_user ON chinwag.tasks USING btree (user_id) WHERE (kind = 0);
CREATE INDEX tasks_of_renames ON chinwag.tasks USING btree (user_id) WHERE (kind = 2);
CREATE INDEX tokens_by_expiry ON chinwag.tokens USING btree (expires);
CREATE INDEX tokens_by_user ON chinwag.tokens USING btree (user_id, number);
CREATE INDEX users_by_name_key ON chinwag.users USING btree (name_key);
CREATE INDEX users_by_shown_key ON chinwag.users USING btree (shown_key) WHERE (shown_key IS NOT NULL);
ALTER TABLE ONLY chinwag.name_claims
    ADD CONSTRAINT name_claims_user_id_fkey FOREIGN KEY (user_id) REFERENCES chinwag.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY chinwag.passwords
    ADD CONSTRAINT passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES chinwag.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY chinwag.relations
    ADD CONSTRAINT relations_from_id_fkey FOREIGN KEY (from_id) REFERENCES chinwag.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY chinwag.relations
    ADD CONSTRAINT relations_to_id_fkey FOREIGN KEY (to_id) REFERENCES chinwag.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY chinwag.tokens
    ADD CONSTRAINT tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES chinwag.users(id) ON DELETE CASCADE;
