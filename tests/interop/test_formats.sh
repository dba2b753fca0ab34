#!/bin/bash
# Files that Vitrain writes open in the formats' own libraries: safetensors, pyarrow, datasets, TensorBoard, transformers.
set -euo pipefail
if [[ -z ${VITRAIN_PYTHON:-} ]]; then
    echo "skipped: VITRAIN_PYTHON names no Python"
    exit 77
fi
if ! "$VITRAIN_PYTHON" -c 'import numpy, pyarrow, safetensors, tensorboard' 2>/dev/null; then
    echo "skipped: $VITRAIN_PYTHON lacks numpy, pyarrow, safetensors or tensorboard"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf HF_DATASETS_CACHE=$folder/cache TF_CPP_MIN_LOG_LEVEL=3
"$VITRAIN_PYTHON" "$VITRAIN_SOURCE/tests/interop/test_formats.py" "$VITRAIN_BUILD/tests/write_formats" "$folder"
