"""The GPU benchmark as a whole: what fails is in its result, and the other stages still run."""

import json
import subprocess
import sys

import pytest

from mammo.benchmarks import gpu_speed
from mammo.benchmarks.stage_process import Job


def test_a_stage_that_fails_leaves_the_others_their_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stage(_: object, job: Job) -> dict[str, object]:
        return {"error": "out of memory"} if job.name == "context" else {"rows_per_s": 2.0}

    monkeypatch.setattr(gpu_speed, "run_stage", stage)
    result = gpu_speed.measure_gpu(1)
    assert result["error"] == "context: out of memory"
    stages = result["stages"]
    assert isinstance(stages, dict)
    assert {name for name, facts in stages.items() if "rows_per_s" in facts} == {*gpu_speed.STAGES} - {"context"}
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"stage": name, **facts} for name, facts in stages.items()]  # as they come


def test_no_stage_gets_more_time_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {}

    def stage(_: object, job: Job) -> dict[str, object]:
        limits[job.name] = job.limit_s
        return {}

    monkeypatch.setattr(gpu_speed, "run_stage", stage)
    monkeypatch.setattr(gpu_speed, "TOTAL_S", 100.0)
    gpu_speed.measure_gpu(1)
    assert limits["forward"] == 90.0
    assert 0 < limits["floc_compiled"] <= 100.0
    monkeypatch.setattr(gpu_speed, "TOTAL_S", 10.0)
    assert gpu_speed.measure_gpu(1)["stages"] == {name: {"error": "no time was left"} for name in gpu_speed.STAGES}


@pytest.mark.slow
def test_the_command_on_a_cpu() -> None:
    command = [sys.executable, "-m", "mammo.benchmark", "gpu", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, result["sizes"]) == (0, "small"), done.stderr
    assert result["stages"]["phantoms"]["n_images"] == 48
    assert result["stages"]["forward"]["floc"]["32-true"] == 0.0
    trained = ("floc", "context", "fagg", "floc_compiled")
    assert all(result["stages"][name]["rows_per_s"] > 0 for name in trained)
