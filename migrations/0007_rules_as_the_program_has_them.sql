-- The remaining rules of domain::mapping, so that a row which the table takes
-- is a row which the program reads. Otherwise something written by hand would
-- be in the table and grant nothing, and nobody would know why.

-- As the program reads it: 1970-01-01 to 9999-12-31 in UTC. PostgreSQL also
-- knows 'infinity' and years that other programs cannot hold.
CREATE FUNCTION is_date(moment timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN moment >= '1970-01-01 00:00:00+00' AND moment < '10000-01-01 00:00:00+00';

CREATE FUNCTION count_stars(glob text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN char_length(glob) - char_length(replace(glob, '*', ''));

-- The highest n of {n} in a list of rooms; 0 when there is none.
CREATE FUNCTION highest_capture(rooms text[]) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce((SELECT max(found[1]::integer)
                 FROM unnest(rooms) AS room, regexp_matches(room, '\{([1-9])\}', 'g') AS found), 0);

ALTER TABLE mappings
    DROP CONSTRAINT mappings_group,
    DROP CONSTRAINT mappings_captures,
    DROP CONSTRAINT mappings_window,
    DROP CONSTRAINT mappings_note,
    -- Control characters (Unicode's Cc) in a group are a mistake of copying.
    ADD CONSTRAINT mappings_group CHECK (
        CASE match
            WHEN 'everyone' THEN group_name IS NULL
            ELSE group_name IS NOT NULL
                AND octet_length(group_name) BETWEEN 1 AND 512
                AND group_name !~ '[\u0001-\u001f\u007f-\u009f]'
                AND (match = 'exact' OR count_stars(group_name) BETWEEN 1 AND 8)
        END),
    -- {n} is what the n-th star of the glob stands for.
    ADD CONSTRAINT mappings_captures CHECK (
        highest_capture(rooms) <= CASE match WHEN 'glob' THEN count_stars(group_name) ELSE 0 END),
    ADD CONSTRAINT mappings_window CHECK (
        is_date(valid_from) AND is_date(valid_until) AND valid_from < valid_until),
    -- Of control characters only line feeds and tabs are fine in a note.
    ADD CONSTRAINT mappings_note CHECK (
        char_length(note) <= 1000 AND note !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]'),
    ADD CONSTRAINT mappings_written CHECK (is_date(created_at) AND is_date(updated_at)),
    ADD CONSTRAINT mappings_version CHECK (version >= 1);

ALTER TABLE sessions
    ADD CONSTRAINT sessions_times CHECK (
        is_date(groups_read_at) AND is_date(created_at) AND is_date(last_seen_at) AND is_date(ends_at)),
    ADD CONSTRAINT sessions_groups CHECK (array_position(groups, NULL) IS NULL);

ALTER TABLE audit_log
    ADD CONSTRAINT audit_log_at CHECK (is_date(at));

-- The version is raised here and nowhere else: an edit by hand counts too, and
-- whoever has the row open in a browser is told that it changed.
CREATE FUNCTION raise_mapping_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;

CREATE TRIGGER raise_mapping_version
    BEFORE UPDATE ON mappings
    FOR EACH ROW EXECUTE FUNCTION raise_mapping_version();
