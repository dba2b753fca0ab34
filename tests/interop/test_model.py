"""Opens in Vitrain what transformers saved, and the other way round, and compares logits.

    python test_model.py LIBVITRAIN FOLDER

Vitrain is called through its public API. VITRAIN_SHARED_DATA may hold vit-tiny-patch16-224, a real checkpoint.
"""
import ctypes
import os
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoImageProcessor, ViTConfig, ViTForImageClassification, ViTModel

vitrain, folder = ctypes.CDLL(sys.argv[1]), Path(sys.argv[2])
vitrain.vt_error_message.restype = ctypes.c_char_p
device = ctypes.c_void_p()


class ModelOptions(ctypes.Structure):
    """vt_model_options"""
    _fields_ = [("num_labels", ctypes.c_int), ("label_names", ctypes.POINTER(ctypes.c_char_p)),
                ("problem_type", ctypes.c_int), ("image_height", ctypes.c_int), ("image_width", ctypes.c_int),
                ("seed", ctypes.c_uint64), ("require_head", ctypes.c_int), ("hidden_dropout_prob", ctypes.c_double),
                ("attention_probs_dropout_prob", ctypes.c_double), ("describe_only", ctypes.c_int)]


def check(status):
    assert status == 0, vitrain.vt_error_message().decode()


def open_model(path, **changes):
    options = ModelOptions()
    vitrain.vt_model_options_init(ctypes.byref(options))
    for name, value in changes.items():
        setattr(options, name, value)
    model = ctypes.c_void_p()
    check(vitrain.vt_model_open(os.fsencode(path), ctypes.byref(options), None, ctypes.byref(model)))
    return model


def our_logits(model, pixels, labels, precision=0):
    count, channels = pixels.shape[0], pixels.shape[3]
    logits = np.zeros((count, labels), np.float32)
    check(vitrain.vt_predict_pixels(device, model, pixels.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(count), channels,
                                    precision, logits.ctypes.data_as(ctypes.c_void_p)))
    return logits


def their_logits(model, pixels, **options):
    values = torch.tensor(pixels).expand(-1, -1, -1, model.config.num_channels).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return model.eval()(pixel_values=(values - 0.5) / 0.5, **options).logits.numpy()


def compare(what, ours, theirs, tolerance):
    error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    print(f"{what}: relative difference {error:.2e}, largest {abs(ours - theirs).max():.2e}")
    assert error <= tolerance, what


def round_trip(what, path, model, pixels, tolerance=1e-5):
    """`path` in both, then what Vitrain saves in transformers again."""
    labels = model.config.num_labels
    ours = open_model(path, require_head=1)
    theirs = their_logits(model, pixels)
    compare(what, our_logits(ours, pixels, labels), theirs, tolerance)
    compare(what + ", bf16", our_logits(ours, pixels, labels, precision=1), theirs, 5e-2)
    saved = folder / "saved"
    check(vitrain.vt_model_save(ours, os.fsencode(saved)))
    again, loading = ViTForImageClassification.from_pretrained(saved, output_loading_info=True)
    assert not any(loading.values()), loading
    assert again.config.id2label == model.config.id2label
    assert again.config.problem_type == model.config.problem_type
    assert again.config.image_size == model.config.image_size
    assert AutoImageProcessor.from_pretrained(saved).size["height"] == model.config.image_size
    compare(what + ", saved", their_logits(again, pixels), theirs, 1e-6)
    vitrain.vt_model_close(ours)


def config(**changes):
    values = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, image_size=48,
                  patch_size=16, initializer_range=0.2, id2label={0: "a", 1: "b", 2: "c"}, label2id={"a": 0, "b": 1, "c": 2})
    values.update(changes)
    return ViTConfig(**values)


def draw(side, channels):
    return np.random.default_rng(1).integers(0, 256, (4, side, side, channels), np.uint8)


def small_models():
    torch.manual_seed(1)
    model = ViTForImageClassification(config(problem_type="single_label_classification"))
    model.save_pretrained(folder / "plain")
    round_trip("plain", folder / "plain", model, draw(48, 3))
    round_trip("grey images", folder / "plain", model, draw(48, 1))
    model.save_pretrained(folder / "sharded", max_shard_size="100KB")
    assert (folder / "sharded" / "model.safetensors.index.json").exists()
    round_trip("sharded", folder / "sharded", model, draw(48, 3))
    model = ViTForImageClassification(config(hidden_act="gelu_new", qkv_bias=False, num_channels=1, layer_norm_eps=1e-6))
    model.save_pretrained(folder / "other")
    round_trip("gelu_new, no qkv bias, one channel", folder / "other", model, draw(48, 1))
    for dtype in (torch.bfloat16, torch.float16):
        half = ViTForImageClassification(config()).to(dtype)
        half.save_pretrained(folder / str(dtype))
        round_trip(str(dtype), folder / str(dtype), half.float(), draw(48, 3))


def other_image_size():
    """Vitrain interpolates when it opens, transformers when it runs."""
    model = ViTForImageClassification.from_pretrained(folder / "plain")
    ours = open_model(folder / "plain", image_height=80, image_width=80)
    pixels = draw(80, 3)
    compare("interpolated", our_logits(ours, pixels, 3), their_logits(model, pixels, interpolate_pos_encoding=True), 1e-5)
    vitrain.vt_model_close(ours)


def bare_model():
    """A ViTModel checkpoint gets a head; transformers opens the whole."""
    ViTModel(config()).save_pretrained(folder / "bare")
    names = (ctypes.c_char_p * 5)(b"u", b"v", b"w", b"x", b"y")
    ours = open_model(folder / "bare", num_labels=5, label_names=names, problem_type=1)
    check(vitrain.vt_model_save(ours, os.fsencode(folder / "headed")))
    vitrain.vt_model_close(ours)
    headed = ViTForImageClassification.from_pretrained(folder / "headed")
    assert headed.config.problem_type == "multi_label_classification"
    assert list(headed.config.id2label.values()) == ["u", "v", "w", "x", "y"]
    round_trip("bare with a new head", folder / "headed", headed, draw(48, 3))


def real_checkpoint():
    path = Path(os.environ.get("VITRAIN_SHARED_DATA", ".")) / "vit-tiny-patch16-224"
    if not path.exists():
        print("no real checkpoint beside the checkout")
        return
    model = ViTForImageClassification.from_pretrained(path)
    round_trip("ViT-Tiny", path, model, draw(224, 1))


check(vitrain.vt_device_open(b"cpu", ctypes.byref(device)))
small_models()
other_image_size()
bare_model()
real_checkpoint()
