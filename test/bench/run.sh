#!/bin/sh
# Runs the benchmark inside the test VM. usage: run.sh linux BENCH | run.sh ours BENCH RUNSC
# Both kernels see the same small root in the VM's memory, so that neither pays for the VM's own
# file system: Linux through chroot, ours through the sandbox's file server.
# shellcheck disable=SC1010 # "do" is a verb of runsc
set -eu
root=/run/bench
mkdir -p $root/bin $root/lib64 $root/lib/x86_64-linux-gnu $root/proc $root/dev $root/tmp
cp "$2" $root/bench
cp /bin/true $root/bin/
cp /lib64/ld-linux-x86-64.so.2 $root/lib64/
cp /lib/x86_64-linux-gnu/libc.so.6 $root/lib/x86_64-linux-gnu/
head -c 8192 /dev/zero >$root/file
cd /
case $1 in
linux)
	mount --bind /proc $root/proc
	exec chroot $root /bench /file
	;;
ours) exec "$3" --platform=kvm --count-host do --root $root -- /bench /file ;;
esac
