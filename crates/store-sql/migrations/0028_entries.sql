-- Entries that change a group or its pins (kinds 3, 4 and 8), which are few among reactions and edits.
CREATE INDEX log_entries_shown ON log_entries (group_id, seq) WHERE kind IN (3, 4, 8);
