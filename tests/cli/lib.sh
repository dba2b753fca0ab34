# Helpers for the command-line tests: a folder of their own, what must succeed, what must fail and how.
# Sourced by tests/cli/test_*.sh; needs the program's path in VITRAIN.
set -u
: "${VITRAIN:?the path of the program}"
export OMP_NUM_THREADS=1 # tests run beside each other
folder=$(mktemp -d "${TMPDIR:-/tmp}/vitrain-cli-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# run COMMAND...: must succeed; its standard output is left in out.txt.
run() {
    "$@" > out.txt 2> err.txt || fail "exit code $? of: $* ($(tail -n 2 err.txt))"
}

# expect CODE WORDS COMMAND...: must exit with CODE and one "vitrain: error:" line that holds WORDS, and not crash.
expect() {
    local code=$1 words=$2 got
    shift 2
    "$@" > out.txt 2> err.txt
    got=$?
    grep -qE 'AddressSanitizer|LeakSanitizer|runtime error:' err.txt && fail "the sanitizer speaks: $* ($(grep -m 1 -E 'Sanitizer|runtime error' err.txt))"
    [ "$got" = "$code" ] || fail "exit code $got, not $code, of: $* ($(cat err.txt))"
    [ "$(grep -c '^vitrain: error: ' err.txt)" = 1 ] || fail "not one error line of: $* ($(cat err.txt))"
    grep -v '^vitrain: warning: ' err.txt | grep '^vitrain: error: ' | grep -qF -- "$words" ||
        fail "the sentence does not hold '$words': $(cat err.txt)"
}
expect_error() { expect 1 "$@"; }
expect_usage() { expect 2 "$@"; }

# holds WORDS: the last run's standard output does.
holds() {
    grep -qF -- "$1" out.txt || fail "'$1' is not in the output: $(head -c 2000 out.txt)"
}

present() {
    local path
    for path; do [ -s "$path" ] || fail "$path is missing or empty"; done
}

same() {
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

# A small data set: raw/ in the NIH layout and data/, prepared.
make_data() {
    run "$VITRAIN" sample --out raw --images 40 --image-size 64 --seed 3
    run "$VITRAIN" prepare --data raw --out data --image-size 32 --validation-fraction 0.2
}

# train OUT [OPTION...]: the smallest model on data/.
train() {
    local out=$1
    shift
    run "$VITRAIN" train --model vit-micro-patch16-224 --data data --output-dir "$out" --learning-rate 1e-3 \
        --per-device-train-batch-size 8 "$@"
}
