"""Makes tests/golden/hf: small data sets as Hugging Face's datasets saves them, for the tests of src/data.

    python tools/golden/hf.py tests/golden/hf
"""
import shutil
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from datasets import Array3D, ClassLabel, Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as Picture

out = Path(sys.argv[1])
shutil.rmtree(out, ignore_errors=True)


def pixels(row, channels):
    """Pixel (y, x) of channel c: 40 row + 5 y + 2 x + 60 c, of 256; 4 high, 3 wide."""
    y, x, c = np.indices((4, 3, channels))
    return ((40 * row + 5 * y + 2 * x + 60 * c) % 256).astype(np.uint8)


def encoded(row, channels, path):
    data = BytesIO()
    Picture.fromarray(pixels(row, channels).squeeze()).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": path}


# Classes and patients; grey and RGB; the training split in two files; row 2 has no class.
classes = Features({"image": Image(), "label": ClassLabel(names=["zebra", "ant", "never"]), "patient_id": Value("string")})
train = Dataset.from_dict({"image": [encoded(r, 1 + 2 * (r % 2), f"t{r}.png") for r in range(4)], "label": [1, 0, None, 1],
                           "patient_id": ["p0", "p1", "p2", "p3"]}, features=classes)
test = Dataset.from_dict({"image": [encoded(9, 1, "t9.png")], "label": [0], "patient_id": ["p9"]}, features=classes)
DatasetDict({"train": train, "test": test}).save_to_disk(out / "classes", num_shards={"train": 2, "test": 1})

# Pixels and vectors in which some are unknown; one split.
Dataset.from_dict({"pixels": [pixels(r, 3) for r in range(3)], "labels": [[0, 1], [None, 1], [1, -1]]},
                  features=Features({"pixels": Array3D((4, 3, 3), "uint8"), "labels": List(Value("float32"))})
                  ).save_to_disk(out / "vectors")

# Rows that are no images: a web address, in what Image is stored as; lists of different lengths, a number that is no byte.
Dataset.from_dict({"image": [encoded(0, 1, "w0.png"), {"bytes": None, "path": "https://example.org/w1.png"}, encoded(2, 1, "w2.png")],
                   "label": [0, 1, 0]}, features=Features({"image": {"bytes": Value("binary"), "path": Value("string")},
                                                    "label": ClassLabel(names=["cat", "dog"])})
                  ).save_to_disk(out / "web")
good = pixels(0, 1).squeeze().tolist()
Dataset.from_dict({"pixels": [good, good[:3] + [[1, 2]], good[:3] + [[1, 2, 256]], good], "label": [0, 1, 0, 1]},
                  features=Features({"pixels": List(List(Value("int16"))), "label": ClassLabel(names=["cat", "dog"])})
                  ).save_to_disk(out / "ragged")
for path in out.rglob("cache-*"):
    path.unlink()
