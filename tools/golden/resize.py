"""Makes tests/golden/resize.txt: what Pillow's Image.resize gives, as checksums and a few small images in full.

    python tools/golden/resize.py > tests/golden/resize.txt        (Pillow 13)

Each line: mode width height new_width new_height resample pattern crc32 [pixels in hex]. The input image is a formula
that tests/data/test_resize.c shares: the bytes of a multiplicative congruential generator, or of a checkerboard.
"""

import random
import sys
import zlib

import PIL
from PIL import Image


def pixels(count, pattern):
    if pattern == "edges":  # black and white: clipping at both ends
        return bytes(255 if (i * 2654435761 >> 13) & 1 else 0 for i in range(count))
    state, out = 12345, bytearray()
    for _ in range(count):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        out.append(state >> 16 & 255)
    return bytes(out)


def line(mode, size, new_size, resample, pattern, full=False):
    channels = len(mode)
    image = Image.frombytes(mode, size, pixels(size[0] * size[1] * channels, pattern))
    out = image.resize(new_size, resample).tobytes()
    text = f"{mode} {size[0]} {size[1]} {new_size[0]} {new_size[1]} {resample} {pattern} {zlib.crc32(out):08x}"
    print(text + (" " + out.hex() if full else " -"))


print(f"# Pillow {PIL.__version__}; made by tools/golden/resize.py", file=sys.stdout)
sizes = [  # the corners: up, down, one axis alone, one pixel, tall (down first), wide, odd ratios
    ((1, 1), (1, 1)), ((1, 1), (7, 5)), ((9, 6), (1, 1)), ((64, 64), (64, 64)), ((64, 48), (64, 20)), ((64, 48), (20, 48)),
    ((300, 200), (224, 224)), ((100, 260), (90, 40)), ((100, 260), (40, 120)), ((260, 100), (40, 90)), ((16, 16), (61, 47)),
    ((47, 31), (46, 32)), ((512, 7), (13, 9)), ((5, 400), (11, 3)), ((333, 111), (111, 333)), ((2, 3), (3, 2)),
]
for resample in range(6):
    for mode in ("L", "RGB"):
        for size, new_size in sizes:
            line(mode, size, new_size, resample, "noise" if (size[0] + resample) % 2 else "edges")
    line("L", (11, 9), (5, 4), resample, "noise", full=True)
    line("RGB", (4, 5), (6, 3), resample, "edges", full=True)
rng = random.Random(1)
for _ in range(120):
    size, new_size = [(rng.randint(1, 90), rng.randint(1, 90)) for _ in range(2)]
    line(rng.choice(["L", "RGB"]), size, new_size, rng.randint(0, 5), rng.choice(["noise", "edges"]))
