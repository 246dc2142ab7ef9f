-- The number of files that are not dropped, beside the sum of their sizes; of all under the number 0.
ALTER TABLE file_usage ADD COLUMN files {number} NOT NULL DEFAULT 0;
UPDATE file_usage SET files = (SELECT count(*) FROM files
    WHERE state <> 3 AND (owner_id = file_usage.user_id OR file_usage.user_id = 0));
