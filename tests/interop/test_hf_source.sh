#!/bin/bash
# Data sets saved by Hugging Face's datasets become prepared data sets with the same labels and the pixels of Pillow.
# label: slow
set -euo pipefail
python=${VITRAIN_PYTHON:-}
if [ -z "$python" ] || ! "$python" -c 'import datasets, numpy, pyarrow, PIL' 2>/dev/null; then
    echo "skipped: VITRAIN_PYTHON names no Python with datasets, numpy, pyarrow and Pillow"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf HF_DATASETS_DISABLE_PROGRESS_BARS=1
"$python" "$VITRAIN_SOURCE/tests/interop/test_hf_source.py" "$VITRAIN" "$folder" "$VITRAIN_SOURCE/docs/data.md"
