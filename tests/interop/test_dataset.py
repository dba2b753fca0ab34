"""Opens a prepared data set with Hugging Face's datasets and with pyarrow, and holds every value against its source.

Usage: test_dataset.py RAW PREPARED SIZE   (RAW: folder with metadata.csv of file_name,labels,patient_id)
"""
import csv
import json
import pathlib
import sys

import datasets
import numpy as np
import pyarrow as pa
from PIL import Image

raw, prepared, size = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
rows = {row["file_name"]: row for row in csv.DictReader(open(raw / "metadata.csv", newline=""))}
names = sorted({label for row in rows.values() for label in row["labels"].split("|")})
record = json.load(open(prepared / "vitrain_dataset.json"))
assert record["labels"] == names, (record["labels"], names)

loaded = datasets.load_from_disk(str(prepared))
assert set(loaded) == set(record["splits"]), loaded
seen, patients = set(), {}
for split, data in loaded.items():
    assert len(data) == record["splits"][split]
    assert data.features["labels"].length == len(names)
    assert data.split == split
    table = pa.ipc.open_stream(str(prepared / split / "data-00000-of-00001.arrow")).read_all()
    table.validate(full=True)
    assert table.column_names == ["file_name", "patient_id", "labels", "pixels"]
    columns = {name: table[name].to_pylist() for name in table.column_names}
    for i, example in enumerate(data):
        assert all(columns[name][i] == example[name] for name in columns)
        row = rows[example["file_name"]]
        assert example["patient_id"] == row["patient_id"]
        assert [names[k] for k in np.flatnonzero(example["labels"])] == sorted(row["labels"].split("|"))
        image = Image.open(raw / example["file_name"]).convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        pixels = np.asarray(example["pixels"], dtype=np.uint8).reshape(size, size, -1)
        assert np.array_equal(pixels, np.asarray(image)[:, :, : pixels.shape[2]]), example["file_name"]
        seen.add(example["file_name"])
        patients.setdefault(example["patient_id"], set()).add(split)
assert seen == set(rows), set(rows) - seen
assert all(len(splits) == 1 for splits in patients.values()), patients
print(f"{len(seen)} images equal, {dict(record['splits'])}")
