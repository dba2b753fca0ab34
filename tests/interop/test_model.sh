#!/bin/bash
# Models travel between Vitrain and transformers, both ways, and give the same logits.
set -euo pipefail
if [[ -z ${VITRAIN_PYTHON:-} ]]; then
    echo "skipped: VITRAIN_PYTHON names no Python"
    exit 77
fi
if ! "$VITRAIN_PYTHON" -c 'import numpy, torch, transformers, safetensors' 2>/dev/null; then
    echo "skipped: $VITRAIN_PYTHON lacks numpy, torch, transformers or safetensors"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HF_HUB_OFFLINE=1 HF_HOME=$folder/hf
"$VITRAIN_PYTHON" "$VITRAIN_SOURCE/tests/interop/test_model.py" "$VITRAIN_BUILD/libvitrain.so" "$folder"
