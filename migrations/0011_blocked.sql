-- Who may not come in, although the provider would let them. Ending somebody's
-- sessions alone would not stop them: signing in again is one redirect.
--
-- A block is kept in memory with the mappings, so that an exchange asks the
-- database nothing. A sign-in asks for it here, in the transaction that writes
-- the session, and a block waits for the sign-ins of that person that are under
-- way (a lock of the person, taken by the program).

CREATE TABLE blocked (
    issuer      text COLLATE "C" NOT NULL
        CONSTRAINT blocked_issuer CHECK (octet_length(issuer) <= 2048 AND issuer ~ '^[!-~]+$'),
    -- As the provider's `sub`: printable ASCII.
    subject     text COLLATE "C" NOT NULL
        CONSTRAINT blocked_subject CHECK (subject ~ '^[ -~]{1,255}$'),
    -- From then on it counts no more; NULL: for good.
    until       timestamptz
        CONSTRAINT blocked_until CHECK (is_date(until)),
    -- Why, for whoever is asked about it a year later.
    reason      text NOT NULL
        CONSTRAINT blocked_reason CHECK (
            char_length(reason) BETWEEN 1 AND 1000
            AND reason !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]'),
    created_at  timestamptz NOT NULL
        CONSTRAINT blocked_created_at CHECK (is_date(created_at)),
    created_by  text NOT NULL,

    PRIMARY KEY (issuer, subject)
);

CREATE FUNCTION blocked_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE change_counter SET value = value + 1 RETURNING value INTO number;
    PERFORM pg_notify('bridge_changes', 'blocks ' || number);
    RETURN NULL;
END
$$;

CREATE TRIGGER blocked_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON blocked
    FOR EACH STATEMENT EXECUTE FUNCTION blocked_changed();

-- As in 0008: also while a restore silences ordinary triggers.
ALTER TABLE blocked
    ENABLE ALWAYS TRIGGER blocked_changed;
