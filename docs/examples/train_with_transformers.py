#!/usr/bin/env python3
"""Fine-tunes a Vision Transformer with transformers' Trainer on a data set that `vitrain prepare` made.

    train_with_transformers.py PREPARED MODEL OUT [--TrainingArguments...]

The tensors are those that Vitrain trains on: pixels brought to the model's size by the data set's filter, scaled, normalised
with the model's mean and standard deviation. Labels that nobody knows (NaN) count neither in the loss nor in its gradient.
"""

import json
import pathlib
import sys

import datasets
import numpy as np
from PIL import Image


class Prepared:
    """A prepared data set: `splits` as `datasets` has them, and what Vitrain notes beside them."""

    def __init__(self, folder):
        record = json.loads((pathlib.Path(folder) / "vitrain_dataset.json").read_text())
        image = record["image"]
        stored = record.get("stored", image)
        self.labels = record["labels"]
        self.problem_type = record["problem_type"]
        self.size = (image["width"], image["height"])
        self.stored_shape = (stored["height"], stored["width"], image["channels"])
        self.filter = Image.Resampling[record["resample"].upper()]
        self.splits = datasets.load_from_disk(str(folder)).with_format("numpy", columns=["pixels", "labels"])

    def image(self, pixels):
        """A row's pixels -> uint8 [height, width, channels], as a model takes them."""
        pixels = pixels.astype(np.uint8).reshape(self.stored_shape)  # datasets makes int64 of every whole number
        if self.stored_shape[:2] == self.size[::-1]:
            return pixels
        resized = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).resize(self.size, self.filter)
        return np.asarray(resized).reshape(self.size[1], self.size[0], -1)

    def pixel_values(self, pixels, mean, std):
        """A row's pixels -> float32 [3, height, width]; a grey image is three equal channels."""
        image = np.broadcast_to(self.image(pixels), (self.size[1], self.size[0], 3))
        scaled = image.astype(np.float32) * np.float32(1 / 255)
        return ((scaled - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1)

    def collator(self, mean, std):
        """Makes a batch for the Trainer of rows."""
        import torch

        def collate(rows):
            labels = torch.from_numpy(np.stack([row["labels"] for row in rows]).astype(np.float32))
            if self.problem_type == "single_label_classification":
                labels = labels.argmax(1)
            pixels = np.stack([self.pixel_values(row["pixels"], mean, std) for row in rows])
            return {"pixel_values": torch.from_numpy(pixels), "labels": labels}

        return collate


def masked_loss(logits, labels):
    """Binary cross-entropy: a sample's loss is the mean over its known labels, 0 if none is known."""
    import torch

    known = ~labels.isnan()
    losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.nan_to_num(), reduction="none")
    return ((losses * known).sum(1) / known.sum(1).clamp(min=1)).mean()


def load_model(folder, prepared):
    from transformers import ViTForImageClassification, ViTImageProcessor

    model = ViTForImageClassification.from_pretrained(
        folder, num_labels=len(prepared.labels), problem_type=prepared.problem_type,
        id2label=dict(enumerate(prepared.labels)), label2id={name: i for i, name in enumerate(prepared.labels)},
        ignore_mismatched_sizes=True)
    return model, ViTImageProcessor.from_pretrained(folder)


def main(folder, model_folder, out, *options):
    from transformers import HfArgumentParser, Trainer, TrainingArguments

    class MaskedTrainer(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **_):
            labels = inputs.pop("labels")
            outputs = model(**inputs, interpolate_pos_encoding=True)
            if labels.is_floating_point():
                loss = masked_loss(outputs.logits, labels)
            else:
                loss = model.loss_function(labels, outputs.logits, model.config)
            return (loss, outputs) if return_outputs else loss

    prepared = Prepared(folder)
    model, processor = load_model(model_folder, prepared)
    arguments, = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses(
        ["--output_dir", out, "--remove_unused_columns", "False", *options])
    trainer = MaskedTrainer(
        model=model, args=arguments, data_collator=prepared.collator(processor.image_mean, processor.image_std),
        train_dataset=prepared.splits["train"], eval_dataset=prepared.splits.get("validation"))
    trainer.train()
    trainer.save_model(out)
    processor.save_pretrained(out)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
