#!/bin/bash
# A host that refuses something, as containers do, to an ordinary user: each case has to end soon,
# with a line that names what is missing, and leave no process and no state but a report. Places
# that refuse nothing needed, and limits that are no hindrance, have to work.
# usage: refused.sh RUNSC REFUSE   (as root). Prints result lines for tools/check.
# shellcheck disable=SC1010 # "do" is a verb of runsc
set -u
work=$(mktemp -d -p /var/tmp) # /tmp is another one in the sandbox
trap 'rm -rf "$work"' EXIT
mkdir -m 777 "$work/state"
chmod 755 "$work"
runsc=$work/runsc
cp "$1" "$runsc"
cp "$2" "$work/refuse"
box=("$runsc" --root "$work/state" --platform=systrap do)

# The processes of this program file, which nobody else has.
running() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		[ ! "$exe" -ef "$runsc" ] || { exe=${exe#/proc/} && echo "${exe%/exe}"; }
	done
}

# ends NAME STATUS PATTERN COMMAND...: by user 65534; the pattern is looked for in all it says
ends() {
	local name=$1 want=$2 pattern=$3 got left problem=
	shift 3
	timeout -k 5 60 setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@" \
		>"$work/out" 2>&1 </dev/null
	got=$?
	[ $got = "$want" ] || problem="status $got, not $want"
	grep -qE -- "$pattern" "$work/out" || problem+="; no word of: $pattern"
	[ "$(wc -l <"$work/out")" -le 2 ] || problem+="; more than two lines"
	left=$(running)
	if [ -n "$left" ]; then
		sleep 1
		left=$(running)
		# shellcheck disable=SC2086 # several
		[ -z "$left" ] || { problem+="; processes are left" && kill -9 $left; }
	fi
	left=$(find "$work/state" -mindepth 1 ! -name '*.report')
	[ -z "$left" ] || problem+="; left: $left"
	rm -rf "${work:?}/state/"*
	if [ -n "$problem" ]; then
		echo "fail refused-$name"
		echo "  ${problem#; }"
		sed 's/^/  said: /' "$work/out" | head -n 8
	else
		echo "pass refused-$name"
	fi
}

# refused NAME STATUS PATTERN CALL...: EPERM for these calls
refused() {
	local name=$1 status=$2 pattern=$3
	shift 3
	ends "$name" "$status" "$pattern" "$work/refuse" 1 "$@" -- "${box[@]}" true
}

ends nothing 0 works "${box[@]}" echo works
ends in-container 0 works unshare -Urpfm --mount-proc "${box[@]}" echo works
ends in-userns 0 works unshare -Ur "${box[@]}" echo works
ends affinity 0 works "$work/refuse" 1 sched_setaffinity membarrier -- "${box[@]}" echo works
ends small-stack 0 works prlimit --stack=65536 --memlock=0 -- "${box[@]}" echo works

refused userns 1 'user namespaces' userns
# shellcheck disable=SC2016 # for the inner shell
ends no-namespaces 1 'user namespaces.*max_user_namespaces' unshare -Ur sh -c \
	'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh "${box[@]}" true
refused seccomp 1 'seccomp filter.*|system-call filter' seccomp
refused prctl 1 'capabilit' prctl
refused mount 1 'mounts private' mount
refused pivot-root 1 'empty root' pivot_root
refused memfd 1 'memfd_create' memfd_create
refused eventfd 1 'eventfd2' eventfd2
refused openat2 1 'mounts' openat2
refused pipe 1 'pipe' pipe2
refused stack-of-stubs 128 'process to run programs in: sigaltstack' sigaltstack
# shellcheck disable=SC2016 # for the inner shell
ends no-proc 1 '/proc is not mounted' unshare -Urpfm sh -c 'mount -t tmpfs none /proc; exec "$@"' \
	sh "${box[@]}" true
ends address-space 1 'ulimit -v' prlimit --as=1000000000 -- "${box[@]}" true
ends open-files 1 'ulimit -n' prlimit --nofile=64 -- "${box[@]}" true
ends file-size 1 'too large' prlimit --fsize=4096 -- "${box[@]}" true
