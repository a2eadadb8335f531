#!/bin/bash
# What ps, glibc and python read of /proc and /dev.
# shellcheck disable=SC2009,SC2012,SC2015,SC2016 # the programs are what is tested
set -eu
sleep 30 & child=$!
ps -o comm= -p $child; ps --ppid $$ -o comm= | grep -cx sleep; kill $child; wait $child 2>/dev/null || true
readlink /proc/self/exe; tr '\0' ' ' </proc/self/cmdline; echo; cut -d' ' -f 2 /proc/self/stat
grep -E '^(Name|Threads|State)' /proc/self/status | tr '\t' ' '; ls /proc/self/fd | wc -l
grep -c '\[stack\]' /proc/self/maps; grep -q 'libc' /proc/self/maps && echo libc
awk '/^processor/ { n++ } END { print (n > 0) }' /proc/cpuinfo; grep -qE '^MemTotal: +[0-9]+ kB' /proc/meminfo && echo meminfo
test -r /proc/stat -a -r /proc/loadavg -a -r /proc/uptime -a -r /proc/version && echo files
cat /proc/sys/kernel/ostype; test "$(wc -c </proc/sys/kernel/random/boot_id)" = 37 && echo boot_id
head -c 5 /dev/zero | od -An -tx1; echo gone >/dev/null; head -c 8 /dev/urandom | wc -c
(echo x >/dev/full) 2>&1 | sed 's/.*: //'; (echo via >/dev/stdout) | cat; echo y | cat /dev/stdin; stat -c '%F %t %T' /dev/null /dev/zero
python3 -c '
import os, resource, sys, platform
print(os.cpu_count() > 0, resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0, os.path.exists("/proc/self/mountinfo"), sys.platform, platform.machine())
t = os.times(); print(t.user >= 0, os.getpgid(0) == os.getpgrp(), os.sched_getaffinity(0) != set())'
