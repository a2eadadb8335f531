#!/bin/bash
# Files and text by coreutils.
# shellcheck disable=SC2003,SC2012 # the programs are what is tested
set -eu
dir=$(mktemp -d)
cd "$dir"
mkdir -p a/b/c; touch a/1 a/b/2 a/b/c/3; cp -a a copy; ls -R copy
seq 100000 >numbers; wc numbers; md5sum <numbers; sha1sum <numbers; cksum <numbers; b2sum <numbers
sort -R numbers | sort -n | cmp - numbers && echo sorted
split -l 30000 numbers part.; ls part.*; cat part.* | cmp - numbers && echo joined
head -c 100 numbers | od -An -tx1 | head -n 2
dd if=numbers of=block bs=4096 skip=3 count=2 status=none; stat -c '%s %A %F %h' block
truncate -s 1M sparse; stat -c %s sparse; du -k --apparent-size sparse | cut -f 1
ln block hard; ln -s block soft; stat -c '%h %N' hard soft; readlink -f soft | sed "s|$dir|DIR|"
chmod 640 block; stat -c %a block; chmod u+s,o+r block; stat -c %A block
touch -d '2001-02-03 04:05:06 UTC' block; stat -c %Y block; date -u -r block '+%F %T'
mv block moved; rm -f hard; test ! -e soft && echo dangling
paste -d, <(seq 3) <(seq 4 6); join <(printf '1 a\n2 b\n') <(printf '1 x\n2 y\n')
printf 'b\na\nb\n' | sort | uniq -c | tr -s ' '
tee t1 t2 <<<teed; cat t1 t2; comm -12 <(seq 5) <(seq 3 8) | tr '\n' ' '; echo
expr 6 \* 7; factor 1234567890; numfmt --to=iec 1048576; basename /a/b.c .c; dirname /a/b.c
echo aGVsbG8K | base64 -d; seq 10 | shuf --random-source=numbers | sort -n | tail -n 1
tsort <<<'a b b c'; nl t1; fold -w 3 <<<abcdefg; tac <(seq 3); cut -d: -f 1 /etc/passwd | head -n 2
id -u; whoami; env -i A=1 env; nproc >/dev/null && echo nproc; pwd | sed "s|$dir|DIR|"
mkfifo pipe; (echo through >pipe &) ; cat pipe; test -p pipe && echo fifo
mktemp -u XXXXXX | wc -c; seq 20 | pr -3 -t -l 10 | head -n 3; yes | head -n 2
shred -u t2; ls | sort | tr '\n' ' '; echo; cd /; rm -rf "$dir"
