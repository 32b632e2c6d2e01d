"""The table of benchmark results: one row per benchmark, and the error of one that could not run."""

from typing import Any

from mammo.benchmarks.results_table import markdown

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
    lines = markdown(RESULTS).splitlines()
    assert lines[2] == "CPU X, 2 cores, Linux, Python 3.11"
    assert lines[-3:] == [
        "| patches | 123 µs | 1.42, antialias 1.9 | png 178, pydicom_j2k 1201.25 | images real |",
        "| ingest | 21.5 ms | 1.1 | Explicit VR 18 |  |",
        "| net | not measured |  |  | no baseline is installed: a \\| b |",
    ]
    assert len({line.count("|") for line in lines[-5:-1]}) == 1
