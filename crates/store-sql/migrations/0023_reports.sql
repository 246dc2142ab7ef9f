-- Reports of messages, one of each reporter and message. state is a ReportState. body is the text as it was reported, until the
-- report is closed, its author is deleted, or 30 days have passed. reason is that of the reporter, until it is deleted. Reports
-- stay when their message, group or users are deleted.
CREATE TABLE reports (
    id          {id}     NOT NULL PRIMARY KEY,
    message_id  {id}     NOT NULL,
    group_id    {id}     NOT NULL,
    author_id   {number} NOT NULL,
    reporter_id {number} NOT NULL,
    body        {text},
    reason      {text},
    state       {short}  NOT NULL,
    note        {text},
    date        {number} NOT NULL
);
CREATE UNIQUE INDEX reports_by_message ON reports (message_id, reporter_id);
CREATE INDEX reports_by_state ON reports (state, id);
CREATE INDEX reports_by_author ON reports (author_id) WHERE body IS NOT NULL;
CREATE INDEX reports_by_reporter ON reports (reporter_id) WHERE reason IS NOT NULL;
CREATE INDEX reports_by_date ON reports (date) WHERE body IS NOT NULL;
