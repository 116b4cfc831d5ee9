-- Logout tokens of the provider that were taken, for as long as each would be
-- taken again. Two things need them: the same token a second time has no
-- effect, and a sign-in that was under way while the token arrived must not
-- outlive it.

CREATE TABLE logouts (
    -- SHA-256 of issuer and `jti`.
    token_hash  bytea PRIMARY KEY
        CONSTRAINT logouts_token_hash CHECK (octet_length(token_hash) = 32),
    issuer      text NOT NULL,
    -- Whose sessions, or which one: one of them is there.
    subject     text,
    sid         text,
    -- By the provider's clock.
    issued_at   timestamptz NOT NULL
        CONSTRAINT logouts_issued_at CHECK (is_date(issued_at)),
    expires_at  timestamptz NOT NULL
        CONSTRAINT logouts_expires_at CHECK (is_date(expires_at)),

    CONSTRAINT logouts_of_somebody CHECK (subject IS NOT NULL OR sid IS NOT NULL)
);

CREATE INDEX logouts_expires_at ON logouts (expires_at);
CREATE INDEX logouts_subject ON logouts (issuer, subject);
CREATE INDEX logouts_sid ON logouts (issuer, sid);
