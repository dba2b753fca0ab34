"""The twin of bench/image.c: Pillow's images per second, on one thread, for the PNG files of a folder.

    python bench/peers/image.py FOLDER     prints two lines: decode N, decode+resize N
"""

import io
import pathlib
import sys
import time

from PIL import Image

files = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).glob("*.png"))]


def decode(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def rate(work):
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for data in files:
            work(data)
        best = max(best, len(files) / (time.perf_counter() - start))
    return best


print(f"decode {rate(decode):.1f}")
print(f"decode+resize {rate(lambda data: decode(data).resize((224, 224), Image.Resampling.BILINEAR)):.1f}")
