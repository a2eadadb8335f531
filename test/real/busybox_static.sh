#!/bin/bash
# A static binary with a C library's start of its own.
# shellcheck disable=SC2016 # its own shell expands them
set -eu
b=/bin/busybox
cd "$(mktemp -d)"; file=numbers; $b seq 500 >$file
$b sh -c 'for i in 1 2 3; do echo $i; done | $0 tac; echo $((7 * 6))' $b
$b wc "$file"; $b md5sum <"$file"; $b sha256sum <"$file"; $b awk '{ s += $1 } END { print s }' "$file"
$b gzip -c "$file" | $b gunzip -c | $b cmp - "$file" && echo same
$b find /usr/share/common-licenses | $b sort; $b ls -ln /etc/passwd | $b awk '{ print $1, $5 }'
$b vi --help 2>&1 | $b head -n 1; $b tr a-z A-Z <<<busybox; $b expr 3 + 4; $b uname -s
$b sh -c 'kill -9 $$' || echo "status $?"
$b ash -c 'sleep 0.1 & wait; echo waited'; $b env -i $b env | $b wc -l; $b timeout 1 $b sleep 5 || echo "timeout"
$b dd if="$file" bs=100 count=2 2>/dev/null | $b od -c | $b head -n 2; $b rm "$file"
