"""Timing of all benchmarks: CPU time of our method, the baselines and the limit, in turns, and the common result."""

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import torch

from mammo.progress import track


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
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
