"""The epoch benchmark: its result is complete."""

import pytest

from mammo.benchmarks.epoch_speed import H100_SECONDS, measure


def test_the_result_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    result = measure(1, (900, 800), n_lesions=2, n_windows=10)
    assert set(result["ratios"]) == {"png"}  # type: ignore[call-overload]
    assert result["h100_cores"] == pytest.approx(result["ours"] / H100_SECONDS, abs=0.01)  # type: ignore[operator]
