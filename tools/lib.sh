# lib.sh - what quickstart, check and bench share. Sourced; the caller has set TOP.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are for those who source this

# To build runsc; the rest to run the test VM, and to run every check.
BUILD_PACKAGES="gcc libc6-dev binutils meson ninja-build pkg-config python3 libjansson-dev
	libseccomp-dev libcapstone-dev libbsd-dev"
VM_PACKAGES="qemu-system-x86 gcc libc6-dev python3"
CHECK_PACKAGES="git clang clang-format libclang-rt-dev universal-ctags shellcheck
	gcc-aarch64-linux-gnu libcmocka-dev gdb"
# What the real-program tests run.
PROGRAM_PACKAGES="bash dash coreutils findutils grep sed mawk gzip xz-utils perl python3
	busybox-static diffutils procps"

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "${0##*/}: $*"
	exit 1
}

# Installs those of its arguments that are missing; without root, says which.
need_packages() {
	local p missing=()
	for p; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -q '^installed$' ||
			missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] && return
	[ "$(id -u)" = 0 ] || die "missing packages: run as root: apt-get install ${missing[*]}"
	say "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	if ! apt-get -qq update ||
		! apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null; then
		die "apt-get could not install ${missing[*]}"
	fi
}

# configure_tree DIR COMPILER [MESON OPTION...]: at first use, or anew with options.
configure_tree() {
	local dir=$1 compiler=$2
	shift 2
	if [ ! -e "$TOP/$dir/build.ninja" ]; then
		CC=$compiler meson setup "$@" "$TOP/$dir" "$TOP" || return 1
	elif [ $# -gt 0 ]; then
		meson configure "$@" "$TOP/$dir" || return 1
	fi
}

# build_tree DIR COMPILER [MESON OPTION...]: configures, and builds: BUILD_TARGETS, or all.
build_tree() {
	# shellcheck disable=SC2086 # a list of words
	configure_tree "$@" && ninja -k 0 -C "$TOP/$1" ${BUILD_TARGETS:-}
}
