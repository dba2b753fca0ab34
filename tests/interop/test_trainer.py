"""Trains one model twice, by transformers' Trainer and by Vitrain, on the same images in the same order."""
import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import torch
from datasets import load_from_disk
from safetensors.numpy import load_file
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, ViTImageProcessor
from transformers.utils import logging

program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
logging.set_verbosity_error()
logging.disable_progress_bar()
torch.set_num_threads(1)

# Batches of 4, accumulated 3 times, of some 43 images: the last batch and the last step of an epoch are short.
COMMON = dict(per_device_train_batch_size=4, gradient_accumulation_steps=3, num_train_epochs=3, learning_rate=1e-3,
              weight_decay=0.1, logging_steps=1)
# (arguments of both, where Vitrain spells lr_scheduler_kwargs in its own way)
RUNS = {
    "linear": (dict(eval_strategy="epoch", save_strategy="epoch"), []),
    "cosine": (dict(lr_scheduler_type="cosine", warmup_steps=0.25, seed=9), []),
    "restarts": (dict(lr_scheduler_type="cosine_with_restarts", lr_scheduler_kwargs=dict(num_cycles=3), warmup_steps=2),
                 ["--lr-scheduler-num-cycles", "3"]),
    "polynomial": (dict(lr_scheduler_type="polynomial", lr_scheduler_kwargs=dict(power=2.0, lr_end=1e-5)),
                   ["--lr-scheduler-power", "2", "--lr-scheduler-lr-end", "1e-5"]),
    "constant": (dict(lr_scheduler_type="constant", dataloader_drop_last=True, adam_beta1=0.8, adam_beta2=0.99), []),
    "constant_with_warmup": (dict(lr_scheduler_type="constant_with_warmup", warmup_steps=3, max_steps=7, save_steps=3,
                                  eval_strategy="steps", eval_steps=2, logging_steps=2), []),
    "best": (dict(num_train_epochs=1.4, logging_steps=3, logging_first_step=True, eval_strategy="steps", eval_steps=2,
                  save_steps=4, save_total_limit=1, load_best_model_at_end=True, max_grad_norm=0.5), []),
    "no_save": (dict(max_steps=20, logging_strategy="epoch", save_strategy="no"), []),
}


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al. 2011)."""
    counter, key = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [second >> 32 ^ counter[1] ^ key[0], second & 0xFFFFFFFF, first >> 32 ^ counter[3] ^ key[1],
                   first & 0xFFFFFFFF]
        key = [key[0] + 0x9E3779B9 & 0xFFFFFFFF, key[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return counter


def order_of(seed, epoch, count):
    """The order in which Vitrain takes the images of an epoch."""
    def words():
        block = 0
        while True:
            yield from philox([block, 0, 0, 1 << 24 | epoch], [seed, 0])
            block += 1

    stream, order = words(), list(range(count))
    for i in range(count - 1, 0, -1):
        value = next(stream) | next(stream) << 32  # rejected with a chance of 2^-58
        j = value % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


class Images(torch.utils.data.Dataset):
    def __init__(self, split):
        pixels = np.array(split["pixels"], dtype=np.uint8).reshape(-1, 1, 32, 32).repeat(3, 1)
        self.pixels = torch.tensor((pixels.astype(np.float32) / 255 - 0.5) / 0.5)
        self.labels = torch.tensor(np.array(split["labels"], dtype=np.float32))

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        return dict(pixel_values=self.pixels[i], labels=self.labels[i])


class EpochOrder(torch.utils.data.Sampler):
    def __init__(self, seed, count):
        self.seed, self.count, self.epoch = seed, count, -1

    def __len__(self):
        return self.count

    def __iter__(self):
        self.epoch += 1
        return iter(order_of(self.seed, self.epoch, self.count))


class OrderedTrainer(Trainer):
    def _get_train_sampler(self, *_):
        return EpochOrder(self.args.seed, len(self.train_dataset))


def mean_loss(outputs, labels, num_items_in_batch=None):
    """Vitrain's accumulated loss: the mean over the step's samples, whatever the micro-batches."""
    losses = torch.nn.functional.binary_cross_entropy_with_logits(outputs.logits, labels, reduction="sum")
    return losses / (labels.numel() if num_items_in_batch is None else num_items_in_batch)


def train_both(name, start, data):
    arguments, own = RUNS[name]
    arguments = COMMON | arguments
    theirs, ours = folder / f"{name}-transformers", folder / f"{name}-vitrain"
    trainer = OrderedTrainer(
        model=ViTForImageClassification.from_pretrained(start), train_dataset=data["train"], eval_dataset=data["validation"],
        compute_loss_func=mean_loss,
        args=TrainingArguments(output_dir=str(theirs), report_to="none", disable_tqdm=True, use_cpu=True, **arguments))
    trainer.save_metrics("train", trainer.train().metrics)
    trainer.save_state()
    trainer.save_model(str(theirs))
    command = [program, "train", "--model", start, "--data", folder / "data", "--output-dir", ours, "--precision", "fp32", *own]
    for key, value in arguments.items():
        if key != "lr_scheduler_kwargs":
            command += [f"--{key}"] + ([] if value is True else [str(value)])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return theirs, ours


def read(path):
    return json.loads(path.read_text())


def compare_logs(name, theirs, ours):
    expected, state = read(theirs / "trainer_state.json"), read(ours / "trainer_state.json")
    assert expected.keys() == state.keys(), (name, expected.keys() ^ state.keys())
    for key in ["global_step", "max_steps", "num_train_epochs", "epoch", "best_global_step", "logging_steps", "save_steps",
                "train_batch_size"]:
        assert expected[key] == state[key], (name, key, expected[key], state[key])
    assert len(expected["log_history"]) == len(state["log_history"]), name
    for wanted, got in zip(expected["log_history"], state["log_history"]):
        assert wanted.keys() <= got.keys(), (name, wanted.keys() - got.keys())
        for key in wanted:
            if "runtime" in key or "per_second" in key or key == "total_flos":
                continue
            tolerance = 0 if key in ["epoch", "step", "learning_rate"] else 1e-5
            assert math.isclose(wanted[key], got[key], rel_tol=tolerance), (name, key, wanted, got)
    added = read(ours / "train_results.json").keys() - read(theirs / "train_results.json").keys()
    assert read(theirs / "train_results.json").keys() <= read(ours / "train_results.json").keys(), name
    assert added == {"train_data_wait_share"}, (name, added)


def compare_weights(name, theirs, ours):
    expected, weights = load_file(theirs / "model.safetensors"), load_file(ours / "model.safetensors")
    assert expected.keys() == weights.keys()
    # Keys have no use for a bias: softmax takes it away again, and its gradient is rounding alone.
    names = [key for key in expected if not key.endswith("key.bias")]
    for key in names:
        distance = np.linalg.norm(expected[key] - weights[key]) / np.linalg.norm(expected[key])
        assert distance < 2e-4, (name, key, distance)
    flat = [np.concatenate([tensors[key].ravel() for key in names]) for tensors in (expected, weights)]
    distance = np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[0])
    assert distance < 1e-5, (name, distance)
    return distance


def checkpoints(path):
    return sorted(entry.name for entry in path.glob("checkpoint-*"))


def main():
    splits = load_from_disk(folder / "data")
    data = {name: Images(splits[name]) for name in ["train", "validation"]}
    labels = read(folder / "data" / "vitrain_dataset.json")["labels"]
    torch.manual_seed(0)
    config = ViTConfig(hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=96, image_size=32,
                       patch_size=8, num_labels=len(labels), id2label=dict(enumerate(labels)),
                       label2id={label: i for i, label in enumerate(labels)}, problem_type="multi_label_classification")
    start = folder / "start"
    ViTForImageClassification(config).save_pretrained(start)
    ViTImageProcessor(size=dict(height=32, width=32)).save_pretrained(start)
    for name in RUNS:
        theirs, ours = train_both(name, start, data)
        compare_logs(name, theirs, ours)
        distance = compare_weights(name, theirs, ours)
        assert checkpoints(theirs) == checkpoints(ours), (name, checkpoints(theirs), checkpoints(ours))
        print(f"{name}: weights differ by {distance:.1e} of their norm")


main()
