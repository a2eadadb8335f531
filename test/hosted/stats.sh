#!/bin/bash
# stats.sh - what `runsc debug --stats` says of the hosted machine. usage: stats.sh RUNSC
set -u
RUNSC=$1
out=$(mktemp)
# shellcheck disable=SC1010 # "do" is a verb
"$RUNSC" --platform=systrap --cpus=1 do -- bash -c 'for i in 1 2 3; do (:); done; sleep 100 & wait' &
runsc=$!
trap 'kill $runsc; rm -f "$out"' EXIT
value() {
	sed -n "s/^$1 \([0-9]*\)$/\1/p" "$out"
}
# Until bash has made its fourth child.
for _ in $(seq 200); do
	"$RUNSC" debug --stats do-$runsc >"$out" 2>/dev/null && [ "$(value stub.made)" = 5 ] && break
	sleep 0.05
done
# expect NAME LOW HIGH
expect() {
	local v
	v=$(value "$1")
	if [ -n "$v" ] && [ "$v" -ge "$2" ] && [ "$v" -le "$3" ]; then
		echo "pass stats-$1"
	else
		echo "fail stats-$1: ${v:-missing}, not from $2 to $3"
		sed 's/^/  /' "$out"
	fi
}
calls=$(value kernel.syscalls)
faults=$(value kernel.faults)
expect stub.made 5 6 # bash, its children, and perhaps one that is made ahead
expect stub.turn_signal 10 "${calls:-0}"
expect stub.turn_fault 10 $((${faults:-0} * 2))
expect stub.orders_passed 10 $((${faults:-0} * 2))
expect stub.orders_awaited 4 10000 # each fork takes the right to write away
expect stub.order_calls "$(($(value stub.orders_passed) + $(value stub.orders_awaited)))" 100000
expect stub.wakes 10 1000000
expect stub.sleeps 1 1000000
expect calibrated.cpus 1 "$(nproc)"
expect calibrated.futex_ns 0 10000000 # 0: not measured, the CPU was taken away
