-- From where a sign-in came, so that people recognise their own sessions. The
-- browser is a few words of the program ("Firefox on Windows"), never what the
-- browser sent; the address is the client's, behind trusted proxies. Both go
-- with the session's row, and nothing is decided by them. NULL in rows from
-- before these columns.

ALTER TABLE sessions
    ADD COLUMN browser text
        CONSTRAINT sessions_browser CHECK (char_length(browser) BETWEEN 1 AND 64),
    ADD COLUMN client_address inet;

-- A block ends the sessions of its person, and with them what the person is
-- called. The list of blocks shows it, so it is kept here. NULL where no session
-- said it.

ALTER TABLE blocked
    ADD COLUMN username text,
    ADD COLUMN name text;
