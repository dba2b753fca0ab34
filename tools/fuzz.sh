#!/bin/bash
# Runs every fuzz target of a build with VITRAIN_FUZZ (tests/fuzz/<room>/fuzz_<parser>.c), two at a time, for FUZZ_SECONDS each
# (60), from its seeds and from what earlier runs found (corpus/ in the build folder). Prints one line for each: runs, features
# of the code that were reached, new inputs. Fails, with the input's path, if a target crashes, leaks, takes ten seconds or two
# gigabytes, or asks for more memory at once than any image of its size can need.
# Usage: tools/fuzz.sh [BUILD [TARGET ...]], such as tools/fuzz.sh build-fuzz csv arrow
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "${1:-build-fuzz}")
shift || true
seeds=$PWD/tests/fuzz/seeds
export FUZZ_SECONDS=${FUZZ_SECONDS:-60} build seeds
export ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0

if [ $# -eq 0 ]; then
    for source in tests/fuzz/*/fuzz_*.c; do
        target=${source##*/fuzz_}
        set -- "$@" "${target%.c}"
    done
fi

fuzz() {
    local target=$1 corpus=$build/corpus/$1 crashes=$build/crashes/$1 log=$build/fuzz-$1.log
    rm -rf "$crashes"
    mkdir -p "$corpus" "$crashes"
    local failed=0
    "$build/tests/fuzz_$target" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 \
        -print_final_stats=1 -artifact_prefix="$crashes/" "$corpus" "$seeds/$target" > "$log" 2>&1 || failed=1
    local runs new reached
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    new=$(sed -n 's/^stat::new_units_added: *//p' "$log")
    reached=$(grep -Eo 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1 | sed 's/cov: \([0-9]*\) ft: \([0-9]*\)/\1 places, \2 features/')
    printf '%-16s %9s runs, %s, %s new inputs\n' "$target" "${runs:-?}" "${reached:-no coverage}" "${new:-?}"
    [ $failed -eq 0 ] && return 0
    tail -n 40 "$log"
    echo "fuzz: $target FAILED; the input: $(find "$crashes" -type f | head -n 1); all that was said: $log"
    return 1
}
export -f fuzz

printf '%s\n' "$@" | xargs -P 2 -I {} bash -c 'fuzz {}'
