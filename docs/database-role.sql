-- The role that `serve` connects as: it cannot create tables, and it can neither
-- change nor delete rows of the audit log. Run this script as the tables' owner
-- after each `red5-bridge migrate`; running it again changes nothing:
--
--     psql "$OWNER_DATABASE_URL" -v ON_ERROR_STOP=1 -f docs/database-role.sql
--     psql "$OWNER_DATABASE_URL" -c '\password bridge_serves'
--
-- `DATABASE_URL` of `serve` then names bridge_serves, that of `migrate` the owner.

DO $$
BEGIN
    CREATE ROLE bridge_serves LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
EXCEPTION
    -- The second: two databases of one server at the same moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- Roles belong to the whole server, and the name of this database is its own.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO bridge_serves', current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bridge_serves;

-- What the bridge writes and clears away.
GRANT SELECT, INSERT, UPDATE, DELETE ON mappings, mapping_tests, mapping_uses, blocked, sessions, people,
    clients, client_secrets, consents, token_families, authorization_codes, device_codes TO bridge_serves;
GRANT SELECT, INSERT, DELETE ON spent_attempts, sign_outs, logouts, wrong_user_codes TO bridge_serves;
-- Its triggers raise the number; the one row is never added or removed.
GRANT SELECT, UPDATE ON change_counter TO bridge_serves;
-- Rows cannot be changed, so that an attacker with this role's password cannot hide
-- a change. Row numbers are identity columns: inserting needs no right on a sequence.
GRANT SELECT, INSERT ON audit_log, mapping_versions TO bridge_serves;
-- Ids of clients are given once, so none is removed.
GRANT SELECT, INSERT ON client_ids TO bridge_serves;
-- Changes of mappings that are made together have one number.
GRANT USAGE ON SEQUENCE change_sets TO bridge_serves;
-- For knowing whether the tables are those of this version.
GRANT SELECT ON _sqlx_migrations TO bridge_serves;
