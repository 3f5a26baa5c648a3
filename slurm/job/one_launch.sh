# Lets one launch of a run at a time be under way, from whatever machine: sh one_launch.sh FOLDER WHO KIND, on the
# cluster. It holds FOLDER as long as standard input is open, and needs no more of the file system than to create a
# file exclusively. Who holds it touches its file, .launching.gN, every 20 s; one of the last two minutes counts.
# The highest N counts, and each holder takes a new one: so no two can take over from the same dead one.
# It says "launching: held" or "launching: busy WHO". At the word "done" it lets go. At an end of its input without it,
# KIND here means that the launch is dead, and it lets go; KIND away that only the connection may be: it keeps the rest
# of the two minutes.
folder=$1 who=$2 kind=$3
mkdir -p "$folder" || exit 3
highest() { ls -a "$folder" | sed -n 's/^\.launching\.g\([0-9][0-9]*\)$/\1/p' | sort -n | tail -n 1; }
# Seconds since a file was touched, by the clock of the file system: this machine's may be wrong.
age() {
    probe=$(mktemp "$folder/.clock.XXXXXX") || exit 3
    echo $(($(stat -c %Y "$probe") - $(stat -c %Y "$1" 2>/dev/null || echo 0)))
    rm -f "$probe"
}
busy() { echo "launching: busy $(cat "$folder/.launching.g$1" 2>/dev/null)"; exit 0; }
last=$(highest)
if [ -n "$last" ]; then
    past=$(age "$folder/.launching.g$last") || exit 3
    [ "$past" -ge 120 ] || [ "$past" -le -120 ] || busy "$last"
fi
mine=$((${last:-0} + 1))
file=$folder/.launching.g$mine
if ! (set -C; echo "$who" >"$file") 2>/dev/null; then
    [ -e "$file" ] && busy "$mine"
    : >"$file" || exit 3
fi
now=$(highest)
[ "$now" = "$mine" ] || { rm -f "$file"; busy "$now"; }
[ -z "$last" ] || rm -f "$folder/.launching.g$last"
while sleep 20 && kill -0 $$; do touch -c "$file"; done </dev/null >/dev/null 2>&1 &
trap 'kill $! 2>/dev/null' EXIT
trap '' INT HUP
echo "launching: held"
read -r word
[ "$word" != done ] && [ "$kind" = away ] || rm -f "$file"
