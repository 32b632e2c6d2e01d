"""A child process that crashes, hangs, exhausts memory or panics costs one task and no more."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mammo.intake.rejections import Code
from mammo.intake.sandbox import Limits, Workers, isolated
from mammo.machine import JOB_END_SIGNALS
from mammo.records import MammoError


class Panic(BaseException):
    """An error as a decoder in another language raises it."""


def spin() -> None:
    while True:
        pass


def panic() -> None:
    raise Panic


def stop() -> None:
    raise MammoError("no decoder")


def speak() -> None:
    print("ZZCANARY")
    os.write(2, b"ZZCANARY")


ACTIONS: dict[str, Callable[[], object]] = {
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "leave": lambda: os._exit(0),
    "spin": spin,
    "sleep": lambda: time.sleep(600),
    "eat": lambda: bytearray(3 << 30),
    "panic": panic,
    "stop": stop,
    "speak": speak,
    "end of job": lambda: [os.kill(os.getpid(), signum) for signum in JOB_END_SIGNALS],
}


def work(task: str) -> str:
    ACTIONS.get(task, str)()
    return task * 2


def process_of(task: int) -> int:
    time.sleep(0.001)
    return os.getpid()


def is_imported(module: str) -> bool:
    return module in sys.modules


def kill_fork_server() -> None:
    list(isolated(work, ["a"], Workers(1)))  # one is running
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    (server,) = (pid for pid in children if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(server), signal.SIGKILL)


@pytest.mark.parametrize(
    ("task", "code", "limits"),
    [
        ("crash", Code.CRASHED, Limits()),
        ("leave", Code.CRASHED, Limits()),
        ("panic", Code.CRASHED, Limits()),
        ("eat", Code.TOO_LARGE, Limits()),
        ("spin", Code.TOO_SLOW, Limits(cpu_s=1)),
        ("sleep", Code.TOO_SLOW, Limits(wall_s=1)),
    ],
)
def test_one_task_is_lost_and_the_others_keep_their_order(task: str, code: Code, limits: Limits) -> None:
    tasks = ["a", "b", task, "c", *"defghijklmnopqrstuvw" * 3, task, "x"]
    expected = [code if one == task else one * 2 for one in tasks]
    assert list(isolated(work, tasks, Workers(2, limits))) == expected


def test_the_signals_of_a_slurm_job_that_ends_cost_no_task() -> None:
    assert list(isolated(work, ["a", "end of job", "b"], Workers(1))) == ["aa", "end of job" * 2, "bb"]


def test_a_fork_server_that_is_killed_is_replaced() -> None:
    assert list(isolated(work, ["a"], Workers(1))) == ["aa"]
    kill_fork_server()
    assert list(isolated(work, ["a"], Workers(1))) == ["aa"]


def test_the_number_of_children_is_bounded() -> None:
    assert len(set(isolated(process_of, range(200), Workers(1)))) == 1
    assert len(set(isolated(process_of, range(200), Workers(2)))) == 2


def test_files_of_other_machines_are_not_opened() -> None:
    tasks = [*"abcabc"]
    workers = Workers(1, wanted=lambda path: path == "b")
    assert list(isolated(work, tasks, workers, str)) == [Code.ELSEWHERE, "bb", Code.ELSEWHERE] * 2
    assert list(isolated(work, tasks, workers)) == [task * 2 for task in tasks]  # not about files
    assert list(isolated(work, tasks, Workers(1), str)) == [task * 2 for task in tasks]


def test_the_fork_server_imports_the_modules_that_the_caller_names() -> None:
    for preload in ((), ("tabnanny",)):
        kill_fork_server()
        assert list(isolated(is_imported, ["tabnanny"], Workers(1, preload=preload))) == [bool(preload)]
    kill_fork_server()


def test_wrong_use_ends_the_work() -> None:
    with pytest.raises(MammoError, match="no decoder"):
        list(isolated(work, ["a", "stop", "b"], Workers(1)))


def test_output_of_libraries_is_discarded(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(isolated(work, ["speak"], Workers(1))) == ["speakspeak"]
    captured = capfd.readouterr()
    assert "ZZCANARY" not in captured.out + captured.err


def test_no_tasks_give_no_results() -> None:
    assert list(isolated(partial(max, 3), [], Workers(2))) == []
