#!/bin/bash
# Prepared data sets open in Hugging Face's datasets and in pyarrow, with pixels equal to Pillow's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${VITRAIN_PYTHON:-}
if [ -z "$python" ] || ! "$python" -c 'import datasets, pyarrow, PIL' 2>/dev/null; then
    echo "skipped: VITRAIN_PYTHON names no Python with datasets, pyarrow and Pillow"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for kind in grey colour; do
    "$python" "$here/make_dataset.py" "$folder/$kind" "$kind"
    "$VITRAIN" prepare --data "$folder/$kind" --out "$folder/$kind-prepared" --image-size 24 --resample bicubic \
        --validation-fraction 0.2 >/dev/null
    "$python" "$here/test_dataset.py" "$folder/$kind" "$folder/$kind-prepared" 24
done
