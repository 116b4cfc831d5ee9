-- The table that administrators edit: a group -> one grant.
--
-- The program judges every field before it writes (domain::mapping). What must
-- never be broken is a constraint here as well, because Red5 reads an empty
-- list as "everything" and a comma as a second room: a row written by hand must
-- not be able to say either.

-- Whether a list is what the program would store: not empty, no NULL inside,
-- sorted by bytes, no member twice.
CREATE FUNCTION is_sorted_set(words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN cardinality(words) > 0
   AND array_position(words, NULL) IS NULL
   AND words = ARRAY(SELECT DISTINCT word COLLATE "C" FROM unnest(words) AS word ORDER BY 1);

-- A lone '*', or names, patterns and templates in the alphabet of room names.
CREATE FUNCTION are_room_rules(rooms text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN rooms = '{*}'
    OR NOT EXISTS (
        SELECT FROM unnest(rooms) AS room
        WHERE (room ~ '^([A-Za-z0-9._~@-]|\{(username|sub|[1-8])\})+$'
               OR room ~ '^[A-Za-z0-9._~@*-]*[A-Za-z0-9._~@-][A-Za-z0-9._~@*-]*$')
              IS NOT TRUE
           OR octet_length(room) > 128
           OR room IN ('.', '..'));

CREATE TABLE mappings (
    -- Never used again after the row is gone: an identity column only rises.
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    match            text NOT NULL
        CONSTRAINT mappings_match CHECK (match IN ('exact', 'glob', 'everyone')),
    -- As the provider sends it, or a glob of such; NULL for everyone. Compared by bytes.
    group_name       text COLLATE "C",
    roles            text[] COLLATE "C" NOT NULL
        CONSTRAINT mappings_roles CHECK (
            is_sorted_set(roles) AND roles <@ '{red5-publisher,red5-subscriber}'),
    transports       text[] COLLATE "C" NOT NULL
        CONSTRAINT mappings_transports CHECK (
            is_sorted_set(transports)
            AND (transports = '{*}' OR transports <@ '{RTMP,RTSP,WHEP,WHIP}')),
    rooms            text[] COLLATE "C" NOT NULL
        CONSTRAINT mappings_rooms CHECK (
            is_sorted_set(rooms) AND cardinality(rooms) <= 500 AND are_room_rules(rooms)),
    max_ttl_seconds  integer
        CONSTRAINT mappings_max_ttl CHECK (max_ttl_seconds BETWEEN 60 AND 31536000),
    valid_from       timestamptz,
    valid_until      timestamptz,
    enabled          boolean NOT NULL DEFAULT true,
    note             text NOT NULL DEFAULT ''
        CONSTRAINT mappings_note CHECK (char_length(note) <= 1000),
    -- Raised by each edit of the row; If-Match is compared with it.
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    created_by       text NOT NULL,
    updated_at       timestamptz NOT NULL,
    updated_by       text NOT NULL,

    CONSTRAINT mappings_group CHECK (
        CASE match
            WHEN 'everyone' THEN group_name IS NULL
            WHEN 'glob'     THEN group_name LIKE '%*%' AND octet_length(group_name) BETWEEN 1 AND 512
            ELSE group_name IS NOT NULL AND octet_length(group_name) BETWEEN 1 AND 512
        END),
    CONSTRAINT mappings_window CHECK (valid_from < valid_until),
    -- Placeholders for captures only where there is a glob to capture.
    CONSTRAINT mappings_captures CHECK (
        match = 'glob' OR array_to_string(rooms, ',') !~ '\{[1-8]\}'),
    -- WHIP only publishes and WHEP only subscribes: a row that could never serve is a mistake.
    CONSTRAINT mappings_can_serve CHECK (
        transports = '{*}'
        OR ((NOT 'red5-publisher' = ANY (roles) OR transports && '{RTMP,RTSP,WHIP}')
            AND (NOT 'red5-subscriber' = ANY (roles) OR transports && '{RTMP,RTSP,WHEP}')
            AND ('red5-publisher' = ANY (roles) OR NOT 'WHIP' = ANY (transports))
            AND ('red5-subscriber' = ANY (roles) OR NOT 'WHEP' = ANY (transports))))
);

-- Two rows that say the same would have to be edited twice. A digest, because
-- 500 rooms are longer than an index entry may be; the separators are outside
-- every alphabet.
CREATE FUNCTION mapping_digest(match text, group_name text, roles text[], transports text[], rooms text[])
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256(convert_to(
    match || E'\x01' || coalesce(group_name, '') || E'\x01' || array_to_string(roles, ',')
    || E'\x01' || array_to_string(transports, ',') || E'\x01' || array_to_string(rooms, ','), 'UTF8'));

CREATE UNIQUE INDEX mappings_no_twins
    ON mappings (mapping_digest(match, group_name, roles, transports, rooms));

CREATE FUNCTION mappings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE change_counter SET value = value + 1, mappings = value + 1 RETURNING value INTO number;
    PERFORM pg_notify('bridge_changes', 'mappings ' || number);
    RETURN NULL;
END
$$;

CREATE TRIGGER mappings_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mappings
    FOR EACH STATEMENT EXECUTE FUNCTION mappings_changed();
