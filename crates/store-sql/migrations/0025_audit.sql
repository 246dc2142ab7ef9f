-- What the service, admins and the command line did, which credentials were made and ended, and which sign-ins failed. Names are
-- those of the moment. No row has a secret.
CREATE TABLE audit (
    id      {id}     NOT NULL PRIMARY KEY,
    date    {number} NOT NULL,
    actor   {text},
    action  {text}   NOT NULL,
    target  {text},
    address {text},
    detail  {text}
);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_target ON audit (target, id);
CREATE INDEX audit_by_address ON audit (address, id);
CREATE INDEX audit_by_date ON audit (date);
