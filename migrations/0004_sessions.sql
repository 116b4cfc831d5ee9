-- Who is signed in. The cookie is 32 random bytes; only its SHA-256 is kept,
-- so that a copy of this table signs nobody in.

CREATE TABLE sessions (
    id_hash           bytea PRIMARY KEY
        CONSTRAINT sessions_id_hash CHECK (octet_length(id_hash) = 32),
    issuer            text NOT NULL,
    subject           text NOT NULL,
    username          text,
    name              text,
    -- As the provider sent them, with the moment they were read. Raw: mappings
    -- are applied at each exchange, so an edit needs no new sign-in.
    groups            text[] COLLATE "C" NOT NULL,
    groups_overage    boolean NOT NULL,
    groups_read_at    timestamptz NOT NULL,
    created_at        timestamptz NOT NULL,
    last_seen_at      timestamptz NOT NULL,
    -- The absolute end; activity does not move it.
    ends_at           timestamptz NOT NULL,
    -- The provider's session id (`sid`), for logout.
    provider_sid      text,
    -- Sealed by the program with BRIDGE_SECRET_KEYS; never in the clear here.
    sealed_id_token   bytea,

    CONSTRAINT sessions_overage CHECK (NOT groups_overage OR cardinality(groups) = 0),
    CONSTRAINT sessions_end CHECK (created_at < ends_at)
);

CREATE INDEX sessions_person ON sessions (issuer, subject);
CREATE INDEX sessions_ends_at ON sessions (ends_at);

-- A session that ends before its time is told to every instance. Rows that are
-- over anyway, as the sweep deletes them, are nobody's news.
CREATE FUNCTION sessions_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    hashes text;
    many   bigint;
BEGIN
    SELECT count(*), string_agg(encode(id_hash, 'hex'), ' ') INTO many, hashes
    FROM ended WHERE ends_at > now();
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

CREATE TRIGGER sessions_ended
    AFTER DELETE ON sessions REFERENCING OLD TABLE AS ended
    FOR EACH STATEMENT EXECUTE FUNCTION sessions_ended();
