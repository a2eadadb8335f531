#!/bin/bash
# A thousand processes forked and reaped, by shell and by python; and 300 alive at once.
set -eu
for i in $(seq 700); do /bin/true; done; echo "700 one by one"
for i in $(seq 300); do (exit $((i % 7))) & pids[i]=$!; done
sum=0; for i in $(seq 300); do wait "${pids[i]}" && s=0 || s=$?; sum=$((sum + s)); done
echo "300 at once, statuses add up to $sum"
python3 - <<'EOP'
import os
ok = 0
for i in range(1000):
    pid = os.fork()
    if pid == 0: os._exit(i % 100)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i % 100: ok += 1
print(ok)
r, w = os.pipe()
kids = []
for i in range(300):
    pid = os.fork()
    if pid == 0:
        os.close(w); os.read(r, 1); os._exit(0)
    kids.append(pid)
os.close(w)
print(len(kids), sum(os.waitpid(k, 0)[1] for k in kids))
EOP
