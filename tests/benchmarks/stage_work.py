"""Work of stages that end badly, in a module that their processes can import."""

import os
import subprocess
import time

from mammo.benchmarks.stage_process import Job, write_facts


def fail(job: Job) -> None:
    job.add(before=1)
    print("on its way")
    raise RuntimeError("CUDA error:\n  out of memory")


def die(job: Job) -> None:
    folder = job.root / job.name / "run"
    folder.mkdir(parents=True)
    write_facts(folder / "speed.json", {"rows_per_s": 5.0})
    os._exit(7)


def hang(job: Job) -> None:
    child = subprocess.Popen(["sleep", "600"])
    job.add(child=child.pid)
    time.sleep(600)


def work(job: Job) -> None:
    job.add(first=1)
    job.add(second=job.rounds)
