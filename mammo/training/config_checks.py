"""Checks of configuration values before anything is read: YAML accepts seed=abc, which would fail much later."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mammo.records import MammoError, is_number, is_whole

MODELS = ("floc", "context", "fagg")
"""Names of models: how other runs and the report find their runs."""

WHOLE = {
    "seed": 0,
    "trial": 0,
    "batch_size": 1,
    "eval_batch_size": 1,
    "window_epochs": 1,
    "workers": 0,
    "windows_per_lesion.val": 1,
    "windows_per_lesion.test": 1,
    "trainer.max_epochs": 1,
    "trainer.accumulate_grad_batches": 1,
    "callbacks.early_stopping.patience": 0,
    "torch.threads": 1,
}
"""Whole numbers and the smallest value of each."""

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy takes."""

REAL: dict[str, tuple[str, Callable[[float], bool]]] = {
    "model.lr": ("above 0, as in model.lr=1e-4", lambda x: x > 0),
    "memory_gb": ("of at least 0, as in memory_gb=4", lambda x: x >= 0),
    "callbacks.weight_averaging.decay": (
        "from 0 to less than 1, as in callbacks.weight_averaging.decay=0.99",
        lambda x: 0 <= x < 1,
    ),
    "trainer.gradient_clip_val": ("above 0, as in trainer.gradient_clip_val=1.0", lambda x: x > 0),
}
"""Other finite numbers and the range of each."""

OPTIONAL = ("trial", "window_epochs", "torch.threads", "trainer.gradient_clip_val")
"""Numbers that may be null."""

SWITCHES = ("test", "torch.compile", "balanced_images", "model.checkpoint_activations")
"""Keys that are true or false; Python would take any word for true."""

WORDS = ("root", "store", "group", "model.floc", "context.run", "ckpt_path")
"""Keys that are names or paths."""


def check_values(cfg: DictConfig) -> None:
    """Check the numbers, switches, words and maps of a resolved configuration of train; it may lack any of them.

    Raises:
        MammoError: a value has the wrong type or is out of range; with its key and an example.
    """
    _check_numbers(cfg)
    for key, value in _present(cfg, SWITCHES):
        if not isinstance(value, bool):
            raise MammoError(f"{key}={value}: give true or false")
    for key, value in _present(cfg, WORDS):
        if (not isinstance(value, str) or not value) and not (key == "ckpt_path" and value is None):
            raise MammoError(f"{key}={value}: give a word or a path, or leave {key}= out")
    if cfg.model.name not in MODELS:
        raise MammoError(
            f"model.name={cfg.model.name}: choose from {', '.join(MODELS)}, by which f_agg finds its inputs"
        )
    for name, value in (cfg.get("maps") or {}).items():
        if value is not True:
            raise MammoError(f"maps.{name}={value}: name the maps that are wanted, as in 'maps=[emb,sal]'")


def _check_numbers(cfg: DictConfig) -> None:
    for key, value in _present(cfg, WHOLE):
        least = WHOLE[key]
        if not (value is None and key in OPTIONAL) and (not is_whole(value) or value < least):
            raise MammoError(f"{key}={value}: give a whole number of at least {least}, as in {key}={least + 1}")
    if cfg.seed > MAX_SEED:
        raise MammoError(f"seed={cfg.seed}: give a whole number of at most {MAX_SEED}")
    for key, value in _present(cfg, REAL):
        what, allowed = REAL[key]
        if not (value is None and key in OPTIONAL) and (not is_number(value) or not allowed(value)):
            raise MammoError(f"{key}={value}: give a number {what}")


def _present(cfg: DictConfig, keys: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The keys that the configuration has, and their values."""
    missing = object()
    for key in keys:
        value = OmegaConf.select(cfg, key, default=missing)
        if value is not missing:
            yield key, value
