#!/usr/bin/env python3
"""Golden files of the model: what transformers' ViTForImageClassification and torch.optim.AdamW compute in float32.

    python tools/golden/vit.py tests/golden

For each case <name> it writes vit-<name>.safetensors with pixels (uint8), targets, logits, loss, every gradient
("grad.<parameter>") and, for the problem types and the interpolated image size, the weights after six AdamW steps (the first at learning rate 0)
("after.<parameter>") with their learning rates, losses and gradient norms. The cases share the checkpoints vit-base/
(colour, two layers), vit-bare/ (one layer without a head or a query-key-value bias) and vit-grey/ (one layer, one channel).
"""

import math
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import ViTConfig, ViTForImageClassification, ViTModel

MEAN, STD = [0.5, 0.4, 0.3], [0.5, 0.25, 0.3]
LABELS = ["Atelectasis", "Cardiomegaly", "Effusion", "Hernia", "Nodule"]
STEPS, WARMUP, LEARNING_RATE, WEIGHT_DECAY = 6, 2, 2e-3, 0.05
BATCH = 3
PREPROCESSOR = """{
  "do_normalize": true,
  "do_rescale": true,
  "do_resize": true,
  "image_mean": %s,
  "image_processor_type": "ViTImageProcessor",
  "image_std": %s,
  "resample": 2,
  "rescale_factor": 0.00392156862745098,
  "size": {"height": 32, "width": 32}
}
""" % (MEAN, STD)


def config(**changes):
    values = dict(
        hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=64, image_size=32, patch_size=8,
        layer_norm_eps=1e-12, id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)},
        problem_type="multi_label_classification", attn_implementation="eager")
    values.update(changes)
    return ViTConfig(**values)


def randomise(model, seed):
    """Every parameter gets values that make its gradient count: no zeros, no identity norms."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "layernorm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            else:
                parameter.copy_(0.15 * noise if parameter.dim() > 1 else 0.1 * noise)
    return model


def build(seed, **changes):
    return randomise(ViTForImageClassification(config(**changes)), seed).eval()


def save_checkpoint(model, folder):
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(PREPROCESSOR)


def disk_names(model):
    """Parameter -> its name on disk: transformers 5 spells names differently in memory."""
    spellings = {".attention.q_proj.": ".attention.attention.query.", ".attention.k_proj.": ".attention.attention.key.",
                 ".attention.v_proj.": ".attention.attention.value.", ".attention.o_proj.": ".attention.output.dense.",
                 ".mlp.fc1.": ".intermediate.dense.", ".mlp.fc2.": ".output.dense.", "vit.layers.": "vit.encoder.layer."}
    for name, parameter in model.named_parameters():
        for new, old in spellings.items():
            name = name.replace(new, old)
        yield name, parameter


def draw(height, width, channels, targets):
    generator = torch.Generator().manual_seed(7)
    pixels = torch.randint(0, 256, (BATCH, height, width, channels), generator=generator, dtype=torch.uint8)
    if targets == "multi_label_classification":
        values = (torch.rand((BATCH, len(LABELS)), generator=generator) < 0.4).float()
    elif targets == "single_label_classification":
        values = torch.eye(len(LABELS))[torch.randint(0, len(LABELS), (BATCH,), generator=generator)]
    else:
        values = torch.randn((BATCH, len(LABELS)), generator=generator)
    return pixels, values


def normalise(pixels, channels):
    values = pixels.expand(-1, -1, -1, channels).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(MEAN[:channels]).view(1, -1, 1, 1)
    std = torch.tensor(STD[:channels]).view(1, -1, 1, 1)
    return (values - mean) / std


def loss_of(model, pixels, targets, pos_weight):
    inputs = normalise(pixels, model.config.num_channels)
    if pos_weight is not None:
        logits = model(pixel_values=inputs).logits
        return logits, torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=pos_weight)
    single = model.config.problem_type == "single_label_classification"
    output = model(pixel_values=inputs, labels=targets.argmax(1) if single else targets)
    return output.logits, output.loss


def schedule(step):
    """transformers.get_cosine_schedule_with_warmup"""
    if step < WARMUP:
        return step / WARMUP
    return 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def train(model, pixels, targets, pos_weight, tensors):
    groups = [{"params": [p for _, p in model.named_parameters() if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
              {"params": [p for _, p in model.named_parameters() if p.dim() <= 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    rates, losses, norms = [], [], []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * schedule(step)
        optimizer.zero_grad()
        _, loss = loss_of(model, pixels, targets, pos_weight)
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        optimizer.step()
        rates.append(LEARNING_RATE * schedule(step))
        losses.append(float(loss.detach()))
    tensors["learning_rates"] = torch.tensor(rates, dtype=torch.float64)
    tensors["losses"], tensors["norms"] = torch.tensor(losses), torch.tensor(norms)
    tensors.update({f"after.{name}": p.detach().clone() for name, p in disk_names(model)})
    print("   norms", [round(n, 3) for n in norms], "losses", [round(l, 4) for l in losses])


def write(out, name, model, height=32, width=32, channels=3, pos_weight=None, steps=False):
    pixels, targets = draw(height, width, channels, model.config.problem_type)
    logits, loss = loss_of(model, pixels, targets, pos_weight)
    loss.backward()
    tensors = {"pixels": pixels, "targets": targets, "logits": logits.detach(), "loss": loss.detach().view(1)}
    if pos_weight is not None:
        tensors["pos_weight"] = pos_weight
    tensors.update({f"grad.{n}": p.grad.clone() for n, p in disk_names(model)})
    print(name, float(loss.detach()))
    if steps:
        train(model, pixels, targets, pos_weight, tensors)
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / f"vit-{name}.safetensors")


def interpolated(base, height, width):
    """`base` for another image size: its position embeddings as interpolate_pos_encoding=True would use them."""
    model = ViTForImageClassification(config(image_size=[height, width]))
    state = base.state_dict()
    positions = state["vit.embeddings.position_embeddings"]
    hidden = positions.shape[-1]
    grid = positions[:, 1:].reshape(1, 4, 4, hidden).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, size=(height // 8, width // 8), mode="bicubic", align_corners=False)
    state["vit.embeddings.position_embeddings"] = torch.cat(
        [positions[:, :1], grid.permute(0, 2, 3, 1).reshape(1, -1, hidden)], dim=1)
    model.load_state_dict(state)
    return model.eval()


def write_bare(out, folder):
    """A ViTModel checkpoint with a pooler and without a head; the head of the case is 0.1 everywhere."""
    bare = randomise(ViTModel(config(num_hidden_layers=1, qkv_bias=False)), 3)
    save_checkpoint(bare, folder)
    model = ViTForImageClassification(config(num_hidden_layers=1, qkv_bias=False))
    model.vit.load_state_dict({k: v for k, v in bare.state_dict().items() if not k.startswith("pooler.")})
    torch.nn.init.constant_(model.classifier.weight, 0.1)
    torch.nn.init.constant_(model.classifier.bias, 0.1)
    write(out, "bare", model.eval())


def main():
    torch.set_num_threads(1)
    out = pathlib.Path(sys.argv[1])
    base = build(1)
    save_checkpoint(base, out / "vit-base")
    pos_weight = torch.tensor([1.0, 3.0, 0.5, 8.0, 2.0])
    write(out, "multi", build(1), steps=True)
    write(out, "pos-weight", build(1), pos_weight=pos_weight)
    write(out, "single", build(1, problem_type="single_label_classification"), steps=True)
    write(out, "regression", build(1, problem_type="regression"), steps=True)
    write(out, "interpolated", interpolated(base, 40, 24), 40, 24, steps=True)
    write(out, "grey-input", build(1), channels=1)
    grey = dict(num_hidden_layers=1, num_channels=1)
    save_checkpoint(build(2, **grey), out / "vit-grey")
    for activation in ["gelu", "gelu_new", "relu", "silu", "quick_gelu"]:
        write(out, f"grey-{activation}", build(2, hidden_act=activation, **grey), channels=1)
    write_bare(out, out / "vit-bare")


main()
