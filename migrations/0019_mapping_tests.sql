-- What must stay true of the mappings, stated by administrators: an identity that is given, what
-- it can and what it cannot do. A change of mappings after which a test fails is refused. A test grants
-- nothing, so the change counter does not count it.

CREATE TABLE mapping_tests (
    -- Never used again after the row is gone.
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Files name a test by it.
    name        text NOT NULL
        CONSTRAINT mapping_tests_name CHECK (
            char_length(name) BETWEEN 1 AND 100 AND name !~ '[\u0001-\u001f\u007f-\u009f]')
        CONSTRAINT mapping_tests_one_name UNIQUE DEFERRABLE INITIALLY IMMEDIATE,
    -- JSON as the API has it; the program judges what is in it.
    given       jsonb NOT NULL CONSTRAINT mapping_tests_given CHECK (jsonb_typeof(given) = 'object'),
    can         jsonb NOT NULL CONSTRAINT mapping_tests_can CHECK (jsonb_typeof(can) = 'array'),
    cannot      jsonb NOT NULL CONSTRAINT mapping_tests_cannot CHECK (jsonb_typeof(cannot) = 'array'),
    note        text NOT NULL DEFAULT ''
        CONSTRAINT mapping_tests_note CHECK (
            char_length(note) <= 1000 AND note !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]'),
    -- Raised by each edit of the row.
    version     bigint NOT NULL DEFAULT 1 CONSTRAINT mapping_tests_version CHECK (version >= 1),
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    updated_at  timestamptz NOT NULL,
    updated_by  text NOT NULL,

    CONSTRAINT mapping_tests_written CHECK (is_date(created_at) AND is_date(updated_at))
);

CREATE TRIGGER raise_mapping_version
    BEFORE UPDATE ON mapping_tests
    FOR EACH ROW EXECUTE FUNCTION raise_mapping_version();

CREATE TRIGGER audit_change
    AFTER INSERT OR UPDATE OR DELETE ON mapping_tests
    FOR EACH ROW EXECUTE FUNCTION audit_change('test');

CREATE TRIGGER audit_truncate
    BEFORE TRUNCATE ON mapping_tests
    FOR EACH STATEMENT EXECUTE FUNCTION audit_truncate('test');

ALTER TABLE mapping_tests
    ENABLE ALWAYS TRIGGER raise_mapping_version,
    ENABLE ALWAYS TRIGGER audit_change,
    ENABLE ALWAYS TRIGGER audit_truncate;
