"""Processes that train together end together: the first one says why, the others are silent."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

from mammo.records import MammoError
from mammo.training.processes import Processes, cluster_environments

JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "wrap"}
TASK = {
    "SLURM_STEP_TASKS_PER_NODE": "2",
    "SLURM_NTASKS": "2",
    "SLURM_NTASKS_PER_NODE": "2",
    "SLURM_PROCID": "0",
}
"""Variables of a job, and of the first of two tasks."""

Part = Callable[[Processes], object]


def ended(first: Part, second: Part, third: Part = lambda each: part(each)) -> list[str]:
    """How each of three processes, here threads, ends a step in which it does its part."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stores = [
        TCPStore("127.0.0.1", port, None, rank == 0, timedelta(seconds=20), wait_for_workers=False) for rank in range(3)
    ]
    group = [Processes(rank, 3, store) for rank, store in enumerate(stores)]

    def outcome(place: tuple[Processes, Part]) -> str:
        each, does = place
        try:
            with each.step():
                does(each)
            return f"goes on, {each.shared(each.rank == 0)}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(3) as threads:
        return list(threads.map(outcome, zip(group, (first, second, third), strict=True)))


def part(_: Processes) -> None:
    """Do a part as it should be done."""


def unfit(each: Processes) -> None:
    raise MammoError(f"store {each.rank} is unfit")


def defect(each: Processes) -> None:
    raise TypeError("a defect")


def test_all_go_on_and_have_what_the_first_one_found() -> None:
    assert ended(part, part) == ["goes on, True"] * 3


def test_the_first_one_says_what_is_wrong_with_its_part() -> None:
    found = ended(unfit, part)
    assert found == ["MammoError: store 0 is unfit", *["ReportedError: store 0 is unfit"] * 2]


def test_what_all_find_is_said_once() -> None:
    found = ended(unfit, unfit, unfit)
    assert found[0] == "MammoError: store 0 is unfit"
    assert all(line.startswith("ReportedError") for line in found[1:])


def test_the_first_one_says_what_is_wrong_with_anothers_part() -> None:
    message = "process 1 of this training: store 1 is unfit"
    assert ended(part, unfit) == [
        f"MammoError: {message}",
        "ReportedError: store 1 is unfit",
        f"ReportedError: {message}",
    ]


def test_a_defect_of_one_is_raised_there_and_ends_all() -> None:
    found = ended(part, defect)
    assert found[0] == "MammoError: process 1 of this training: TypeError: a defect"
    assert found[1] == "TypeError: a defect"
    assert found[2].startswith("ReportedError")


def test_a_process_that_is_alone_waits_for_none() -> None:
    alone = Processes()
    with alone.step():
        assert alone.shared(True)
    with pytest.raises(MammoError, match="unfit"), alone.step():
        raise MammoError("unfit")


def test_a_task_of_several_gets_slurms_processes_and_one_that_is_alone_lightnings_own() -> None:
    assert list(cluster_environments({})) == []
    names = [
        type(cluster_environments(environ)[0]).__name__
        for environ in (JOB, JOB | TASK | {"SLURM_STEP_TASKS_PER_NODE": "1"})
    ]
    assert names == ["LightningEnvironment"] * 2


def test_slurms_processes_are_not_requeued_by_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = JOB | TASK
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (environment,) = cluster_environments(environ)
    assert environment.creates_processes_externally
    assert not environment.auto_requeue  # type: ignore[attr-defined]
