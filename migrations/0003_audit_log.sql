-- Who changed what, when, from where; with the row before and after. Written
-- in the transaction of the change: neither exists without the other.

CREATE TABLE audit_log (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL,
    -- Issuer and subject name a person for good; the label is what people know them by.
    actor_issuer   text NOT NULL,
    actor_subject  text NOT NULL,
    actor_label    text NOT NULL,
    action         text NOT NULL
        CONSTRAINT audit_log_action CHECK (action ~ '^[a-z]+\.[a-z]+$'),
    -- The number of the thing changed, as text: not everything is numbered.
    object         text NOT NULL,
    before         jsonb,
    after          jsonb,
    client_ip      text,
    request_id     text
);

CREATE INDEX audit_log_object ON audit_log (object, id);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_log_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();
