//! The commands and options, and what `--help` says of them.

use clap::{Parser, Subcommand};

const ABOUT: &str = "\
Signs people in with your OpenID Connect provider, maps their groups to roles,
transports and rooms, and hands out short-lived tokens that Red5 Pro accepts.

It is configured by environment variables and by a file .env in the current
folder; .env.example explains each. Begin with `red5-bridge check`.";

const EXIT_CODES: &str = "\
Exit codes: 0 good, 1 a finding or an error, 2 usage error.";

#[derive(Debug, Parser)]
#[command(
    name = "red5-bridge",
    version,
    about = "Identity bridge for Red5 Pro",
    long_about = ABOUT,
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the bridge (the default)
    #[command(after_help = SERVE)]
    Serve,
    /// Apply the migrations of this version to the database
    #[command(after_help = MIGRATE)]
    Migrate,
    /// Check configuration, database and provider, and report every error
    #[command(after_help = CHECK)]
    Check,
    /// Print a new key for `BRIDGE_SECRET_KEYS`
    #[command(after_help = KEYGEN)]
    Keygen,
    /// Explain what Red5 would allow with a token, and why it would refuse it
    #[command(after_help = INSPECT)]
    Inspect {
        /// The token; without it, or with -, one is read from standard input
        token: Option<String>,
    },
    /// Explain why a person may or may not do something
    #[command(after_help = EXPLAIN)]
    Explain {
        /// A file with the question as JSON; without it, or with -, standard input
        file: Option<String>,
        /// Print the answer as JSON, as POST /api/admin/explain has it
        #[arg(long)]
        json: bool,
    },
    /// Write the mappings and their tests to a file, and make them as a file has them
    #[command(after_help = MAPPINGS)]
    Mappings {
        #[command(subcommand)]
        command: MappingsCommand,
    },
    /// Print the lines of red5-web.properties that match this configuration
    #[command(name = "red5-config", after_help = RED5_CONFIG)]
    Red5Config {
        /// Print jwt.secret too: with it an attacker can create any token
        #[arg(long)]
        show_secret: bool,
    },
    /// Remove what is known of a person
    #[command(after_help = PEOPLE)]
    People {
        #[command(subcommand)]
        command: PeopleCommand,
    },
    /// Ask a bridge on this machine whether it is ready, for containers
    #[command(after_help = HEALTHCHECK)]
    Healthcheck,
}

#[derive(Debug, Subcommand)]
pub(super) enum PeopleCommand {
    /// Remove a person who is not signed in
    #[command(after_help = PEOPLE)]
    Forget {
        /// The id (p_…) that the person's page and /api/admin/people show
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum MappingsCommand {
    /// Write the mappings and their tests to a file
    #[command(after_help = EXPORT)]
    Export {
        /// The file; without it, or with -, standard output
        file: Option<String>,
        /// One row for each mapping, to be read in a spreadsheet; no command reads it
        #[arg(long)]
        csv: bool,
    },
    /// Print what a file would change, and for whom
    #[command(after_help = PLAN)]
    Plan {
        /// The file; - is standard input
        file: String,
    },
    /// Make the mappings and their tests as a file has them
    #[command(after_help = APPLY)]
    Apply {
        /// The file; - is standard input
        file: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// The version that the plan showed; with another one nothing is changed
        #[arg(long, value_name = "N")]
        plan_version: Option<i64>,
    },
    /// Run the mapping tests
    #[command(after_help = TEST)]
    Test {
        /// A file with mappings and tests, - is standard input; without it those of the database
        file: Option<String>,
    },
}

const SERVE: &str = "\
Reads     the whole configuration (environment and .env)
Writes    its log to standard error (LOG_FORMAT, RUST_LOG)
Ends      by SIGTERM or Ctrl-C, after requests in progress have finished

It migrates its tables first. It also starts while the database or the provider is
not available; /readyz says what is missing until then.

Exit codes: 0 stopped, 1 the configuration is not usable or the address is taken.

Example: red5-bridge serve";

const MIGRATE: &str = "\
Reads     DATABASE_URL, DATABASE_LISTEN_URL

For a role that may create tables, if the role that serves may not.

Exit codes: 0 the tables are up to date, 1 they could not be migrated.

Example: DATABASE_URL=postgres://owner@db.example.com/bridge red5-bridge migrate";

const CHECK: &str = "\
Reads     the whole configuration, asks the database, and asks the provider for
          its documents, for a sign-in page and, with a made-up code, for tokens

It changes nothing, signs no user in and prints no secret. Every error comes with
its remedy. A note is something that may be intended, or that cannot be known from
here; notes alone are good.

Exit codes: 0 nothing is wrong, 1 errors.

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
allows everything to every bearer, 2 there is no token.

Example: red5-bridge inspect < token.txt";

const EXPLAIN: &str = "\
Reads     the whole configuration, and the database

The question is the body of POST /api/admin/explain: one of session, identity, claims
and token, and optionally request and at. It changes nothing.

Exit codes: 0 there is an answer, 1 there is no such session or the database cannot be
asked, 2 the question cannot be read.

Example: echo '{\"identity\":{\"groups\":[\"crew\"]}}' | red5-bridge explain";

const MAPPINGS: &str = "\
Reads     DATABASE_URL; `test FILE` reads no variable

A file is JSON with the lists `mappings` and `tests`, in one order and without numbers and
versions, so that equal tables are equal files. A list that a file does not have is left
alone; a row that its list does not have is removed.

Exit codes: 0 good, 1 a finding or an error, 2 usage error; plan: 3 there are changes.

Example: red5-bridge mappings export mappings.json";

const EXPORT: &str = "\
Reads     DATABASE_URL
Writes    the file whole or not at all

With --csv cells that a spreadsheet would calculate begin with an apostrophe.

Exit codes: 0 written, 1 an error.

Example: red5-bridge mappings export mappings.json";

const PLAN: &str = "\
Reads     DATABASE_URL, and the file

Prints a line for each row that is added (+), changed (~) or removed (-), what that grants
and takes away, warnings, mapping tests that would fail, and last the counts and the mapping
version. It changes nothing.

Exit codes: 0 there are no changes, 1 an error, 3 there are changes.

Example: red5-bridge mappings plan mappings.json";

const APPLY: &str = "\
Reads     DATABASE_URL, and the file
Writes    the mappings and their tests, all changes or none, audited as cli:USER

Prints the plan and asks. Without a terminal it needs --yes. What it applies is the plan that
it printed: where the mappings changed meanwhile, or a mapping test would fail that does not
fail now, nothing is changed.

Exit codes: 0 applied, or nothing to change, 1 nothing was changed.

Example: red5-bridge mappings apply mappings.json --yes --plan-version 42";

const TEST: &str = "\
Reads     DATABASE_URL; with a file the file alone

Exit codes: 0 every mapping test passes, 1 one fails, or an error.

Example: red5-bridge mappings test mappings.json";

const RED5_CONFIG: &str = "\
Reads     RED5_* of the configuration

The lines are escaped for Java's property files. Without --show-secret the
line of jwt.secret is a comment: what goes to a screen or a build's log is no secret
any more, and a masked value would be pasted as if it were one.

Exit codes: 0 printed, 1 the configuration is not usable.

Example: umask 077; red5-bridge red5-config --show-secret > red5-jwt.properties";

const PEOPLE: &str = "\
Reads     DATABASE_URL, DATABASE_LISTEN_URL, BRIDGE_SESSION_IDLE_MINUTES
Writes    to the audit log: the id alone, and the user of this machine

Names and groups of the person go. A block stays. Another sign-in makes the person known
again, under another id.

Exit codes: 0 removed, 1 no such person, or they are signed in.

Example: red5-bridge people forget p_5f0c1f6e4a0b4b8e9d7a0c2f4e6a8b1d";

const HEALTHCHECK: &str = "\
Reads     BRIDGE_LISTEN alone

Asks /readyz there and says one line. It waits five seconds at most.

Exit codes: 0 ready, 1 not ready, or nothing answers.

Example: HEALTHCHECK CMD [\"red5-bridge\", \"healthcheck\"]";
