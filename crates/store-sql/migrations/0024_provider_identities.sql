-- The users who sign in through a provider of OpenID Connect, each by the provider's own id of it.
CREATE TABLE provider_identities (
    issuer  {text}   NOT NULL,
    subject {text}   NOT NULL,
    user_id {number} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created {number} NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX provider_identities_by_user ON provider_identities (user_id);
