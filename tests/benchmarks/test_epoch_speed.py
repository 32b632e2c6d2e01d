"""The epoch benchmark tells seconds an epoch and the cores that feed a GPU."""

import pytest

from mammo.benchmarks.epoch_speed import H100_SECONDS, measure


def test_figures_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    told = measure(1, (900, 800), n_lesions=2, n_windows=10)
    assert set(told["ratios"]) == {"png"}  # type: ignore[call-overload]
    assert told["h100_cores"] == pytest.approx(told["ours"] / H100_SECONDS, abs=0.01)  # type: ignore[operator]
