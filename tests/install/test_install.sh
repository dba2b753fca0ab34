#!/bin/bash
# Installs into a folder of its own and builds program.c against that copy in the three ways a user may: pkg-config shared,
# pkg-config --static, CMake's find_package. Then moves the tree and builds again: nothing in it may name its old place.
set -euo pipefail
: "${VITRAIN_BUILD:?}" "${VITRAIN_SOURCE:?}"
if grep -q '^VITRAIN_SANITIZE:BOOL=ON' "$VITRAIN_BUILD/CMakeCache.txt"; then
    echo "skipped: a sanitized library is not for installing"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
program=$VITRAIN_SOURCE/tests/install/program.c
unset DESTDIR

# Builds and runs program.c against the copy below $1.
try_all_ways() {
    local prefix=$1 libraries
    libraries=$(dirname "$(find "$prefix" -name 'libvitrain.so')")
    export PKG_CONFIG_PATH=$libraries/pkgconfig

    echo "== pkg-config, shared"
    # shellcheck disable=SC2046 # a list of words
    cc -Wall -Wextra -Werror "$program" -o "$folder/shared" $(pkg-config --cflags --libs vitrain)
    LD_LIBRARY_PATH=$libraries "$folder/shared"

    echo "== pkg-config --static"
    # shellcheck disable=SC2046
    cc -Wall -Wextra -Werror "$program" -o "$folder/static" \
        $(pkg-config --static --cflags --libs vitrain | sed 's/-lvitrain/-l:libvitrain.a/')
    "$folder/static"

    echo "== find_package"
    rm -rf "$folder/project"
    mkdir "$folder/project"
    cp "$program" "$folder/project/program.c"
    cat > "$folder/project/CMakeLists.txt" << 'END'
cmake_minimum_required(VERSION 3.25)
project(program C)
find_package(vitrain 0.1 REQUIRED)
add_executable(program program.c)
target_link_libraries(program PRIVATE vitrain::vitrain)
END
    cmake -S "$folder/project" -B "$folder/project/build" -DCMAKE_PREFIX_PATH="$prefix" > "$folder/log" || {
        cat "$folder/log"
        return 1
    }
    cmake --build "$folder/project/build" > "$folder/log" || {
        cat "$folder/log"
        return 1
    }
    "$folder/project/build/program"
}

cmake --install "$VITRAIN_BUILD" --prefix "$folder/here" > "$folder/log"
"$folder/here/bin/vitrain" --help > /dev/null
try_all_ways "$folder/here"
mv "$folder/here" "$folder/moved"
echo "== moved"
try_all_ways "$folder/moved"

# The shared library shows what the headers promise, no more and no less.
nm -D --defined-only "$(find "$folder/moved" -name libvitrain.so)" | awk 'NF == 3 && $2 == "T" { print $3 }' | sort > "$folder/shown"
cat "$folder"/moved/include/vitrain/*.h | tr '\n' ' ' | grep -o 'VT_API [^(;]*(' | grep -o 'vt_[a-z0-9_]*($' | tr -d '(' | sort \
    > "$folder/promised"
diff "$folder/promised" "$folder/shown" || {
    echo "the headers' VT_API functions (<) and the shared library's (>) differ"
    exit 1
}
