-- What people let clients do: consents, authorization codes, and the refresh tokens that come of them. Nothing
-- of it is in memory, so no change is counted.
--
-- A code and a family stand for a session and mean nothing without it. They do not refer to its row: a foreign key
-- would make each end of a session dearer, and refuse TRUNCATE. Those whose session is gone are swept.

CREATE TABLE consents (
    issuer      text COLLATE "C" NOT NULL,
    subject     text COLLATE "C" NOT NULL,
    client_id   text COLLATE "C" NOT NULL REFERENCES clients ON DELETE CASCADE,
    granted_at  timestamptz NOT NULL CONSTRAINT consents_granted_at CHECK (is_date(granted_at)),

    PRIMARY KEY (issuer, subject, client_id)
);

CREATE INDEX consents_client ON consents (client_id);

-- All refresh tokens that came of one authorization. The tokens are derived from the id, the generation and
-- BRIDGE_SECRET_KEYS, so a copy of this table uses none of them.
CREATE TABLE token_families (
    id              bytea PRIMARY KEY CONSTRAINT token_families_id CHECK (octet_length(id) = 16),
    client_id       text COLLATE "C" NOT NULL REFERENCES clients ON DELETE CASCADE,
    session_hash    bytea NOT NULL
        CONSTRAINT token_families_session CHECK (octet_length(session_hash) = 32),
    -- What the authorization asked for, as words of a scope.
    scope           text NOT NULL,
    -- Of the newest token.
    generation      integer NOT NULL DEFAULT 0 CONSTRAINT token_families_generation CHECK (generation >= 0),
    -- When the tokens before it were replaced, the last one last; those of some seconds are enough.
    replaced_at     timestamptz[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz NOT NULL,

    CONSTRAINT token_families_written CHECK (is_date(created_at) AND is_date(last_used_at))
);

CREATE INDEX token_families_client ON token_families (client_id);
CREATE INDEX token_families_session ON token_families (session_hash);

CREATE TABLE authorization_codes (
    -- SHA-256 of the code.
    digest          bytea PRIMARY KEY CONSTRAINT authorization_codes_digest CHECK (octet_length(digest) = 32),
    client_id       text COLLATE "C" NOT NULL REFERENCES clients ON DELETE CASCADE,
    session_hash    bytea NOT NULL
        CONSTRAINT authorization_codes_session CHECK (octet_length(session_hash) = 32),
    redirect_uri    text NOT NULL,
    -- RFC 7636 §4.2, S256.
    challenge       text NOT NULL,
    scope           text NOT NULL,
    expires_at      timestamptz NOT NULL CONSTRAINT authorization_codes_end CHECK (is_date(expires_at)),
    -- A second use ends the family, so the row stays as long as the session.
    spent           boolean NOT NULL DEFAULT false,
    family          bytea REFERENCES token_families ON DELETE SET NULL
);

CREATE INDEX authorization_codes_client ON authorization_codes (client_id);
CREATE INDEX authorization_codes_session ON authorization_codes (session_hash);
CREATE INDEX authorization_codes_family ON authorization_codes (family);
