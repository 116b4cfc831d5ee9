//! The words of the command line, and what `--help` says of them.

use clap::{Parser, Subcommand};

const ABOUT: &str = "\
Signs people in with your OpenID Connect provider, maps their groups to roles,
transports and rooms, and hands out short-lived tokens that Red5 Pro accepts.

It is configured by environment variables and by a file .env in the current
folder; .env.example explains each. Begin with `red5-bridge check`.";

const EXIT_CODES: &str = "\
Exit codes: 0 good, 1 a finding (what is wrong is said), 2 wrong words.";

/// What `red5-bridge` can be told to do.
#[derive(Debug, Parser)]
#[command(
    name = "red5-bridge",
    version,
    about = "Identity bridge for Red5 Pro",
    long_about = ABOUT,
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub(super) struct Words {
    #[command(subcommand)]
    pub(super) word: Option<Word>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Word {
    /// Run the bridge (the same as no word at all)
    #[command(after_help = SERVE)]
    Serve,
    /// Bring the tables up to this version, and end
    #[command(after_help = MIGRATE)]
    Migrate,
    /// Say what is wrong with configuration, database and provider
    #[command(after_help = CHECK)]
    Check,
    /// Print a new key for `BRIDGE_SECRET_KEYS`
    #[command(after_help = KEYGEN)]
    Keygen,
    /// Say in words what Red5 would allow with a token, and why it would refuse it
    #[command(after_help = INSPECT)]
    Inspect {
        /// The token; without it, or with -, one is read from standard input
        token: Option<String>,
    },
    /// Print the lines of red5-web.properties that fit this configuration
    #[command(name = "red5-config", after_help = RED5_CONFIG)]
    Red5Config {
        /// Writes jwt.secret too: every reader of it can make tokens for everything
        #[arg(long)]
        show_secret: bool,
    },
    /// Ask a bridge on this machine whether it is ready, for containers
    #[command(after_help = HEALTHCHECK)]
    Healthcheck,
}

const SERVE: &str = "\
Reads     the whole configuration (environment and .env)
Writes    its log to standard error (LOG_FORMAT, RUST_LOG)
Ends      by SIGTERM or Ctrl-C, after requests under way have finished

It migrates its own tables first. A database or a provider that is not there
keeps it from nothing but being ready: it starts, and /readyz says what is missing.

Exit codes: 0 stopped, 1 the configuration is not usable or the address is taken.

Example: red5-bridge serve";

const MIGRATE: &str = "\
Reads     DATABASE_URL, DATABASE_LISTEN_URL

For a role that may make tables, where the one that serves may not.

Exit codes: 0 the tables are up to date, 1 they could not be brought there.

Example: DATABASE_URL=postgres://owner@db.example.com/bridge red5-bridge migrate";

const CHECK: &str = "\
Reads     the whole configuration, asks the database, and asks the provider for
          its documents, for a sign-in page and, with a made-up code, for tokens

It changes nothing, signs no user in and prints no secret. Every finding comes
with what to do. A note is something that may be meant, or that cannot be known
from here; notes alone are good.

Exit codes: 0 nothing is wrong, 1 findings.

Example: red5-bridge check";

const KEYGEN: &str = "\
Prints 32 random bytes in base64. Put a new key in front of the old one.

Exit codes: 0, or 1 where this machine gives no random numbers.

Example: red5-bridge keygen > keys && chmod 600 keys   # BRIDGE_SECRET_KEYS_FILE=keys";

const INSPECT: &str = "\
Reads     RED5_* of the configuration: the secret, the issuer, the server's limit

A token as an argument can be seen by every user of this machine and stays in the
shell's history; standard input is better.

Exit codes: 0 Red5 would accept it, 1 it would not, or the token names no role and
is good for everybody, 2 there is no token.

Example: red5-bridge inspect < token.txt";

const RED5_CONFIG: &str = "\
Reads     RED5_* of the configuration

The lines are escaped as Java's property files want it. Without --show-secret the
line of jwt.secret is a comment: what goes to a screen or a build's log is no secret
any more, and a masked value would be pasted as if it were one.

Exit codes: 0 printed, 1 the configuration is not usable.

Example: umask 077; red5-bridge red5-config --show-secret > red5-jwt.properties";

const HEALTHCHECK: &str = "\
Reads     BRIDGE_LISTEN alone

Asks /readyz there and says one line. It waits five seconds at most.

Exit codes: 0 ready, 1 not ready, or nothing answers.

Example: HEALTHCHECK CMD [\"red5-bridge\", \"healthcheck\"]";
