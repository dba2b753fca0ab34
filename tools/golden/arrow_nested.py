"""Makes the nested Arrow streams of tests/formats and the seeds of their fuzzer, as pyarrow writes them.

    python tools/golden/arrow_nested.py tests/golden tests/fuzz/seeds/arrow
"""
import datetime
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

out, seeds = Path(sys.argv[1]), Path(sys.argv[2])


def stream(name, batches, **options):
    with pa.OSFile(str(out / name), "wb") as sink:
        with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            for b in batches:
                writer.write_batch(b)


image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
columns = {
    "i8": pa.array([-1, None, 127, -128, 5], pa.int8()),
    "i64": pa.array([-(2**63), 2**63 - 1, 0, None, 1], pa.int64()),
    "u16": pa.array([0, 65535, None, 1, 2], pa.uint16()),
    "u64": pa.array([2**64 - 1, 0, 1, 2, None], pa.uint64()),
    "f16": pa.array(np.array([0.5, -2, 65504, 2**-24, 1], np.float16), pa.float16()),
    "f32": pa.array([0.25, None, float("nan"), -1, 1], pa.float32()),
    "f64": pa.array([0.1, 1, None, -1e300, 2], pa.float64()),
    "bool": pa.array([True, False, None, True, True]),
    "text": pa.array(["", "a", None, "Bl\u00e4tter", "e"]),
    "large_text": pa.array(["x", None, "yy", "", "z"], pa.large_string()),
    "large_binary": pa.array([b"\0\xff", b"", None, b"b", b"c"], pa.large_binary()),
    "image": pa.array([{"bytes": b"PNG", "path": "a.png"}, {"bytes": None, "path": "b.png"}, None,
                       {"bytes": b"JPEG", "path": None}, {"bytes": b"", "path": ""}], image),
    "numbers": pa.array([[1, 2], [], None, [3, None], [4]], pa.list_(pa.int64())),
    "names": pa.array([["a", "b"], [], None, ["c"], ["d", None]], pa.large_list(pa.string())),
    "pixels": pa.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]] * 4 + [[[[9]]]], pa.list_(pa.list_(pa.list_(pa.uint8())))),
    "fixed": pa.array([[1.0, 0.0], None, [None, 1.0], [0.0, 0.0], [1.0, 1.0]], pa.list_(pa.float32(), 2)),
    "nothing": pa.nulls(5),
    "date": pa.array([datetime.date(2020, 1, 1)] * 5),
    "decimal": pa.array([None] * 5, pa.decimal128(10, 2)),
    "map": pa.array([[("k", 1)], [], None, [], []], pa.map_(pa.string(), pa.int8())),
}
whole = pa.record_batch(list(columns.values()), names=list(columns))
# Two batches; pyarrow cuts bitmaps and offsets to each.
parts = [whole.slice(0, 3), whole.slice(3, 2)]
stream("nested.arrow", parts, metadata_version=pa.ipc.MetadataVersion.V5)
stream("nested_union.arrow", [pa.record_batch([pa.UnionArray.from_dense(
    pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])], names=["u"])])
stream("nested_lz4.arrow", [whole.select(["i64", "text"])], compression="lz4")
shutil.copy(out / "nested.arrow", seeds / "nested.arrow")
for name in ("image", "numbers", "names", "pixels", "fixed"):
    b = whole.select([name])
    with pa.OSFile(str(seeds / f"nested_{name}.arrow"), "wb") as sink, pa.ipc.new_stream(sink, b.schema) as writer:
        writer.write_batch(b)
