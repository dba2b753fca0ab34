"""Makes the golden files of tests/formats: small files as safetensors and pyarrow write them.

    python tools/golden/formats.py tests/golden
"""
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import save_file

out = Path(sys.argv[1])

# Values every test can compute: element i of a tensor is i / 4 - 1.
def ramp(*shape, dtype):
    count = int(np.prod(shape, dtype=np.int64))
    return (torch.arange(count, dtype=torch.float64) / 4 - 1).reshape(shape).to(dtype)

save_file(
    {
        "vit.weight": ramp(2, 3, dtype=torch.float32),
        "vit.bias": ramp(5, dtype=torch.bfloat16),
        "half": ramp(3, dtype=torch.float16),
        "double": ramp(2, dtype=torch.float64),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 4),
        "count": torch.tensor([1, -2], dtype=torch.int64),
    },
    out / "formats.safetensors",
    metadata={"format": "pt", "made_by": "safetensors"},
)


# Row r: file_name "r<r>" repeated (r % 3) times, labels [r, -r], pixels (r + 0..5) % 256.
def batch(schema, first, rows):
    names = [f"r{r}" * (r % 3) for r in range(first, first + rows)]
    labels = np.array([[r, -r] for r in range(first, first + rows)], np.float32).reshape(-1)
    pixels = np.array([[(r + i) % 256 for i in range(6)] for r in range(first, first + rows)], np.uint8).reshape(-1)
    columns = [
        pa.array(names, pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(labels, pa.float32()), 2),
        pa.FixedSizeListArray.from_arrays(pa.array(pixels, pa.uint8()), 6),
    ]
    return pa.record_batch(columns, schema=schema)


def stream(name, batches, schema, **options):
    with pa.OSFile(str(out / name), "wb") as sink:
        with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            for b in batches:
                writer.write_batch(b)


schema = pa.schema(
    [("file_name", pa.string()), ("labels", pa.list_(pa.float32(), 2)), ("pixels", pa.list_(pa.uint8(), 6))],
    metadata={"made_by": "pyarrow", "note": "drei Bl\u00e4tter"},
)
strict = pa.schema([f.with_nullable(False) for f in schema], metadata=schema.metadata)
V4, V5 = pa.ipc.MetadataVersion.V4, pa.ipc.MetadataVersion.V5
stream("formats_v5.arrow", [batch(schema, 0, 3), batch(schema, 3, 0), batch(schema, 3, 4)], schema, metadata_version=V5)
stream("formats_v4.arrow", [batch(strict, 0, 7)], strict, metadata_version=V4)
stream("formats_empty.arrow", [], schema)
stream("formats_zstd.arrow", [batch(schema, 0, 7)], schema, compression="zstd")

table = pa.Table.from_batches([batch(schema, 0, 9)]).slice(2, 7)
stream("formats_slice.arrow", table.to_batches(), schema)

# What is refused by name.
def refused(name, column, array):
    b = pa.record_batch([array], names=[column])
    stream(name, [b], b.schema)


refused("formats_null.arrow", "file_name", pa.array(["a", None]))
refused("formats_int64.arrow", "n", pa.array([1, 2]))
refused("formats_list.arrow", "l", pa.array([[1.0], []], pa.list_(pa.float32())))
refused("formats_doubles.arrow", "d", pa.array([[1.0]], pa.list_(pa.float64(), 1)))
refused("formats_dictionary.arrow", "d", pa.array(["a", "b", "a"]).dictionary_encode())
with pa.OSFile(str(out / "formats_file.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
    writer.write_batch(batch(schema, 0, 2))
