-- Files that users uploaded. state: 0 reserved, 1 stored, 2 attached, 3 dropped, of which the bytes are still to be
-- removed. due is the date after which a file is dropped: null while it is attached, 0 once it is dropped. group_id and
-- message_seq are the message that carries it. Messages have the files in their details. A dropped file has no name.
CREATE TABLE files (
    id          {id}     NOT NULL PRIMARY KEY,
    owner_id    {number} NOT NULL,
    state       {short}  NOT NULL,
    size        {number} NOT NULL CHECK (size >= 0),
    due         {number},
    group_id    {id},
    message_seq {number},
    name        {text}   NOT NULL,
    detail      {bytes},
    CHECK ((group_id IS NULL) = (message_seq IS NULL))
);
CREATE INDEX files_by_due ON files (due, id) WHERE due IS NOT NULL;
CREATE INDEX files_by_owner ON files (owner_id, state);
CREATE INDEX files_by_message ON files (group_id, message_seq) WHERE group_id IS NOT NULL;

-- The sums of the sizes of files that are not dropped, of each user; of all under the number 0.
CREATE TABLE file_usage (
    user_id {number} NOT NULL PRIMARY KEY,
    bytes   {number} NOT NULL
);
