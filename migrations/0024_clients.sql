-- Apps, services and encoders that get tokens by OAuth (RFC 6749 §2). They are in memory with the mappings,
-- so each change is counted and told to every instance, as one of the blocks is.

-- Every id that was ever given: a token or a consent of a deleted client must not become another one's.
CREATE TABLE client_ids (
    id text COLLATE "C" PRIMARY KEY
        CONSTRAINT client_ids_id CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$' AND id NOT IN ('.', '..'))
);

CREATE TABLE clients (
    id              text COLLATE "C" PRIMARY KEY REFERENCES client_ids,
    name            text NOT NULL
        CONSTRAINT clients_name CHECK (
            char_length(name) BETWEEN 1 AND 100 AND name !~ '[\u0001-\u001f\u007f-\u009f]'),
    kind            text NOT NULL CONSTRAINT clients_kind CHECK (kind IN ('public', 'confidential')),
    -- Its people are not asked for consent.
    trusted         boolean NOT NULL,
    grants          text[] NOT NULL
        CONSTRAINT clients_grants CHECK (
            cardinality(grants) >= 1
            AND grants <@ ARRAY['authorization_code', 'refresh_token', 'device_code', 'token_exchange']),
    redirect_uris   text[] NOT NULL
        CONSTRAINT clients_redirect_uris CHECK (array_position(redirect_uris, NULL) IS NULL),
    origins         text[] NOT NULL
        CONSTRAINT clients_origins CHECK (array_position(origins, NULL) IS NULL),
    -- The most that its tokens may carry: all three lists or none, `*` alone for any.
    max_roles       text[]
        CONSTRAINT clients_max_roles CHECK (
            cardinality(max_roles) >= 1 AND max_roles <@ ARRAY['red5-publisher', 'red5-subscriber']),
    max_transports  text[]
        CONSTRAINT clients_max_transports CHECK (
            max_transports = ARRAY['*']
            OR cardinality(max_transports) >= 1 AND max_transports <@ ARRAY['RTMP', 'RTSP', 'WHEP', 'WHIP']),
    max_rooms       text[]
        CONSTRAINT clients_max_rooms CHECK (
            max_rooms = ARRAY['*']
            OR cardinality(max_rooms) >= 1 AND array_position(max_rooms, NULL) IS NULL
               AND array_to_string(max_rooms, '') !~ '[^A-Za-z0-9._~@-]'),
    max_ttl_seconds integer CONSTRAINT clients_max_ttl_seconds CHECK (max_ttl_seconds BETWEEN 60 AND 31536000),
    enabled         boolean NOT NULL,
    note            text NOT NULL
        CONSTRAINT clients_note CHECK (
            char_length(note) <= 1000 AND note !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]'),
    -- Raised by each edit of the row.
    version         bigint NOT NULL DEFAULT 1 CONSTRAINT clients_version CHECK (version >= 1),
    created_at      timestamptz NOT NULL,
    created_by      text NOT NULL,
    updated_at      timestamptz NOT NULL,
    updated_by      text NOT NULL,

    CONSTRAINT clients_max CHECK (num_nulls(max_roles, max_transports, max_rooms) IN (0, 3)),
    CONSTRAINT clients_written CHECK (is_date(created_at) AND is_date(updated_at))
);

-- The secrets of confidential clients. Each has 256 random bits, so a plain hash tells nothing of it.
CREATE TABLE client_secrets (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id   text COLLATE "C" NOT NULL REFERENCES clients ON DELETE CASCADE,
    -- SHA-256. The audit log leaves a column of this name out.
    digest      bytea NOT NULL CONSTRAINT client_secrets_digest CHECK (octet_length(digest) = 32),
    created_at  timestamptz NOT NULL CONSTRAINT client_secrets_written CHECK (is_date(created_at))
);

CREATE INDEX client_secrets_client ON client_secrets (client_id);

-- Writing down the id fails if it was given before.
CREATE FUNCTION note_client_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO client_ids VALUES (NEW.id);
    RETURN NEW;
END
$$;

CREATE TRIGGER note_client_id
    BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION note_client_id();

CREATE FUNCTION clients_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE change_counter SET value = value + 1 RETURNING value INTO number;
    PERFORM pg_notify('bridge_changes', 'clients ' || number);
    RETURN NULL;
END
$$;

CREATE TRIGGER clients_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON clients
    FOR EACH STATEMENT EXECUTE FUNCTION clients_changed();

CREATE TRIGGER clients_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON client_secrets
    FOR EACH STATEMENT EXECUTE FUNCTION clients_changed();

CREATE TRIGGER raise_mapping_version
    BEFORE UPDATE ON clients FOR EACH ROW EXECUTE FUNCTION raise_mapping_version();

CREATE TRIGGER audit_change
    AFTER INSERT OR UPDATE OR DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION audit_change('client');

CREATE TRIGGER audit_change
    AFTER INSERT OR UPDATE OR DELETE ON client_secrets
    FOR EACH ROW EXECUTE FUNCTION audit_change('secret');

-- As in 0008: also while a restore silences ordinary triggers.
ALTER TABLE clients
    ENABLE ALWAYS TRIGGER clients_changed,
    ENABLE ALWAYS TRIGGER raise_mapping_version;

ALTER TABLE client_secrets
    ENABLE ALWAYS TRIGGER clients_changed;
