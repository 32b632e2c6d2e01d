"""Stages in their own processes: what they had written is kept, however they end."""

import os
import time
from pathlib import Path

import pytest

from mammo.benchmarks.stage_process import Job, run_stage
from tests.benchmarks import stage_work


def job(root: Path, limit_s: float = 60.0) -> Job:
    return Job("stage", root, 3, limit_s)


def test_the_facts_of_a_stage_that_ends_well(tmp_path: Path) -> None:
    facts = run_stage(stage_work.work, job(tmp_path))
    assert facts.pop("seconds") > 0  # type: ignore[operator]
    assert facts == {"first": 1, "second": 3}


def test_an_error_is_a_fact_beside_those_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = run_stage(stage_work.fail, job(tmp_path))
    assert (facts["before"], facts["error"]) == (1, "RuntimeError: CUDA error: out of memory")
    printed = capsys.readouterr()
    assert "on its way" in printed.err  # the end of its output, and nothing of it on standard output
    assert printed.out == ""


def test_a_process_that_dies_leaves_the_speed_of_its_training(tmp_path: Path) -> None:
    facts = run_stage(stage_work.die, job(tmp_path))
    assert (facts["rows_per_s"], facts["error"]) == (5.0, "its process ended with status 7")


def test_a_stage_over_its_limit_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    facts = run_stage(stage_work.hang, job(tmp_path, limit_s=4.0))
    assert facts["error"] == "not done after 4 s"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and is_running(int(str(facts.get("child", 0)))):
        time.sleep(0.05)
    assert not is_running(int(str(facts.get("child", 0))))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return pid != 0 and Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z"
