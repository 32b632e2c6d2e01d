"""The common result of all benchmarks, from methods of known cost."""

from collections.abc import Callable

import pytest

from mammo.benchmarks import timing as module
from mammo.benchmarks.timing import Method, machine, time_methods


class Processor:
    """A clock of CPU time that only work() advances."""

    def __init__(self) -> None:
        self.used = 0.0

    def process_time(self) -> float:
        return self.used

    def busy(self, *seconds: float) -> Callable[[], None]:
        """Work that takes the given numbers of seconds, call by call."""
        remaining = list(seconds)

        def work() -> None:
            self.used += remaining.pop(0)

        return work


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Processor:
    processor = Processor()
    monkeypatch.setattr(module, "time", processor)
    return processor


def test_the_result_holds_medians_per_unit_and_their_ratios(processor: Processor) -> None:
    methods = {
        "ours": Method(processor.busy(99, 2, 4, 30), units=2),  # the first call only fills caches
        "baseline": Method(processor.busy(99, 50, 60, 70), units=10),
        "limit": Method(processor.busy(99, 1, 1, 1), units=1),
    }
    result = time_methods("toy", methods, limit="limit", rounds=3)
    assert result == {
        "benchmark": "toy",
        "ours": 2,
        "limit_ratio": 2,
        "ratios": {"baseline": 3},
        "rounds": 3,
        "machine": machine(),
    }


def test_the_machine_is_described() -> None:
    found = machine()
    assert found["cpu"]
    assert isinstance(found["cores"], int)
