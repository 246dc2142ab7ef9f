-- The part of a user that the service and admins decide. suspended_until may be past: such a suspension has ended.
ALTER TABLE users ADD COLUMN admin {flag admin};
ALTER TABLE users ADD COLUMN suspended_until {number};
ALTER TABLE users ADD COLUMN suspended_reason {text};
