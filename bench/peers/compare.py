#!/usr/bin/env python3
"""Vitrain beside its peers on the same model, batch and precision, in turn (A B A B), as one table.

    python bench/peers/compare.py [--vitrain build/vitrain] [--models vit-tiny-patch16-224,vit-base-patch16-224] [--batch 32]
        [--precisions bf16,fp32] [--mode train|infer] [--rounds 3] [--steps 5] [--peers torch,torch-compile,torch-pure,...]

Needs torch and transformers; for inference also onnxruntime, onnx, onnxscript and openvino, as far as they are asked for. The
peers stay loaded and wait while others measure. Figures are medians over rounds; OMP_NUM_THREADS is honoured by all.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"train": "torch,torch-compile,torch-pure", "infer": "torch,torch-compile,onnxruntime,openvino"}


def start(kind, model, batch, precision, mode):
    return subprocess.Popen([sys.executable, str(HERE / "contestant.py"), kind, model, str(batch), precision, mode],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def ask(process, steps):
    """The peer's figures, or None if it has died."""
    try:
        process.stdin.write(f"{steps}\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    line = process.stdout.readline()
    while line and not line.startswith("{"):  # what libraries print
        line = process.stdout.readline()
    return json.loads(line) if line else None


def ours(arguments, model, precision):
    command = [arguments.vitrain, "bench", "--model", model, "--batch", str(arguments.batch), "--precision", precision,
               "--mode", arguments.mode, "--steps", str(arguments.steps), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(arguments, model, precision):
    kinds = [kind for kind in (arguments.peers or PEERS[arguments.mode]).split(",")
             if not (kind == "torch-pure" and precision == "fp32")]
    peers = {kind: start(kind, model, arguments.batch, precision, arguments.mode) for kind in kinds}
    for process in peers.values():  # loaded, compiled and warm before anything is measured
        ask(process, 1)
    runs = {kind: [] for kind in ["vitrain", *kinds]}
    for _ in range(arguments.rounds):
        runs["vitrain"].append(ours(arguments, model, precision))
        for kind, process in peers.items():
            figures = ask(process, arguments.steps)
            if figures:
                runs[kind].append(figures)
    for process in peers.values():
        process.stdin.close()
        process.wait()
    return runs


def report(arguments, model, precision, runs):
    def median(kind, key):
        return statistics.median(run[key] for run in runs[kind])
    best = max((median(kind, "images_per_second") for kind in runs if kind != "vitrain" and runs[kind]), default=None)
    for kind, figures in runs.items():
        if not figures:
            print(f"| {model} | {precision} | {kind} | did not run | | | |", flush=True)
            continue
        speed = median(kind, "images_per_second")
        rates = [run["images_per_second"] for run in figures]
        share = f"{100 * median(kind, 'share_of_peak'):.0f} %" if kind == "vitrain" else ""
        ratio = f"{speed / best:.2f}" if kind == "vitrain" and best else ""
        print(f"| {model} | {precision} | {kind} | {speed:.4g} ({min(rates):.4g} to {max(rates):.4g}) | {ratio} | "
              f"{median(kind, 'peak_memory_bytes') / 1e9:.2f} GB | {median(kind, 'startup_seconds'):.1f} s | {share} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitrain", default=str(HERE.parent.parent / "build" / "vitrain"))
    parser.add_argument("--models", default="vit-tiny-patch16-224,vit-base-patch16-224")
    parser.add_argument("--precisions", default="bf16,fp32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--mode", choices=["train", "infer"], default="train")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--peers", help="train: " + PEERS["train"] + "; infer: " + PEERS["infer"])
    arguments = parser.parse_args()
    print(f"{arguments.mode}, batch {arguments.batch}, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads, medians of "
          f"{arguments.rounds} rounds of {arguments.steps} steps")
    print("| model | precision | who | images/s | of the best peer | peak memory | to the first step | share of peak |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in arguments.models.split(","):
        for precision in arguments.precisions.split(","):
            report(arguments, model, precision, compare(arguments, model, precision))


main()
