"""The twin of `vitrain prepare`: Pillow and multiprocessing, one process per archive at a time.

    python bench/peers/prepare.py PROCESSES SIZE ARCHIVE...     prints the number of images

Every image of the archives is decoded, converted to RGB and resized to SIZE x SIZE, bilinear. Nothing is written.
"""

import io
import multiprocessing
import sys
import tarfile

from PIL import Image


def prepare(archive, size):
    count = 0
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            if not member.isfile():
                continue
            with Image.open(io.BytesIO(members.extractfile(member).read())) as image:
                image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR).tobytes()
            count += 1
            members.members = []  # tarfile would keep them all
    return count


if __name__ == "__main__":
    processes, size, archives = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    with multiprocessing.Pool(processes) as pool:
        print(sum(pool.starmap(prepare, [(archive, size) for archive in archives], chunksize=1)))
