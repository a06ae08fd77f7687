#!/usr/bin/env bash
# Counts the instructions that reading a record costs, with callgrind, over two generated logs of 8 MiB: in one
# 0.1 % of the records matter, in the other 5 %. A count does not depend on what else the machine does, as seconds
# do. Each step is taken once and 21 times; a twentieth of the difference is the step's, without the start of the
# program. That start differs by half a million instructions from run to run, for tables hash with a seed of their
# own: a tenth of one step, but nothing beside twenty.
#
#   benches/instructions.sh           print the counts
#   benches/instructions.sh --check   and compare them with benches/instructions.tsv: exit status 1 where one is
#                                     more than a tenth above what is recorded there
#   benches/instructions.sh --record  and record them
#
# It needs Rust and valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1-}
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is missing" >&2; exit 1; }
cargo build --release --locked --example generate --example steps
examples=${CARGO_TARGET_DIR:-target}/release/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# count STEP LOG TIMES: instructions of the whole run; what it prints goes to $work/said.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$examples/steps" "$1" "$2" "$3" \
        2>"$work/valgrind" >"$work/said" || { cat "$work/valgrind" >&2; exit 1; }
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/valgrind"
}

times=20
status=0
printf 'step\trelevant\tper\tinstructions\n' | tee "$work/counts.tsv"
for relevant in 0.001 0.05; do
    log=$work/$relevant.evtx
    "$examples/generate" --mib 8 --relevant "$relevant" "$log"
    for step in find decode check; do
        # A handful of hits says nothing.
        [ "$step $relevant" = "decode 0.001" ] && continue
        once=$(count "$step" "$log" 1)
        often=$(count "$step" "$log" $((1 + times)))
        cost=$(((often - once) / times))
        per=record
        case $step in
        find) read -r records wanted <<<"$(tail -n 1 "$work/said")"; found=$cost of=$records ;;
        decode) per=hit; cost=$((cost - found)) of=$wanted ;;
        check) of=$records ;;
        esac
        printf '%s\t%s\t%s\t%s\n' "$step" "$relevant" "$per" $((cost / of)) | tee -a "$work/counts.tsv"
    done
done

case $mode in
--record) cp "$work/counts.tsv" benches/instructions.tsv ;;
--check)
    while IFS=$'\t' read -r step relevant per now; do
        [ "$step" = step ] && continue
        known=$(awk -F '\t' -v s="$step" -v r="$relevant" '$1 == s && $2 == r { print $4 }' benches/instructions.tsv)
        if [ -z "$known" ] || [ $((now * 10)) -gt $((known * 11)) ]; then
            echo "instructions.sh: $step at $relevant takes $now instructions a $per, recorded are ${known:-none}" >&2
            status=1
        elif [ $((now * 10)) -lt $((known * 9)) ]; then
            echo "instructions.sh: $step at $relevant takes only $now of $known: record it with --record" >&2
        fi
    done <"$work/counts.tsv"
    ;;
esac
exit $status
