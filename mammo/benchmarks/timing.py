"""How every benchmark measures and what it tells: CPU time of our way, of its rivals and of the limit, in turns."""

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
class Way:
    """One way of doing the work.

    Attributes:
        work: does all units once, in the calling thread.
        units: how many units that is.
    """

    work: Callable[[], object]
    units: float


def measurement(
    name: str,
    ways: Mapping[str, Way],
    limit: str,
    rounds: int,
    variants: Sequence[str] = (),
    clock: Callable[[], float] | None = None,
) -> dict[str, object]:
    """Time every way in turns, so that a slow spell of the machine hits all alike.

    Args:
        name: the benchmark.
        ways: "ours", the limit and the rivals by name.
        limit: the way that no other can beat.
        rounds: how often each is timed, after one untimed round that fills caches; the median counts.
        variants: ways that are ours with another setting.
        clock: tells seconds; None for this process's CPU time.

    Returns:
        benchmark, ours (seconds of CPU time per unit), limit_ratio (ours over the limit) and limit_ratio_<variant>,
        ratios (each rival over ours), rounds and machine.
    """
    now = clock or time.process_time
    for way in ways.values():
        way.work()
    times: dict[str, list[float]] = {key: [] for key in ways}
    for _ in track(range(rounds), name, rounds, unit="rounds"):
        for key, way in ways.items():
            started = now()
            way.work()
            times[key].append((now() - started) / way.units)
    cost = {key: median(values) for key, values in times.items()}
    return {
        "benchmark": name,
        "ours": float(f"{cost['ours']:.4g}"),
        "limit_ratio": round(cost["ours"] / cost[limit], 2),
        **{f"limit_ratio_{key}": round(cost[key] / cost[limit], 2) for key in variants},
        "ratios": {key: round(cost[key] / cost["ours"], 2) for key in ways if key not in ("ours", limit, *variants)},
        "rounds": rounds,
        "machine": machine(),
    }


def one_thread() -> None:
    """Keep the libraries from sharing work among threads, so that CPU time and the clock agree."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def machine() -> dict[str, object]:
    """What the figures depend on: processor, cores, operating system and Python."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
