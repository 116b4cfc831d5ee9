-- People who have been seen: what a sign-in said of a person outlives the session for
-- BRIDGE_SEEN_DAYS, so that an administrator finds people by name, and what an edit changes can
-- be told for those who are not signed in now.
--
-- Written once for each sign-in and for each refresh that changed something, in the transaction
-- that writes the session. A person who is signed in always has a row; the sweep removes the
-- others when their time is over.

CREATE TABLE people (
    issuer          text NOT NULL,
    subject         text NOT NULL,
    -- What pages, addresses and the audit log call the row. Random: a value derived from the
    -- subject could be compared with the person again after the row is removed.
    public_id       text COLLATE "C" NOT NULL
        DEFAULT 'p_' || replace(gen_random_uuid()::text, '-', '')
        CONSTRAINT people_public_id UNIQUE
        CONSTRAINT people_public_id_form CHECK (public_id ~ '^p_[0-9a-f]{32}$'),
    username        text,
    name            text,
    -- As the provider sent them last.
    groups          text[] COLLATE "C" NOT NULL
        CONSTRAINT people_groups_known CHECK (array_position(groups, NULL) IS NULL),
    groups_overage  boolean NOT NULL,
    -- The last sign-in, or the last refresh that changed something. Use of a session is in its
    -- own row.
    last_seen_at    timestamptz NOT NULL
        CONSTRAINT people_last_seen_at_date CHECK (is_date(last_seen_at)),

    PRIMARY KEY (issuer, subject),
    CONSTRAINT people_overage CHECK (NOT groups_overage OR cardinality(groups) = 0)
);

-- Who is in a group.
CREATE INDEX people_groups ON people USING gin (groups);
-- For the sweep.
CREATE INDEX people_last_seen_at ON people (last_seen_at);

-- Of several sessions the newest says who the person is.
INSERT INTO people (issuer, subject, username, name, groups, groups_overage, last_seen_at)
SELECT DISTINCT ON (issuer, subject)
       issuer, subject, username, name, groups, groups_overage, last_seen_at
FROM sessions
ORDER BY issuer, subject, created_at DESC, id_hash;
