#!/usr/bin/env python3
"""Opening and loading a prepared data set with datasets and PyTorch's DataLoader: the peer of bench/scale.c.

    bench_scale FOLDER 112120 vit-tiny-patch16-224 0 && python bench/peers/scale.py FOLDER/data

Prints the time of load_from_disk, cold (the files dropped from the page cache) and warm, and the rate of shuffled batches of 32
by one worker: as uint8, as Vitrain's loader delivers them, and as the tensors that a model of transformers takes.
"""

import os
import pathlib
import sys
import time

import datasets
import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "docs" / "examples"))
from train_with_transformers import Prepared  # noqa: E402

SECONDS = 10


def drop_from_cache(folder):
    for path in folder.rglob("*.arrow"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def time_opening(folder, when):
    started = time.perf_counter()
    datasets.load_from_disk(str(folder))
    print(f"opened {when}: {1e3 * (time.perf_counter() - started):.0f} ms")


def time_loading(rows, collate, what):
    loader = torch.utils.data.DataLoader(rows, batch_size=32, shuffle=True, num_workers=1, collate_fn=collate)
    batches = iter(loader)
    next(batches)
    started, images = time.perf_counter(), 0
    while time.perf_counter() < started + SECONDS:
        images += 32
        next(batches)
    print(f"loaded {what}, by one worker: {images / (time.perf_counter() - started):.0f} images/s")


def bytes_alone(rows):
    return torch.from_numpy(np.stack([row["pixels"].astype(np.uint8) for row in rows]))


folder = pathlib.Path(sys.argv[1])
drop_from_cache(folder)
time_opening(folder, "cold")
time_opening(folder, "warm")
prepared = Prepared(folder)
train = prepared.splits["train"]
drop_from_cache(folder)
time_loading(train, bytes_alone, "cold, as uint8")
time_loading(train, bytes_alone, "warm, as uint8")
time_loading(train, prepared.collator([0.5] * 3, [0.5] * 3), "warm, as tensors")
