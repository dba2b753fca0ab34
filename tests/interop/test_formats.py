"""Opens what write_formats wrote with each format's own library and compares every value.

    python test_formats.py WRITE_FORMATS FOLDER
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

program, folder = sys.argv[1], Path(sys.argv[2])
features = {
    "file_name": {"dtype": "string", "_type": "Value"},
    "labels": {"feature": {"dtype": "float32", "_type": "Value"}, "length": 2, "_type": "List"},
    "pixels": {"feature": {"dtype": "uint8", "_type": "Value"}, "length": 12, "_type": "List"},
}
subprocess.run([program, folder, json.dumps({"info": {"features": features}})], check=True)

with safe_open(folder / "ours.safetensors", framework="np") as file:
    assert file.metadata() == {"format": "pt", "made_by": "vitrain \u2713"}, file.metadata()
    assert set(file.keys()) == {"vit.weight", "half", "bytes", "step", "empty"}
    weight = np.array([[-1, 0.5, 3.25], [1e-30, 2, -0.0]], np.float32)
    assert file.get_tensor("vit.weight").tobytes() == weight.tobytes()
    assert file.get_tensor("vit.weight").shape == (2, 3)
    assert file.get_tensor("half").tolist() == [1, -2]
    assert file.get_tensor("bytes").tolist() == [1, 2, 255]
    assert file.get_tensor("step") == -7 and file.get_tensor("step").shape == ()
    assert file.get_tensor("empty").shape == (0, 4)
print("safetensors: ok")

ROWS = 1000
names = ["\u00e4" * (r % 4) + f"{r}.png" for r in range(ROWS)]
labels = [[r / 8, float(-r)] for r in range(ROWS)]
pixels = [[(r + i) % 256 for i in range(12)] for r in range(ROWS)]
with pa.memory_map(str(folder / "data-00000-of-00001.arrow")) as source:
    reader = pa.ipc.open_stream(source)
    batches = list(reader)
    table = pa.Table.from_batches(batches)
    assert len(batches) == 16 and batches[0].num_rows == 64
    for batch in batches:
        batch.validate(full=True)
    assert table.schema.equals(pa.schema([
        pa.field("file_name", pa.string(), False),
        pa.field("labels", pa.list_(pa.field("item", pa.float32(), False), 2), False),
        pa.field("pixels", pa.list_(pa.field("item", pa.uint8(), False), 12), False),
    ])), table.schema
    assert json.loads(table.schema.metadata[b"huggingface"])["info"]["features"] == features
    assert table["file_name"].to_pylist() == names
    assert table["labels"].to_pylist() == labels
    assert table["pixels"].to_pylist() == pixels
    assert all(b.column(2).flatten().buffers()[1].address % 64 == 0 for b in batches)
print("pyarrow: ok")

try:
    import datasets
except ImportError:
    print("datasets: not installed, left out")
else:
    (folder / "state.json").write_text(json.dumps({
        "_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "0123456789abcdef",
        "_format_columns": None, "_format_kwargs": {}, "_format_type": None, "_output_all_columns": False, "_split": None,
    }))
    (folder / "dataset_info.json").write_text(json.dumps({"citation": "", "description": "", "features": features,
                                                          "homepage": "", "license": ""}))
    dataset = datasets.load_from_disk(str(folder))
    assert len(dataset) == ROWS
    assert dataset[777] == {"file_name": names[777], "labels": labels[777], "pixels": pixels[777]}
    assert dataset.select(range(990, 1000))["pixels"][:] == pixels[990:]
    assert dataset.map(lambda row: {"first": row["pixels"][0]})["first"][:] == [p[0] for p in pixels]
    print("datasets: ok")

events = EventAccumulator(str(folder / "runs"), size_guidance={"scalars": 0}).Reload()
assert sorted(events.Tags()["scalars"]) == ["eval/roc_auc", "train/loss"]
loss = events.Scalars("train/loss")
assert [(e.step, e.value) for e in loss] == [(s, float(np.float32(1 / (1 + s)))) for s in range(300)]
assert [(e.step, e.value) for e in events.Scalars("eval/roc_auc")] == [(1 << 40, 0.75)]
print("tensorboard: ok")

try:
    from transformers import AutoImageProcessor
except ImportError:
    print("transformers: not installed, left out")
else:
    processor = AutoImageProcessor.from_pretrained(folder)
    assert (processor.size["height"], processor.size["width"]) == (384, 224), processor.size
    assert int(processor.resample) == 3 and processor.rescale_factor == 1 / 255
    assert list(processor.image_mean) == [0.485, 0.5, 0.5] and list(processor.image_std) == [0.5, 0.5, 0.5]
    print("transformers: ok")
