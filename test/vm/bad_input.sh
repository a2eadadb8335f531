#!/bin/bash
# What people get wrong: each case has to end with its status and one line that says what is wrong
# and what to do, leave nothing in the state directory and no process behind.
# usage: bad_input.sh RUNSC [PLATFORM]   (as root; kvm, which is the default, in the test VM).
# Prints result lines for tools/check.
# shellcheck disable=SC1010 # "do" is a verb of runsc
set -u
platform=${2:-kvm}
work=$(mktemp -d -p /var/tmp) # /tmp is another one in the sandbox
trap 'rm -rf "$work"' EXIT
state=$work/state
mkdir "$state"
chmod 755 "$work"
runsc=$work/runsc
cp "$1" "$runsc"

# The processes of this program file, which nobody else has.
running() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		[ ! "$exe" -ef "$runsc" ] || { exe=${exe#/proc/} && echo "${exe%/exe}"; }
	done
}

# refused NAME STATUS PATTERN COMMAND...
refused() {
	local name=$1 want=$2 pattern=$3 got lines left problem=
	shift 3
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	lines=$(wc -l <"$work/err")
	[ $got = "$want" ] || problem="status $got, not $want"
	[ "$lines" = 1 ] || problem+="; $lines lines of errors"
	grep -qE -- "$pattern" "$work/err" || problem+="; no word of: $pattern"
	[ -z "$(ls -A "$state")" ] || problem+="; left in the state directory: $(ls -A "$state")"
	left=$(running)
	if [ -n "$left" ]; then
		sleep 1
		left=$(running)
		# shellcheck disable=SC2086 # several
		[ -z "$left" ] || { problem+="; processes are left" && kill -9 $left; }
	fi
	rm -rf "${state:?}"/*
	if [ -n "$problem" ]; then
		echo "fail bad-$name"
		echo "  ${problem#; }"
		sed 's/^/  stderr: /' "$work/err" | head -n 8
	else
		echo "pass bad-$name"
	fi
}

box=("$runsc" --root "$state" "--platform=$platform")

# bundle NAME: a good one, to be spoiled.
bundle() {
	local dir=$work/$1
	mkdir -p "$dir/rootfs/bin"
	cp /bin/busybox "$dir/rootfs/bin/"
	(cd "$dir" && "$runsc" spec && python3 - <<-'EOP'
		import json
		with open("config.json", encoding="utf-8") as f:
		    config = json.load(f)
		config["process"]["args"] = ["/bin/busybox", "true"]
		config["process"]["terminal"] = False
		with open("config.json", "w", encoding="utf-8") as f:
		    json.dump(config, f, indent=1)
	EOP
	)
	echo "$dir"
}

# spoil DIR STATEMENT: a python statement on the config `c`.
spoil() {
	(cd "$1" && python3 -c "
import json
c = json.load(open('config.json'))
$2
json.dump(c, open('config.json', 'w'), indent=1)")
}

host_kvm() {
	mv /dev/kvm /dev/kvm.away
	refused no-kvm 1 '/dev/kvm' "${box[@]}" do -- true
	: >/dev/kvm
	refused kvm-no-device 1 '/dev/kvm' "${box[@]}" do -- true
	rm /dev/kvm
	mv /dev/kvm.away /dev/kvm
	chmod 600 /dev/kvm
	mkdir -m 777 "$work/open"
	refused kvm-no-permission 1 '/dev/kvm' \
		setpriv --reuid 65534 --regid 65534 --clear-groups -- \
		"$runsc" --root "$work/open" --platform=kvm do -- true
}

programs() {
	refused no-program 127 'no-such-program' "${box[@]}" do -- no-such-program
	refused directory 126 '/etc' "${box[@]}" do -- /etc
	refused not-executable 126 '/etc/passwd' "${box[@]}" do -- /etc/passwd
	head -c 200 /bin/true >"$work/corrupt"
	chmod 755 "$work/corrupt"
	refused corrupt-elf 126 'corrupt' "${box[@]}" do -- "$work/corrupt"
	printf '#!/no/such/interpreter\n' >"$work/script"
	chmod 755 "$work/script"
	refused no-interpreter 127 'script' "${box[@]}" do -- "$work/script"
	refused no-cwd 1 'no/such/dir' "${box[@]}" do --cwd /no/such/dir -- true
	refused no-root 1 'no/such/root' "${box[@]}" do --root /no/such/root -- true
}

bundles() {
	local dir
	mkdir "$work/empty"
	refused no-config 1 'config\.json' "${box[@]}" run --bundle "$work/empty" x
	refused no-bundle 1 'no-such-bundle' "${box[@]}" run --bundle "$work/no-such-bundle" x
	dir=$(bundle broken)
	printf '{\n "ociVersion": "1.0.2",\n "process": {,}\n}\n' >"$dir/config.json"
	refused broken-json 1 '3[:,].*[0-9]|line 3' "${box[@]}" run --bundle "$dir" x
	dir=$(bundle type)
	spoil "$dir" 'c["process"]["args"] = "sh"'
	refused wrong-type 1 'process\.args' "${box[@]}" run --bundle "$dir" x
	spoil "$dir" 'c["process"]["args"] = ["sh", 7]'
	refused wrong-element 1 'process\.args\[1\]' "${box[@]}" run --bundle "$dir" x
	dir=$(bundle rootless)
	rm -r "$dir/rootfs"
	refused missing-root 1 'rootfs' "${box[@]}" run --bundle "$dir" x
	dir=$(bundle program)
	spoil "$dir" 'c["process"]["args"] = ["/bin/nothing"]'
	refused missing-program 127 '/bin/nothing' "${box[@]}" run --bundle "$dir" x
	spoil "$dir" 'c["process"]["args"] = ["/bin"]'
	refused directory-program 126 '/bin' "${box[@]}" run --bundle "$dir" x
	head -c 300 /bin/busybox >"$dir/rootfs/bin/corrupt"
	chmod 755 "$dir/rootfs/bin/corrupt"
	spoil "$dir" 'c["process"]["args"] = ["/bin/corrupt"]'
	refused corrupt-program 126 '/bin/corrupt' "${box[@]}" run --bundle "$dir" x
}

names() {
	local dir
	dir=$(bundle names)
	for id in '' . .. a/b 'a b' "$(printf 'x%.0s' {1..2000})"; do
		refused "id-${id:0:8}" 1 'ID|id|name' "${box[@]}" run --bundle "$dir" "$id"
	done
	spoil "$dir" 'c["process"]["args"] = ["/bin/busybox", "sleep", "60"]'
	"${box[@]}" run --bundle "$dir" taken </dev/null >/dev/null 2>&1 &
	for _ in $(seq 100); do
		"${box[@]}" list 2>/dev/null | grep -q taken && break
		sleep 0.2
	done
	"${box[@]}" run --bundle "$dir" taken >"$work/out" 2>"$work/err" </dev/null
	if [ $? = 1 ] && grep -q taken "$work/err" && [ "$(wc -l <"$work/err")" = 1 ]; then
		echo "pass bad-id-taken"
	else
		echo "fail bad-id-taken"
		sed 's/^/  /' "$work/err"
	fi
	"${box[@]}" kill taken KILL
	wait
	if [ -z "$(ls -A "$state")" ]; then
		echo "pass killed-leaves-nothing"
	else
		echo "fail killed-leaves-nothing"
	fi
	rm -rf "${state:?}"/*
}

flags() {
	refused platform 1 'platform' "${box[@]}" --platform=kwm do -- true
	refused unknown-flag 1 '--bundle' "${box[@]}" run --bundel /x y
	refused unknown-global 1 '--platform' "${box[@]}" --platfrom=kvm do true
	refused unknown-verb 1 'run' "${box[@]}" rum x
	refused flag-value 1 'memory' "${box[@]}" do --memory 12Q -- true
	refused flag-number 1 'pids' "${box[@]}" do --pids many -- true
	refused no-command 1 '.' "${box[@]}" do
}

[ "$platform" != kvm ] || host_kvm
programs
bundles
names
flags
