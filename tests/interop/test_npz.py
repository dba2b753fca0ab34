"""Files as NumPy writes them, stored and deflated, grey and in colour, of the sizes that MedMNIST has."""
import pathlib
import subprocess
import sys

import datasets
import numpy as np
from PIL import Image

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
random = np.random.default_rng(5)
PARTS = {"train": ("train", 30), "val": ("validation", 12), "test": ("test", 9)}


def draw(side, channels, labels):
    arrays = {}
    for part, (_, count) in PARTS.items():
        shape = (count, side, side, 3) if channels == 3 else (count, side, side)
        arrays[f"{part}_images"] = random.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"{part}_labels"] = labels(count)
    return arrays


def classes(count):
    return (np.arange(count) % 9)[:, None].astype(np.uint8)


def n_hot(count):
    drawn = (random.random((count, 14)) < 0.2).astype(np.float32)
    drawn[random.random((count, 14)) < 0.3] = np.nan
    return drawn


def check(name, arrays, save, size, *options):
    save(folder / f"{name}.npz", **arrays)
    out = folder / f"{name}-prepared"
    subprocess.run([program, "prepare", "--data", folder / f"{name}.npz", "--out", out, "--image-size", str(size), *options],
                   check=True, stdout=subprocess.DEVNULL)
    prepared = datasets.load_from_disk(out)
    for part, (split, count) in PARTS.items():
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        rows = prepared[split].with_format("numpy")
        assert len(rows) == count
        for i, row in enumerate(rows):
            assert row["file_name"] == f"{part}/{i:06d}"
            expected = np.asarray(Image.fromarray(images[i]).resize((size, size), Image.Resampling.BILINEAR))
            assert np.array_equal(np.asarray(row["pixels"], np.uint8).reshape(expected.shape), expected), (name, split, i)
            wanted = labels[i] if labels.shape[1] > 1 else np.eye(9, dtype=np.float32)[labels[i][0]]
            assert np.array_equal(row["labels"], wanted.astype(np.float32), equal_nan=True), (name, split, i)


check("chestmnist", draw(28, 1, n_hot), np.savez_compressed, 224)
check("pathmnist_64", draw(64, 3, classes), np.savez, 224)
check("pathmnist_128", draw(128, 3, classes), np.savez_compressed, 96, "--threads", "3")
