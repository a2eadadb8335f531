#!/bin/bash
# python3: threads, locks, queues, subprocesses, multiprocessing without a fork server.
set -eu
python3 - <<'EOP'
import queue, subprocess, threading, time, os, signal, selectors, concurrent.futures

q, out, lock = queue.Queue(), [], threading.Lock()
def worker():
    while True:
        n = q.get()
        if n is None:
            return
        with lock:
            out.append(n * n)
threads = [threading.Thread(target=worker) for _ in range(8)]
for t in threads: t.start()
for n in range(5000): q.put(n)
for t in threads: q.put(None)
for t in threads: t.join()
print(len(out), sum(out))

event = threading.Event()
threading.Timer(0.05, event.set).start()
print("event", event.wait(10), event.wait(0.01))
cond, turn, steps = threading.Condition(), [0], []
def player(me):
    for _ in range(200):
        with cond:
            cond.wait_for(lambda: turn[0] == me)
            steps.append(me); turn[0] = 1 - me; cond.notify_all()
pair = [threading.Thread(target=player, args=(i,)) for i in (0, 1)]
for t in pair: t.start()
for t in pair: t.join()
print(steps == [0, 1] * 200)

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda n: subprocess.run(["expr", str(n), "*", "2"], stdout=subprocess.PIPE).stdout.strip(), range(1, 9))))
p = subprocess.Popen(["tr", "a-z", "A-Z"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b"text " * 50000)[0][-5:], p.returncode)
print(subprocess.run("echo err >&2; exit 9", shell=True, capture_output=True))
try:
    subprocess.run(["sleep", "10"], timeout=0.1)
except subprocess.TimeoutExpired:
    print("expired")
p = subprocess.Popen(["sleep", "100"]); p.terminate(); print(p.wait())

r, w = os.pipe()
sel = selectors.DefaultSelector(); sel.register(r, selectors.EVENT_READ)
print(sel.select(0.01)); os.write(w, b"x"); print(len(sel.select(1)), os.read(r, 10))
got = []
signal.signal(signal.SIGALRM, lambda s, f: got.append(s))
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
while len(got) < 3: time.sleep(0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
print("alarms")
pid = os.fork()
if pid == 0: os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOP
