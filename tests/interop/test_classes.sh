#!/bin/bash
# A folder of images per class, and a model of transformers, give the same figures here as in Hugging Face's libraries.
# label: slow
set -euo pipefail
python=${VITRAIN_PYTHON:-}
if [ -z "$python" ] || ! "$python" -c 'import datasets, PIL, safetensors, sklearn, torch, transformers' 2>/dev/null; then
    echo "skipped: VITRAIN_PYTHON names no Python with datasets, Pillow, scikit-learn, torch and transformers"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf
"$python" "$VITRAIN_SOURCE/tests/interop/test_classes.py" "$VITRAIN" "$folder"
