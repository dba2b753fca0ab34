"""Makes a small image folder with metadata.csv: PNG and JPEG, grey and colour. Usage: make_dataset.py RAW grey|colour"""
import csv
import pathlib
import sys

import numpy as np
from PIL import Image

raw, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
raw.mkdir(parents=True)
random = np.random.default_rng(0)
labels = ["Effusion", "Mass|Nodule", "No Finding", "Mass, \"large\"|Effusion"]
with open(raw / "metadata.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["file_name", "labels", "patient_id"])
    for i in range(30):
        height, width = random.integers(20, 90, 2)
        colour = kind == "colour" and i % 3 == 0
        shape = (height, width, 3) if colour else (height, width)
        name = f"{i:03d}.{'jpg' if i % 4 == 0 else 'png'}"
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(raw / name)
        table.writerow([name, labels[i % 4], f"patient {i // 3}"])
