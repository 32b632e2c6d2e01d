"""The last time limit of a job ends a command in one sentence, whatever the command is doing at that moment."""

import os
import signal
from collections.abc import Iterator
from types import FrameType

import pytest
from submitit import JobEnvironment

from mammo.cli.time_limit import last_time_limit
from mammo.records import MammoError

SIGNAL = signal.Signals[f"SIG{JobEnvironment.USR_SIG}"]


class UncompletedJobError(RuntimeError):
    """As submitit's."""


def not_requeued(signum: int, frame: FrameType | None) -> None:
    raise UncompletedJobError("Job not requeued because: timed-out too many times.")


def expecting_errors() -> None:
    """Code of a command that the signal interrupts."""
    try:
        os.kill(os.getpid(), SIGNAL)
    except Exception:
        pytest.fail("taken for an error of a library")


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A job of submitit, with its handler of the signal."""
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    before = signal.signal(SIGNAL, not_requeued)
    yield
    assert signal.getsignal(SIGNAL) is not_requeued
    signal.signal(SIGNAL, before)


@pytest.mark.usefixtures("job")
def test_code_that_expects_errors_does_not_take_it_for_one() -> None:
    limit = r"^the job has reached its last time limit \(Job not requeued because: timed-out too many times\): "
    with pytest.raises(MammoError, match=limit), last_time_limit():
        expecting_errors()


@pytest.mark.usefixtures("job")
def test_a_job_that_is_requeued_ends_as_submitit_ends_it() -> None:
    def requeued(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(-1)

    signal.signal(SIGNAL, requeued)
    with pytest.raises(SystemExit), last_time_limit():
        os.kill(os.getpid(), SIGNAL)
    signal.signal(SIGNAL, not_requeued)


def test_outside_a_job_the_signal_keeps_its_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUBMITIT_EXECUTOR", raising=False)
    before = signal.getsignal(SIGNAL)
    with last_time_limit():
        assert signal.getsignal(SIGNAL) is before
