#!/usr/bin/env bash
# Compares kcdoctor with plain reading (cat) and with two readers of event logs (evtx_dump, python-evtx), on exports
# of a directory with a plain loop of the csv crate and with ldif3, and prints Markdown. It needs Rust, Python 3.9, a network to the package registries and some 2 GB of disk; what
# it builds and generates it keeps under target/compare. A rival that can't be installed is named as missing.
#
#   benches/compare.sh [--long] [--rounds N] [--corpus DIR] [--check]
#
#   --long        grow up to one log of 1 GiB
#   --computers N in the exports of a directory (default 100000)
#   --rounds N    rounds after the warm-up (default 9)
#   --corpus DIR  also time every .evtx under DIR
#   --check       exit status 1 where a bound is not met
set -euo pipefail
case " $* " in *" --long "*) long=yes ;; *) long= ;; esac
computers=100000
[[ " $* " =~ " --computers "([0-9]+) ]] && computers=${BASH_REMATCH[1]}
# Paths among the arguments are relative to where the caller stands.
caller=$PWD
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
compare=$target/compare
input=$compare/input
mkdir -p "$input"

step() { printf '%s\n' "$*" >&2; }

step "kcdoctor and the generator"
cargo build --release --locked
cargo build --release --locked --example generate --example floor --example rows
generate=$target/release/examples/generate

if [ ! -x "$compare/bin/evtx_dump" ]; then
    step "evtx_dump"
    cargo install evtx --version 0.15.1 --locked --root "$compare" || step "evtx_dump can't be installed"
fi
if ! "$compare/venv/bin/python" -c 'import Evtx' 2>/dev/null; then
    step "python-evtx"
    { python3 -m venv "$compare/venv" && "$compare/venv/bin/pip" install --quiet python-evtx; } ||
        step "python-evtx can't be installed"
fi

if ! "$compare/venv/bin/python" -c 'import ldif3' 2>/dev/null; then
    step "ldif3"
    { python3 -m venv "$compare/venv" && "$compare/venv/bin/pip" install --quiet ldif3; } ||
        step "ldif3 can't be installed"
fi

# A change of what writes the logs makes the old ones stale.
sources=$(find src/scenario src/scenario.rs benches/generate.rs -type f | LC_ALL=C sort | xargs cat | cksum)

# make_input NAME COMMAND...: makes $input/NAME anew, unless the same command made it from the same sources.
make_input() {
    local name=$1 wanted="$sources: $*"
    shift
    [ "$(cat "$input/$name.made" 2>/dev/null)" = "$wanted" ] && return
    step "input: $name"
    rm -rf "${input:?}/$name" "$input/$name.made"
    "$@" "$input/$name"
    printf '%s\n' "$wanted" >"$input/$name.made"
}
one_log() {
    mkdir -p "$3"
    "$generate" --mib "$1" --relevant "$2" "$3/Security.evtx"
}
logs() { "$generate" --mib "$1" --files "$2" "$3"; }
ticket() {
    cp -R fixtures/bundles/classic-two-nodes "$1"
    "$generate" --mib 5 "$1/DC02-Security.evtx"
}
export_of() { "$generate" --computers "$1" --form "$2" "$3"; }
archive() { python3 -m zipfile -c "$1" "$input/plain"; }

make_input plain one_log 256 0.001
make_input five one_log 256 0.05
make_input slice one_log 1 0.001
make_input bytes-16 one_log 16 0.001
make_input bytes-64 one_log 64 0.001
if [ -n "$long" ]; then make_input bytes-1024 one_log 1024 0.001; fi
make_input files-16 logs 64 16
make_input files-256 logs 64 256
make_input ticket ticket
make_input plain.zip archive
for form in ldif csv csv-utf16; do make_input "forest.$form" export_of "$computers" "$form"; done

cd "$caller"
python3 "$root/benches/compare.py" --kcdoctor "$target/release/kcdoctor" --input "$input" \
    --floor "$target/release/examples/floor" --rows "$target/release/examples/rows" --evtx-dump "$compare/bin/evtx_dump" --python-evtx "$compare/venv/bin/python" "$@"
