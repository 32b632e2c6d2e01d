"""No test reaches another machine: neither this process nor those that it starts can."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of connections of its own, so that the whole run does not fail for this test."""
    monkeypatch.setenv("MAMMO_CONNECTIONS", str(tmp_path / "log"))
    return tmp_path / "log"


TRY = "import socket, urllib.request\ntry:\n    {}\nexcept OSError as error:\n    print(error)"


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "socket.socket().connect(('192.0.2.1', 80))",
        "urllib.request.urlopen('http://example.org', timeout=1)",
    ],
)
def test_a_process_reaches_no_other_machine(log: Path, attempt: str) -> None:
    done = subprocess.run([sys.executable, "-c", TRY.format(attempt)], capture_output=True, text=True, check=True)
    assert "tests have no network" in done.stdout
    assert ("192.0.2.1" if "192" in attempt else "example.org") in log.read_text()


def test_this_process_reaches_no_other_machine_but_itself(log: Path) -> None:
    with pytest.raises(OSError, match="tests have no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
    assert "sitecustomize" in sys.modules
    assert os.environ["MAMMO_CONNECTIONS"] == str(log)
