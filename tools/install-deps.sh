#!/bin/sh
# Installs the Debian packages that building and testing need; with "lint" those that checking needs, with "fuzz" those that
# fuzzing needs, with "dicom" those that compressed DICOM images need, with "ci" these and those that comparing with other
# libraries needs. Asks nothing; does nothing, silently, when all are
# there. On other systems it names the libraries instead.
set -eu

packages="gcc libc6-dev make cmake ninja-build pkg-config zlib1g-dev libdnnl-dev libjansson-dev libarchive-dev libpng-dev
    libjpeg62-turbo-dev libtiff-dev libdeflate-dev libisal-dev libcairo2-dev libxxhash-dev libcmocka-dev"
case ${1:-} in
    lint) packages="git clang-format clang-tidy cppcheck libomp-dev" ;;
    fuzz) packages="clang libclang-rt-dev libomp-dev llvm" ;;
    dicom) packages="g++ libgdcm-dev" ;;
    ci) packages="python3 python3-venv g++ libgdcm-dev" ;;
esac

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
    echo "vitrain: this is not Debian; make sure that a C compiler, CMake 3.25, Ninja, pkg-config, oneDNN 2.6 or later, jansson," \
        "libarchive, libpng, libjpeg, libtiff 4.5, libdeflate, ISA-L, cairo, xxhash, cmocka and zlib are installed" >&2
    exit 0
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null || ! sudo -n true 2> /dev/null; then
        echo "vitrain: packages are missing, and only root can install them; please run: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo -n"
fi
echo "vitrain: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # lists of words
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 update &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends $missing
} > "$log" 2>&1 || {
    cat "$log" >&2
    echo "vitrain: the packages could not be installed; please run: apt-get install$missing" >&2
    exit 1
}
