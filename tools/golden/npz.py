"""Makes the golden .npz files of tests/formats and tests/data, as NumPy writes them.

    python tools/golden/npz.py tests/golden

npz_types.npz: an array of each type; npz_classes.npz (deflated): colour images with a class each; npz_labels.npz: grey images with
several labels each, some unknown. Value i of an array of numbers is i - 1, of images (7 i) % 251."""
import sys
from pathlib import Path

import numpy as np

out = Path(sys.argv[1])


def ramp(*shape, dtype):
    return (np.arange(np.prod(shape, dtype=int)) - 1).reshape(shape).astype(dtype)


def images(*shape):
    return (np.arange(np.prod(shape)) * 7 % 251).astype(np.uint8).reshape(shape)


types = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64"]
np.savez(out / "npz_types.npz", **{name: ramp(2, 3, dtype=name) for name in types}, bool=np.array([True, False]),
         scalar=np.float64(2.5), empty=np.zeros((0, 4), np.float32), big=ramp(3, dtype=">i4"), text=np.array(["a", "b"]),
         fortran=np.asfortranarray(ramp(2, 3, dtype="int32")), half=ramp(3, dtype="float16"))
np.savez_compressed(out / "npz_classes.npz", train_images=images(5, 6, 4, 3), train_labels=np.array([[2], [0], [1], [2], [0]]),
                    val_images=images(2, 6, 4, 3), val_labels=np.array([[1], [0]], np.uint8),
                    test_images=images(1, 6, 4, 3), test_labels=np.array([[2]], np.int32))
np.savez(out / "npz_labels.npz", train_images=images(4, 4, 6), test_images=images(2, 4, 6),
         train_labels=np.array([[1, 0, np.nan], [0, 0, 0], [-1, 1, 1], [np.nan] * 3], np.float32),
         test_labels=np.array([[0, 1, 0], [1, 1, 1]], np.uint8))
