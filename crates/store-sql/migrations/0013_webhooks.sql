-- Addresses to which the events of the feed are sent. kinds has a bit for each FeedKind that is sent; null means all.
-- previous is the secret before this one, which signs until its date. position is the last one in the feed that was sent or
-- waits in the queue. attempts has the newest attempts, in the form of WebhookAttempt.
CREATE TABLE webhooks (
    id             {id}     NOT NULL PRIMARY KEY,
    url            {text}   NOT NULL,
    kinds          {number},
    secret         {bytes}  NOT NULL,
    previous       {bytes},
    previous_until {number},
    created        {number} NOT NULL,
    queue          {id}     NOT NULL,
    position       {number} NOT NULL,
    replayed       {number},
    replayed_upto  {number},
    attempts       {bytes}
);

-- Events that wait for another attempt, or behind such an event of their lane. A lane is a group, or one event of no group.
-- Only the first event of a lane has a date at which it is due. Rows of a queue that no webhook has remain until a task has
-- removed them.
CREATE TABLE webhook_events (
    queue    {id}     NOT NULL,
    lane     {id}     NOT NULL,
    position {number} NOT NULL,
    expires  {number} NOT NULL,
    attempts {number} NOT NULL,
    due      {number},
    PRIMARY KEY (queue, lane, position)
);
CREATE INDEX webhook_events_by_due ON webhook_events (queue, due, position) WHERE due IS NOT NULL;
