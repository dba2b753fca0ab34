"""Writes tests/golden/schedule.json: learning rates of transformers.get_scheduler() at every step of small runs."""
import json, math, pathlib
import torch
from transformers import get_scheduler

CASES = [
    dict(lr_scheduler_type="linear", total=20, ratio=0.0, kwargs={}),
    dict(lr_scheduler_type="linear", total=37, ratio=0.25, kwargs={}),
    dict(lr_scheduler_type="cosine", total=81, ratio=0.25, kwargs={}),
    dict(lr_scheduler_type="cosine", total=1, ratio=0.0, kwargs={}),
    dict(lr_scheduler_type="cosine", total=10, ratio=1.0, kwargs={}),
    dict(lr_scheduler_type="cosine_with_restarts", total=40, ratio=0.1, kwargs={"num_cycles": 3}),
    dict(lr_scheduler_type="cosine_with_restarts", total=40, ratio=0.0, kwargs={}),
    dict(lr_scheduler_type="polynomial", total=30, ratio=0.2, kwargs={}),
    dict(lr_scheduler_type="polynomial", total=30, ratio=0.0, kwargs={"power": 2.5, "lr_end": 1e-5}),
    dict(lr_scheduler_type="constant", total=8, ratio=0.5, kwargs={}),
    dict(lr_scheduler_type="constant_with_warmup", total=15, ratio=0.3, kwargs={}),
]
LEARNING_RATE = 2e-4

for case in CASES:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATE)
    scheduler = get_scheduler(case["lr_scheduler_type"], optimizer, math.ceil(case["total"] * case["ratio"]), case["total"],
                              scheduler_specific_kwargs=case["kwargs"])
    case["rates"] = []
    for _ in range(case["total"]):
        case["rates"].append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()

path = pathlib.Path(__file__).parents[2] / "tests/golden/schedule.json"
path.write_text(json.dumps({"learning_rate": LEARNING_RATE, "cases": CASES}) + "\n")
