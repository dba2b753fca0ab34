#!/bin/bash
# All checks that read the sources without running them; silent when there is nothing to say.
# Usage: tools/lint.sh BUILD (a configured build folder, for its compile_commands.json)
# shellcheck disable=SC2317 # the checks are called through check()
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
failed=0
log=$(mktemp)
trap 'rm -f "$log" "$log.errors"' EXIT

# Runs a check; its output is shown only if it fails.
check() {
    local name=$1
    shift
    if ! "$@" > "$log" 2>&1; then
        echo "lint: $name:"
        cat "$log"
        failed=1
    fi
}

layout() { git ls-files -z '*.c' '*.h' '*.cc' | xargs -0 clang-format --dry-run --Werror; }

# It takes GCC's vector types, filled lane by lane, for uninitialised.
cppcheck_sources() {
    cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability -j 2 -U__GNUC__ \
        --suppress=missingIncludeSystem --suppress=invalidPointerCast --suppress=invalidFunctionArg --suppress='uninitvar:src/compute/cpu/vector*.h' \
        -I src -I include src examples bench
}

# Only files of this architecture's build: the others have no compile command. Not the kernels: they are written in GCC's vector
# language, of which clang speaks a part.
clang_tidy_sources() {
    sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u | grep -E "^$PWD/(src|examples|bench)/" | grep -v /kernels_ |
        xargs -P 2 -n 8 clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2> "$log.errors"
}

check "layout (make format mends it)" layout
check "rooms" tools/check-rooms.sh
check "cppcheck" cppcheck_sources
check "clang-tidy" clang_tidy_sources
exit $failed
