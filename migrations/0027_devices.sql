-- Devices (RFC 8628), and what stands behind a token that came of no browser's session.
--
-- A device and a subject token (RFC 8693) have a row of sessions too: refreshes, blocks and terminations treat them as they
-- treat a browser's. No cookie leads to their rows. They belong to a client and end with it.

ALTER TABLE sessions
    ADD COLUMN kind text COLLATE "C" NOT NULL DEFAULT 'browser'
        CONSTRAINT sessions_kind CHECK (kind IN ('browser', 'device', 'subject_token')),
    ADD COLUMN client_id text COLLATE "C" REFERENCES clients ON DELETE CASCADE,
    ADD CONSTRAINT sessions_client_id CHECK ((kind = 'browser') = (client_id IS NULL));

CREATE INDEX sessions_client ON sessions (client_id) WHERE client_id IS NOT NULL;

-- Requests of devices that wait for a person.
CREATE TABLE device_codes (
    -- SHA-256 of the device code.
    digest            bytea PRIMARY KEY CONSTRAINT device_codes_digest CHECK (octet_length(digest) = 32),
    -- What the person types; letters alone.
    user_code         text COLLATE "C" NOT NULL UNIQUE
        CONSTRAINT device_codes_user_code CHECK (user_code ~ '^[BCDFGHJKLMNPQRSTVWXZ]{8}$'),
    client_id         text COLLATE "C" NOT NULL REFERENCES clients ON DELETE CASCADE,
    -- What was asked for, as words of a scope.
    scope             text NOT NULL CONSTRAINT device_codes_scope CHECK (octet_length(scope) <= 2048),
    -- What the device calls itself, or else its client.
    device_name       text NOT NULL CONSTRAINT device_codes_device_name CHECK (char_length(device_name) BETWEEN 1 AND 64),
    client_address    inet,
    created_at        timestamptz NOT NULL CONSTRAINT device_codes_created_at CHECK (is_date(created_at)),
    expires_at        timestamptz NOT NULL CONSTRAINT device_codes_expires_at CHECK (is_date(expires_at)),
    -- Shortest time between two polls, in seconds, and the last poll by the clock of the database.
    interval_seconds  integer NOT NULL DEFAULT 5 CONSTRAINT device_codes_interval CHECK (interval_seconds > 0),
    polled_at         timestamptz,
    denied            boolean NOT NULL DEFAULT false,
    -- The row of sessions that an approval made.
    session_hash      bytea CONSTRAINT device_codes_session CHECK (octet_length(session_hash) = 32),

    CONSTRAINT device_codes_decided CHECK (NOT denied OR session_hash IS NULL)
);

CREATE INDEX device_codes_client ON device_codes (client_id);
CREATE INDEX device_codes_expires_at ON device_codes (expires_at);

-- The network of an address, for counting: one household has a whole /64 of IPv6.
CREATE FUNCTION network_of(address inet) RETURNS cidr LANGUAGE sql IMMUTABLE AS $$
    SELECT network(set_masklen(address, CASE family(address) WHEN 6 THEN 64 ELSE 32 END))
$$;

-- Wrong user codes of the last hour. Not in memory, because the limit holds over all instances.
CREATE TABLE wrong_user_codes (
    -- SHA-256 of the person or of the network that typed it.
    guesser  bytea NOT NULL CONSTRAINT wrong_user_codes_guesser CHECK (octet_length(guesser) = 32),
    typed_at timestamptz NOT NULL
);

CREATE INDEX wrong_user_codes_guesser_at ON wrong_user_codes (guesser, typed_at);
CREATE INDEX wrong_user_codes_typed_at ON wrong_user_codes (typed_at);

-- The sweep removes what no instance serves, and tells none. But the sweep of an earlier release, beside this one, takes
-- devices for browsers that are idle: those ends are told.
CREATE OR REPLACE FUNCTION sessions_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    hashes text;
    many   bigint;
BEGIN
    SELECT count(*), string_agg(encode(id_hash, 'hex'), ' ') INTO many, hashes FROM ended
    WHERE current_setting('bridge.sweep', true) IS DISTINCT FROM 'on'
       OR (kind <> 'browser' AND ends_at > now() AND last_seen_at > now() - interval '30 days');
    IF many = 0 THEN
        RETURN NULL;
    END IF;
    UPDATE change_counter SET value = value + 1 RETURNING value INTO number;
    -- A notice holds at most 8000 bytes; without hashes it means "look at all of them again".
    PERFORM pg_notify('bridge_changes',
        'sessions ' || number || CASE WHEN many <= 100 THEN ' ' || hashes ELSE '' END);
    RETURN NULL;
END
$$;
