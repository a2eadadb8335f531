#!/bin/bash
# A thousand processes forked and reaped, by shell and by python; and 300 alive at once.
# usage: thousand.sh [PART]   PART: 10 for a tenth of all that
set -eu
part=${1:-1} many=$((700 / ${1:-1})) alive=$((300 / ${1:-1}))
for i in $(seq $many); do /bin/true; done; echo "$many one by one"
for i in $(seq $alive); do (exit $((i % 7))) & pids[i]=$!; done
sum=0; for i in $(seq $alive); do wait "${pids[i]}" && s=0 || s=$?; sum=$((sum + s)); done
echo "$alive at once, statuses add up to $sum"
python3 - "$part" <<'EOP'
import os, sys
part = int(sys.argv[1])
ok = 0
for i in range(1000 // part):
    pid = os.fork()
    if pid == 0: os._exit(i % 100)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i % 100: ok += 1
print(ok)
r, w = os.pipe()
kids = []
for i in range(300 // part):
    pid = os.fork()
    if pid == 0:
        os.close(w); os.read(r, 1); os._exit(0)
    kids.append(pid)
os.close(w)
print(len(kids), sum(os.waitpid(k, 0)[1] for k in kids))
EOP
