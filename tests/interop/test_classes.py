"""A folder per class, as Hugging Face's imagefolder has it, and a model that transformers trained on it: labels, pixels,
loss, AUC and predictions are the same in both.

    python test_classes.py VITRAIN FOLDER
"""
import json
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from transformers import ViTConfig, ViTForImageClassification, pipeline

try:  # where torchvision is installed, the plain name resizes by it, which differs from Pillow by a level here and there
    from transformers import ViTImageProcessorPil as ViTImageProcessor
except ImportError:
    from transformers import ViTImageProcessor

vitrain, folder, size = sys.argv[1], Path(sys.argv[2]), 32
raw, prepared, classes = folder / "raw", folder / "prepared", ["Zebra finch", "apple", "Äpfel"]
random = np.random.default_rng(1)
torch.manual_seed(1)


def call(*arguments):
    return subprocess.run([vitrain, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def save_image(path, index, colour):
    """Classes differ in colour, files in kind, size and how they lie."""
    height, width = random.integers(20, 70, 2)
    image = Image.fromarray((random.integers(0, 200, (height, width, 3)) + np.array(colour)).clip(0, 255).astype(np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = index % 8 + 1
    kinds = [("a b.JPG", image, "JPEG", {"exif": exif}), (".jpeg", image, "JPEG", {"progressive": True, "exif": exif}),
             (".png", image.quantize(30), "PNG", {}), (".PNG", image.convert("LA"), "PNG", {}),
             (".png", image, "PNG", {"exif": exif}),
             ("é.jpg", image.convert("CMYK"), "JPEG", {}), (".jpg", image.convert("L"), "JPEG", {"exif": exif})]
    suffix, image, kind, options = kinds[index % len(kinds)]
    image.save(path.with_name(path.name + suffix), kind, **options)


for split, names, count in (("train", classes, 14), ("test", classes[:2], 7)):  # the test split lacks a class
    for k, name in enumerate(names):
        for i in range(count):
            save_image(raw / split / name / f"{i}", i, [9 * (c == k) for c in range(3)])
call("prepare", "--data", raw, "--out", prepared, "--image-size", size, "--resample", "bicubic", "--validation-fraction", 0)
theirs = datasets.load_dataset("imagefolder", data_dir=str(raw), cache_dir=str(folder / "cache"))
ours = datasets.load_from_disk(str(prepared))
processor = ViTImageProcessor(size={"height": size, "width": size}, resample=3)
assert theirs["train"].features["label"].names == json.load(open(prepared / "vitrain_dataset.json"))["labels"] == classes
inputs = {}
for split, data in theirs.items():
    paths = [row["image"]["path"] for row in data.cast_column("image", datasets.Image(decode=False))]
    rows = {row["file_name"]: row for row in ours[split]}
    assert len(rows) == len(paths), split
    for path, row in zip(paths, data):
        mine = rows[str(Path(path).relative_to(raw.resolve()))]
        pixels = np.asarray(row["image"].convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
        assert np.array_equal(np.array(mine["pixels"], np.uint8).reshape(size, size, 3), pixels), path
        assert np.flatnonzero(mine["labels"]).tolist() == [row["label"]], path
    images = [row["image"].convert("RGB") for row in data]
    inputs[split] = processor(images, return_tensors="pt")["pixel_values"], torch.tensor(data["label"])
print(f"{sum(map(len, ours.values()))} images equal")

config = ViTConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=size,
                   patch_size=8, id2label=dict(enumerate(classes)), label2id={name: i for i, name in enumerate(classes)})
model, (x, y) = ViTForImageClassification(config), inputs["train"]
optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
for _ in range(4):  # a loop of one's own, which leaves problem_type out of config.json
    torch.nn.functional.cross_entropy(model(x).logits, y).backward()
    optimizer.step()
    optimizer.zero_grad()
assert model.config.problem_type is None
model.eval().to(torch.bfloat16).save_pretrained(folder / "model", max_shard_size="20KB")
processor.save_pretrained(folder / "model")
assert len(list((folder / "model").glob("*.safetensors"))) > 1

model, (x, y) = model.float(), inputs["test"]
with torch.no_grad():
    logits = model(x).logits
scores = torch.softmax(logits, 1).numpy()
call("eval", "--model", folder / "model", "--data", prepared, "--split", "test", "--precision", "fp32",
     "--output-dir", folder / "figures")
figures = json.load(open(folder / "figures/eval_results.json"))
auc = np.mean([roc_auc_score(y == k, scores[:, k]) for k in range(2)])
print(f"loss {figures['eval_loss']}, AUC {figures['eval_roc_auc']}")
assert abs(figures["eval_loss"] - torch.nn.functional.cross_entropy(logits, y).item()) < 1e-5
assert abs(figures["eval_roc_auc"] - auc) < 1e-9 and figures["eval_roc_auc_labels"] == 2
assert abs(figures["eval_accuracy"] - (logits.argmax(1) == y).float().mean().item()) < 1e-6

call("train", "--model", folder / "model", "--data", prepared, "--output-dir", folder / "out", "--max-steps", 3)
for trained in ("model", "out"):
    model = ViTForImageClassification.from_pretrained(folder / trained, dtype=torch.float32)
    processor = ViTImageProcessor.from_pretrained(folder / trained)
    classify = pipeline("image-classification", model=model, image_processor=processor, device="cpu")
    lines = call("predict", "--model", folder / trained, "--precision", "fp32", "--format", "jsonl", raw / "test")
    for row in map(json.loads, lines.splitlines()):
        for label in classify(row["file"], top_k=3):
            assert abs(row["probabilities"][label["label"]] - label["score"]) < 1e-5, (trained, row, label)
    print(f"{trained}: predictions equal")
