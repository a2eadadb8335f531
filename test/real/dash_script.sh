#!/bin/dash
# The other shell: functions, loops, redirections, signals.
# shellcheck disable=SC2002,SC2016,SC2015 # the programs are what is tested
set -eu
dir=$(mktemp -d)
cd "$dir"
i=0
while [ $i -lt 50 ]; do echo "line $i" >>log; i=$((i + 1)); done
wc -l <log
tail -n 1 log
f() { local x=$1; [ "$x" -le 1 ] && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }
f 10
{ echo out; echo err >&2; } 2>both.err >both.out; cat both.out both.err
exec 3<log; read -r first <&3; read -r second <&3; echo "$first, $second"; exec 3<&-
(trap 'echo int; exit 3' INT; kill -INT "$(exec sh -c 'echo $PPID')"; sleep 1) || echo "status $?"
cat /nonexistent 2>/dev/null || echo missing
: >empty; [ -s empty ] || echo empty
ln -s log link; readlink link; cat link | head -n 1
cd /; rm -r "$dir"; [ -e "$dir" ] || echo removed
