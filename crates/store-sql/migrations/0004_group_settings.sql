-- A member's own settings of a group. notify: 0 all messages, 1 mentions, 2 none. The group is hidden as long as
-- its newest message has a number of at most hidden_seq.
ALTER TABLE memberships ADD COLUMN notify {short} NOT NULL DEFAULT 0;
ALTER TABLE memberships ADD COLUMN muted_until {number};
ALTER TABLE memberships ADD COLUMN hidden_seq {number};
ALTER TABLE memberships ADD COLUMN pinned {flag pinned};
ALTER TABLE memberships ADD COLUMN marked_unread {flag marked_unread};
