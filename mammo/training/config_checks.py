"""Values of a configuration, checked before anything is read: YAML takes seed=abc, and something deep would fail."""

from collections.abc import Callable

from omegaconf import DictConfig, OmegaConf

from mammo.records import MammoError, is_number, is_whole

WHOLE = {
    "seed": 0,
    "trial": 0,
    "batch_size": 1,
    "eval_batch_size": 1,
    "workers": 0,
    "windows_per_lesion.val": 1,
    "windows_per_lesion.test": 1,
    "trainer.max_epochs": 1,
    "trainer.patience": 0,
    "trainer.accumulate_grad_batches": 1,
    "trainer.threads": 1,
}
"""Whole numbers and the least that each may be."""

MOST_SEED = 2**32 - 1
"""NumPy takes no larger seed."""

REAL: dict[str, tuple[str, Callable[[float], bool]]] = {
    "model.lr": ("above 0, as in model.lr=1e-4", lambda x: x > 0),
    "memory_gb": ("of at least 0, as in memory_gb=4", lambda x: x >= 0),
    "trainer.weight_average": ("from 0 to less than 1, as in trainer.weight_average=0.99", lambda x: 0 <= x < 1),
    "trainer.gradient_clip_val": ("above 0, as in trainer.gradient_clip_val=1.0", lambda x: x > 0),
}
"""Other finite numbers and what each may be."""

OPTIONAL = ("trial", "trainer.threads", "trainer.weight_average", "trainer.gradient_clip_val")
"""Those of them that may be null."""

SWITCHES = ("test", "trainer.compile", "balanced_images", "model.checkpoint_activations")
"""What is true or false; Python takes any word for true."""

WORDS = ("root", "store", "group", "model.floc", "context.run")
"""What is a name or a path."""


def check_values(cfg: DictConfig) -> None:
    """Check the numbers, switches, words and maps of a resolved configuration of train; a key that it lacks is right.

    Raises:
        MammoError: one is none, or too small or large; with the key, the value and an example.
    """
    _check_numbers(cfg)
    for key in SWITCHES:
        if not isinstance(value := OmegaConf.select(cfg, key, default=False), bool):
            raise MammoError(f"{key}={value}: give true or false")
    for key in WORDS:
        if not isinstance(value := OmegaConf.select(cfg, key, default="there is none"), str) or not value:
            raise MammoError(f"{key}={value}: give a word or a path, or leave {key}= out")
    for name, value in cfg.get("maps", {}).items():
        if value is not True:
            raise MammoError(f"maps.{name}={value}: name the maps that are wanted, as in 'maps=[emb,sal]'")


def _check_numbers(cfg: DictConfig) -> None:
    for key, least in WHOLE.items():
        value = OmegaConf.select(cfg, key)
        if value is None and key in OPTIONAL:
            continue
        if not is_whole(value) or value < least:
            raise MammoError(f"{key}={value}: give a whole number of at least {least}, as in {key}={least + 1}")
    if cfg.seed > MOST_SEED:
        raise MammoError(f"seed={cfg.seed}: give a whole number of at most {MOST_SEED}")
    for key, (what, allowed) in REAL.items():
        value = OmegaConf.select(cfg, key)
        if value is None and key in OPTIONAL:
            continue
        if not is_number(value) or not allowed(value):
            raise MammoError(f"{key}={value}: give a number {what}")
