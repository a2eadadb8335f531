#!/bin/bash
# gzip, xz, bzip2-like round trips and checksums over several megabytes.
set -eu
dir=$(mktemp -d)
cd "$dir"
cat /usr/share/common-licenses/* >text
seq 200000 >>text
sha256sum <text
for tool in gzip 'xz -1' 'xz -0 -T2'; do
	$tool -c <text >packed
	test "$(stat -c %s packed)" -lt "$(stat -c %s text)" && echo "$tool: smaller"
	case $tool in gzip) gzip -dc <packed ;; *) xz -dc <packed ;; esac | sha256sum
done
gzip -t packed 2>/dev/null || echo "not gzip"
tar -cf - -C /usr/share/common-licenses . | tar -tf - | sort | head -n 5
tar -czf t.tgz --sort=name --mtime=@0 --owner=0 --group=0 -C /usr/share common-licenses
mkdir out; tar -xzf t.tgz -C out
(cd out/common-licenses && find . -type f -exec sha256sum {} +) | sort -k 2 | sha256sum
head -c 3000000 /dev/zero | gzip | gzip -dc | sha256sum
sha512sum text | cut -c 1-32
cd /; rm -rf "$dir"
