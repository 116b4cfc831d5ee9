-- A back-channel logout and a sign-in are compared by more than the ID token's
-- `iat`: some providers date it minutes back, and a logout token may arrive late. A
-- session knows when its attempt began, a logout when it arrived, both by the
-- bridge's clock. NULL in rows of before these columns: then `iat` decides alone.

ALTER TABLE sessions
    ADD COLUMN begun_at timestamptz
        CONSTRAINT sessions_begun_at CHECK (is_date(begun_at));

ALTER TABLE logouts
    ADD COLUMN arrived_at timestamptz
        CONSTRAINT logouts_arrived_at CHECK (is_date(arrived_at));

-- Whether a sign-in is newer than a logout: its attempt began after the logout
-- arrived; or its `iat` is later than the logout's; or its `iat` lies so far before its
-- attempt that no clock explains it (the logout's own `iat` would then be later than
-- its arrival), and the attempt began after the logout's `iat`. The seconds are
-- those by which `iat`, a whole number, is rounded down.
CREATE FUNCTION is_newer_than_logout(
    begun timestamptz, issued timestamptz, logout_arrived timestamptz, logout_issued timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT issued > logout_issued
        OR coalesce(begun > logout_arrived, false)
        OR coalesce(begun > logout_issued + interval '1 second'
                    AND begun - issued > logout_arrived - logout_issued + interval '2 seconds', false)
$$;
