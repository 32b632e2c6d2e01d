"""Functions that configurations name, registered with OmegaConf when this module is imported.

Random search of the learning rate (paper, Model training) and lengths that follow the frame:

    model.lr: ${log_uniform:${lr_range},${seed},${trial}}
    frame.crops.patch_px: ${full_px:256}

A draw depends on the seed and the number of the trial only: every cell of a grid has the same trials, two ablations of
one seed and trial differ only in the ablation, the processes of one training agree, and any trial can be run alone.
"""

from collections.abc import Sequence

import numpy as np
from omegaconf import DictConfig, OmegaConf

from mammo.records import MammoError, is_number, is_whole

FULL_CELL_PX = 64
"""Side of a grid cell of the paper's network window, px."""

STREAM = 5
"""First number of the seeds, which keeps this random stream apart from those of mammo.data.plans."""


def log_uniform(bounds: Sequence[float], seed: int, trial: int | None) -> float:
    """The value of a trial, uniform on the logarithmic scale; a pure function of its arguments.

    Args:
        bounds: lowest and highest value, both above 0.
        seed: training seed, at least 0.
        trial: number of the draw, at least 0.

    Returns:
        A value within the bounds, rounded to four digits, so that it does not depend on a machine's last bit.

    Raises:
        MammoError: the bounds, the seed or the trial are out of range.
    """
    is_pair = isinstance(bounds, Sequence) and len(bounds) == 2 and all(is_number(bound) for bound in bounds)
    low, high = bounds if is_pair else (0.0, 0.0)
    if not 0 < low <= high:
        raise MammoError(f"lr_range={bounds}: give the lowest and the highest value, as in lr_range=[1e-6,1e-4]")
    if not is_whole(seed) or seed < 0:
        raise MammoError(f"seed={seed}: a random search needs a whole number of at least 0, as in seed=0")
    if trial is None or not is_whole(trial) or trial < 0:
        raise MammoError(f"trial={trial}: a random search needs the number of the draw, as in trial=0")
    share = np.random.default_rng((seed, STREAM, trial)).random()
    return min(max(float(f"{low * (high / low) ** share:.3e}"), low), high)


def full_px(length: float, *, _root_: DictConfig) -> float:
    """A length in pixels of the configured frame, of which a grid cell has frame.cell_px.

    Args:
        length: in pixels of full size, of which a grid cell has 64.
        _root_: the configuration.

    Returns:
        A whole number where the length is one.
    """
    scaled = length * _root_.frame.cell_px / FULL_CELL_PX
    return int(scaled) if scaled == int(scaled) else scaled


OmegaConf.register_new_resolver("log_uniform", log_uniform, replace=True)
OmegaConf.register_new_resolver("full_px", full_px, replace=True)
