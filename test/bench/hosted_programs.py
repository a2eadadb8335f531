"""The real programs of `tools/bench --hosted`: commands of bash, run in a folder that holds what
prepare() makes. A program that is not installed leaves its row empty, natively too."""

import os
import subprocess
import tempfile

FILES = 5000
ROWS = 100000

# name: (text, command, mark for ours / native). Each leaves things as it found them.
PROGRAMS = {
    "python": ("python3 start with imports", "/usr/bin/python3 -c 'import json, re, subprocess, email, "
               "http.client, decimal, sqlite3, unittest'", 2),
    "gcc": ("`gcc -O2` of a small file", "gcc -O2 -o /tmp/small small.c", 2),
    "git": ("`git status` of 5,000 files", "git -C repo status --short", 2),
    "tar": ("`tar` of the same", "tar -cf - repo | cat", 2),
    "sqlite": ("sqlite3, 100,000 inserts", "rm -f /tmp/t.db; sqlite3 /tmp/t.db <inserts.sql", 2),
    "fork": ("300 fork + exec from bash", "for ((n = 0; n < 300; n++)); do /bin/true; done", 4),
    "pipe": ("200 MB through a pipe", "head -c 200000000 /dev/zero | cat", 5),
    "redis": ("redis, 50,000 SETs over a Unix socket", "redis-benchmark -s /tmp/casemate-redis "
              "-t set -n 50000 -q", 2),
}

# What has to run beside, started once.
BEFORE = {
    "redis": "redis-server --port 0 --unixsocket /tmp/casemate-redis --save '' >/dev/null & "
             "trap 'kill %1' EXIT; "
             "for i in {1..100}; do [ -S /tmp/casemate-redis ] && break; sleep 0.1; done; ",
}

SMALL = """#include <stdio.h>
#include <stdlib.h>
static int cmp(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv)
{
	int v[64], sum = 0;
	for (int i = 0; i < 64; i++)
		v[i] = (i * 37 + argc) % 101;
	qsort(v, 64, sizeof(v[0]), cmp);
	for (int i = 0; i < 64; i++)
		sum += v[i] * i;
	printf("%d %s\\n", sum, argv[0]);
	return 0;
}
"""


def prepare():
    """Returns the folder; the caller removes it."""
    folder = tempfile.mkdtemp(prefix="casemate-bench-", dir="/var/tmp")
    with open(os.path.join(folder, "small.c"), "w", encoding="ascii") as f:
        f.write(SMALL)
    with open(os.path.join(folder, "inserts.sql"), "w", encoding="ascii") as f:
        f.write("create table t(id integer primary key, x integer, y text);\nbegin;\n")
        f.writelines("insert into t values (%d, %d, 'row %d');\n" % (n, n * 7919 % ROWS, n)
                     for n in range(ROWS))
        f.write("commit;\n")
    repo = os.path.join(folder, "repo")
    for n in range(FILES):
        inside = os.path.join(repo, "d%02d" % (n % 50))
        os.makedirs(inside, exist_ok=True)
        with open(os.path.join(inside, "f%d" % n), "w", encoding="ascii") as f:
            f.write("file %d\n" % n * 40)
    git = ["git", "-C", repo, "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "files"]):
        subprocess.run(git + words, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    return folder
