#!/bin/sh
# The walk-through on a stand-in for the NIH set: drawings of chests made by the program itself, in the NIH layout.
set -eu
cd "$(dirname "$0")/.."

if [ ! -e demo/nih ]; then
    rm -rf demo/nih.partial
    mkdir -p demo
    build/vitrain sample --out demo/nih.partial --images 3000 --image-size 256 --seed 1
    mv demo/nih.partial demo/nih
fi
# Threads that wait for each other don't hold the cores for long, should other programs want them.
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-10000}
# The walk-through's own hyper-parameters suit a large pre-trained model; a small one with random weights learns from more and
# larger steps.
exec build/walkthrough --dataset-dir demo/nih --output-dir demo/output --model vit-micro-patch16-224 --image-size 112 \
    --per-device-train-batch-size 32 --gradient-accumulation-steps 1 --num-train-epochs 8 --learning-rate 1e-3 \
    --logging-steps 50 --eval-strategy epoch "$@"
