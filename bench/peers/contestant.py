#!/usr/bin/env python3
"""One contestant of bench/peers/compare.py: measures steps when told to, one JSON line for each line of standard input.

    contestant.py KIND MODEL BATCH PRECISION MODE       torch vit-base-patch16-224 32 bf16 train

KIND is torch, torch-compile, torch-pure (weights and optimizer in bfloat16), onnxruntime (float32 alone on x86) or openvino. A training step is forward,
binary cross-entropy of 14 labels, backward, clipping at norm 1, AdamW; bf16 is autocast over float32 weights but for torch-pure.
"""

import json
import os
import re
import resource
import statistics
import sys
import time

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as vitrain sets it: contestants wait for each other's turns
start = time.monotonic()

import torch
from transformers import ViTConfig, ViTForImageClassification

SIZES = {"micro": (128, 6, 4), "tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16),
         "huge": (1280, 32, 16)}
LABELS = 14


def build(preset, attention="sdpa"):
    size, patch, image = re.fullmatch(r"vit-(\w+)-patch(\d+)-(\d+)", preset).groups()
    hidden, layers, heads = SIZES[size]
    return ViTForImageClassification(ViTConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * hidden,
        patch_size=int(patch), image_size=int(image), num_labels=LABELS, problem_type="multi_label_classification",
        attn_implementation=attention))


def torch_step(kind, model, batch, precision, mode):
    side = model.config.image_size
    pixels = torch.rand(batch, 3, side, side) * 2 - 1
    targets = (torch.rand(batch, LABELS) < 0.1).float()
    pure = kind == "torch-pure"
    if pure:
        model, pixels, targets = model.to(torch.bfloat16), pixels.to(torch.bfloat16), targets.to(torch.bfloat16)
    autocast = precision == "bf16" and not pure
    forward = torch.compile(model) if kind == "torch-compile" else model
    if mode == "infer":
        model.eval()

        def infer():
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                forward(pixel_values=pixels)
        return infer
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def train():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = forward(pixel_values=pixels, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return train


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixel_values=pixels).logits


def onnxruntime_step(model, batch):
    import tempfile

    import onnxruntime
    pixels = torch.rand(batch, 3, model.config.image_size, model.config.image_size) * 2 - 1
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(Logits(model.eval()), (pixels,), path, dynamo=True, verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        if precision == "bf16":  # float32 products computed in bfloat16 where the processor can
            options.add_session_config_entry("mlas.enable_gemm_fastmath_arm64_bfloat16", "1")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, values = session.get_inputs()[0].name, pixels.numpy()
    return lambda: session.run(None, {name: values})


def openvino_step(model, batch, precision):
    import openvino
    side = model.config.image_size
    pixels = torch.rand(batch, 3, side, side) * 2 - 1
    converted = openvino.convert_model(Logits(model.eval()), example_input=pixels, input=[batch, 3, side, side])
    compiled = openvino.compile_model(converted, "CPU", {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32", "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads()})
    request, values = compiled.create_infer_request(), pixels.numpy()
    return lambda: request.infer([values])


def main():
    kind, preset, batch, precision, mode = sys.argv[1:]
    batch = int(batch)
    if kind == "onnxruntime":
        step = onnxruntime_step(build(preset, "eager"), batch)
    elif kind == "openvino":
        step = openvino_step(build(preset), batch, precision)
    else:
        step = torch_step(kind, build(preset), batch, precision, mode)
    step()
    startup = time.monotonic() - start
    step()
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            before = time.monotonic()
            step()
            seconds.append(time.monotonic() - before)
        print(json.dumps({
            "images_per_second": batch / statistics.median(seconds), "startup_seconds": startup,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


main()
