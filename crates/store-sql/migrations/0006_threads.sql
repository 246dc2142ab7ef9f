-- Replies in threads, by their roots. messages.thread is the number of a reply's root; of a root it is 0 as soon as
-- it has had a reply. Messages outside of threads are not in the index.
CREATE INDEX messages_by_thread ON messages (group_id, thread, seq)
    WHERE thread IS NOT NULL AND body IS NOT NULL;
