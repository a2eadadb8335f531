#!/bin/bash
# What tools/testvm promises: a command's bytes and status unchanged, the host's files at their
# paths and untouched, limits that hold, and no green run from a dead machine.
# Prints result lines for tools/check.
# shellcheck disable=SC2016 # the machine expands them
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
testvm=tools/testvm

expect() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		echo "pass $1"
	else
		echo "fail $1"
		echo "  got <$2>, want <$3>"
	fi
}

# The first start on a machine fetches a kernel and says so.
$testvm -- true 2>/dev/null

status_and_streams() {
	$testvm -e "A=b c" --cwd /usr -- sh -c 'echo "$A"; pwd; echo err >&2; exit 7' \
		>"$work/out" 2>"$work/err"
	expect status $? 7
	expect output "$(cat "$work/out")" $'b c\n/usr'
	expect errors "$(cat "$work/err")" err
	$testvm -- no-such-program 2>/dev/null
	expect not-found $? 127
}

host_files() {
	head -c 3000000 /dev/urandom >"$work/random"
	$testvm -- sh -c "cat '$work/random'; echo changed >'$work/random'; test -c /dev/kvm" \
		>"$work/out"
	expect kvm $? 0
	cmp -s "$work/random" "$work/out"
	expect bytes $? 0
}

limits() {
	$testvm --timeout 2 -- sleep 1000 2>/dev/null
	expect timeout $? 124
	printf 'one\techo 1\ntwo\tsleep 1000 & sleep 1000\nthree\texit 3\nfour\tkill -9 $$\n' \
		>"$work/batch"
	$testvm --timeout 2 --batch "$work/batch" --summary "$work/sum" >"$work/out"
	expect batch-status $? 1
	expect batch "$(cut -f 1,2 "$work/sum" | tr '\t\n' '= ')" 'one=0 two=124 three=3 four=137 '
	expect batch-output "$(sed -n 2p "$work/out")" 1
}

# A machine that dies, and one that stops without dying, fail the run.
dead_machine() {
	printf 'one\ttrue\ntwo\techo c >/proc/sysrq-trigger\nthree\ttrue\n' >"$work/batch"
	$testvm --batch "$work/batch" --summary "$work/sum" >/dev/null 2>&1
	expect dead-status $? 125
	expect dead "$(cut -f 1,2 "$work/sum" | tr '\t\n' '= ')" 'one=0 two=none three=none '
	$testvm --icount --timeout -25 -- sh -c 'while :; do :; done' >/dev/null 2>&1
	expect hung-status $? 124
}

processors() {
	expect smp "$($testvm --smp 2 -- nproc)" 2
}

counting() {
	cat >"$work/count.c" <<-'EOC'
		#include <stdio.h>
		#include <unistd.h>
		#include <sys/syscall.h>
		#include <x86intrin.h>
		int main(void)
		{
			unsigned long best = -1;
			for (int round = 0; round < 20; round++) {
				unsigned long start = __rdtsc();
				for (int i = 0; i < 100; i++)
					syscall(SYS_getppid);
				unsigned long taken = __rdtsc() - start;
				if (taken < best)
					best = taken;
			}
			printf("%lu\n", best);
			return 0;
		}
	EOC
	gcc -O2 -static -o "$work/count" "$work/count.c" || return
	first=$($testvm --icount -- "$work/count")
	expect counted "$(test "${first:-0}" -gt 10000 && echo yes)" yes
	expect repeatable "$($testvm --icount -- "$work/count")" "$first"
}

status_and_streams
host_files
limits
dead_machine
processors
counting
