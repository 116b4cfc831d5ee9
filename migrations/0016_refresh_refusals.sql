-- What the next refreshes of a session have to know. A refresh token that is dead and
-- not called `invalid_grant` is refused again and again; the count of that must hold
-- over instances and restarts. The nonce of the sign-in (its SHA-256): the ID token of a
-- refresh may repeat it, and must not have another (OpenID Connect Core 12.2). NULL in
-- rows of before this column: then nothing is compared.

ALTER TABLE sessions
    ADD COLUMN nonce_hash bytea
        CONSTRAINT sessions_nonce_hash CHECK (octet_length(nonce_hash) = 32),
    ADD COLUMN refresh_refusals integer NOT NULL DEFAULT 0,
    ADD COLUMN refresh_refused_since timestamptz
        CONSTRAINT sessions_refresh_refused_since CHECK (is_date(refresh_refused_since)),
    ADD CONSTRAINT sessions_refresh_refusals
        CHECK (refresh_refusals >= 0 AND (refresh_refusals = 0) = (refresh_refused_since IS NULL));
