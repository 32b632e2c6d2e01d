"""Benchmark of training and inference on one GPU, in about ten minutes: make bench-gpu.

On full-size phantoms, which are drawn first: forward passes of the three networks beside the CPU's; f_loc
(DenseNet-161), the context network (2944 x 1920 px) and f_agg, trained by the same code as `mammo train` with its
defaults; f_loc again with torch.compile. The result of each stage is printed when it ends.

Without a GPU the same stages run on the CPU in small, which shows that they work and measures nothing of interest.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mammo.benchmarks.gpu_stages import (
    FULL,
    SMALL,
    Sizes,
    compare_forward,
    make_store,
    train_compiled_floc,
    train_context,
    train_fagg,
    train_floc,
)
from mammo.benchmarks.stage_process import Job, run_stage
from mammo.benchmarks.timing import machine
from mammo.models.precision import inference_device
from mammo.text import print_text

TOTAL_S = 540.0
"""Time limit of all stages together; one that begins later gets what is left."""

LEAST_S = 20.0
"""Time below which no stage is started."""

STAGES: dict[str, tuple[Callable[[Sizes, Job], None], float]] = {
    "phantoms": (make_store, 180.0),
    "forward": (compare_forward, 90.0),
    "floc": (train_floc, 120.0),
    "context": (train_context, 120.0),
    "fagg": (train_fagg, 90.0),
    "floc_compiled": (train_compiled_floc, 240.0),
}
"""What each stage does, and its time limit in seconds. The one that is most likely to be cut is the last."""


def measure_gpu(rounds: int) -> dict[str, object]:
    """Speed, waiting, memory and use of one GPU, and equality with the CPU.

    Args:
        rounds: epochs of each training, of which the first steps are not timed.

    Returns:
        benchmark, sizes ("full" or "small"), seconds, machine, and stages: the facts of each (gpu_stages,
        speed_record.SpeedRecord) with its seconds and, if it failed, its error; error names those that failed.
    """
    sizes = FULL if inference_device("auto").type == "cuda" else SMALL
    started, results = time.monotonic(), {}
    with TemporaryDirectory(prefix="mammo-gpu-") as folder:
        for name, (work, limit_s) in STAGES.items():
            left = TOTAL_S - (time.monotonic() - started)
            job = Job(name, Path(folder), rounds, min(limit_s, left))
            is_possible = left >= LEAST_S
            results[name] = run_stage(partial(work, sizes), job) if is_possible else {"error": "no time was left"}
            print_text(json.dumps({"stage": name, **results[name]}))
    failed = [f"{name}: {result['error']}" for name, result in results.items() if "error" in result]
    return {
        "benchmark": "gpu",
        "sizes": sizes.name,
        "seconds": round(time.monotonic() - started, 1),
        "machine": machine(),
        "stages": results,
        **({"error": "; ".join(failed)} if failed else {}),
    }
