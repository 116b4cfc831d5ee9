-- Which ends of sessions are news. 0004 left out every row past its absolute
-- end by the server's clock, but that clock is not the bridge's, and rows that
-- are only shortened or truncated by hand end sessions too. Now every end
-- counts, unless the bridge's own sweep says for its transaction that it only
-- clears away what nobody serves any more.

CREATE OR REPLACE FUNCTION sessions_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    hashes text;
    many   bigint;
BEGIN
    IF current_setting('bridge.sweep', true) IS NOT DISTINCT FROM 'on' THEN
        RETURN NULL;
    END IF;
    SELECT count(*), string_agg(encode(id_hash, 'hex'), ' ') INTO many, hashes FROM ended;
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

-- A trigger on TRUNCATE has no table of what is gone.
CREATE FUNCTION sessions_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE change_counter SET value = value + 1 RETURNING value INTO number;
    PERFORM pg_notify('bridge_changes', 'sessions ' || number);
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_truncated
    AFTER TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION sessions_truncated();

-- Last-seen times are written all the time and are no news; this trigger does
-- not even run for them.
CREATE FUNCTION session_shortened() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE change_counter SET value = value + 1 RETURNING value INTO number;
    PERFORM pg_notify('bridge_changes', 'sessions ' || number || ' ' || encode(OLD.id_hash, 'hex'));
    RETURN NULL;
END
$$;

CREATE TRIGGER session_shortened
    AFTER UPDATE OF ends_at, issuer, subject, id_hash ON sessions
    FOR EACH ROW
    WHEN ((OLD.ends_at, OLD.issuer, OLD.subject, OLD.id_hash)
          IS DISTINCT FROM (NEW.ends_at, NEW.issuer, NEW.subject, NEW.id_hash))
    EXECUTE FUNCTION session_shortened();

-- The sweep goes through the table by its key, because it looks for idle rows as well.
DROP INDEX sessions_ends_at;
