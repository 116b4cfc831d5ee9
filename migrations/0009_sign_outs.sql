-- Signing out here deletes the session's row before anything else. What the
-- next step needs, the hint for the provider's own sign-out, waits here for the
-- one page that leads on to the provider: for that page's ticket, once, and for
-- a minute or two. In a cookie it would not fit beside the other headers of an
-- answer (proxies commonly give those 4 KB, and an ID token with many groups is
-- larger), and it could be used again.

CREATE TABLE sign_outs (
    -- SHA-256 of the ticket that the browser holds.
    ticket_hash      bytea PRIMARY KEY
        CONSTRAINT sign_outs_ticket_hash CHECK (octet_length(ticket_hash) = 32),
    -- As it was in the session's row; never in the clear here.
    sealed_id_token  bytea NOT NULL,
    expires_at       timestamptz NOT NULL
        CONSTRAINT sign_outs_expires_at CHECK (isfinite(expires_at))
);

CREATE INDEX sign_outs_expires_at ON sign_outs (expires_at);
