#!/bin/bash
# What a training run writes opens in Hugging Face's and TensorBoard's own libraries.
# label: slow
set -euo pipefail
if [[ -z ${VITRAIN_PYTHON:-} ]]; then
    echo "skipped: VITRAIN_PYTHON names no Python"
    exit 77
fi
if ! "$VITRAIN_PYTHON" -c 'import safetensors, tensorboard' 2>/dev/null; then
    echo "skipped: $VITRAIN_PYTHON lacks safetensors or tensorboard"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf TF_CPP_MIN_LOG_LEVEL=3
"$VITRAIN" sample --out "$folder/raw" --images 48 --image-size 64 > "$folder/log" 2>&1
"$VITRAIN" prepare --data "$folder/raw" --out "$folder/data" --image-size 32 --validation-fraction 0.3 >> "$folder/log" 2>&1
"$VITRAIN" train --model vit-micro-patch16-224 --data "$folder/data" --output-dir "$folder/out" --max-steps 6 --logging-steps 2 \
    --eval-strategy steps --eval-steps 3 --save-steps 3 --load-best-model-at-end --metric-for-best-model roc_auc \
    --lr-scheduler-type cosine --warmup-ratio 0.25 >> "$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
"$VITRAIN_PYTHON" "$VITRAIN_SOURCE/tests/interop/test_training.py" "$folder/out"
