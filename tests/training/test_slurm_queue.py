"""What Slurm prints is read rightly, names of jobs are short and exact, and states follow from queue and files."""

import json
import os
from pathlib import Path

import pytest

from mammo.models.precision import may_become
from mammo.records import MammoError
from mammo.training import slurm_queue
from mammo.training.slurm_queue import (
    Queue,
    Queued,
    SlurmJob,
    parse_ends,
    parse_queue,
    ranges,
    read_record,
    write_record,
)
from mammo.training.sweep_state import Job


def program(folder: Path, name: str, script: str) -> None:
    """A program of Slurm that does what the shell script says."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is searched for programs first."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "bin"


def test_jobs_in_the_queue_pend_or_run() -> None:
    name = "train-1a2b3c4d"
    queue = parse_queue(f"12_0|RUNNING|None|{name}\n12_1|PENDING|JobArrayTaskLimit|{name}\n7|COMPLETING|None|a|b-c\n")
    assert queue == {
        SlurmJob("12_0", "1a2b3c4d"): Queued("RUNNING", "None"),
        SlurmJob("12_1", "1a2b3c4d"): Queued("PENDING", "JobArrayTaskLimit"),
        SlurmJob("7", "c"): Queued("COMPLETING", "None"),
    }
    assert [each.is_pending for each in queue.values()] == [False, True, False]


def test_only_ends_are_ends() -> None:
    printed = "12_0|CANCELLED by 1000|t-m\n12_1|RUNNING|t-m\n12_2|OUT_OF_MEMORY|t-m\n12_[3-5]|PENDING|t-m\n"
    assert parse_ends(printed) == {SlurmJob("12_0", "m"): "CANCELLED", SlurmJob("12_2", "m"): "OUT_OF_MEMORY"}


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["7"], ["7"]),
        (["12_0", "12_1", "12_2", "12_5"], ["12_[0-2,5]"]),
        (["12_3", "13", "12_1", "14_0"], ["12_[1,3]", "13", "14_[0]"]),
    ],
)
def test_the_tasks_of_an_array_are_named_together(ids: list[str], names: list[str]) -> None:
    assert ranges(ids) == names


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_record(tmp_path / "3") is None
    write_record(tmp_path / "3", SlurmJob("12_3", "1a2b3c4d"), ["seed=1", "quota={malignant: 6}"])
    assert read_record(tmp_path / "3") == (SlurmJob("12_3", "1a2b3c4d"), ["seed=1", "quota={malignant: 6}"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{half",
        "7",
        "[]",
        '{"id": 5}',
        '{"id": 5, "mark": "1a2b3c4d", "overrides": []}',
        '{"id": "12", "overrides": []}',
        '{"id": "12", "mark": "1a2b3c4d", "overrides": 3}',
        *(json.dumps({"id": word, "mark": "1a2b3c4d", "overrides": []}) for word in ("../", "--help", "12; rm")),
    ],
)
def test_a_damaged_record_is_named_with_its_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / slurm_queue.RECORD).write_text(content)
    with pytest.raises(MammoError, match=r"3/slurm.json does not say which Slurm job job 3 was .* delete the file"):
        read_record(tmp_path / "3")


def ours(slurm_id: str) -> SlurmJob:
    """A job that was submitted by mammo."""
    return SlurmJob(slurm_id, "m")


def test_the_state_of_a_submitted_job_follows_from_the_queue_and_its_files(programs: Path) -> None:
    program(programs, "sacct", "echo '1|OUT_OF_MEMORY|train-m'; echo '7|COMPLETED|train-other'")
    pending, running = Queued("PENDING", "Resources"), Queued("RUNNING", "None")
    queue = {
        ours("2"): pending,
        ours("3"): running,
        ours("4"): Queued("COMPLETING", "None"),
        SlurmJob("7", "x"): running,
    }
    jobs = {
        "1": Job("seed=1", "missing", slurm=ours("1")),
        "2": Job("seed=2", "failed", error="of an earlier attempt", slurm=ours("2")),
        "3": Job("seed=3", "missing", slurm=ours("3")),
        "4": Job("seed=4", "done", slurm=ours("4")),
        "5": Job("seed=5", "failed", error="no such file", slurm=ours("5")),
        "6": Job("seed=6", "missing"),
        "7": Job("seed=7", "missing", slurm=ours("7")),
    }
    seen = {name: job.in_queue(queue) for name, job in jobs.items()}
    assert [job.state for job in seen.values()] == ["lost", "pending", "running", "done", "failed", "missing", "lost"]
    assert seen["7"].error == "Slurm job 7 ended without a result (killed, or cancelled)", "not that of another's job"
    assert seen["1"].error == "Slurm job 1 ended without a result (OUT_OF_MEMORY)"
    assert seen["2"].error == "Slurm job 2 pends: Resources"
    assert seen["3"].error == ""
    assert seen["5"].error == "no such file"


def test_without_accounting_a_job_that_left_the_queue_is_lost(programs: Path) -> None:
    program(programs, "sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert Job("seed=1", "missing", slurm=ours("99_1")).in_queue({}).state == "lost"


def test_a_slurm_that_does_not_answer_has_no_queue(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    queue = Queue()
    assert queue.look() is None
    assert queue.silence == "Slurm does not answer: slurm_load_jobs error: Unable to contact slurm controller"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert queue.look(anew=True) is None
    assert queue.silence == "squeue is not on this machine"


def test_slurm_is_asked_again_only_after_a_while(programs: Path) -> None:
    program(programs, "squeue", f"echo x >>{programs}/asked; echo '1|RUNNING|None|train-m'")
    queue = Queue()
    assert queue.look() == queue.look() == {ours("1"): Queued("RUNNING", "None")}
    queue.look(anew=True)
    assert (programs / "asked").read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("printed", "most"), [("MaxArraySize            = 2", 2), ("MaxArraySize            = 0", 1), ("", 1001)]
)
def test_the_largest_array_is_the_clusters(programs: Path, printed: str, most: int) -> None:
    program(programs, "scontrol", f"echo 'MaxArrayTasks = 5'; echo '{printed}'")
    assert slurm_queue.max_array_size() == most


@pytest.mark.parametrize(
    ("precision", "resolved", "may"),
    [
        ("auto", "16-mixed", True),
        ("auto", "32-true", True),
        ("32", "32-true", True),
        ("32-true", "16-mixed", False),
        ("16", "bf16-mixed", True),
        ("bf16-mixed", "16-mixed", False),
    ],
)
def test_a_precision_may_depend_on_the_machine(precision: str, resolved: str, may: bool) -> None:
    assert may_become(precision, resolved) == may
