"""Children that crash, hang, eat memory or panic cost one job each, and no more."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mammo.intake.rejections import Code
from mammo.intake.sandbox import Limits, at_most, isolated, only
from mammo.records import MammoError


class Panic(BaseException):
    """What a decoder in another language may raise."""


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
}


def work(job: str) -> str:
    ACTIONS.get(job, str)()
    return job * 2


def whose(job: int) -> int:
    time.sleep(0.001)
    return os.getpid()


@pytest.mark.parametrize(
    ("job", "code", "limits"),
    [
        ("crash", Code.CRASHED, Limits()),
        ("leave", Code.CRASHED, Limits()),
        ("panic", Code.CRASHED, Limits()),
        ("eat", Code.TOO_LARGE, Limits()),
        ("spin", Code.TOO_SLOW, Limits(cpu_s=1)),
        ("sleep", Code.TOO_SLOW, Limits(wall_s=1)),
    ],
)
def test_one_job_is_lost_and_the_others_keep_their_order(job: str, code: Code, limits: Limits) -> None:
    jobs = ["a", "b", job, "c", *"defghijklmnopqrstuvw" * 3, job, "x"]
    expected = [code if one == job else one * 2 for one in jobs]
    assert list(isolated(work, jobs, 2, limits)) == expected


def test_a_server_of_children_that_is_killed_is_replaced() -> None:
    assert list(isolated(work, ["a"], 1)) == ["aa"]
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    (server,) = (pid for pid in children if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(server), signal.SIGKILL)
    assert list(isolated(work, ["a"], 1)) == ["aa"]


def test_the_children_of_whoever_names_no_number_can_be_bounded() -> None:
    with at_most(1):
        assert len(set(isolated(whose, range(200)))) == 1
    assert len(set(isolated(whose, range(200), 2))) == 2


def test_the_files_of_other_machines_are_left_alone() -> None:
    jobs = [*"abcabc"]
    with only(lambda path: path == "b"):
        assert list(isolated(work, jobs, 1, of=str)) == [Code.ELSEWHERE, "bb", Code.ELSEWHERE] * 2
        assert list(isolated(work, jobs, 1)) == [job * 2 for job in jobs]  # not about files
    assert list(isolated(work, jobs, 1, of=str)) == [job * 2 for job in jobs]


def test_an_error_of_use_ends_the_work() -> None:
    with pytest.raises(MammoError, match="no decoder"):
        list(isolated(work, ["a", "stop", "b"], 1))


def test_what_libraries_print_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(isolated(work, ["speak"], 1)) == ["speakspeak"]
    told = capfd.readouterr()
    assert "ZZCANARY" not in told.out + told.err


def test_no_jobs() -> None:
    assert list(isolated(partial(max, 3), [], 2)) == []
