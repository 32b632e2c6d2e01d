"""Timing of all benchmarks: CPU time of our method, the baselines and the limit, in turns; results as a table."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import torch

from mammo.machine import usable_cores
from mammo.progress import track

COMMON_KEYS = ("benchmark", "ours", "limit_ratio", "ratios", "rounds", "machine")
"""Keys that every result has; the others are listed in the last column."""

COLUMNS = ("benchmark", "CPU time per unit", "times the limit", "baselines, times ours", "other results")


@dataclass(frozen=True)
class Method:
    """One method of doing the work.

    Attributes:
        work: does all units once, in the calling thread.
        units: number of units that work does.
    """

    work: Callable[[], object]
    units: float


def time_methods(
    name: str,
    methods: Mapping[str, Method],
    limit: str,
    rounds: int,
    variants: Sequence[str] = (),
    clock: Callable[[], float] | None = None,
) -> dict[str, object]:
    """Time all methods in turns, so that a slow phase of the machine affects all of them.

    Args:
        name: name of the benchmark.
        methods: "ours", the limit and the baselines, by name.
        limit: name of the method that is a lower bound of the time.
        rounds: how often each method is timed, after one untimed round that fills caches; the median is reported.
        variants: names of methods that are ours with other settings.
        clock: returns seconds; None for this process's CPU time.

    Returns:
        benchmark, ours (seconds of CPU time per unit), limit_ratio (ours over the limit) and limit_ratio_<variant>,
        ratios (each baseline over ours), rounds and machine.
    """
    now = clock or time.process_time
    for method in methods.values():
        method.work()
    times: dict[str, list[float]] = {key: [] for key in methods}
    for _ in track(range(rounds), name, rounds, unit="rounds"):
        for key, method in methods.items():
            started = now()
            method.work()
            times[key].append((now() - started) / method.units)
    cost = {key: median(values) for key, values in times.items()}
    return {
        "benchmark": name,
        "ours": float(f"{cost['ours']:.4g}"),
        "limit_ratio": round(cost["ours"] / cost[limit], 2),
        **{f"limit_ratio_{key}": round(cost[key] / cost[limit], 2) for key in variants},
        "ratios": {key: round(cost[key] / cost["ours"], 2) for key in methods if key not in ("ours", limit, *variants)},
        "rounds": rounds,
        "machine": machine(),
    }


def use_one_thread() -> None:
    """Make OpenCV and torch use one thread, so that CPU time equals wall-clock time."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def machine() -> dict[str, object]:
    """Processor, cores, operating system and Python version, on which the times depend."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def markdown_table(results: Sequence[Mapping[str, Any]]) -> str:
    """A table with one row per benchmark.

    Args:
        results: result of each benchmark; for one that could not run, its name and error.
    """
    machines = [result["machine"] for result in results if "machine" in result]
    head = [f"{m['cpu']}, {m['cores']} cores, {m['system']}, Python {m['python']}" for m in machines[:1]]
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(result)) for result in results)]
    return "\n\n".join(["# Benchmarks", *head, "\n".join(lines)]) + "\n"


def _cells(result: Mapping[str, Any]) -> list[str]:
    if "error" in result:
        return [result["benchmark"], "not measured", "", "", result["error"]]
    limits = [_number(result["limit_ratio"])]
    limits += [f"{key[12:]} {_number(result[key])}" for key in result if key.startswith("limit_ratio_")]
    names = result.get("syntaxes", {})
    ratios = [f"{names.get(key, key)} {_number(ratio)}" for key, ratio in result["ratios"].items()]
    other_keys = [key for key in result if key not in COMMON_KEYS and not key.startswith("limit_ratio_")]
    other = [f"{key} {_number(result[key])}" for key in other_keys if not isinstance(result[key], Mapping)]
    return [result["benchmark"], _time(result["ours"]), ", ".join(limits), ", ".join(ratios), ", ".join(other)]


def _time(seconds: float) -> str:
    """The time in s, ms or µs, with one to three digits before the point."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
