"""Resolvers of the configuration: the log-uniform draw is a pure function of range, seed and trial."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from scipy.stats import kstest

from mammo.cli.hydra_app import composed
from mammo.cli.resolvers import log_uniform
from mammo.records import MammoError


def drawn(*overrides: str) -> float:
    return float(composed("train", ["experiment=lr_search", *overrides]).model.lr)


def test_draws_are_uniform_on_the_logarithmic_scale() -> None:
    draws = np.array([log_uniform((1e-6, 1e-4), seed, trial) for seed in range(20) for trial in range(50)])
    assert kstest((np.log10(draws) + 6) / 2, "uniform").pvalue > 0.05
    assert len(np.unique(draws)) > 900


@given(low=st.floats(1e-9, 1.0), factor=st.floats(1.0, 1e6), seed=st.integers(0, 2**31), trial=st.integers(0, 10_000))
def test_a_draw_is_within_its_bounds_and_repeatable(low: float, factor: float, seed: int, trial: int) -> None:
    bounds = (low, low * factor)
    assert bounds[0] <= log_uniform(bounds, seed, trial) <= bounds[1]
    assert log_uniform(bounds, seed, trial) == log_uniform(bounds, seed, trial)


def test_ablations_of_one_trial_are_paired() -> None:
    rates = {drawn(f"maps={maps}", "seed=3", "trial=7") for maps in ("emb", "[emb,sal]", "[loc,emb,sal]")}
    assert rates == {log_uniform((1e-5, 1e-3), 3, 7)}


def test_seeds_trials_and_ranges_change_the_draw() -> None:
    rates = [
        drawn("trial=0"),
        drawn("trial=1"),
        drawn("trial=0", "seed=1"),
        drawn("trial=0", "model=floc"),
        drawn("trial=0", "lr_range=[1e-3,1e-2]"),
    ]
    assert len(set(rates)) == len(rates)
    assert 1e-6 <= rates[3] <= 1e-4
    assert 1e-3 <= rates[4] <= 1e-2
    assert drawn("trial=0", "model.lr=3e-6") == 3e-6


@pytest.mark.parametrize("bounds", [(0.0, 1e-4), (1e-4, 1e-6), (1e-6,), (-1.0, 1.0)])
def test_bounds_out_of_range_are_named(bounds: tuple[float, ...]) -> None:
    with pytest.raises(MammoError, match=r"lr_range=.*lowest and the highest"):
        log_uniform(bounds, 0, 0)


@pytest.mark.parametrize("trial", [None, -1, 1.5, True, "1"])
def test_a_missing_or_wrong_trial_is_named(trial: object) -> None:
    with pytest.raises(MammoError, match=r"trial=.*as in trial=0"):
        log_uniform((1e-6, 1e-4), 0, trial)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", ["a", -1, 1.5, True])
def test_a_wrong_seed_is_named(seed: object) -> None:
    with pytest.raises(MammoError, match=r"seed=.*as in seed=0"):
        log_uniform((1e-6, 1e-4), seed, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bounds",
    [("a", "b"), (1e-6,), (1e-4, 1e-6), (0, 1e-4), (1e-6, None), (1e-6, float("inf")), (True, 2), 5, None, "ab"],
)
def test_bounds_of_the_wrong_type_are_named(bounds: object) -> None:
    with pytest.raises(MammoError, match=r"lr_range=.*as in lr_range"):
        log_uniform(bounds, 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell_px", "length", "expected"), [(64, 256, 256), (8, 256, 32), (16, 100, 25), (8, 100, 12.5), (8, 1, 0.125)]
)
def test_lengths_follow_the_frame(cell_px: int, length: int, expected: float) -> None:
    cfg = OmegaConf.create({"frame": {"cell_px": cell_px}, "length": f"${{full_px:{length}}}"})
    assert cfg.length == expected
    assert isinstance(cfg.length, type(expected))
