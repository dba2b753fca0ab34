"""Writes tests/golden/loss.json: losses and gradients by PyTorch, in float64, of samples some of whose targets nobody knows (null)
and of samples whose target is a probability of each class.

The loss of a sample with unknown targets is the mean over its known ones, and 0 where none is known."""
import json
import pathlib

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

BATCH, LABELS = 6, 5
generator = torch.Generator().manual_seed(3)


def draw(*shape):
    return torch.randn(*shape, generator=generator).to(torch.float64)


def known_mean(losses, known):
    return (losses * known).sum(1) / known.sum(1).clamp(min=1)


def mask(targets):
    """Leaves the first sample whole, takes everything from the last, and about half from the others."""
    known = torch.rand(BATCH, LABELS, generator=generator) < 0.5
    known[0], known[-1] = True, False
    return targets, known


def binary(logits, targets, known, smoothing, pos_weight):
    smooth = targets * (1 - smoothing) + smoothing / 2
    weights = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float64)
    return known_mean(binary_cross_entropy_with_logits(logits, smooth, pos_weight=weights, reduction="none"), known)


def squared(logits, targets, known, smoothing, pos_weight):
    return known_mean(mse_loss(logits, targets, reduction="none"), known)


def soft(logits, targets, known, smoothing, pos_weight):
    return cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")


def case(loss, targets, known, smoothing=0.0, pos_weight=None):
    logits = draw(BATCH, LABELS).mul(2).float().double().requires_grad_()
    losses = loss(logits, targets, known, smoothing, pos_weight)
    losses.sum().backward()
    rows = [[t if k else None for t, k in zip(*row)] for row in zip(targets.tolist(), known.tolist())]
    return dict(loss_kind=loss.__name__, label_smoothing=smoothing, pos_weight=pos_weight, logits=logits.tolist(),
                targets=rows, loss=losses.tolist(), gradient=logits.grad.tolist())


zeros_and_ones = (torch.rand(BATCH, LABELS, generator=generator) < 0.4).double()
everything = torch.ones(BATCH, LABELS, dtype=torch.bool)
mixed = torch.softmax(draw(BATCH, LABELS), 1).float().double()
weights = [1.0, 10.0, 0.5, 2.0, 3.0]
cases = [
    case(binary, *mask(zeros_and_ones)),
    case(binary, *mask(zeros_and_ones), 0.25, weights),
    case(binary, *mask(mixed), 0.0, weights),
    case(squared, *mask(draw(BATCH, LABELS).float().double())),
    case(soft, mixed, everything),
    case(soft, mixed, everything, 0.25),
]
path = pathlib.Path(__file__).parents[2] / "tests/golden/loss.json"
path.write_text(json.dumps({"cases": cases}) + "\n")
