-- Ordinary triggers rest while `session_replication_role` is `replica`, a
-- setting that an administrator of the server may use for a restore. These do
-- not: a change then still reaches every instance, and the audit log still
-- refuses.

ALTER TABLE mappings
    ENABLE ALWAYS TRIGGER mappings_changed,
    ENABLE ALWAYS TRIGGER raise_mapping_version;

ALTER TABLE sessions
    ENABLE ALWAYS TRIGGER sessions_ended,
    ENABLE ALWAYS TRIGGER sessions_truncated,
    ENABLE ALWAYS TRIGGER session_shortened;

ALTER TABLE audit_log
    ENABLE ALWAYS TRIGGER audit_log_is_append_only;
