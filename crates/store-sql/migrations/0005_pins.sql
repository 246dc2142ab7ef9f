-- The ids of a group's pinned messages, 16 bytes each, the most recently pinned first. A message's detail has a mark.
ALTER TABLE groups ADD COLUMN pins {bytes};
