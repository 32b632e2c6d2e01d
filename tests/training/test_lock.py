"""A lock keeps other processes out until its holder ends, even by SIGKILL."""

import subprocess
import sys
from pathlib import Path

import pytest

from mammo.training.lock import alone, is_held

HOLDER = (
    "import sys, time; from pathlib import Path; from mammo.training.lock import alone\n"
    "with alone(Path(sys.argv[1]), 'dough'):\n    print('held', flush=True)\n    time.sleep(float(sys.argv[2]))"
)


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the lock for so long."""
    here = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", HOLDER, str(path), str(seconds)]
    child = subprocess.Popen(words, cwd=here, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_lock_is_held_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_held(path)
    child = holder(path, 60)
    assert is_held(path)
    child.kill()
    child.wait()
    assert not is_held(path)
    with alone(path, "dough"):
        assert is_held(path)
    assert not is_held(path)


def test_who_comes_second_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = holder(tmp_path / "lock", 1.0)
    with alone(tmp_path / "lock", "dough"):
        assert child.wait() == 0
    assert capsys.readouterr().out == "dough: another process is at it, waiting\n"
