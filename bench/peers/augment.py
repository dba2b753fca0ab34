"""The twin of bench/augment.c: CPU microseconds per image of torchvision's and timm's transforms on Pillow's images.

    python bench/peers/augment.py LINE...    prints for each line of augmentation: microseconds grey, coloured
"""

import statistics
import sys
import time

import numpy
import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from timm.data.mixup import Mixup
from timm.data.random_erasing import RandomErasing
from torchvision import transforms as T

torch.set_num_threads(1)
STORED, SIZE, IMAGES, EPOCHS, REPEATS = 256, 224, 16, 4, 3


class Gamma:
    def __call__(self, image):
        return T.functional.adjust_gamma(image, 0.8 + 0.4 * torch.rand(1).item())


def pipeline(line, channels):
    """Up to uint8 tensors: what a loader hands to training. Erasing and mixing are of tensors."""
    words = dict((word.split("=") + [""])[:2] for word in line.split())
    steps = [T.RandomResizedCrop(SIZE, scale=(0.35, 1.0)) if "crop" in words else T.Resize((SIZE, SIZE))]
    if "flip" in words:
        steps.append(T.RandomHorizontalFlip(0.5))
    if "rotate" in words:
        steps.append(T.RandomAffine(10, (0.05, 0.05), interpolation=T.InterpolationMode.BILINEAR))
    for word in words:
        if word.startswith("rand"):
            fill = (128,) * 3 if channels == 3 else 128
            steps.append(rand_augment_transform(word, dict(translate_const=100, img_mean=fill)))
    if "brightness" in words:
        steps.append(T.ColorJitter(0.2, 0.2))
    if "gamma" in words:
        steps.append(Gamma())
    steps.append(T.PILToTensor())
    if "erase" in words:  # timm erases normalised tensors; converting to floats is not counted against it
        mode = words.get("erase-mode", "const")
        erasing = RandomErasing(0.25, mode=mode, device="cpu")
        steps.append(lambda tensor: erasing(tensor.float()) if mode == "pixel" else erasing(tensor))
    compose = T.Compose(steps)
    if "mixup" not in words:
        return lambda images: [compose(image) for image in images]
    mix = Mixup(mixup_alpha=0.2, cutmix_alpha=1.0, mode="elem", num_classes=15, label_smoothing=0)
    labels = torch.zeros(IMAGES, dtype=torch.long)
    return lambda images: mix(torch.stack([compose(image) for image in images]).float(), labels)


def microseconds(work, images):
    runs = []
    for _ in range(REPEATS):
        start = time.process_time()
        for _ in range(EPOCHS):
            work(images)
        runs.append(1e6 * (time.process_time() - start) / (IMAGES * EPOCHS))
    return statistics.median(runs)


def draw(channels, number):
    rows, columns = numpy.mgrid[0:STORED, 0:STORED]
    noise = numpy.random.default_rng(number).integers(0, 16, (STORED, STORED, channels))
    pixels = ((rows + columns) // 2)[..., None] + noise
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8).squeeze())


for line in sys.argv[1:]:
    print(*(f"{microseconds(pipeline(line, c), [draw(c, i) for i in range(IMAGES)]):.1f}" for c in (1, 3)))
