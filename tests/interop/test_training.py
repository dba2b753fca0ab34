"""Opens the output folder of a training run of six steps, logged every second and evaluated and saved every third."""
import json
import pathlib
import sys

from safetensors import safe_open
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

out = pathlib.Path(sys.argv[1])


def check_events():
    (events,) = out.glob("runs/*/events.out.tfevents.*")
    accumulator = EventAccumulator(str(events.parent))
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    for tag in ["train/loss", "train/grad_norm", "train/learning_rate", "train/epoch", "eval/loss", "eval/roc_auc",
                "train/train_runtime"]:
        assert tag in tags, (tag, tags)
    log = json.loads((out / "trainer_state.json").read_text())["log_history"]
    losses = [(entry["step"], entry["loss"]) for entry in log if "loss" in entry]
    assert [step for step, _ in losses] == [2, 4, 6], losses
    scalars = accumulator.Scalars("train/loss")
    assert [s.step for s in scalars] == [2, 4, 6]
    assert all(abs(s.value - loss) < 1e-6 for s, (_, loss) in zip(scalars, losses))


def check_results():
    results = {name: json.loads((out / f"{name}_results.json").read_text()) for name in ["train", "eval", "all"]}
    for key in ["train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss"]:
        assert results["all"][key] == results["train"][key]
    assert results["all"]["eval_loss"] == results["eval"]["eval_loss"]


def check_optimizer(checkpoint):
    with safe_open(checkpoint / "model.safetensors", "numpy") as model, \
            safe_open(checkpoint / "optimizer.safetensors", "numpy") as optimizer:
        names = {f"{name}.{moment}" for name in model.keys() for moment in ["exp_avg", "exp_avg_sq"]}
        assert names == set(optimizer.keys())
        for name in model.keys():
            shape = model.get_tensor(name).shape
            assert optimizer.get_tensor(f"{name}.exp_avg").shape == shape
            assert (optimizer.get_tensor(f"{name}.exp_avg_sq") >= 0).all()


def check_transformers(checkpoint):
    from transformers import TrainerState, TrainingArguments, ViTForImageClassification
    for folder in [out, checkpoint]:
        state = TrainerState.load_from_json(str(folder / "trainer_state.json"))
        assert state.max_steps == 6 and state.global_step in (3, 6) and state.best_metric > 0
    assert state.global_step == 3
    ViTForImageClassification.from_pretrained(checkpoint)
    saved = json.loads((checkpoint / "training_args.json").read_text())
    known = TrainingArguments.__dataclass_fields__
    # "adamw" is our name of adamw_torch; null is "not given".
    arguments = {key: value for key, value in saved.items() if key in known and key != "optim" and value is not None}
    arguments["use_cpu"] = True
    opened = TrainingArguments(**arguments)
    assert opened.lr_scheduler_type == "cosine" and opened.eval_steps == 3 and opened.metric_for_best_model == "roc_auc"
    assert opened.greater_is_better and opened.load_best_model_at_end
    assert len(arguments) >= 25, sorted(arguments)


check_events()
check_results()
check_optimizer(out / "checkpoint-3")
try:
    import transformers  # noqa: F401
except ImportError:
    print("transformers is not installed: its part was left out")
else:
    check_transformers(out / "checkpoint-3")
