-- The keys with which this server signs at push services, the position in the feed before which no message is pushed,
-- and the date at which a reader of the feed last asked for notify events. One row.
CREATE TABLE push (
    one         {short}  NOT NULL PRIMARY KEY,
    private_key {bytes}  NOT NULL,
    public_key  {bytes}  NOT NULL,
    begin_after {number} NOT NULL,
    asked       {number}
);

-- The browsers and phones to which notifications are pushed. endpoint_hash is the SHA-256 of the endpoint. token is that
-- which made the subscription, and with which it ends. expires: at the latest then. sent: when its user last sent it.
CREATE TABLE push_subscriptions (
    id            {id}     NOT NULL PRIMARY KEY,
    user_id       {number} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    endpoint      {text}   NOT NULL,
    endpoint_hash {bytes}  NOT NULL UNIQUE,
    public_key    {bytes}  NOT NULL,
    secret        {bytes}  NOT NULL,
    token         {bytes}  REFERENCES tokens (hash) ON DELETE CASCADE,
    created       {number} NOT NULL,
    sent          {number} NOT NULL,
    expires       {number} NOT NULL
);
CREATE INDEX push_subscriptions_by_user ON push_subscriptions (user_id, sent);
CREATE INDEX push_subscriptions_by_token ON push_subscriptions (token) WHERE token IS NOT NULL;
CREATE INDEX push_subscriptions_by_expiry ON push_subscriptions (expires);

-- Notifications that wait, at most one for each group of a subscription. rank: 0 of a mention or a private group, 1 others.
CREATE TABLE push_queue (
    subscription {id}     NOT NULL REFERENCES push_subscriptions (id) ON DELETE CASCADE,
    group_id     {id}     NOT NULL,
    message_id   {id}     NOT NULL,
    seq          {number} NOT NULL,
    rank         {short}  NOT NULL,
    due          {number} NOT NULL,
    expires      {number} NOT NULL,
    attempts     {number} NOT NULL,
    PRIMARY KEY (subscription, group_id)
);
CREATE INDEX push_queue_by_due ON push_queue (rank, due);
