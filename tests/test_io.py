"""Atomic writes and file locks: readers see the old file or the new one, and one process works at a time."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mammo.io import PARTIAL, atomic_write, did_you_mean_path, file_lock, is_locked, make_folder, remove_partials
from mammo.records import MammoError


def test_a_file_appears_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content in ("first", "second"):
        with atomic_write(path) as written:
            written.write_text(content)
            assert not path.exists() or path.read_text() == "first"
            assert written.parent == tmp_path
            assert written.name.startswith(".")
            assert written.name.endswith(PARTIAL)
        assert path.read_text() == content
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("first")
    with pytest.raises(error), atomic_write(path) as written:  # noqa: PT012 - the error comes in the middle of it
        written.write_text("sec")
        raise error
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"table.csv": "first"}
    with pytest.raises(FileNotFoundError), atomic_write(path):  # a block that writes nothing
        pass
    assert path.read_text() == "first"


def test_two_processes_write_one_path_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    other = (
        f"from pathlib import Path; from mammo.io import atomic_write\nwith atomic_write(Path({str(path)!r})) as w: "
    )
    with atomic_write(path) as written:
        written.write_text("ours, begun")
        subprocess.run([sys.executable, "-c", other + "w.write_text('theirs')"], check=True, timeout=60)
        assert path.read_text() == "theirs"
        assert written.read_text() == "ours, begun"
    assert path.read_text() == "ours, begun"
    assert os.listdir(tmp_path) == ["table.csv"]


HOLDER = (
    "import sys, time; from pathlib import Path; from mammo.io import file_lock\n"
    "with file_lock(Path(sys.argv[1]), 'bread'):\n    print('held', flush=True)\n    time.sleep(float(sys.argv[2]))"
)


def holder(path: Path, seconds: float, script: str = HOLDER) -> subprocess.Popen[str]:
    """A process that holds the lock for this long."""
    root = Path(__file__).resolve().parents[1]
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path), str(seconds)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_lock_is_held_until_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_locked(path)
    assert not path.exists()
    child = holder(path, 60)
    assert is_locked(path)
    child.kill()
    child.wait()
    assert not is_locked(path)
    with file_lock(path, "bread"):
        assert is_locked(path)
    assert not is_locked(path)


def test_the_second_process_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = holder(tmp_path / "lock", 1.0)
    with file_lock(tmp_path / "lock", "bread"):
        assert child.wait() == 0
    assert capsys.readouterr().out == "bread: waiting for another process\n"


def test_a_process_that_must_not_wait_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = holder(tmp_path / "lock", 60)
    with (
        pytest.raises(MammoError, match=f"^bread: another process holds {tmp_path}/lock: wait until it has ended$"),
        file_lock(tmp_path / "lock", "bread", wait=False),
    ):
        pass
    child.kill()
    child.wait()
    with file_lock(tmp_path / "lock", "bread", wait=False):
        assert is_locked(tmp_path / "lock")
    assert capsys.readouterr().out == ""


def test_a_block_that_fails_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="burnt"), file_lock(tmp_path / "lock", "bread"):
        raise ValueError("burnt")
    assert not is_locked(tmp_path / "lock")


def test_probes_never_make_a_process_wait_or_see_one_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lock"
    path.touch()
    probing = (
        "import sys, time; from pathlib import Path; from mammo.io import is_locked\n"
        "path, end = Path(sys.argv[1]), time.monotonic() + 60\nprint('held', flush=True)\n"
        "while time.monotonic() < end:\n    is_locked(path)\n    time.sleep(0.001)"
    )
    children = [holder(path, 0, probing) for _ in range(2)]
    for _ in range(100):
        with file_lock(path, "bread", wait=False):
            pass
    seen = [is_locked(path) for _ in range(100)]
    for child in children:
        child.kill()
        child.wait()
    assert not any(seen)
    assert capsys.readouterr().out == ""


def test_a_waiting_process_takes_over_when_the_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = holder(path, 60)
    script = HOLDER.replace("print(", "assert is_locked(Path(sys.argv[1])); print(").replace("file_lock\n", "*\n")
    waiting = subprocess.Popen(
        [sys.executable, "-c", script, str(path), "60"],
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "bread: waiting for another process\n"
    first.kill()
    first.wait()
    assert waiting.stdout.readline() == "held\n"
    assert path.exists()
    assert is_locked(path)
    waiting.kill()
    waiting.wait()
    assert not is_locked(path)


def test_a_forked_child_neither_keeps_nor_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    forking = (
        "import os, sys, time; from pathlib import Path; from mammo.io import file_lock\n"
        "with file_lock(Path(sys.argv[1]), 'bread'):\n"
        "    ended, stays = os.fork(), 0\n"
        "    if ended:\n"
        "        os.waitpid(ended, 0)\n"  # leaves the block, and with it the lock, in its own way
        "        stays = os.fork()\n"
        "        if stays: print(stays, flush=True); print('held', flush=True)\n"
        "        time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[1]
    child = subprocess.Popen([sys.executable, "-c", forking, str(path)], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    try:
        assert child.stdout.readline() == "held\n"
        assert is_locked(path)
        child.kill()
        child.wait()
        os.kill(grandchild, 0)  # lives on
        assert not is_locked(path)
    finally:
        os.kill(grandchild, signal.SIGKILL)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_an_error(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_fd: int, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    message = f"{tmp_path}/lock: the file system cannot lock files .*{os.strerror(code)}.*: set root= to a folder on"
    with pytest.raises(MammoError, match=message), file_lock(tmp_path / "lock", "bread"):
        pass
    assert not is_locked(tmp_path / "lock")


def test_a_folder_that_cannot_be_written_is_not_taken_for_one_without_locks(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(IsADirectoryError), file_lock(tmp_path / "lock", "bread"):
        pass
    assert not is_locked(tmp_path / "lock")


def test_files_left_by_a_killed_process_are_removed(tmp_path: Path) -> None:
    for name in (f".table.csv.17{PARTIAL}", "table.csv", ".key"):
        (tmp_path / name).touch()
    remove_partials(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".key", "table.csv"]


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("runs/dmo/store", "runs/demo/store"),
        ("rnus/demo/store", "runs/demo/store"),
        ("runs/demo/sotre", "runs/demo/store"),
        ("runs/demo/scores", "runs/demo/scores.csv"),
        ("runs/demo/SCORES.CSV", "runs/demo/scores.csv"),
        ("runs/dmo/report", ""),
        ("runs/demo/anything", ""),
        ("elsewhere/demo/store", ""),
        ("runs/demo/store", ""),
    ],
)
def test_the_nearest_existing_path_is_suggested(
    typed: str, suggested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "demo" / "store").mkdir(parents=True)
    (tmp_path / "runs" / "demo" / "scores.csv").touch()
    monkeypatch.chdir(tmp_path)
    for start in (Path(), tmp_path):
        expected = f" (did you mean {start / suggested}?)" if suggested else ""
        assert did_you_mean_path(start / typed) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_a_folder_that_its_place_does_not_take_is_one_sentence(tmp_path: Path) -> None:
    """The system says that /proc/x does not exist, as of a file that the program has missed."""
    make_folder(tmp_path / "a" / "b", 0o700)
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    for path in (Path("/proc/x"), Path("/proc/x/y")):
        with pytest.raises(MammoError, match=f"{path} cannot be made, .*: name another"):
            make_folder(path)
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(OSError, match=str(path)):
            make_folder(path)
