#!/bin/bash
# gdb.sh - tools/gdb looks at a sandbox that runs. usage: gdb.sh RUNSC
set -u
TOP=$(cd "$(dirname "$0")/../.." && pwd)
RUNSC=$1
if ! command -v gdb >/dev/null; then
	echo "skip gdb: gdb is not installed"
	exit 0
fi
out=$(mktemp)
# shellcheck disable=SC1010 # "do" is a verb
"$RUNSC" --platform=systrap --cpus=2 do -- bash -c 'sleep 100 & wait' &
runsc=$!
trap 'kill $runsc; rm -f "$out"' EXIT
# Until the program has come to its wait.
for _ in $(seq 100); do
	boot=$(pgrep -P $runsc -fx 'runsc boot') &&
		"$TOP/tools/gdb" "$boot" -batch -ex k-tasks -ex 'k-bt 2' -ex 'k-maps 2' -ex k-locks \
			-ex k-cpus >"$out" 2>&1 </dev/null
	grep -Eq '^ +2 of 2 +sleep .* in ' "$out" && break
	sleep 0.1
done
# expect NAME PATTERN
expect() {
	if grep -Eq "$2" "$out"; then
		echo "pass gdb-$1"
	else
		echo "fail gdb-$1: no line like $2"
		sed 's/^/  /' "$out"
	fi
}
expect tasks '^ +2 of 2 +sleep +interruptible in .*sleep'
expect parent '^ +1 of 1 +bash +interruptible in .*wait'
expect backtrace '^  0x[0-9a-f]+ task_user_loop .*userloop.c:[0-9]+'
expect maps '^[0-9a-f]{16}-[0-9a-f]{16} rw- [0-9a-f]+ \[stack\]'
expect locks '^cpu 1: 0 spinlocks'
expect cpus '^cpu 0: runs [0-9]+ \(.*\), idle, 0 waiting'
