"""The twin of bench/image.c: Pillow's CPU milliseconds per image for the PNG files of a folder.

    python bench/peers/image.py FOLDER     prints two lines: decode N, decode+resize N
"""

import io
import pathlib
import statistics
import sys
import time

from PIL import Image

files = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[1]).glob("*.png"))]


def decode(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def milliseconds(work):
    runs = []
    for _ in range(9):
        start = time.process_time()
        for data in files:
            work(data)
        runs.append(1000 * (time.process_time() - start) / len(files))
    return statistics.median(runs)


print(f"decode {milliseconds(decode):.3f}")
print(f"decode+resize {milliseconds(lambda data: decode(data).resize((224, 224), Image.Resampling.BILINEAR)):.3f}")
