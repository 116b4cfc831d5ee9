#!/usr/bin/env bash
# Makes the certificates that the tests' provider shows, anew: two authorities, one
# of which is trusted nowhere, and certificates of 127.0.0.1. They last a hundred years.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index"
cat > "$work/ca.cnf" <<CONFIG
[ca]
default_ca = it
[it]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[here]
subjectAltName = IP:127.0.0.1,DNS:localhost
[elsewhere]
subjectAltName = DNS:id.example.com
CONFIG

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# authority NAME: its key is not kept.
authority() {
  key "$work/$1.key"
  openssl req -x509 -new -key "$work/$1.key" -subj "/CN=Test authority $1" -days 36500 \
    -config "$work/ca.cnf" -extensions authority -out "$1.pem"
}

# certificate NAME AUTHORITY NAMES FROM TO
certificate() {
  key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" -config "$work/ca.cnf" -out "$work/$1.csr"
  openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$3" -in "$work/$1.csr" \
    -cert "$2.pem" -keyfile "$work/$2.key" -startdate "$4" -enddate "$5" -out "$1.pem" 2>/dev/null
}

authority authority
authority unknown-authority
certificate good authority here 20260101000000Z 21251231000000Z
certificate other-host authority elsewhere 20260101000000Z 21251231000000Z
certificate expired authority here 20250101000000Z 20250102000000Z
certificate not-yet-valid authority here 21250101000000Z 21251231000000Z
certificate of-unknown-authority unknown-authority here 20260101000000Z 21251231000000Z
rm unknown-authority.pem
