#!/bin/bash
# One real program on Linux and in a sandbox, in the test VM: status, output and errors have to
# agree. usage: compare.sh RUNSC SCRIPT [ARGUMENT...]
# The first line of SCRIPT names the shell that runs it.
# shellcheck disable=SC1010 # "do" is a verb of runsc
set -u
runsc=$1 script=$2
shift 2
read -r first <"$script"
shell=${first#'#!'}
work=$(mktemp -d)
limit=250 # seconds for each side; what a late one has said is compared all the same
for fd in /proc/self/fd/*; do # those of the caller's are Linux's alone; 255 is bash's own
	fd=${fd##*/}
	[ "$fd" -gt 2 ] && [ "$fd" != 255 ] && eval "exec $fd>&-"
done
cd / || exit 1
timeout -k 5 $limit "$shell" "$script" "$@" >"$work/linux.out" 2>"$work/linux.err" </dev/null
linux=$?
timeout -k 5 $limit "$runsc" --platform="${PLATFORM:-kvm}" ${CPUS:+--cpus=$CPUS} do -- "$shell" "$script" "$@" >"$work/ours.out" 2>"$work/ours.err" </dev/null
ours=$?
bad=0
[ $linux = 0 ] || {
	echo "the script fails on Linux: status $linux"
	tail -n 20 "$work/linux.err"
	bad=1
}
[ -s "$work/linux.out" ] || {
	echo "the script says nothing: there is nothing to compare"
	bad=1
}
[ $linux = $ours ] || {
	echo "status: Linux $linux, ours $ours"
	bad=1
}
for stream in out err; do
	if [ $stream = err ]; then # shells name the pid of what was killed
		sed -i 's/ *[0-9][0-9]*/N/g' "$work/linux.err" "$work/ours.err"
	fi
	diff -u --label linux --label ours "$work/linux.$stream" "$work/ours.$stream" |
		head -n 40
	cmp -s "$work/linux.$stream" "$work/ours.$stream" || bad=1
done
exit $bad
