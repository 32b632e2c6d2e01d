"""What a hostile file must never do: run code, open a connection, take memory, or end a command with a traceback."""

import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mammo.cli.commands import run
from mammo.records import MammoError

MEMORY_MB = 400
"""Most memory by which the process may grow while it reads a hostile file."""


@contextmanager
def no_effects(canary: Path) -> Iterator[None]:
    """Check that a block leaves no file in the folder `canary`, opens no connection and takes little memory."""
    before, tried = peak_mb(), []

    def refuse(*words: object, **_: object) -> None:
        tried.append(words)
        raise OSError("no network in tests")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        for name in ("create_connection", "getaddrinfo"):
            patch.setattr(socket, name, refuse)
        yield
    assert not tried, f"a connection was tried: {tried[:2]}"
    assert not list(canary.iterdir()), "code of the file was run"
    assert peak_mb() - before <= MEMORY_MB, "the file took memory"


@contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Fail if a block, which may wait for a file or a host, has not ended by then."""

    def fail(*_: object) -> None:
        raise AssertionError(f"it has not ended within {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peak_mb() -> float:
    """The most memory that this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rejection(use: Callable[[], object]) -> str:
    """The sentence with which something is rejected."""
    with pytest.raises(MammoError) as caught:
        use()
    return checked_sentence(str(caught.value))


def checked_sentence(text: str) -> str:
    """A sentence, checked: one printable line that is not an exception's name alone."""
    assert text.isprintable(), f"not one printable line: {text!r}"
    assert len(text) > 20
    return text


def command_rejection(
    command: Callable[[], object], words: list[str], capsys: pytest.CaptureFixture[str], status: int = 2
) -> str:
    """The one sentence with which a command ends on this command line.

    Args:
        command: its main function.
        words: the command line.
        capsys: of the test.
        status: that it must end with.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *words])
        patch.setenv("HYDRA_FULL_ERROR", "0")
        with pytest.raises(SystemExit) as left:
            run(command)  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert left.value.code == status, printed
    assert "Traceback" not in printed.out + printed.err
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, printed.err
    return checked_sentence(errors[0])
