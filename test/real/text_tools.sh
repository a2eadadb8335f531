#!/bin/bash
# grep, sed, awk over text that the machine has.
set -eu
text=/usr/share/common-licenses/GPL-3
grep -c the $text; grep -n 'free software' $text | head -n 5; grep -oiE '\b[a-z]{14,}\b' $text | sort -u
grep -rl GNU /usr/share/common-licenses | sort; grep -c . /etc/passwd; grep -P '^(?!#)\w+' /etc/protocols | head -n 3
grep -q nothingofthesort $text || echo "status $?"
sed -n '1,3p;/Section/{s/Section/SECTION/;p;q}' $text | head -n 5
sed -E 's/([a-z]+) ([a-z]+)/\2 \1/g;y/abc/xyz/' $text | sha256sum
dir=$(mktemp -d); cp $text "$dir/t"; sed -i '1d;$a last' "$dir/t"; head -n 1 "$dir/t"; tail -n 1 "$dir/t"
awk '{ for (i = 1; i <= NF; i++) n[tolower($i)]++ } END { for (w in n) if (n[w] > 80) print n[w], w }' $text | sort -k1,1rn -k2
awk -F: '{ printf "%-10s %5d\n", $1, $3 }' /etc/passwd | head -n 5
awk 'BEGIN { while (("seq 5" | getline x) > 0) s += x; print s; print substr("hello", 2, 3), sin(0), 2^31; system("echo from awk") }'
rm -r "$dir"
