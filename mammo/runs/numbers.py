"""Numbers of a configuration, checked before anything is read: YAML takes seed=abc, and something deep would fail."""

from omegaconf import DictConfig, OmegaConf

from mammo.records import MammoError

WHOLE = {
    "seed": 0,
    "batch_size": 1,
    "eval_batch_size": 1,
    "workers": 0,
    "windows_per_lesion.val": 1,
    "windows_per_lesion.test": 1,
    "trainer.max_epochs": 1,
    "trainer.patience": 0,
}
"""Whole numbers and the least that each may be."""

MOST_SEED = 2**32 - 1
"""NumPy takes no larger seed."""

REAL = ("model.lr",)
"""Numbers above 0."""


def check_numbers(cfg: DictConfig) -> None:
    """Check the numbers of a resolved configuration of train.

    Raises:
        MammoError: one is no number, or too small or large; with the key, the value and an example.
    """
    for key, least in WHOLE.items():
        value = OmegaConf.select(cfg, key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise MammoError(f"{key}={value}: give a whole number of at least {least}, as in {key}={least + 1}")
    if cfg.seed > MOST_SEED:
        raise MammoError(f"seed={cfg.seed}: give a whole number of at most {MOST_SEED}")
    for key in REAL:
        value = OmegaConf.select(cfg, key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise MammoError(f"{key}={value}: give a number above 0, as in {key}=1e-4")
