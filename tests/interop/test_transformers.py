"""Holds what docs/examples/train_with_transformers.py makes of a prepared data set against the images and labels themselves.

Usage: test_transformers.py make RAW
       test_transformers.py compare RAW PREPARED MODEL EVALUATION
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image

IMAGES, LABELS, SIZE, STORED = 24, 3, 32, 40


def make(raw):
    random = np.random.default_rng(3)
    raw.mkdir()
    with open(raw / "metadata.jsonl", "w") as metadata:
        for i in range(IMAGES):
            Image.fromarray(random.integers(0, 256, (60, 50), dtype=np.uint8)).save(raw / f"{i}.png")
            labels = [int(value) for value in random.integers(-1, 2, LABELS)]  # -1: nobody knows
            metadata.write(json.dumps({"file_name": f"{i}.png", "labels": labels}) + "\n")


def compare_tensors(raw, prepared, mean, std):
    import datasets

    rows = {}
    for line in (raw / "metadata.jsonl").read_text().splitlines():
        row = json.loads(line)
        rows[row["file_name"]] = row["labels"]
    seen, unknown = 0, 0
    for split, data in datasets.load_from_disk(str(prepared.folder)).items():
        for name, row in zip(data["file_name"], prepared.splits[split]):
            image = Image.open(raw / name).convert("RGB")
            for size in [STORED, SIZE]:
                image = image.resize((size, size), Image.Resampling.BILINEAR)
            expected = (np.asarray(image).transpose(2, 0, 1) / 255 - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
            values = prepared.pixel_values(row["pixels"], mean, std)
            assert values.dtype == np.float32 and values.shape == (3, SIZE, SIZE)
            assert np.abs(values - expected).max() < 1e-6, name
            labels = [np.nan if value < 0 else value for value in rows[name]]
            assert np.array_equal(row["labels"], labels, equal_nan=True), (name, row["labels"], labels)
            seen += 1
            unknown += int(np.isnan(labels).sum())
    assert seen == IMAGES and unknown > 0
    print(f"{seen} images equal, {unknown} labels unknown")


def compare_loss(prepared, model_folder, evaluation):
    import torch
    from train_with_transformers import load_model, masked_loss

    model, processor = load_model(model_folder, prepared)
    batch = prepared.collator(processor.image_mean, processor.image_std)(list(prepared.splits["train"]))
    with torch.no_grad():
        loss = float(masked_loss(model.eval()(batch["pixel_values"]).logits, batch["labels"]))
    ours = json.loads((evaluation / "eval_results.json").read_text())["eval_loss"]
    assert abs(loss - ours) < 1e-5, (loss, ours)
    print(f"loss {loss:.6f}, here {ours:.6f}")


def train(prepared, model_folder, out):
    import train_with_transformers

    train_with_transformers.main(str(prepared.folder), str(model_folder), str(out), "--max_steps", "2", "--use_cpu", "True",
                                 "--report_to", "none", "--per_device_train_batch_size", "4", "--disable_tqdm", "True")
    assert (out / "model.safetensors").exists() and (out / "preprocessor_config.json").exists()


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]))
    sys.exit()
raw, folder, model, evaluation = map(pathlib.Path, sys.argv[2:])
from train_with_transformers import Prepared

prepared = Prepared(folder)
prepared.folder = folder
assert len(list((folder / "train").glob("*.arrow"))) > 1
config = json.loads((model / "preprocessor_config.json").read_text())
compare_tensors(raw, prepared, config["image_mean"], config["image_std"])
try:
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError:
    print("transformers or torch is not installed: their part was left out")
else:
    compare_loss(prepared, model, evaluation)
    train(prepared, model, model.parent / "trained")
