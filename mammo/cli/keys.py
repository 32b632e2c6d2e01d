"""The keys of conf/ and the values that each takes: a new key is one line here."""

from collections.abc import Mapping

from mammo.cli.value_types import (
    ValueType,
    choice,
    either,
    folder,
    free,
    listed,
    mapping,
    number,
    or_null,
    path,
    shares,
    simple,
    switch,
    whole,
    word,
)
from mammo.geometry import SCALES

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy takes."""

MODELS = ("floc", "context", "fagg")
"""Names of models: how other runs and the report find their runs."""

POSITIVE = number("above 0", "1.5", lambda x: x > 0)
NOT_NEGATIVE = number("of at least 0", "0.5", lambda x: x >= 0)
NUMBER = number("", "0.5")
SPACING = number("above 0 and at most 1", "0.07", lambda x: 0 < x <= 1)
INIT = choice("imagenet", "he")
SIMPLE = simple("0.5")
WINDOWS = whole(1, 100_000)
RUN = or_null(path("the folder of a finished run", "runs/demo/runs/floc-small-s0-1a2b3c4d"))
CHECKPOINT = or_null(path("the folder of a finished run or a .ckpt file", "weights/gmic1.ckpt"))
FILE = or_null(path("the path of a file", "FILE"))
WIDTH = whole(1, 10_000)
PATCH_PX = whole(1, 2048)
SIZES = listed(WIDTH, "[16,32]", least=1)
BATCHES = either(number("from 0 to 1", "1.0", lambda x: 0 <= x <= 1 and isinstance(x, float)), whole(0))
OBJECT = mapping(
    "{_target_: package.Class}",
    "a class with its arguments in braces",
    lambda value: isinstance(value.get("_target_"), str),
)
UNITS = ("weeks", "days", "hours", "minutes", "seconds")
TIME = mapping(
    "{hours: 12}",
    f"numbers of {', '.join(UNITS)} in braces",
    lambda value: all(name in UNITS and NOT_NEGATIVE.fits(each) for name, each in value.items()),
)

STORE: Mapping[str, ValueType] = {"root": folder(), "store": folder("runs/mine/store")}

FRAME: Mapping[str, ValueType] = {
    "frame.height": whole(1, 100_000),
    "frame.width": whole(1, 100_000),
    "frame.cell_px": whole(1, 100_000),
    "frame.of_full": POSITIVE,
    "frame.crops.side_px": listed(POSITIVE, "[128,384]", least=2, most=2),
    "frame.crops.patch_px": PATCH_PX,
    "frame.crops.whole_px": switch(),
    "frame.noise.location_px": NOT_NEGATIVE,
    "frame.noise.size_px": NOT_NEGATIVE,
    "frame.noise.borders": switch(),
}

ALLOW_TARGETS = {
    "allow_targets": listed(word("my_package"), "[my_package]", wanted="the names of packages"),
}

PROCESSES = {"processes": or_null(whole(1, 1024))}

PHANTOM: Mapping[str, ValueType] = {
    "root": folder(),
    "seed": whole(0),
    "n_patients": whole(1),
    **PROCESSES,
    "scale": NUMBER,
    **{f"dials.{name}": NUMBER for name in ("local", "context", "division", "ipsi", "contra")},
    **{f"mix.{name}": NUMBER for name in ("negative", "benign", "malignant")},
}

INGEST: Mapping[str, ValueType] = {
    **STORE,
    **FRAME,
    "data.name": word("mine"),
    "data.adapter": word("table"),
    "data.source": path("the path of a folder", "FOLDER"),
    "data.scale": either(
        number(f"from {SCALES[0]:g} to {SCALES[1]:g}", "0.125", lambda x: SCALES[0] <= x <= SCALES[1]), choice("auto")
    ),
    "data.spacing_mm": SPACING,
    **dict.fromkeys(("data.lesions", "data.images", "data.patients"), FILE),
    "data.labels": or_null(mapping("{0: benign, 1: malignant}")),
    "data.columns": or_null(mapping("{label: final_diagnosis}")),
    "data.label_source": or_null(choice("biopsy", "breast_level", "birads_proxy")),
    "data.skip_absent": switch(),
    **dict.fromkeys(("data.options.synthetic", "data.options.proxies"), switch()),
    "data.options.bits": or_null(whole(8, 32)),
    "data.options.eight_bit": switch(),
    "data.options.pixel_spacing": or_null(SPACING),
    **PROCESSES,
    "shard": or_null(whole(0)),
    "shards": whole(1),
    "allow": listed(word("implant"), "[implant]", wanted="a list of flags"),
    "append": switch(),
    "overwrite": switch(),
    "accept_rejections": switch(),
}

SPLIT: Mapping[str, ValueType] = {
    **STORE,
    "seed": whole(0, MAX_SEED),
    "fractions": shares(3, "training, validation, test", "[0.8,0.1,0.1]"),
    "folds": or_null(whole(3)),
    "official": switch(),
    "again": switch(),
    "allow_empty": switch(),
}

SCORE: Mapping[str, ValueType] = {
    **STORE,
    **ALLOW_TARGETS,
    "run": RUN,
    "out": folder("runs/mine/score"),
    "n_windows": WINDOWS,
    "n_pictures": whole(0),
    "own_ids": switch(),
}

DEMO: Mapping[str, ValueType] = {
    "root": folder(),
    "seed": whole(0, MAX_SEED // 2),
    "n_patients": whole(1),
    "seeds": listed(whole(0), "[0,1]", least=2, most=2),
    "stages": listed(mapping("{name: x, share: 1, commands: []}"), "[{name: x, share: 1, commands: []}]", least=1),
}

MODEL: Mapping[str, ValueType] = {
    "model.name": choice(*MODELS),
    "model.lr": number("above 0", "1e-4", lambda x: x > 0),
    "pairing": choice("fagg", "all"),
    "model.floc": RUN,
    "model.loss.normalize": choice("batch", "epoch"),
    "model.loss.beta": NOT_NEGATIVE,
    "model.loss.saliency_norm": choice("mean", "sum"),
    "model.local_trunk.init": INIT,
    "model.local_trunk.weights": word("resnet18.tv_in1k"),
    "model.local_trunk.pretrained_file": FILE,
    "model.global_trunk": FILE,
    "model.checkpoint_activations": switch(),
    "model": free(),
    "backbone.name": word("densenet161.tv_in1k"),
    "backbone.init": INIT,
    "backbone.pretrained_file": FILE,
    "backbone.channels": choice(1, 3),
    "backbone.patch_px": PATCH_PX,
    "backbone.arguments": simple("{drop_path_rate: 0.1}"),
    "maps": free(),
    "context.source": choice("gmic", "shuffled", "zeros", "external"),
    "context.run": CHECKPOINT,
    "context.folder": path("the path of a folder", "FOLDER"),
    "context.seed": whole(0, MAX_SEED),
    "context.shuffled": listed(choice("sal", "ipsi", "contra"), "[ipsi]", least=1),
    "lr_range": listed(POSITIVE, "[1e-6,1e-4]", least=2, most=2),
    "batch_size": whole(1),
    "eval_batch_size": whole(1),
    "window_epochs": or_null(whole(1)),
    "drop_views": number("of at least 0 and below 1", "0.1", lambda x: 0 <= x < 1),
    "labels": choice("breast", "image"),
    "image_sampling": choice("all", "balanced", "exams"),
}

GMIC: Mapping[str, ValueType] = {
    "gmic.stem": listed(WIDTH, "[7,2]", least=2, most=2),
    "gmic.stem_width": WIDTH,
    **dict.fromkeys(("gmic.widths", "gmic.strides", "gmic.local_widths"), SIZES),
    "gmic.blocks": whole(1, 1000),
    "gmic.attention": WIDTH,
    "gmic.top_share": number("above 0 and at most 1", "0.02", lambda x: 0 < x <= 1),
    "gmic.n_regions": whole(1, 100),
    "gmic.region_cells": whole(1),
    "gmic.breast_only": switch(),
    **dict.fromkeys(("gmic.base_logit", "gmic.map_logit"), NUMBER),
    "gmic.local_init": INIT,
    "gmic.local_weights": word("resnet18.tv_in1k"),
    "gmic.local_pretrained_file": FILE,
}

TRAINER: Mapping[str, ValueType] = {
    "trainer.accelerator": either(word("cpu"), OBJECT),
    "trainer.devices": either(whole(1), listed(whole(0), "[0,1]", least=1), word("auto"), choice(-1)),
    "trainer.num_nodes": whole(1),
    "trainer.strategy": either(word("auto"), OBJECT),
    "trainer.precision": either(word("32-true"), choice(16, 32, 64)),
    "trainer.sync_batchnorm": switch(),
    "trainer.plugins": or_null(listed(OBJECT, "[{_target_: package.Class}]")),
    "trainer.max_epochs": whole(1),
    "trainer.min_epochs": or_null(whole(0)),
    "trainer.max_steps": either(choice(-1), whole(1)),
    "trainer.min_steps": or_null(whole(0)),
    "trainer.max_time": or_null(either(word("00:12:00:00", "days:hours:minutes:seconds"), TIME)),
    "trainer.accumulate_grad_batches": whole(1),
    "trainer.gradient_clip_val": or_null(number("above 0", "1.0", lambda x: x > 0)),
    "trainer.gradient_clip_algorithm": or_null(choice("norm", "value")),
    "trainer.check_val_every_n_epoch": whole(1),
    "trainer.val_check_interval": or_null(
        either(number("above 0 and at most 1", "0.5", lambda x: 0 < x <= 1 and isinstance(x, float)), whole(1))
    ),
    "trainer.num_sanity_val_steps": either(whole(0), choice(-1)),
    "trainer.limit_train_batches": BATCHES,
    "trainer.limit_val_batches": BATCHES,
    "trainer.limit_test_batches": BATCHES,
    "trainer.limit_predict_batches": BATCHES,
    "trainer.overfit_batches": BATCHES,
    "trainer.fast_dev_run": either(switch(), whole(1)),
    "trainer.deterministic": or_null(either(switch(), choice("warn"))),
    "trainer.benchmark": or_null(switch()),
    "trainer.inference_mode": switch(),
    "trainer.detect_anomaly": switch(),
    "trainer.profiler": or_null(either(choice("simple", "advanced", "pytorch"), OBJECT)),
    "trainer.barebones": switch(),
    "trainer.enable_progress_bar": or_null(switch()),
    "trainer.enable_model_summary": or_null(switch()),
    "trainer.enable_checkpointing": or_null(switch()),
    "trainer.enable_autolog_hparams": switch(),
    "trainer.log_every_n_steps": or_null(whole(0)),
    "trainer.default_root_dir": or_null(folder()),
    "trainer.model_registry": or_null(path("the name of a model", "name")),
    "trainer.use_distributed_sampler": switch(),
    "trainer.reload_dataloaders_every_n_epochs": whole(0),
}

DATA: Mapping[str, ValueType] = {
    **STORE,
    **FRAME,
    **ALLOW_TARGETS,
    "data.name": word("mine"),
    "data.init": INIT,
    "seed": whole(0, MAX_SEED),
    "fold": or_null(whole(0)),
    **{f"quota.{name}": whole(0) for name in ("malignant", "benign", "outside", "negative")},
    "max_angle_deg": number("from 0 to 180", "30", lambda x: 0 <= x <= 180),
    **{f"windows_per_lesion.{split}": WINDOWS for split in ("train", "val", "test")},
    "intensity": free(),
    "workers": whole(0, 1024),
    "workers_timeout_s": POSITIVE,
    "memory_gb": number("of at least 0", "4", lambda x: x >= 0),
}

PRECOMPUTE: Mapping[str, ValueType] = {
    **DATA,
    **MODEL,
    **GMIC,
    **TRAINER,
    "what": choice("embeddings", "saliency"),
    "run": CHECKPOINT,
    "shard": whole(0),
    "shards": whole(1),
}

TRAIN: Mapping[str, ValueType] = {
    **DATA,
    **MODEL,
    **GMIC,
    **TRAINER,
    "group": word("runs", "the name of a folder"),
    "trial": or_null(whole(0)),
    "test": switch(),
    "torch.threads": or_null(whole(1, 1024)),
    "torch.compile": switch(),
    "ckpt_path": FILE,
    "callbacks.early_stopping.mode": choice("max", "min"),
    "callbacks.early_stopping.monitor": word("val_auc"),
    "callbacks.early_stopping.patience": whole(0),
    "callbacks.weight_averaging.decay": number("from 0 to less than 1", "0.99", lambda x: 0 <= x < 1),
    "callbacks": free(),
    "logger.csv.name": word("metrics"),
    "logger.tensorboard.name": word("tensorboard"),
    "logger.wandb.project": word("mammo"),
    "logger.wandb.entity": or_null(word("name")),
    "logger.wandb.offline": switch(),
    "logger.wandb.timeout_s": POSITIVE,
    "logger": free(),
}

KEYS: Mapping[str, Mapping[str, ValueType]] = {
    "phantom": PHANTOM,
    "ingest": INGEST,
    "split": SPLIT,
    "precompute": PRECOMPUTE,
    "train": TRAIN,
    "score": SCORE,
    "demo": DEMO,
}
"""Keys of each command, and what each takes; keys below one that is free are free, where they are not listed."""
