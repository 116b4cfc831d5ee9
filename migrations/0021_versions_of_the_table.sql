-- Which version the table of mappings had at which time, so that the table of an earlier time can be told
-- with its version. A row for each statement that changes mappings; it is a few bytes. A version may stand
-- here twice: after a restore of the counter alone, numbers come again.

CREATE TABLE mapping_versions (
    version  bigint NOT NULL,
    at       timestamptz NOT NULL
);

CREATE INDEX mapping_versions_at ON mapping_versions (at);

INSERT INTO mapping_versions SELECT mappings, now() FROM change_counter;

CREATE OR REPLACE FUNCTION mappings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    actor  jsonb := nullif(current_setting('bridge.actor', true), '')::jsonb;
BEGIN
    UPDATE change_counter SET value = value + 1, mappings = value + 1 RETURNING value INTO number;
    INSERT INTO mapping_versions VALUES (number, coalesce((actor ->> 'at')::timestamptz, clock_timestamp()));
    PERFORM pg_notify('bridge_changes', 'mappings ' || number);
    RETURN NULL;
END
$$;
