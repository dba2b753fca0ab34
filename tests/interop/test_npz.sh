#!/bin/bash
# MedMNIST's .npz files, as NumPy writes them, are prepared to the pixels of Pillow and the labels of the arrays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${VITRAIN_PYTHON:-}
if [ -z "$python" ] || ! "$python" -c 'import datasets, numpy, PIL' 2>/dev/null; then
    echo "skipped: VITRAIN_PYTHON names no Python with datasets, NumPy and Pillow"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf
"$python" "$here/test_npz.py" "$VITRAIN" "$folder"
