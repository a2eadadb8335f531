#!/bin/bash
# Pipelines, substitution, arrays, traps, here-documents, job control without a terminal.
# shellcheck disable=SC2016,SC2116
set -u -o pipefail
seq 1 2000 | grep 7 | sort -rn | head -n 5 | tr '\n' ' '; echo
declare -A count
while read -r word; do count[$word]=$((${count[$word]:-0} + 1)); done < <(
	printf '%s\n' a b a c b a)
for word in a b c; do echo "$word ${count[$word]}"; done
cat <<-END | sed 's/one/two/'
	one ${#count[@]} $(echo nested "$(echo deeper)")
END
false | true; echo "pipefail $?"
(exit 42); echo "subshell $?"
trap 'echo trapped' USR1; kill -USR1 $$; trap - USR1
sleep 0.1 & wait $!; echo "waited $?"
sleep 100 & kill -TERM $!; wait $! 2>/dev/null; echo "killed $?"
coproc { while read -r l; do echo "co $l"; done; }
echo hello >&"${COPROC[1]}"; read -r answer <&"${COPROC[0]}"; echo "$answer"
eval "exec ${COPROC[1]}>&-"; wait "$COPROC_PID"
read -r a b <<<"x y"; echo "$b$a"
printf '%s\n' {a..e} | { mapfile -t list; echo "${#list[@]} ${list[*]: -2}"; }
timeout 0.2 sleep 10; echo "timeout $?"
ulimit -n 64; ulimit -n
trap 'echo bye' EXIT
echo "umask $(umask)"; echo $((2 ** 40)) "${BASH_VERSION%%.*}"
