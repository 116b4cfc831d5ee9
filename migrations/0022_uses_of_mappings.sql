-- The last day on which a mapping took part in the warrant of a token, so that mappings that are not used any
-- more are found. A table of its own: use is no edit of the row, raises no version and is not
-- audited. Each instance writes in batches what its exchanges noted, so the day of a crash may be missing.

CREATE TABLE mapping_uses (
    -- No foreign key: it would refuse a TRUNCATE of the mappings, which is audited. The sweep removes what is of
    -- no mapping any more; numbers are never used again.
    mapping  bigint PRIMARY KEY,
    used_on  date NOT NULL
);
