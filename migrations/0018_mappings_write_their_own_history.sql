-- Every change of a mapping writes its own row of the audit log, by trigger. Until now the
-- program wrote it, so a change made by hand had none, and the table of an earlier moment could not
-- be told from the log. Now it can: it is the newest row of each mapping at that moment.

-- Changes that were made together, in one transaction, have one number.
CREATE SEQUENCE change_sets;

ALTER TABLE audit_log ADD COLUMN change_set bigint;

CREATE INDEX audit_log_at ON audit_log (at);

-- Inserts one row of the audit log. The program says in the setting `bridge.actor`, for its
-- transaction alone, who makes the change, when, and the number of the change set; without the
-- setting the change was made by SQL.
CREATE FUNCTION audit_row(action text, object text, before jsonb, after jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    actor   jsonb := nullif(current_setting('bridge.actor', true), '')::jsonb;
    number  text  := coalesce(actor ->> 'change_set', nullif(current_setting('bridge.change_set', true), ''));
BEGIN
    IF number IS NULL THEN
        number := nextval('change_sets')::text;
        PERFORM set_config('bridge.change_set', number, true);
    END IF;
    INSERT INTO audit_log (at, actor_issuer, actor_subject, actor_label, action, object, before, after,
                           client_ip, request_id, change_set)
    VALUES (coalesce((actor ->> 'at')::timestamptz, clock_timestamp()),
            coalesce(actor ->> 'issuer', 'sql'), coalesce(actor ->> 'subject', session_user),
            coalesce(actor ->> 'label', 'sql'), action, object, before, after,
            actor ->> 'client_ip', actor ->> 'request_id', number::bigint);
END
$$;

-- Actions are called by what was done. Rows of before this migration have other words, and rows of the log are
-- never changed.
CREATE FUNCTION audit_action(action text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE action
    WHEN 'mapping.create'  THEN 'mapping.created'
    WHEN 'mapping.replace' THEN 'mapping.replaced'
    WHEN 'mapping.delete'  THEN 'mapping.deleted'
    WHEN 'session.end'     THEN 'session.ended'
    WHEN 'person.end'      THEN 'person.ended'
    WHEN 'person.block'    THEN 'person.blocked'
    WHEN 'person.unblock'  THEN 'person.unblocked'
    ELSE action
END;

-- A row as the audit log keeps it. Columns that are computed from others say nothing.
CREATE FUNCTION audited(changed jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
RETURN changed - 'digest';

-- For tables with an `id`; the argument is what a row is called.
CREATE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
        WHEN 'INSERT' THEN
            PERFORM audit_row(TG_ARGV[0] || '.created', NEW.id::text, NULL, audited(to_jsonb(NEW)));
        WHEN 'UPDATE' THEN
            PERFORM audit_row(TG_ARGV[0] || '.replaced', NEW.id::text, audited(to_jsonb(OLD)), audited(to_jsonb(NEW)));
        WHEN 'DELETE' THEN
            PERFORM audit_row(TG_ARGV[0] || '.deleted', OLD.id::text, audited(to_jsonb(OLD)), NULL);
    END CASE;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_change
    AFTER INSERT OR UPDATE OR DELETE ON mappings
    FOR EACH ROW EXECUTE FUNCTION audit_change('mapping');

-- TRUNCATE has no rows for the trigger above.
CREATE FUNCTION audit_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lost record;
BEGIN
    FOR lost IN EXECUTE format('SELECT id::text AS object, audited(to_jsonb(gone)) AS before FROM %I.%I AS gone ORDER BY id',
                               TG_TABLE_SCHEMA, TG_TABLE_NAME)
    LOOP
        PERFORM audit_row(TG_ARGV[0] || '.deleted', lost.object, lost.before, NULL);
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER audit_truncate
    BEFORE TRUNCATE ON mappings
    FOR EACH STATEMENT EXECUTE FUNCTION audit_truncate('mapping');

-- As in 0008: also while a restore silences ordinary triggers.
ALTER TABLE mappings
    ENABLE ALWAYS TRIGGER audit_change,
    ENABLE ALWAYS TRIGGER audit_truncate;

-- Rows that the log does not know as they are now: written by SQL before there was this trigger.
SELECT audit_row('mapping.recorded', id::text, NULL, audited(to_jsonb(mappings)))
FROM mappings
WHERE version IS DISTINCT FROM (
    SELECT (after ->> 'version')::bigint
    FROM audit_log
    WHERE object = mappings.id::text AND action LIKE 'mapping.%'
    ORDER BY audit_log.id DESC
    LIMIT 1);

-- Two rows that say the same are refused when a statement ends, not at each of its rows: a change set
-- may delete a row and create one like it, or exchange two. A constraint can wait so, and an index
-- over an expression cannot; hence a column. Its name stays, because programs look for it.
DROP INDEX mappings_no_twins;

ALTER TABLE mappings
    ADD COLUMN digest bytea NOT NULL
        GENERATED ALWAYS AS (mapping_digest(match, group_name, roles, transports, rooms)) STORED,
    ADD CONSTRAINT mappings_no_twins UNIQUE (digest) DEFERRABLE INITIALLY IMMEDIATE;
