"""The end of a command that waits for Slurm jobs names those that may still run, and only its own."""

from pathlib import Path

import pytest

from mammo.training import slurm_watch
from mammo.training.slurm_queue import QUEUE, SlurmJob
from mammo.training.slurm_watch import Watched, wait, what_goes_on
from mammo.training.sweep_state import Job, Sweep
from tests.training.test_slurm_queue import program, programs  # noqa: F401  (programs is a fixture)

WATCHED = Watched("1a2b3c4d", {0: SlurmJob("12_0", "1a2b3c4d"), 1: SlurmJob("9", "0a1b2c3d")})


def test_jobs_in_the_queue_go_on_and_without_an_answer_all_may(programs: Path) -> None:  # noqa: F811
    program(
        programs, "squeue", "printf '12_0|RUNNING|None|t-1a2b3c4d\n9|RUNNING|None|t-x\n13|PENDING|None|t-1a2b3c4d\n'"
    )
    assert WATCHED.alive() == ["12_0", "13"], "13 was submitted, but not recorded; 9 is another's"
    assert what_goes_on(["12_0", "13"]).startswith("2 Slurm jobs go on")
    program(programs, "squeue", "exit 1")
    ids = WATCHED.alive()
    assert sorted(ids) == ["12_0", "9"]
    assert what_goes_on(ids, are_recorded=False) == (
        "2 Slurm jobs may still run, and the same command may submit them again: cancel them first: scancel 12_[0] 9"
    )


def test_a_folder_that_is_away_when_the_jobs_end_is_read_again(
    programs: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program(programs, "squeue", "exit 0")
    monkeypatch.setattr(slurm_watch, "POLL_S", 0.01)
    monkeypatch.setattr(QUEUE, "asked", float("-inf"))
    jobs, looks = [Job("seed=0", "done"), Job("seed=1", "done")], []

    def state(_: Sweep) -> list[Job]:
        looks.append(1)
        if len(looks) < 3:
            raise FileNotFoundError
        return jobs

    monkeypatch.setattr(Sweep, "state", state)
    assert wait(Sweep(Path("away"), ()), WATCHED) == jobs
