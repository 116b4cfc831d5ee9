# Runs Postgres for as long as standard input stays open, then stops it.
#
# usage: sh -c SCRIPT sh SIGNAL REMOVED-AT-THE-END PROGRAM [ARGUMENT…]
#
# Standard input is a pipe that only the demo's process holds. It closes when
# the demo asks for the end and also when the demo is killed, so Postgres never
# outlives it. SIGNAL is Postgres's way to end: INT ends sessions and keeps the
# data ("fast"), QUIT drops everything ("immediate").
signal=$1
folder=$2
shift 2
exec 3<&0 </dev/null

"$@" 3<&- &
postgres=$!
{ read -r _ <&3; kill -s "$signal" "$postgres"; } 2>/dev/null &
watcher=$!

wait "$postgres"
ended=$?
kill "$watcher" 2>/dev/null
rm -rf "$folder"
# What an immediate shutdown reports is of no interest: nothing was to be kept.
[ "$signal" = QUIT ] && exit 0
exit "$ended"
