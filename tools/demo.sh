#!/bin/sh
# The walk-through on a stand-in for the NIH set: drawings of chests made by the program itself, in the NIH layout.
set -eu
cd "$(dirname "$0")/.."

if [ ! -e demo/nih ]; then
    rm -rf demo/nih.partial
    mkdir -p demo
    build/vitrain sample --out demo/nih.partial --images 1500 --image-size 256 --seed 1
    mv demo/nih.partial demo/nih
fi
exec build/walkthrough --dataset-dir demo/nih --output-dir demo/output "$@"
