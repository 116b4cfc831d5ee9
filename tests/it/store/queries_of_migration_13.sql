-- What the program asked when 0013 was its last migration: each query of its .sqlx, ended by a line
-- with a semicolon. At a release these become the queries of the one before:
-- jq -r '.query + "\n;"' .sqlx/*.json
DELETE FROM blocked WHERE issuer = $1 AND subject = $2
;
DELETE FROM logouts WHERE (SELECT pg_try_advisory_xact_lock($2)) AND token_hash IN
                     (SELECT token_hash FROM logouts WHERE expires_at < $1 LIMIT $3)
;
DELETE FROM mappings WHERE id = $1
;
DELETE FROM sessions
                   WHERE public_id = $1::text::uuid
                     AND ($2::text IS NULL OR issuer = $2) AND ($3::text IS NULL OR subject = $3)
                   RETURNING public_id::text AS "id!", id_hash, issuer, subject, sealed_id_token,
                             created_at, ends_at
;
DELETE FROM sessions WHERE id_hash = $1 AND refresh_lease = $2
;
DELETE FROM sessions WHERE id_hash = $1 RETURNING sealed_id_token
;
DELETE FROM sign_outs WHERE (SELECT pg_try_advisory_xact_lock($2)) AND ticket_hash IN
                     (SELECT ticket_hash FROM sign_outs WHERE expires_at < $1 LIMIT $3)
;
DELETE FROM sign_outs WHERE ticket_hash = $1
                 RETURNING sealed_id_token, expires_at
;
DELETE FROM spent_attempts WHERE (SELECT pg_try_advisory_xact_lock($2)) AND id IN
                     (SELECT id FROM spent_attempts WHERE expires_at < $1
                      ORDER BY expires_at LIMIT $3)
;
INSERT INTO audit_log (at, actor_issuer, actor_subject, actor_label, action, object,
                                before, after, client_ip, request_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
;
INSERT INTO blocked (issuer, subject, until, reason, created_at, created_by)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (issuer, subject) DO UPDATE
                 SET until = $3, reason = $4, created_at = $5, created_by = $6
;
INSERT INTO logouts (token_hash, issuer, subject, sid, issued_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
;
INSERT INTO mappings (match, group_name, roles, transports, rooms, max_ttl_seconds,
                                       valid_from, valid_until, enabled, note,
                                       created_at, created_by, updated_at, updated_by)
                 VALUES ($1, $2, $3, $4, $5, $6::bigint, $7, $8, $9, $10, $11, $12, $11, $12)
                 RETURNING id
;
INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                                       groups_read_at, created_at, last_seen_at, ends_at, provider_sid,
                                       sealed_id_token, provider_issued_at,
                                       sealed_refresh_token)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
;
INSERT INTO sign_outs (ticket_hash, sealed_id_token, expires_at) VALUES ($1, $2, $3)
;
INSERT INTO spent_attempts (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING
;
SELECT (SELECT count(*) FROM mappings) AS "total!", mappings FROM change_counter
;
SELECT EXISTS (
               SELECT FROM logouts
               WHERE issuer = $1
                 AND (subject IS NULL OR subject = $2)
                 AND (sid IS NULL OR sid = $3 OR ($3::text IS NULL AND subject IS NOT NULL))
                 AND issued_at >= $4) AS "is!"
;
SELECT EXISTS (SELECT FROM blocked
                          WHERE issuer = $1 AND subject = $2 AND (until IS NULL OR $3 < until)) AS "is!"
;
SELECT count(*) AS "total!" FROM blocked
;
SELECT count(*) AS "total!" FROM sessions
                   WHERE ends_at > $1 AND last_seen_at > $2
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)
;
SELECT current_setting('server_version') AS "version!",
                  current_setting('server_version_num')::integer AS "number!",
                  pg_is_in_recovery() AS "standby!",
                  clock_timestamp() AS "now!",
                  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS "tls!",
                  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "may_create!",
                  coalesce(has_table_privilege(to_regclass('audit_log'), 'UPDATE, DELETE, TRUNCATE, TRIGGER'),
                           false) AS "may_rewrite_audit!"
;
SELECT id FROM mappings
                 WHERE mapping_digest(match, group_name, roles, transports, rooms)
                     = mapping_digest($1, $2, $3, $4, $5)
;
SELECT id FROM mappings WHERE id = $1 FOR UPDATE
;
SELECT id, at, actor_issuer, actor_subject, actor_label, action, object,
                        before, after, client_ip, request_id
                 FROM audit_log ORDER BY id DESC LIMIT $1 OFFSET $2
;
SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                    valid_from, valid_until, enabled, note, version,
                    created_at, created_by, updated_at, updated_by
             FROM mappings 
;
SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                    valid_from, valid_until, enabled, note, version,
                    created_at, created_by, updated_at, updated_by
             FROM mappings ORDER BY id LIMIT $1 OFFSET $2
;
SELECT id, match AS group_match, group_name, roles, transports, rooms, max_ttl_seconds,
                    valid_from, valid_until, enabled, note, version,
                    created_at, created_by, updated_at, updated_by
             FROM mappings WHERE id = $1
;
SELECT identity_version = $2 AND sealed_refresh_token IS NOT NULL AS "as_seen!"
                   FROM sessions WHERE id_hash = $1
;
SELECT issuer, subject, until FROM blocked
;
SELECT issuer, subject, until, reason, created_at, created_by
                   FROM blocked ORDER BY created_at DESC, issuer, subject LIMIT $1 OFFSET $2
;
SELECT issuer, subject, username, name, groups, groups_overage, groups_read_at,
                              created_at, last_seen_at, ends_at, provider_sid, provider_issued_at,
                              identity_version, sealed_refresh_token IS NOT NULL AS "refreshable!"
                       FROM sessions WHERE id_hash = $1
;
SELECT name || ' on ' || t AS "right!"
           FROM unnest($1::text[], $2::text[]) AS needed (t, name)
           WHERE NOT coalesce(has_table_privilege(to_regclass(t), name), true)
;
SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL AS locked
;
SELECT pg_is_in_recovery() AS "standby!"
;
SELECT pg_try_advisory_xact_lock($1)
                       AND set_config('bridge.sweep', 'on', true) = 'on' AS "ours!"
;
SELECT public_id::text AS "id!", id_hash, issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at
                   FROM sessions
                   WHERE ends_at > $1 AND last_seen_at > $2
                     AND ($3::text IS NULL
                          OR strpos(lower(concat_ws(E'\n', subject, username, name)), lower($3)) > 0)
                     AND ($4::text IS NULL OR issuer = $4) AND ($5::text IS NULL OR subject = $5)
                   ORDER BY created_at DESC, public_id LIMIT $6 OFFSET $7
;
SELECT public_id::text AS "id!", id_hash, issuer, subject, username, name,
                          created_at, last_seen_at, ends_at, groups_read_at
                   FROM sessions WHERE public_id = $1::text::uuid
;
SELECT until, reason, created_at, created_by FROM blocked WHERE issuer = $1 AND subject = $2
;
SELECT value, mappings, pg_postmaster_start_time() AS "server!" FROM change_counter
;
SELECT value, pg_is_in_recovery() AS "in_recovery!", pg_postmaster_start_time() AS "server!" FROM change_counter
;
UPDATE mappings
                 SET match = $2, group_name = $3, roles = $4, transports = $5, rooms = $6,
                     max_ttl_seconds = $7::bigint, valid_from = $8, valid_until = $9, enabled = $10,
                     note = $11, updated_at = $12, updated_by = $13
                 WHERE id = $1
;
UPDATE sessions
                   SET refresh_lease = $3, refresh_leased_until = clock_timestamp() + $4
                   WHERE id_hash = $1 AND identity_version = $2 AND sealed_refresh_token IS NOT NULL
                     AND (refresh_leased_until IS NULL OR refresh_leased_until <= clock_timestamp()
                          OR refresh_lease = $3)
                   RETURNING sealed_refresh_token AS "token!"
;
UPDATE sessions
                 SET sealed_refresh_token = coalesce($3, sealed_refresh_token),
                     refresh_lease = NULL, refresh_leased_until = NULL
                 WHERE id_hash = $1 AND refresh_lease = $2
;
UPDATE sessions
                 SET username = $3, name = $4, groups = $5, groups_overage = $6, groups_read_at = $7,
                     sealed_id_token = coalesce($8, sealed_id_token),
                     sealed_refresh_token = coalesce($9, sealed_refresh_token),
                     refresh_lease = NULL, refresh_leased_until = NULL
                 WHERE id_hash = $1 AND refresh_lease = $2
;
WITH over AS (
                       SELECT id_hash FROM sessions
                       WHERE issuer = $1
                         AND ($2::text IS NULL OR subject = $2)
                         AND ($3::text IS NULL OR provider_sid = $3
                              OR (provider_sid IS NULL AND $2::text IS NOT NULL))
                         AND coalesce(provider_issued_at, created_at) <= $4
                       ORDER BY id_hash FOR UPDATE
                   )
                   DELETE FROM sessions USING over WHERE sessions.id_hash = over.id_hash
                   RETURNING public_id::text AS "id!", sessions.id_hash, issuer, subject,
                             sealed_id_token, created_at, ends_at
;
WITH page AS (
                       SELECT id_hash FROM sessions WHERE id_hash > $1 ORDER BY id_hash LIMIT $4
                   ), swept AS (
                       DELETE FROM sessions USING page
                       WHERE sessions.id_hash = page.id_hash
                         AND (ends_at < least($2, clock_timestamp())
                              OR last_seen_at < least($3, clock_timestamp()))
                       RETURNING 1
                   )
                   SELECT (SELECT id_hash FROM page ORDER BY id_hash DESC LIMIT 1) AS last,
                          (SELECT count(*) FROM swept) AS "swept!"
;
WITH seen AS (
                     SELECT id_hash, max(at) AS at
                     FROM unnest($1::bytea[], $2::timestamptz[]) AS seen(id_hash, at)
                     GROUP BY id_hash
                 ), locked AS (
                     SELECT id_hash, at FROM sessions JOIN seen USING (id_hash)
                     WHERE last_seen_at < at ORDER BY id_hash FOR UPDATE OF sessions
                 )
                 UPDATE sessions SET last_seen_at = greatest(last_seen_at, locked.at)
                 FROM locked WHERE sessions.id_hash = locked.id_hash
;
WITH theirs AS (
               SELECT id_hash FROM sessions WHERE issuer = $1 AND subject = $2
               ORDER BY id_hash FOR UPDATE
           )
           DELETE FROM sessions USING theirs WHERE sessions.id_hash = theirs.id_hash
           RETURNING public_id::text AS "id!", sessions.id_hash, issuer, subject, sealed_id_token,
                     created_at, ends_at
;
