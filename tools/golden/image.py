"""Makes small PNG and JPEG files of every kind (also the fuzzer's seeds), and what Pillow decodes them to.

    python tools/golden/image.py     (Pillow 13; writes tests/fuzz/seeds/image/* and tests/golden/image.txt)

Each line of image.txt: file width height channels crc32 of the 8-bit pixels; channels is 1 where all three are equal.
Sixteen-bit samples, for which Pillow keeps the high byte, are expected as v / 257, rounded.
"""

import io
import math
import pathlib
import struct
import zlib

import PIL
from PIL import Image, ImageOps

root = pathlib.Path(__file__).resolve().parents[2]
seeds = root / "tests/fuzz/seeds/image"
lines = [f"# Pillow {PIL.__version__}; made by tools/golden/image.py"]


def value(x, y, c, most):
    wave = math.sin((x + 3 * c) / 3.1) + math.cos((y - 2 * c) / 2.3) + 0.3 * math.sin(x * y + c)
    return round((wave / 4.6 + 0.5) * most)


def picture(width, height, mode):
    samples = [value(x, y, c, 255) for y in range(height) for x in range(width) for c in range(len(mode))]
    return Image.frombytes(mode, (width, height), bytes(samples))


def store(name, data, rgb=None):
    (seeds / name).write_bytes(data)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    pixels = rgb or image.convert("RGB").tobytes()
    grey = all(pixels[i] == pixels[i + 1] == pixels[i + 2] for i in range(0, len(pixels), 3))
    kept = pixels[::3] if grey else pixels
    lines.append(f"{name} {image.width} {image.height} {1 if grey else 3} {zlib.crc32(kept):08x}")


def save(name, image, **options):
    out = io.BytesIO()
    image.save(out, "PNG" if name.endswith("png") else "JPEG", **options)
    store(name, out.getvalue())


def turned(orientation):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    exif[0x0112] = orientation
    return exif


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(samples, depth):
    out = b""
    for row in samples:  # samples [rows][columns * channels]
        bits = "".join(format(v, f"0{depth}b") for v in row)
        bits += "0" * (-len(bits) % 8)
        out += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return out


def hand_made(name, width, height, depth, colour, interlaced=False):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    most = (1 << depth) - 1
    samples = [[[value(x, y, c, most) for c in range(channels)] for x in range(width)] for y in range(height)]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x0, y0, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        part = [[v for pixel in row[x0::dx] for v in pixel] for row in samples[y0::dy]]
        data += rows_of(part, depth) if part and part[0] else b""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    eight = [[[math.floor(v * 255 / most + 0.5) for v in pixel] for pixel in row] for row in samples]
    rgb = bytes(pixel[c if channels > 2 else 0] for row in eight for pixel in row for c in range(3))
    store(name, png, rgb)


seeds.mkdir(parents=True, exist_ok=True)
save("grey.png", picture(19, 13, "L"))
save("bilevel.png", picture(19, 13, "L").convert("1"))
save("rgb.png", picture(19, 13, "RGB"))
save("rgba.png", picture(19, 13, "RGBA"))
save("grey_as_rgb.png", picture(19, 13, "L").convert("RGB"))
save("grey_as_rgba.png", picture(19, 13, "L").convert("RGBA"))
save("grey_alpha.png", picture(19, 13, "LA"))
save("palette.png", picture(19, 13, "RGB").quantize(60))
save("palette_2_bit.png", picture(19, 13, "RGB").quantize(4), bits=2)
save("palette_transparent.png", picture(19, 13, "RGB").quantize(60), transparency=5)
save("grey_transparent.png", picture(19, 13, "L"), transparency=100)
save("rgb_transparent.png", picture(19, 13, "RGB"), transparency=(1, 2, 3))
for depth in (1, 2, 4, 16):
    hand_made(f"grey_{depth}_bit.png", 11, 9, depth, 0)
    hand_made(f"grey_{depth}_bit_interlaced.png", 11, 9, depth, 0, True)
hand_made("grey_alpha_16_bit.png", 11, 9, 16, 4)
hand_made("rgb_16_bit.png", 11, 9, 16, 2)
hand_made("rgba_16_bit_interlaced.png", 11, 9, 16, 6, True)
hand_made("rgb_interlaced.png", 11, 9, 8, 2, True)
hand_made("one_pixel.png", 1, 1, 8, 0, True)
save("grey.jpg", picture(37, 21, "L"), quality=80)
save("grey_as_rgb.jpg", picture(37, 21, "L").convert("RGB"), quality=90)
for subsampling in (0, 1, 2):
    save(f"colour_{subsampling}.jpg", picture(37, 21, "RGB"), quality=85, subsampling=subsampling)
save("progressive.jpg", picture(37, 21, "RGB"), quality=85, progressive=True)
save("cmyk.jpg", picture(37, 21, "CMYK"), quality=90)
save("restart_markers.jpg", picture(37, 21, "RGB"), quality=60, restart_marker_blocks=1)
for orientation in range(1, 9):
    save(f"exif_{orientation}.jpg", picture(37, 21, "RGB"), quality=85, exif=turned(orientation))
save("exif_grey.jpg", picture(37, 21, "L"), quality=85, exif=turned(6))
save("exif_no_orientation.jpg", picture(37, 21, "RGB"), quality=85, exif=turned(9))
save("exif.png", picture(19, 13, "RGB"), exif=turned(8))
(root / "tests/golden/image.txt").write_text("\n".join(lines) + "\n")
