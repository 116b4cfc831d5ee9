-- What people call a session when they look at it or end it. The hash of the
-- cookie is no name to be shown: whoever sees it could look for it elsewhere,
-- and it would be in addresses and in the audit log. This one is random and
-- says nothing.

ALTER TABLE sessions
    ADD COLUMN public_id uuid NOT NULL DEFAULT gen_random_uuid()
        CONSTRAINT sessions_public_id UNIQUE,
    -- When the provider says that the sign-in was (the ID token's `iat`), by its
    -- own clock: a logout of before that is none of this session. NULL in rows
    -- from before this column; then `created_at` stands for it.
    ADD COLUMN provider_issued_at timestamptz
        CONSTRAINT sessions_provider_issued_at CHECK (is_date(provider_issued_at));

-- Back-channel logout names the provider's session.
CREATE INDEX sessions_provider_sid ON sessions (provider_sid) WHERE provider_sid IS NOT NULL;
