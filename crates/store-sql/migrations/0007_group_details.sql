-- What a group shows beside its name, and how it may be joined and written to: slow is the seconds between two
-- messages of a member below admin. deleted_date is the date of a member's newest message that it has deleted
-- while the group was slow.
ALTER TABLE groups ADD COLUMN description {text};
ALTER TABLE groups ADD COLUMN avatar {text};
ALTER TABLE groups ADD COLUMN data {text};
ALTER TABLE groups ADD COLUMN open {flag open};
ALTER TABLE groups ADD COLUMN slow {number} NOT NULL DEFAULT 0 CHECK (slow >= 0);
ALTER TABLE memberships ADD COLUMN deleted_date {number};
-- The list of a group's members.
CREATE INDEX memberships_by_role ON memberships (group_id, role, since, user_id);
