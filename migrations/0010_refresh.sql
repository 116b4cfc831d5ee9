-- Groups are asked for again during a session, with the provider's refresh token. Many
-- providers take each of them once and punish the second use by ending the whole grant, so
-- one refresh of a session runs at a time, on whichever instance: it holds the row's *lease*
-- while it asks. The lease is taken and given back in short transactions; no connection and no
-- lock is held across the call.

ALTER TABLE sessions
    -- Sealed by the program with BRIDGE_SECRET_KEYS; never in the clear here.
    ADD COLUMN sealed_refresh_token  bytea,
    -- Who asks now, and by the database's clock until when nobody else may.
    ADD COLUMN refresh_lease         bytea
        CONSTRAINT sessions_refresh_lease CHECK (octet_length(refresh_lease) = 16),
    ADD COLUMN refresh_leased_until  timestamptz,
    -- Raised by every change of who somebody is or may be; by a trigger, so that a change
    -- made by hand counts too.
    ADD COLUMN identity_version      bigint NOT NULL DEFAULT 1,
    ADD CONSTRAINT sessions_lease_ends CHECK ((refresh_lease IS NULL) = (refresh_leased_until IS NULL));

CREATE FUNCTION raise_identity_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.identity_version := OLD.identity_version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER raise_identity_version
    BEFORE UPDATE OF username, name, groups, groups_overage, groups_read_at, identity_version ON sessions
    FOR EACH ROW EXECUTE FUNCTION raise_identity_version();

-- The notice alone, without the change counter: it is no end of anything, there are many of
-- them, and an instance that misses one asks again when the groups it has are old.
CREATE FUNCTION session_refreshed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bridge_changes',
        'refreshed ' || encode(NEW.id_hash, 'hex') || ' ' || NEW.identity_version);
    RETURN NULL;
END
$$;

CREATE TRIGGER session_refreshed
    AFTER UPDATE OF username, name, groups, groups_overage, groups_read_at ON sessions
    FOR EACH ROW EXECUTE FUNCTION session_refreshed();

ALTER TABLE sessions
    ENABLE ALWAYS TRIGGER raise_identity_version,
    ENABLE ALWAYS TRIGGER session_refreshed;
