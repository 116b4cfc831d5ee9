-- Red5 asks about a token, which names its person by the subject or by the user name, without
-- an issuer.
CREATE INDEX sessions_subject ON sessions (subject);
CREATE INDEX sessions_username ON sessions (username) WHERE username IS NOT NULL;
