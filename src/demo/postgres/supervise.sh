# Runs Postgres for as long as standard input stays open, then stops it.
#
# usage: sh -c SCRIPT sh REMOVED-AT-THE-END PROGRAM [ARGUMENT…]
#
# Standard input is a pipe that only the demo's process holds. It closes when
# the demo asks for the end and also when the demo is killed, so Postgres never
# outlives it. SIGINT is Postgres's "fast" shutdown: sessions end, data is kept.
folder=$1
shift
exec 3<&0 </dev/null

"$@" 3<&- &
postgres=$!
{ read -r _ <&3; kill -INT "$postgres"; } 2>/dev/null &
watcher=$!

wait "$postgres"
ended=$?
kill "$watcher" 2>/dev/null
rm -rf "$folder"
exit "$ended"
