-- A sign-in that is dated back counts as newer than a logout only where its attempt began a
-- minute after the logout's `iat`, so that a provider whose clock is up to a minute behind
-- ends what it means to end. Otherwise as in 0015.
CREATE OR REPLACE FUNCTION is_newer_than_logout(
    begun timestamptz, issued timestamptz, logout_arrived timestamptz, logout_issued timestamptz
) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT issued > logout_issued
        OR coalesce(begun > logout_arrived, false)
        OR coalesce(begun > logout_issued + interval '1 minute'
                    AND begun - issued > logout_arrived - logout_issued + interval '2 seconds', false)
$$;
