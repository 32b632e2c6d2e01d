"""The benchmarks' common object, from ways whose cost is known."""

from collections.abc import Callable

import pytest

from mammo.benchmarks import timing as module
from mammo.benchmarks.timing import Way, machine, measurement


class Processor:
    """CPU time that passes only when a way says so."""

    def __init__(self) -> None:
        self.used = 0.0

    def process_time(self) -> float:
        return self.used

    def busy(self, *seconds: float) -> Callable[[], None]:
        """Work that takes the given times, call by call."""
        waiting = list(seconds)

        def work() -> None:
            self.used += waiting.pop(0)

        return work


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Processor:
    processor = Processor()
    monkeypatch.setattr(module, "time", processor)
    return processor


def test_medians_per_unit_and_their_ratios(processor: Processor) -> None:
    ways = {
        "ours": Way(processor.busy(99, 2, 4, 30), units=2),  # the first call only fills caches
        "rival": Way(processor.busy(99, 50, 60, 70), units=10),
        "limit": Way(processor.busy(99, 1, 1, 1), units=1),
    }
    told = measurement("toy", ways, limit="limit", rounds=3)
    assert told == {
        "benchmark": "toy",
        "ours": 2,
        "limit_ratio": 2,
        "ratios": {"rival": 3},
        "rounds": 3,
        "machine": machine(),
    }


def test_machine_is_told() -> None:
    told = machine()
    assert told["cpu"]
    assert isinstance(told["cores"], int)
