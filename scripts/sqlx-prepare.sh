#!/usr/bin/env bash
# Renews `.sqlx`, the answers that queries are compiled against, by asking the
# Postgres that DATABASE_URL names. `make sqlx` runs it with a private one.
# Postgres's `psql` migrates, because the program itself does not compile while
# a new query has no answer yet.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${DATABASE_URL:?names a Postgres on which a database may be made}"
command -v psql >/dev/null || {
  echo 'psql is missing: apt-get install postgresql-client' >&2
  exit 1
}

database="sqlx_prepare_$$"
server=$DATABASE_URL
psql "$server" --quiet --command "CREATE DATABASE $database"
trap 'psql "$server" --quiet --command "DROP DATABASE $database WITH (FORCE)"' EXIT
# The same address with another database: its path, before any options.
DATABASE_URL=$(sed -E "s|^([a-z]+://[^/?]*)(/[^?]*)?|\1/$database|" <<<"$server")
export DATABASE_URL

for migration in migrations/*.sql; do
  psql "$DATABASE_URL" --quiet --set ON_ERROR_STOP=1 --single-transaction --file "$migration"
done

# Beside the old ones, which stay where a query turns out to be wrong.
answers=$PWD/target/sqlx
rm -rf "$answers"
mkdir -p "$answers"
touch src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$answers "${CARGO:-cargo}" check --locked --lib
rm -rf .sqlx
mv "$answers" .sqlx
echo "$(find .sqlx -name '*.json' | wc -l) queries"
