# suites.sh - the suites of tools/check: functions suite_NAME that print `pass`, `fail` and `skip`
# lines (see run_suite there). Sourced in the top folder.
# shellcheck shell=bash

QUICK_ABI="cow|dirs|epoll|exec|fd|futex|mmap|mmap_file|open|pipe|poll|proc|process|rw|sigframe|threads|unixpair"
QUICK_REAL="bash_pipes|busybox_static|dash_script"

suite_tree() {
	python3 tools/check.d/tree.py
}

# built DIR COMPILER [OPTION...]
built() {
	if build_tree "$@"; then
		echo "pass $1 with $2"
	else
		echo "fail $1 with $2"
		return 1
	fi
}

suite_build() {
	built build gcc
}

# With clang: the fuzzers, and each source once in whatever program it is part of. A second build of
# everything would only take longer.
suite_build_clang() {
	local dir=$TOP/build-clang fuzzers
	configure_tree build-clang clang -Dfuzz=true || return 1
	fuzzers=$(ninja -C "$dir" -t targets all | sed -n 's|^\(test/fuzz/fuzz_[a-z_]*\): .*|\1|p')
	# shellcheck disable=SC2046,SC2086 # lists of words
	if [ -n "$fuzzers" ] &&
		ninja -k 0 -C "$dir" $(python3 tools/check.d/each_source.py "$dir" $fuzzers); then
		echo "pass build-clang with clang"
	else
		echo "fail build-clang with clang"
		return 1
	fi
}

# Each header compiles alone.
suite_headers() {
	python3 tools/check.d/compile.py headers
}

# The portable parts compile for arm64.
suite_arm64() {
	python3 tools/check.d/compile.py arm64
}

# meson_tests DIR NAME SELECTION...: some of the tests that meson knows, a result for each.
meson_tests() {
	local dir=$1 name=$2 log=$TOP/$1/meson-logs/testlog-$2.json
	shift 2
	rm -f "$log"
	meson test -C "$TOP/$dir" --logbase "testlog-$name" "$@"
	python3 tools/check.d/meson_log.py "$log"
}

# All that runs on the host: unit tests, the scripted machine, layouts, generated pages.
suite_unit() {
	meson_tests build unit --no-suite abi-linux --no-suite fuzz --no-suite machine
}

# The whole kernel under the scripted machine.
suite_machine() {
	meson_tests build machine --suite machine
}

# vm_batch FILE [OPTION...]: FILE's commands in one VM, one result each. The emulated machine itself
# hangs at times (docs/STATUS.md): what it did not get to runs again in a new one, up to three.
vm_batch() {
	local file=$1 rest=$1.rest name status ms try
	shift
	cp "$file" "$rest"
	for try in 1 2 3; do
		tools/testvm --batch "$rest" --summary "$file.summary" "$@" || true
		[ -e "$file.summary" ] || return 1
		while IFS=$'\t' read -r name status ms; do
			if [ "$status" = 0 ]; then
				echo "pass $name ($ms ms)"
			elif [ "$status" != none ]; then
				echo "fail $name: exit status $status"
			elif [ $try = 3 ]; then
				echo "fail $name: the test machine hung"
			fi
		done <"$file.summary"
		awk -F '\t' 'NR == FNR { if ($2 == "none") left[$1] = 1; next } $1 in left' \
			"$file.summary" "$file" >"$rest"
		[ -s "$rest" ] || break
		echo "the test machine hung in: $(head -n 1 "$rest" | cut -f 1)"
	done
}

# vm_results OPTION... -- COMMAND: the result lines that a command prints in a VM; all of it again in
# a new one if the machine hung, up to three times.
vm_results() {
	local out=$LOGS/vm.out status try
	for try in 1 2 3; do
		status=0
		tools/testvm "$@" >"$out" 2>&1 || status=$?
		{ [ $try -lt 3 ] && grep -q '^testvm: the machine hangs' "$out"; } || break
		echo "the test machine hung:"
		sed 's/^/  /' "$out"
	done
	cat "$out"
	return $status
}

# The test VM itself: a green run of anything else stands on these.
suite_testvm() {
	bash test/vm/testvm.sh
}

# A short run of each fuzz target.
suite_fuzz() {
	meson_tests build-clang fuzz --suite fuzz
}

# abi_batch WORDS: batch lines for the ABI programs that meson knows, each behind WORDS.
abi_batch() {
	meson introspect --tests build | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if "abi-linux" in test["suite"][0]:
        print("abi-" + test["name"], sys.argv[1] + " ".join(test["cmd"]), sep="\t")' "$1"
}

# On Linux, in the VM: the same kernel whoever runs this.
suite_abi_linux() {
	abi_batch "" >"$LOGS/abi-linux.batch"
	vm_batch "$LOGS/abi-linux.batch" --smp 2 --timeout 60
}

vm_abi() {
	abi_batch "$TOP/build/runsc --platform=kvm do -- " >"$LOGS/abi-$1.batch"
	vm_batch "$LOGS/abi-$1.batch" --smp "$1" --timeout 60
}

# The ABI programs in a sandbox with one vCPU and with two.
suite_vm_abi_1() {
	vm_abi 1
}

suite_vm_abi_2() {
	vm_abi 2
}

real_batch() {
	local script name
	for script in "$TOP"/test/real/*.sh; do
		name=$(basename "$script" .sh)
		[ "$name" = compare ] ||
			printf '%s\tbash %s/test/real/compare.sh %s/build/runsc %s\n' \
				"$name" "$TOP" "$TOP" "$script"
	done
}

# Twenty of both kinds: one of each family, none that takes more than some seconds.
suite_vm_quick() {
	{
		abi_batch "$TOP/build/runsc --platform=kvm do -- " | grep -E "^abi-($QUICK_ABI)	"
		real_batch | grep -E "^($QUICK_REAL)	"
	} >"$LOGS/quick.batch"
	vm_batch "$LOGS/quick.batch" --smp 2 --timeout 60
}

# Real programs, compared with Linux in the same VM.
suite_real() {
	real_batch >"$LOGS/real.batch"
	vm_batch "$LOGS/real.batch" --timeout 600
}

# What must never exit to the VMM.
suite_zero_exit() {
	vm_results --timeout 100 -- python3 test/vm/zero_exit.py "$TOP/build/runsc" \
		"$TOP/build/test/bench/bench"
}

# An idle sandbox's memory, at a small limit and at one beyond the machine's memory.
suite_idle_memory() {
	local size
	for size in 64M 16G; do
		printf 'idle-%s\tpython3 %s/test/bench/start.py idle %s/build/runsc %s\n' \
			"$size" "$TOP" "$TOP" "$size"
	done >"$LOGS/idle-memory.batch"
	vm_batch "$LOGS/idle-memory.batch"
}

# The VMM by itself, with a kernel of a few lines.
suite_vmm() {
	vm_results --smp 2 --timeout 250 -- bash test/oci/micro.sh "$TOP/build/runsc-micro"
}

# One line, the right status and nothing left, whatever people get wrong.
suite_bad_input() {
	vm_results --timeout 200 -- bash test/vm/bad_input.sh "$TOP/build/runsc"
}

# The same without KVM, on this machine.
suite_hosted_bad_input() {
	if [ "$(id -u)" = 0 ]; then
		bash test/vm/bad_input.sh "$TOP/build/runsc" systrap
	else
		echo "skip hosted-bad-input: it is for root"
	fi
}

# Terminals, on Linux and in a sandbox.
suite_terminal() {
	python3 test/vm/terminal.py
	vm_results --timeout 200 -- python3 test/vm/terminal.py "$TOP/build/runsc"
}

# What an ordinary user runs; the tree and what is built has to be readable for others.
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"
}

# each_here [WRAPPER]: reads lines NAME<tab>WORDS; runs the words behind the wrapper on this machine.
each_here() {
	local name words status began log=$LOGS/here.out
	while IFS=$'\t' read -r name words; do
		began=$(date +%s%3N) status=0
		# shellcheck disable=SC2086 # words of a command
		${1:-} timeout -k 5 300 $words >"$log" 2>&1 </dev/null || status=$?
		if [ $status = 0 ]; then
			echo "pass $name ($(($(date +%s%3N) - began)) ms)"
		else
			echo "fail $name: status $status"
			sed 's/^/  /' "$log"
		fi
	done
}

# The ABI programs without KVM, on this machine, with so many CPUs; then one that attacks its stub,
# and one that looks at patched call sites.
hosted_abi() {
	local runsc="$TOP/${2:-build}/runsc --platform=systrap --cpus=$1 do -- "
	{
		abi_batch "$runsc"
		printf 'hostile\t%s\n' "$runsc$TOP/build/test/hosted/hostile"
		printf 'attacks\t%s\n' "$runsc$TOP/build/test/hosted/attacks"
		printf 'patch\t%s\n' "$runsc$TOP/build/test/hosted/patch"
	} | each_here
}

suite_hosted_abi_1() {
	hosted_abi 1
}

suite_hosted_abi_2() {
	hosted_abi 2
}

# What is different on a CPU where programs set their FS and GS bases themselves, as most do: this
# machine may not, the emulated one does.
suite_vm_hosted() {
	local runsc="$TOP/build/runsc --platform=systrap --cpus=1 do -- "
	{
		printf 'fsgsbase-patch\t%s\n' "$runsc$TOP/build/test/hosted/patch"
		abi_batch "$runsc" | grep -P '^abi-(threads|tls|sigframe)\t' |
			sed 's/^/fsgsbase-/'
	} >"$LOGS/vm-hosted.batch"
	vm_batch "$LOGS/vm-hosted.batch" --smp 1 --cpu=-smap --timeout 200
}

# sanitized N TEXT: the sandbox ends with a report that has the text.
sanitized() {
	local root=$LOGS/sanitized status=0
	rm -rf "$root"
	# shellcheck disable=SC1010 # "do" is a verb
	build-asan/runsc --platform=systrap --root="$root" do -- \
		"$TOP/build/test/hosted/sanitized" "$1" >"$root.out" 2>&1 </dev/null || status=$?
	if [ $status = 128 ] && grep -q "$2" "$root"/*.report &&
		grep -q ' task_user_loop+0x' "$root"/*.report; then
		echo "pass sanitized-$1: $2"
	else
		echo "fail sanitized-$1: status $status, not: $2"
		sed 's/^/  /' "$root.out" "$root"/*.report
	fi
}

# The kernel under sanitizers: what it must report, then the ABI programs with two CPUs.
suite_asan_abi() {
	BUILD_TARGETS=runsc build_tree build-asan gcc -Dsanitize_kernel=true || return 1
	sanitized 0 'sanitizer: memory that is free, or a red zone: write of 4'
	sanitized 1 'sanitizer: memory that is free, or a red zone: write of 1'
	sanitized 2 "sanitizer: a stack frame's red zone: write of 1"
	sanitized 3 "sanitizer: behind an object's end: write of 1.*table+13"
	sanitized 4 'sanitizer: memory that is free, or a red zone: write of 1.*frame of type 0'
	sanitized 5 "sanitizer: behind an object's end: write of"
	sanitized 6 'sanitizer: undefined behaviour: a shift of too many bits'
	sanitized 7 'signal 11 (SEGV) in the kernel, address 0x123458'
	hosted_abi 2 build-asan
}

# gdb on the kernel of a sandbox that runs.
suite_hosted_gdb() {
	bash test/hosted/gdb.sh "$TOP/build/runsc"
}

# Counters of the machine, and the figures of its calibration.
suite_hosted_stats() {
	bash test/hosted/stats.sh "$TOP/build/runsc"
}

# All but most of the thousand processes: on a busy machine they take longer than compare.sh waits.
hosted_real_batch() {
	real_batch | sed -E 's/^thousand\t(.*)/thousand-tenth\t\1 10/'
}

# Real programs without KVM, compared with this machine's Linux.
suite_hosted_real() {
	hosted_real_batch | each_here "env PLATFORM=systrap"
}

# The same as an ordinary user: everything that root may do is tried by the suites above.
suite_hosted_user() {
	if [ "$(id -u)" != 0 ]; then
		echo "skip hosted-user: the suites above run as an ordinary user"
		return
	fi
	if ! as_nobody test -x "$TOP/build/runsc"; then
		echo "fail hosted-user: user 65534 may not reach $TOP/build"
		return
	fi
	{
		abi_batch "$TOP/build/runsc --platform=systrap --cpus=2 do -- "
		printf 'hostile\t%s\n' "$TOP/build/runsc --platform=systrap do -- $TOP/build/test/hosted/hostile"
	} | each_here as_nobody
	bash test/hosted/refused.sh "$TOP/build/runsc" "$TOP/build/test/hosted/refuse"
	hosted_real_batch | each_here "as_nobody env PLATFORM=systrap CPUS=1"
}

# What must never leave the kernel for the gofer or the boot process, without KVM.
suite_hosted_zero_exit() {
	python3 test/vm/zero_exit.py "$TOP/build/runsc" "$TOP/build/test/bench/bench" systrap
}
