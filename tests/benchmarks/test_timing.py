"""The common result of all benchmarks, from methods of known cost."""

from collections.abc import Callable
from typing import Any

import pytest

from mammo.benchmarks import timing as module
from mammo.benchmarks.timing import Method, machine, markdown_table, time_methods


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


MACHINE = {"cpu": "CPU X", "cores": 2, "system": "Linux", "python": "3.11"}
RESULTS: list[dict[str, Any]] = [
    {
        "benchmark": "patches",
        "ours": 0.0001234,
        "limit_ratio": 1.42,
        "limit_ratio_antialias": 1.9,
        "ratios": {"png": 178.2, "pydicom_j2k": 1201.25},
        "rounds": 5,
        "machine": MACHINE,
        "images": "real",
    },
    {
        "benchmark": "ingest",
        "ours": 0.0215,
        "limit_ratio": 1.1,
        "ratios": {"1.2.840": 18.0},
        "syntaxes": {"1.2.840": "Explicit VR"},
        "rounds": 5,
        "machine": MACHINE,
    },
    {"benchmark": "net", "error": "no baseline is installed: a | b"},
]


def test_every_benchmark_has_a_row() -> None:
    lines = markdown_table(RESULTS).splitlines()
    assert lines[2] == "CPU X, 2 cores, Linux, Python 3.11"
    assert lines[-3:] == [
        "| patches | 123 µs | 1.42, antialias 1.9 | png 178, pydicom_j2k 1201.25 | images real |",
        "| ingest | 21.5 ms | 1.1 | Explicit VR 18 |  |",
        "| net | not measured |  |  | no baseline is installed: a \\| b |",
    ]
    assert len({line.count("|") for line in lines[-5:-1]}) == 1
