#!/usr/bin/env python3
"""Speed of whole training steps with transformers and PyTorch: the peer of bench/step.c.

    python bench/peers/step.py [preset [batch [precision [steps]]]]      vit-tiny-patch16-224 32 bf16 10

Same shapes, same step (forward, backward, clipping at 1, AdamW); bf16 is torch.autocast over float32 weights.
"""

import re
import resource
import sys
import time

import torch
from transformers import ViTConfig, ViTForImageClassification

SIZES = {"micro": (128, 6, 4), "tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16),
         "huge": (1280, 32, 16)}
LABELS, WARM_UP_STEPS = 14, 2


def build(preset):
    size, patch, image = re.fullmatch(r"vit-(\w+)-patch(\d+)-(\d+)", preset).groups()
    hidden, layers, heads = SIZES[size]
    return ViTForImageClassification(ViTConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * hidden,
        patch_size=int(patch), image_size=int(image), num_labels=LABELS, problem_type="multi_label_classification")).train()


def main():
    defaults = ["vit-tiny-patch16-224", "32", "bf16", "10"]
    preset, batch, precision, steps = sys.argv[1:] + defaults[len(sys.argv) - 1:]
    batch, steps = int(batch), int(steps)
    model = build(preset)
    side = model.config.image_size
    pixels = torch.rand(batch, 3, side, side) * 2 - 1
    targets = (torch.rand(batch, LABELS) < 0.1).float()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)
    seconds = []
    for step in range(WARM_UP_STEPS + steps):
        start = time.monotonic()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(pixel_values=pixels, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step >= WARM_UP_STEPS:
            seconds.append(time.monotonic() - start)
    seconds.sort()
    median = seconds[len(seconds) // 2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{preset} batch {batch} {precision}: {batch / median:.2f} images/s (median of {steps} steps, spread "
          f"{100 * (seconds[-1] - seconds[0]) / median:.0f} %), peak {peak:.1f} GB; PyTorch {torch.__version__}, "
          f"{torch.get_num_threads()} threads")


main()
