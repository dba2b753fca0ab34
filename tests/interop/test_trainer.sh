#!/bin/bash
# A run takes the steps of transformers' Trainer: learning rates, losses, gradient norms, weights, checkpoints, log.
# label: slow
set -euo pipefail
if [[ -z ${VITRAIN_PYTHON:-} ]]; then
    echo "skipped: VITRAIN_PYTHON names no Python"
    exit 77
fi
if ! "$VITRAIN_PYTHON" -c 'import torch, transformers, accelerate, datasets, safetensors' 2>/dev/null; then
    echo "skipped: $VITRAIN_PYTHON lacks torch, transformers, accelerate, datasets or safetensors"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf HF_DATASETS_CACHE=$folder/cache OMP_NUM_THREADS=1
"$VITRAIN" sample --out "$folder/raw" --images 61 --image-size 64 --seed 3 > "$folder/log" 2>&1
"$VITRAIN" prepare --data "$folder/raw" --out "$folder/data" --image-size 32 --validation-fraction 0.3 >> "$folder/log" 2>&1
"$VITRAIN_PYTHON" "$VITRAIN_SOURCE/tests/interop/test_trainer.py" "$VITRAIN" "$folder"
