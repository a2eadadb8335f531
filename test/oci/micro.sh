#!/bin/bash
# The VMM by itself, with the micro kernel of test/vm inside: stdio of each kind, signals, ends and
# deaths. usage: micro.sh RUNSC-MICRO   (as root, in the test VM). Prints result lines.
# shellcheck disable=SC1010,SC2002 # "do" is a verb of runsc; a pipe is wanted
set -u
runsc=$1
work=$(mktemp -d -p /var/tmp)
state=$work/state
mkdir "$state"

box() {
	timeout -s KILL 60 "$runsc" --root "$state" --platform=kvm "$@"
}

# verdict NAME CONDITION...: a result line, and nothing may be left.
verdict() {
	local name=$1
	shift
	if "$@" && [ -z "$(ls -A "$state")" ]; then
		echo "pass vmm-$name"
	else
		echo "fail vmm-$name"
		find "$state" -mindepth 1 -printf '  left: %P\n'
		rm -rf "${state:?}"/*
	fi
}

same() {
	[ "$1" = "$2" ] || { echo "  \"$1\" is not \"$2\""; return 1; }
}

verdict output same "$(box do echo hello world; echo $?)" $'hello world\n7'
verdict probe same "$(box --platform=auto do status 5; echo $?)" 5

# A processor that has other work makes no good KVM a bad one.
busy_probe() {
	local pids=()
	for _ in 1 2 3 4; do
		(while :; do :; done) &
		pids+=($!)
	done
	box --platform=auto do status 5
	echo $?
	kill "${pids[@]}"
}
verdict probe-busy same "$(busy_probe)" 5
verdict status same "$(box do status 42; echo $?)" 42
verdict two-cpus same "$(box --cpus 2 do echo x)" x
seq 20000 >"$work/in"
sum=$(md5sum <"$work/in")
verdict pipe same "$(box do cat <"$work/in" | md5sum)" "$sum"
verdict pipe-in same "$(cat "$work/in" | box do cat | md5sum)" "$sum"
box do cat <"$work/in" >"$work/out"
verdict file same "$(md5sum <"$work/out")" "$sum"
echo first >"$work/out"
box do echo second >>"$work/out"
verdict append same "$(cat "$work/out")" $'first\nsecond'
verdict empty-input same "$(box do cat </dev/null | wc -c)" 0
verdict closed-output same "$(box do status 3 >&-; echo $?)" 3
verdict reader-gone same "$(box do echo x | true; echo "${PIPESTATUS[0]}")" 7
verdict missing same "$(box do missing 2>/dev/null; echo $?)" 127
box do signal &
sleep 3
kill -TERM "$(pgrep -x "$(basename "$runsc" | cut -c1-15)" | head -1)"
wait $!
verdict signal same $? 143
box do signal &
sleep 3
kill -KILL "$(pgrep -x "$(basename "$runsc" | cut -c1-15)" | head -1)"
wait $!
sleep 1
rm -rf "${state:?}"/* # the next command of that name would do it
verdict killed-leaves-no-process same "$(pgrep -c '^runsc-[bg]')" 0
# The watchdog takes half a minute to find a stuck kernel. This one it only tells of.
timeout -s KILL 80 "$runsc" --root "$work/stuck" --platform=kvm --debug --debug-log "$work/log" \
	do stuck &
stuck=$!
for death in panic fault stuck; do
	box --watchdog-action=panic do $death >"$work/out" 2>"$work/err"
	status=$?
	report=$(ls "$state"/*.report)
	text=$(cat "$report")
	rm -f "$report"
	verdict $death-status same $status 128
	verdict $death-one-line same "$(wc -l <"$work/err")" 1
	verdict $death-code grep -q -- '->' <<<"$text"
	# A triple fault leaves a reset processor: nothing to trace.
	[ $death = fault ] || verdict $death-backtrace grep -q 'micro_entry+' <<<"$text"
done
for ((i = 0; i < 60; i++)); do
	! grep -q 'is stuck in the kernel' "$work/log" || break
	sleep 1
done
kill -TERM "$stuck"
wait "$stuck"
verdict watchdog-log grep -q 'is stuck in the kernel' "$work/log"
verdict watchdog-backtrace grep -q 'micro_entry+' "$work/log"
verdict last-words grep -q 'second line' <<<"$(box do panic 2>/dev/null; cat "$state"/*.report; rm "$state"/*.report)"
box --cpus 1 do --stats-file "$work/stats" status 0
verdict stats same "$(awk '$1 == "exits.hypercall" {print $2}' "$work/stats")" 1
