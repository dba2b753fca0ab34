#!/bin/bash
# Data sets prepared here train in transformers, with equal tensors and an equal loss.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${VITRAIN_PYTHON:-}
if [ -z "$python" ] || ! "$python" -c 'import datasets, numpy, PIL' 2>/dev/null; then
    echo "skipped: VITRAIN_PYTHON names no Python with datasets, numpy and Pillow"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf PYTHONPATH=$VITRAIN_SOURCE/docs/examples
{
    "$python" "$here/test_transformers.py" make "$folder/raw"
    "$VITRAIN" prepare --data "$folder/raw" --out "$folder/data" --image-size 32 --store-size 40 --validation-fraction 0.25 \
        --shard-size 10KB
    "$VITRAIN" train --model vit-micro-patch16-224 --data "$folder/data" --output-dir "$folder/model" --max-steps 4
    "$VITRAIN" eval --model "$folder/model" --data "$folder/data" --split train --precision fp32 --output-dir "$folder/eval"
} > "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
"$python" "$here/test_transformers.py" compare "$folder/raw" "$folder/data" "$folder/model" "$folder/eval"
