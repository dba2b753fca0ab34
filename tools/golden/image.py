"""Makes small PNG, JPEG and TIFF files of every kind (also the fuzzer's seeds), and what they must be decoded to.

    python tools/golden/image.py     (Pillow 13, tifffile, imagecodecs; writes tests/fuzz/seeds/image/* and tests/golden/image.txt)

Each line of image.txt: file, intensity, then width, height, channels and crc32 of the 8-bit pixels (channels is 1 where all three
are equal), then depth and channels of the file, and whether it is dim. Pixels are Pillow's, but for samples of more than 8
bits, of which Pillow keeps the high byte: those are rounded from the file's whole range (full) or its own (stretch).
"""

import io
import math
import pathlib
import struct
import zlib

import numpy
import PIL
import tifffile
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


def add_line(name, intensity, size, pixels, facts):
    grey = all(pixels[i] == pixels[i + 1] == pixels[i + 2] for i in range(0, len(pixels), 3))
    kept = pixels[::3] if grey else pixels
    fields = [name, intensity, *size, 1 if grey else 3, f"{zlib.crc32(kept):08x}", *facts]
    lines.append(" ".join(str(field) for field in fields))


def store(name, data, facts=None):
    """facts: depth and channels of the file."""
    (seeds / name).write_bytes(data)
    image = Image.open(io.BytesIO(data))
    facts = facts or {"1": (1, 1), "L": (8, 1), "LA": (8, 2), "P": (8, 3), "RGB": (8, 3)}.get(image.mode, (8, 4))
    image = ImageOps.exif_transpose(image)
    add_line(name, "full", image.size, image.convert("RGB").tobytes(), (*facts, 0))


def spread(samples, low, high):
    return [math.floor((v - low) * 255 / (high - low) + 0.5) for v in samples]


def store_deep(name, data, size, samples, channels, white, facts):
    """samples: all that are used, pixel after pixel, in `channels` channels, from 0 to white."""
    (seeds / name).write_bytes(data)
    dim = int(max(samples) < white // 8)
    for intensity, low, high in [("full", 0, white), ("stretch", min(samples), max(samples))]:
        eight = spread(samples, low, high)
        rgb = bytes(eight) if channels == 3 else bytes(v for v in eight for _ in range(3))
        add_line(name, intensity, size, rgb, (*facts, dim))


def save(name, image, format=None, facts=None, **options):
    out = io.BytesIO()
    image.save(out, format or {"png": "PNG", "jpg": "JPEG", "tif": "TIFF"}[name[-3:]], **options)
    store(name, out.getvalue(), facts)


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


def png_of(width, height, depth, colour, samples, interlaced=False, significant=b""):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x0, y0, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        part = [[v for pixel in row[x0::dx] for v in pixel] for row in samples[y0::dy]]
        data += rows_of(part, depth) if part and part[0] else b""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header) + (chunk(b"sBIT", significant) if significant else b"")
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def hand_made(name, width, height, depth, colour, interlaced=False):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    most = (1 << depth) - 1
    samples = [[[value(x, y, c, most) for c in range(channels)] for x in range(width)] for y in range(height)]
    png = png_of(width, height, depth, colour, samples, interlaced)
    if depth < 16:
        store(name, png, (depth, channels))
        return
    kept = 3 if channels > 2 else 1
    used = [v for row in samples for pixel in row for v in pixel[:kept]]
    store_deep(name, png, (width, height), used, kept, most, (depth, channels))


def significant_png(name, bits, place, most=None):
    """A grey PNG of 16 bits, of which `bits` are significant; place: from those bits to the file's 16."""
    samples = [[value(x, y, 0, most or (1 << bits) - 1) for x in range(11)] for y in range(9)]
    png = png_of(11, 9, 16, 0, [[[place(v)] for v in row] for row in samples], significant=bytes([bits]))
    store_deep(name, png, (11, 9), [v for row in samples for v in row], 1, (1 << bits) - 1, (bits, 1))


def tiff_of(width, height, depth, photometric, data, channels=1, format=1, big_endian=False, entries=()):
    """A TIFF of one uncompressed strip; entries: further (tag, type, value) of one value each."""
    order = ">" if big_endian else "<"
    depths = struct.pack(order + "H" * channels, *[depth] * channels)
    tags = [(256, 4, width), (257, 4, height), (259, 3, 1), (262, 3, photometric), (277, 3, channels), (278, 4, height),
            (279, 4, len(data)), (339, 3, format), *entries]
    at = 8 + 2 + 12 * (len(tags) + 2) + 4  # of what stands behind the directory
    tags += [(258, 3, depth) if channels == 1 else (258, 3, None), (273, 4, at + len(depths))]
    out = struct.pack(order + "2sHI", b"MM" if big_endian else b"II", 42, 8) + struct.pack(order + "H", len(tags))
    for tag, kind, number in sorted(tags):
        if number is None:
            out += struct.pack(order + "HHII", tag, kind, channels, at)
        else:
            out += struct.pack(order + ("HHIHxx" if kind == 3 else "HHII"), tag, kind, 1, number)
    return out + struct.pack(order + "I", 0) + depths + data


def deep_tiff(name, big_endian=False, channels=1, photometric=None, most=65535):
    samples = [value(x, y, c, most) for y in range(9) for x in range(11) for c in range(channels)]
    data = struct.pack((">" if big_endian else "<") + "H" * len(samples), *samples)
    kind = {1: 1, 3: 2}[channels] if photometric is None else photometric
    shown = [65535 - v for v in samples] if kind == 0 else samples
    tiff = tiff_of(11, 9, 16, kind, data, channels, big_endian=big_endian)
    store_deep(name, tiff, (11, 9), shown, channels, 65535, (16, channels))


def make_tiffs():
    grey, colour = picture(19, 13, "L"), picture(19, 13, "RGB")
    for compression in ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "zstd", "lzma", "jpeg"):
        short = compression.removeprefix("tiff_")
        save(f"grey_{short}.tif", grey, compression=compression)
        save(f"colour_{short}.tif", colour, compression=compression)
    for compression in ("raw", "group3", "group4", "tiff_ccitt", "packbits"):
        save(f"bilevel_{compression.removeprefix('tiff_')}.tif", grey.convert("1"), compression=compression)
    save("palette.tif", colour.quantize(60), compression="tiff_lzw")
    save("rgba.tif", picture(19, 13, "RGBA"))
    save("grey_alpha.tif", picture(19, 13, "LA"))
    save("ycbcr_jpeg.tif", colour.convert("YCbCr"), compression="jpeg", facts=(8, 3))
    save("strips.tif", picture(19, 40, "RGB"), compression="tiff_lzw", tiffinfo={278: 7})
    save("white_is_zero.tif", grey, tiffinfo={262: 0})
    save("two_pages.tif", colour, save_all=True, append_images=[grey])
    for orientation in (3, 6):
        save(f"orientation_{orientation}.tif", colour, tiffinfo={274: orientation})
    for depth in (2, 4):
        most = (1 << depth) - 1
        rows = rows_of([[value(x, y, 0, most) for x in range(11)] for y in range(9)], depth)
        data = b"".join(rows[i + 1 : i + 1 + len(rows) // 9 - 1] for i in range(0, len(rows), len(rows) // 9))
        store(f"grey_{depth}_bit.tif", tiff_of(11, 9, depth, 1, data), (depth, 1))
    deep_tiff("grey_16_bit.tif")
    deep_tiff("grey_16_bit_big_endian.tif", True)
    deep_tiff("grey_16_bit_white_is_zero.tif", photometric=0)
    deep_tiff("grey_16_bit_dim.tif", most=4095)
    deep_tiff("rgb_16_bit.tif", True, 3)
    out = io.BytesIO()
    planes = numpy.stack([numpy.array(grey), 255 - numpy.array(grey)])
    tifffile.imwrite(out, planes, photometric="minisblack", planarconfig="separate", extrasamples=["unassalpha"], metadata=None)
    (seeds / "grey_alpha_planes.tif").write_bytes(out.getvalue())
    add_line("grey_alpha_planes.tif", "full", grey.size, grey.convert("RGB").tobytes(), (8, 2, 0))
    for name, options in {
        "tiles": dict(tile=(16, 16), compression="zlib", predictor=True),
        "tiles_planes": dict(tile=(16, 16), compression="lzw", planarconfig="separate", volumetric=False),
        "planes": dict(planarconfig="separate", compression="packbits"),
        "bigtiff": dict(bigtiff=True),
    }.items():
        pixels = numpy.array(picture(37, 21, "RGB"))
        if options.get("planarconfig"):
            pixels = pixels.transpose(2, 0, 1)
        out = io.BytesIO()
        tifffile.imwrite(out, pixels, photometric="rgb", metadata=None, **options)
        store(f"{name}.tif", out.getvalue())


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
significant_png("grey_12_of_16_bit.png", 12, lambda v: v << 4 | v >> 8)
significant_png("grey_10_of_16_bit.png", 10, lambda v: v << 6)
significant_png("grey_12_of_16_bit_low.png", 12, lambda v: v)
significant_png("grey_12_of_16_bit_dim.png", 12, lambda v: v << 4, 255)
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
make_tiffs()
(root / "tests/golden/image.txt").write_text("\n".join(lines) + "\n")
