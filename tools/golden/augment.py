"""Makes tests/golden/augment.txt: what Pillow, torchvision and timm make of images for given parameters, as checksums.

    python tools/golden/augment.py > tests/golden/augment.txt        (Pillow 13, torchvision 0.29, timm 1.0)

Each line: an operation, the image's mode width height pattern, its parameters, and the crc32 of the pixels (of cutmix: the
box and the weight). The input image is a formula that tests/data/test_augment.c shares.
"""

import random
import zlib
from unittest import mock

import numpy
import PIL
import timm
import torchvision
from PIL import Image
from timm.data import auto_augment, mixup
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

rng = random.Random(3)
SIZES = [(1, 1), (2, 3), (3, 3), (17, 4), (31, 47), (64, 64), (120, 70)]
FILTERS = [  # numbered as in Pillow
    InterpolationMode.NEAREST, InterpolationMode.LANCZOS, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC,
    InterpolationMode.BOX, InterpolationMode.HAMMING,
]


def pixels(count, pattern):
    state, out = 12345, bytearray()
    for i in range(count):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        level = state >> 16 & 255
        out.append({"noise": level, "dim": 40 + level // 2, "flat": 77, "steps": i // 7 % 5 * 50}[pattern])
    return bytes(out)


def image(mode, size, pattern):
    return Image.frombytes(mode, size, pixels(size[0] * size[1] * len(mode), pattern))


def line(operation, mode, size, pattern, parameters, out):
    text = " ".join(repr(p) if isinstance(p, float) else str(p) for p in parameters)
    print(f"{operation} {mode} {size[0]} {size[1]} {pattern} {text} {zlib.crc32(out.tobytes()):08x}")


def inputs(patterns=("noise", "dim")):
    for mode in ("L", "RGB"):
        for size in SIZES:
            for pattern in patterns:
                yield mode, size, pattern, image(mode, size, pattern)


print(f"# Pillow {PIL.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}; by tools/golden/augment.py")
for mode, size, pattern, source in inputs():
    height, width = rng.randint(1, size[1]), rng.randint(1, size[0])
    top, left = rng.randint(0, size[1] - height), rng.randint(0, size[0] - width)
    for filter in range(6):
        target = rng.randint(1, 80), rng.randint(1, 80)
        out = F.resized_crop(source, top, left, height, width, [target[1], target[0]], FILTERS[filter])
        line("crop", mode, size, pattern, [top, left, height, width, *target, filter], out)
    line("flip", mode, size, pattern, [], F.hflip(source))
    for _ in range(3):
        degrees, right, down = rng.uniform(-180, 180), rng.randint(-9, 9), rng.randint(-9, 9)
        out = F.affine(source, degrees, [right, down], 1.0, [0.0, 0.0], InterpolationMode.BILINEAR, 0)
        line("turn", mode, size, pattern, [degrees, right, down], out)
    for _ in range(3):
        factors = [rng.choice([1.0, rng.uniform(0, 2.5)]) for _ in range(3)]
        out = F.adjust_contrast(F.adjust_brightness(source, factors[0]), factors[1])
        out = F.adjust_gamma(out, factors[2]) if factors[2] != 1.0 else out
        line("tones", mode, size, pattern, factors, out)

KINDS = [  # in the order of vt_rand_kind
    "AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast", "Brightness",
    "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel",
]
for mode, size, pattern, source in inputs(("noise", "dim", "flat", "steps")):
    for kind, name in enumerate(KINDS):
        increasing, negate = rng.randint(0, 1), rng.randint(0, 1)
        magnitude = rng.choice([0.0, 10.0, rng.uniform(0, 10)])
        variant = name + "Increasing" if increasing and name + "Increasing" in auto_augment.NAME_TO_OP else name
        filter = rng.choice([Image.BILINEAR, Image.BICUBIC])
        level = auto_augment.LEVEL_TO_ARG[variant]
        with mock.patch.object(auto_augment, "_randomly_negate", lambda v: -v if negate else v):
            arguments = level(magnitude, {}) if level else ()
        fill = (128, 128, 128) if mode == "RGB" else 128
        if name == "Posterize" and arguments[0] == 0:  # Pillow 13 refuses what earlier ones made black
            out = source.point(lambda level: 0)
        else:
            out = auto_augment.NAME_TO_OP[variant](source, *arguments, fillcolor=fill, resample=filter)
        line("rand", mode, size, pattern, [kind, increasing, magnitude, negate, int(filter)], out)

for _ in range(60):
    size = rng.choice([(224, 224), (17, 4), (31, 47), (1, 1)])
    weight, x, y = rng.random(), rng.randrange(size[0]), rng.randrange(size[1])
    with mock.patch.object(numpy.random, "randint", side_effect=[y, x]):
        box, corrected = mixup.cutmix_bbox_and_lam((1, size[1], size[0]), weight)
    top, bottom, left, right = (int(side) for side in box)
    print(f"cutmix L {size[0]} {size[1]} noise {weight!r} {x} {y} {top} {left} {bottom} {right} {float(corrected)!r}")
