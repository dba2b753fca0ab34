"""`vitrain prepare` beside Pillow (bench/peers/prepare.py) on archives made on the spot, in the layout of ChestX-ray14.

    python bench/prepare.py --vitrain build/vitrain [--gigabytes 10] [--images FOLDER] [--threads 1,2] [--repeats 3]

FOLDER holds images_*.tar.gz or *.png to fill the archives with, under new names; without one, drawings by `vitrain sample`.
Both programs run in turn, so that both see the same machine, and read from the page cache if the archives fit into it. Of
every figure the median is printed. Peak memory is that of all processes together, shared pages counted once (Pss).
"""

import argparse
import io
import multiprocessing
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import PIL

PEER = pathlib.Path(__file__).parent / "peers" / "prepare.py"
PEER_VERSION = f"Pillow {PIL.__version__}" + (" (SIMD)" if ".post" in PIL.__version__ else "")


# --- archives ---


def read_images(folder):
    """The PNG files of a folder, and of the archives in it."""
    for path in sorted(folder.glob("*.png")):
        yield path.read_bytes()
    for path in sorted(folder.glob("images_*.tar.gz")):
        with tarfile.open(path) as members:
            for member in members:
                if member.isfile() and member.name.endswith(".png"):
                    yield members.extractfile(member).read()


IMAGES = []  # inherited by the processes that write archives


def write_archive(path, first, count):
    """Members copy_<first>.png and so on, at gzip's fastest: PNGs hardly shrink."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for number in range(first, first + count):
            data = IMAGES[number % len(IMAGES)]
            member = tarfile.TarInfo(f"images/copy_{number:08d}.png")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
            archive.members = []


def make_archives(root, total, count):
    """`count` archives of `total` bytes together, of IMAGES in turn. Returns how many images."""
    each = max(1, round(total / (sum(map(len, IMAGES)) / len(IMAGES)) / count))
    tasks = [(root / f"images_{index + 1:03d}.tar.gz", index * each, each) for index in range(count)]
    with multiprocessing.Pool() as pool:
        pool.starmap(write_archive, tasks, chunksize=1)
    with open(root / "Data_Entry_2017_v2020.csv", "w") as table:
        table.write("Image Index,Finding Labels,Patient ID\n")
        for number in range(each * count):
            table.write(f"copy_{number:08d}.png,{'Mass' if number % 3 else 'Hernia'},{number // 4}\n")
    return each * count


# --- measuring ---


def memory_of(process):
    """Bytes of a process and those below it."""
    total, waiting = 0, [process]
    while waiting:
        pid = waiting.pop()
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, StopIteration):
            continue
    return total


def run(command, images, size):
    """Seconds, processor seconds and peak bytes of a command."""
    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.1)
        output = process.stdout.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {output}")
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return images / seconds, size / 1e6 / seconds, 1e3 * processor / images, peak / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitrain", required=True)
    parser.add_argument("--gigabytes", type=float, default=0.5)
    parser.add_argument("--images", type=pathlib.Path, help="folder of PNGs, or of images_*.tar.gz; else drawings")
    parser.add_argument("--archives", type=int, default=12)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", help="for the archives and what is made of them; default: the system's for temporary files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="vitrain-bench-") as work:
        work = pathlib.Path(work)
        folder, root = options.images, work / "raw"
        root.mkdir()
        if not folder:
            folder = work / "drawn"
            subprocess.run([options.vitrain, "sample", "--out", folder, "--images", "48"], check=True, stdout=subprocess.DEVNULL)
        IMAGES.extend(read_images(folder))
        if not IMAGES:
            sys.exit(f"{folder}: holds neither images_*.tar.gz nor *.png")
        images = make_archives(root, options.gigabytes * 1e9, options.archives)
        archives = sorted(root.glob("*.tar.gz"))
        size = sum(path.stat().st_size for path in archives)
        print(f"{images} images of {folder if options.images else 'drawings'}, {size / 1e9:.2f} GB in {len(archives)} archives")
        print(f"peer: {PEER_VERSION}; the machine's load: {os.getloadavg()[0]:.1f}")
        print("threads  program  images/s    MB/s  CPU ms/image  peak MB")
        for threads in map(int, options.threads.split(",")):
            prepare = [options.vitrain, "prepare", "--data", root, "--out", work / "out", "--image-size", str(options.size)]
            programs = {
                "vitrain": prepare + ["--threads", str(threads)],
                "Pillow": [sys.executable, PEER, str(threads), str(options.size), *archives],
            }
            runs = {name: [] for name in programs}
            for _ in range(options.repeats):
                for name, command in programs.items():
                    runs[name].append(run(command, images, size))
                    shutil.rmtree(work / "out", ignore_errors=True)
            medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in runs.items()}
            for name, (rate, bytes_rate, processor, peak) in medians.items():
                print(f"{threads:7d}  {name:7s}  {rate:8.1f}  {bytes_rate:6.1f}  {processor:12.2f}  {peak:7.0f}")
            ours, peer = medians["vitrain"], medians["Pillow"]
            print(f"         ratio    {ours[0] / peer[0]:8.2f}          {peer[2] / ours[2]:12.2f}")


if __name__ == "__main__":
    main()
