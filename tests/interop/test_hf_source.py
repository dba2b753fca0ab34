"""Data sets that Hugging Face's datasets saves, of every kind that `vitrain prepare` reads: labels and pixels equal those that
datasets, numpy and Pillow make of them.

    python test_hf_source.py VITRAIN FOLDER DATA_MD   (DATA_MD: docs/data.md, whose script for Parquet files is run)
"""
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
from datasets import Array2D, Array3D, ClassLabel, Dataset, DatasetDict, Features, Value
from PIL import Image

vitrain, folder, page, size = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), 24
random = np.random.default_rng(3)
NaN = float("nan")
List = getattr(datasets, "List", datasets.Sequence)


def prepare(data, *options):
    out = folder / "prepared"
    for left in (out, folder / "prepared.partial"):
        shutil.rmtree(left, ignore_errors=True)
    return subprocess.run([vitrain, "prepare", "--data", data, "--out", out, "--image-size", str(size), "--resample", "bicubic",
                           "--validation-fraction", "0", *options], capture_output=True, text=True)


def check(name, data, expected, labels, *options, words=""):
    """expected: {split: {file name: (image, labels)}}; images as Pillow has them."""
    done = prepare(data, *options)
    assert done.returncode == 0, (name, done.stderr)
    assert words in done.stdout, (words, done.stdout)
    assert json.load(open(folder / "prepared/vitrain_dataset.json"))["labels"] == labels, name
    loaded = datasets.load_from_disk(str(folder / "prepared"))
    assert set(loaded) == set(expected), (name, loaded)
    for split, rows in expected.items():
        assert len(loaded[split]) == len(rows), (name, split, len(loaded[split]), len(rows))
        for example in loaded[split]:
            image, vector = rows[example["file_name"]]
            assert np.array_equal(example["labels"], np.array(vector, np.float32), equal_nan=True), (name, example["file_name"])
            pixels = np.asarray(example["pixels"], np.uint8).reshape(size, size, -1)
            resized = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))
            assert np.array_equal(pixels, resized[:, :, : pixels.shape[2]]), (name, example["file_name"])
    print(f"{name}: {sum(map(len, expected.values()))} images equal")


def fails(name, data, words, *options):
    done = prepare(data, *options)
    lines = [line for line in done.stderr.splitlines() if "error:" in line]
    assert done.returncode in (1, 2) and len(lines) == 1 and words in lines[0], (name, words, done.returncode, done.stderr)
    assert not (folder / "prepared").exists(), name


def draw(channels):
    shape = tuple(random.integers(20, 60, 2)) + ((channels,) if channels > 1 else ())
    return Image.fromarray(random.integers(0, 256, shape, np.uint8))


def encode(image, kind):
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


def pictures(count, prefix):
    """Encoded images in turn grey PNG, RGB PNG, grey JPEG, RGB JPEG: rows of an Image column, and what Pillow reads there."""
    rows, images = [], []
    for i in range(count):
        kind, suffix = ("PNG", "png") if i % 4 < 2 else ("JPEG", "jpg")
        data = encode(draw(1 + 2 * (i % 2)), kind)
        rows.append({"bytes": data, "path": f"{prefix}{i}.{suffix}"})
        images.append(Image.open(io.BytesIO(data)))
    return rows, images


def one_hot(label, count):
    return [float(i == label) for i in range(count)]


def save(name, columns, features, **options):
    data = Dataset.from_dict(columns, features=Features(features))
    data.save_to_disk(folder / name, **options)
    return folder / name


# Classes, in the order of their numbers; three splits in several files; classes that nobody knows are left out.
names = ["zebra", "ant", "cat", "never"]
splits, expected = {}, {}
for split, part, count in (("train", "train", 11), ("valid", "validation", 5), ("test", "test", 4)):
    rows, images = pictures(count, f"{split}-")
    classes = [int(k) for k in random.integers(0, 3, count)]
    if split == "train":
        classes[3], classes[5] = None, -1
    splits[split] = Dataset.from_dict({"image": rows, "label": classes},
                                      features=Features({"image": datasets.Image(), "label": ClassLabel(names=names)}))
    expected[part] = {row["path"]: (image, one_hot(label, 4)) for row, image, label in zip(rows, images, classes)
                      if label is not None and label >= 0}
DatasetDict(splits).save_to_disk(folder / "classes", num_shards={"train": 3, "valid": 2, "test": 1})
check("classes", folder / "classes", expected, names, words="one class in 'label' (4 names)")

# One split; several classes per image; images without names; patients; shards by size.
rows, images = pictures(9, "")
rows = [{"bytes": row["bytes"], "path": None} for row in rows]
classes = [[0], [], [1, 2], [2], [0, 1, 2], [1], [], [0, 2], [1]]
data = save("multi", {"xray": rows, "labels": classes, "patient_id": [i // 2 for i in range(9)], "age": [1.5] * 9},
            {"xray": datasets.Image(), "labels": List(ClassLabel(names=["c", "b", "a"])), "patient_id": Value("int32"),
             "age": Value("float64")}, max_shard_size="4KB")
assert len(list(data.glob("*.arrow"))) > 1
vectors = [[float(k in label) for k in range(3)] for label in classes]
check("several classes", data, {"train": {str(i): pair for i, pair in enumerate(zip(images, vectors))}}, ["c", "b", "a"],
      words="patients in 'patient_id'")

# Vectors of 0 and 1 in which some are unknown.
vectors = [[0, 1, 0], [1, NaN, None], [-1, 0, 1], [1, 1, 1], [0, 0, None], [0, 0, 0], [1, 0, 0], [0, 0, 1], [NaN, NaN, NaN]]
known = [[NaN if value is None or value == -1 else value for value in vector] for vector in vectors]
rows, images = pictures(9, "x/y/")
named = {Path(row["path"]).name: pair for row, pair in zip(rows, zip(images, known))}
labels = ["LABEL_0", "LABEL_1", "LABEL_2"]
for dtype, length in (("float32", 3), ("float64", -1), ("float16", -1)):
    data = save(f"vectors-{dtype}", {"image": rows, "labels": [[np.nan if v is None else v for v in w] for w in vectors]
                                     if dtype == "float16" else vectors},
                {"image": datasets.Image(), "labels": List(Value(dtype), length=length)})
    check(f"vectors of {dtype}", data, {"train": named}, labels)
zeros = {name: (image, [0.0 if value != value else value for value in vector]) for name, (image, vector) in named.items()}
zeros[Path(rows[2]["path"]).name] = (images[2], [1.0, 0.0, 1.0])
check("vectors by policy", data, {"train": zeros}, labels, "--uncertain", "one", "--missing", "zero")
whole = [[int(value == 1) for value in vector] for vector in known]
data = save("whole", {"image": rows, "labels": whole}, {"image": datasets.Image(), "labels": List(Value("int8"))})
check("vectors of int8", data, {"train": {name: (pair[0], vector) for (name, pair), vector in zip(named.items(), whole)}}, labels)

# Texts, lists of texts, numbers, columns of findings.
texts = ["Mass|Edema", "Hernia", "Edema", "Mass", "Hernia|Mass", "Edema", "Mass", "Hernia", "Edema"]
names = ["Edema", "Hernia", "Mass"]
vectors = [[float(name in text.split("|")) for name in names] for text in texts]
named = {name: (pair[0], vector) for (name, pair), vector in zip(named.items(), vectors)}
for kind, values, feature in (("text", texts, Value("string")), ("large text", texts, Value("large_string")),
                              ("texts", [text.split("|") for text in texts], List(Value("string"))),
                              ("large list", [text.split("|") for text in texts], datasets.LargeList(Value("string")))):
    data = save(kind, {"Finding Labels": values, "image": rows}, {"Finding Labels": feature, "image": datasets.Image()})
    check(kind, data, {"train": named}, names)
numbers = [0, 2, 1, 2, None, 0, 1, 2, 0]
data = save("numbers", {"image": rows, "label": numbers}, {"image": datasets.Image(), "label": Value("uint16")})
check("numbers", data, {"train": {name: (pair[0], one_hot(label, 3)) for (name, pair), label in zip(named.items(), numbers)
                                  if label is not None}}, labels)
columns = {"Mass": [1, 0, 1, None, -1, 0, 0, 1, 0], "Edema": [True, False, None, True, True, False, True, False, True],
           "Hernia": [0.0, NaN, 1.0, 1.0, 0.0, -1.0, None, 0.0, 0.0], "other": texts}
data = save("findings", {**columns, "image": rows, "second": rows[::-1]},
            {"Mass": Value("int64"), "Edema": Value("bool"), "Hernia": Value("float32"), "other": Value("string"),
             "image": datasets.Image(), "second": datasets.Image()})
vectors = [[NaN if v is None or v == -1 else float(v) for v in row] for row in zip(*(columns[name] for name in names))]
check("findings", data, {"train": {name: (pair[0], vector) for (name, pair), vector in zip(named.items(), vectors)}}, names,
      "--label-columns", "Mass,Edema, Hernia")
turned = {Path(row["path"]).name: (image, vector) for row, image, vector in zip(rows[::-1], images[::-1], vectors)}
check("another column", data, {"train": turned}, names, "--label-columns", "Mass,Edema,Hernia", "--image-column", "second")
fails("no labels", data, "no column is recognised as labels")
fails("no such column", data, "columns are 'Mass'", "--label-columns", "Mass,Nodule")
fails("no such image", data, "there is no column 'third'", "--label-columns", "Mass", "--image-column", "third")

# Pixels.
grey, colour = random.integers(0, 256, (6, 31, 22), np.uint8), random.integers(0, 256, (6, 31, 22, 3), np.uint8)
alpha = np.concatenate([colour, grey[..., None]], 3)
classes = [0, 1, 1, 0, 1, 0]
label = ClassLabel(names=["no", "yes"])
for kind, pixels, array, feature in (
        ("Array2D", grey, grey, Array2D((31, 22), "uint8")), ("Array3D", colour, colour, Array3D((31, 22, 3), "uint8")),
        ("planes", colour, colour.transpose(0, 3, 1, 2), Array3D((3, 31, 22), "uint8")),
        ("one plane", grey, grey[:, None], Array3D((1, 31, 22), "uint8")),
        ("alpha", colour, alpha, Array3D((31, 22, 4), "uint8")), ("int64", grey, grey, Array2D((31, 22), "int64")),
        ("lists", colour, colour.tolist(), List(List(List(Value("uint8"))))),
        ("fixed lists", grey, grey.tolist(), List(List(Value("uint8"), length=22), length=31))):
    data = save(kind, {"pixels": list(array), "label": classes}, {"pixels": feature, "label": label}, num_shards=2)
    check(kind, data, {"train": {str(i): (Image.fromarray(pixels[i]), one_hot(classes[i], 2)) for i in range(6)}}, ["no", "yes"])
data = save("floats", {"pixels": list(grey / 255), "label": classes}, {"pixels": Array2D((31, 22), "float32"), "label": label})
fails("floats", data, "column 'pixels' is of type list")
data = save("wide", {"pixels": list(grey.astype(np.uint16) * 2), "label": classes},
            {"pixels": Array2D((31, 22), "uint16"), "label": label})
fails("wide", data, "has a number that is no byte")

# Images as paths: datasets embeds their files when it saves, so these are written without it.
(folder / "files").mkdir()
paths, images = [], []
for i in range(5):
    images.append(draw(1 + 2 * (i % 2)))
    paths.append(f"files/{i}.png")
    images[i].save(folder / paths[i])
data = save("paths", {"image": rows[:5], "label": [0, 1, 0, 1, 0]}, {"image": datasets.Image(), "label": label})


def rewrite(data, change):
    """Writes the first Arrow file of a data set again, with its table changed."""
    path = sorted(data.glob("*.arrow"))[0]
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    changed = change(table)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, changed.schema) as writer:
        writer.write_table(changed)


def use_paths(prefix):
    struct = pa.array([{"bytes": None, "path": prefix + path} for path in paths],
                      pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    return lambda table: table.set_column(0, "image", struct)


expected = {"train": {Path(path).name: (image, one_hot(i % 2, 2)) for i, (path, image) in enumerate(zip(paths, images))}}
rewrite(data, use_paths(f"{folder}/"))
check("absolute paths", data, expected, ["no", "yes"])
rewrite(data, use_paths(""))
check("paths relative to the folder above", data, expected, ["no", "yes"])
shutil.move(folder / "files", data / "files")
check("relative paths", data, expected, ["no", "yes"])
(data / "files/3.png").unlink()
fails("absent file", data, "files/3.png")
rewrite(data, use_paths("https://example.org/"))
fails("web", data, "'https://example.org/files/0.png', which is no path")

# Damage, and what is no data set of this kind: one sentence each.
good = folder / "classes"


def damaged(name, words, change):
    data = folder / "damaged"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(good, data)
    change(data)
    fails(name, data, words)


def replace(name, before, after):
    def change(data):
        text = (data / name).read_text()
        assert before in text, (name, text)
        (data / name).write_text(text.replace(before, after))
    return change


shard = "train/data-00001-of-00003.arrow"
damaged("cut", "is cut off after", lambda data: (data / shard).write_bytes((good / shard).read_bytes()[:-300]))
damaged("missing shard", "state.json: names 'data-00001-of-00003.arrow', which is absent", lambda data: (data / shard).unlink())
damaged("missing split", "valid", lambda data: shutil.rmtree(data / "valid"))
damaged("no state", "state.json", lambda data: (data / "test/state.json").unlink())
damaged("hostile split", "expected the name of a folder", replace("dataset_dict.json", '"valid"', '"../valid"'))
damaged("hostile file", "expected the name of an Arrow file",
        replace("train/state.json", "data-00001-of-00003.arrow", "../test/data-00000-of-00001.arrow"))
damaged("other features", "column 'label' has other features", replace("test/dataset_info.json", '"zebra"', '"horse"'))
damaged("no such column", "has no column 'picture', which dataset_info.json has",
        lambda data: [replace(f"{split}/dataset_info.json", '"image"', '"picture"')(data) for split in ("train", "valid", "test")])
damaged("names twice", "is there twice", lambda data: [replace(f"{split}/dataset_info.json", '"ant"', '"cat"')(data)
                                                       for split in ("train", "valid", "test")])
damaged("other type", "column 'label' is of type utf8; its features expect the number of a class",
        lambda data: rewrite(data / "train", lambda table: table.set_column(1, "label", pa.array(["a"] * len(table)))))
damaged("no image", "row 0: there is no image", lambda data: rewrite(
    data / "valid", lambda table: table.set_column(0, "image", pa.array([None] * len(table), table.schema.field(0).type))))
damaged("large class", "class 9 in 'label'; expected one from 0 to 3",
        lambda data: rewrite(data / "test", lambda table: table.set_column(1, "label", pa.array([9] * len(table)))))
damaged("other splits", "no split is called", replace("dataset_dict.json", '["train", "valid", "test"]', '["a", "b"]'))
prepare(good)
shutil.move(folder / "prepared", folder / "ours")
fails("prepared", folder / "ours", "is prepared already")

# Parquet files: what to run is said, and works.
(folder / "hub/data").mkdir(parents=True)
for split, data in splits.items():
    data.to_parquet(folder / f"hub/data/{split.replace('valid', 'validation')}-00000-of-00001.parquet")
fails("parquet", folder / "hub", "save_to_disk")
script = re.search(r"```python\n(.*?load_dataset.*?)```", page.read_text(), re.S).group(1)
subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
done = prepare(folder / "hub-saved")
assert done.returncode == 0, done.stderr
assert json.load(open(folder / "prepared/vitrain_dataset.json"))["splits"] == {"train": 9, "validation": 5, "test": 4}
print("parquet: the script of docs/data.md works")
