#!/bin/bash
# find and xargs over the machine's own files and over new ones.
# shellcheck disable=SC2012,SC2016 # the programs are what is tested
set -eu
find /usr/share/doc/bash /usr/share/doc/coreutils -type f | sort
find /usr/bin -maxdepth 1 -name 'b*' -printf '%f %s %m %y\n' | sort | head -n 20
find /etc -type l 2>/dev/null | wc -l
find /usr/lib/python3* -name '*.py' -size +40k | sort | head -n 10
find /usr/share/zoneinfo -type f -newermt 1990-01-01 | wc -l
dir=$(mktemp -d); cd "$dir"
for i in $(seq 200); do echo "$i" >"f$i"; done
find . -name 'f*' -print0 | xargs -0 -n 20 cat | sort -n | md5sum
find . -name 'f?' -exec rm {} +; find . -type f | wc -l
seq 30 | xargs -P 4 -n 3 sh -c 'echo $(($1 + $2 + $3))' sh | sort -n | tail -n 3
find . -name 'f1*' -delete; ls | wc -l
find . -empty; mkdir -p deep/er/still; find deep -depth
cd /; rm -rf "$dir"
