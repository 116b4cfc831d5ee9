-- A sign-in attempt lives sealed in a cookie, so beginning one writes nothing.
-- Finishing it writes its digest here first: whoever inserts the row may ask
-- the provider, and a second callback with the same state inserts nothing.

CREATE TABLE spent_attempts (
    id          bytea PRIMARY KEY
        CONSTRAINT spent_attempts_id CHECK (octet_length(id) = 32),
    -- After this the attempt's own age refuses it, and the row can go.
    expires_at  timestamptz NOT NULL
);

CREATE INDEX spent_attempts_expires_at ON spent_attempts (expires_at);
