"""What killed processes leave is removed by the next one, and what living processes are at is not."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mammo.io import atomic_write
from mammo.leftovers import TEMPORARY

WRITER = """
import sys, time
from pathlib import Path
from mammo.io import atomic_write
with atomic_write(Path(sys.argv[1])) as written:
    written.write_text("half")
    print("at it", flush=True)
    time.sleep(60)
"""
COMMAND = """
import sys, time
from pathlib import Path
from tempfile import mkdtemp
from mammo.cli.commands import run
def main():
    print(mkdtemp(), flush=True)
    if sys.argv[1] == "stay":
        time.sleep(60)
    raise SystemExit(5)
run(main)
"""


def start(program: str, *words: str, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a program with its temporary files in a folder; the process, and the first line that it prints."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()


def in_fork(path: Path) -> None:
    """Write a file in a process of its own."""
    if (pid := os.fork()) == 0:
        with atomic_write(path) as written:
            written.write_text("whole")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_half_written_file_goes_once_its_writer_is_dead(tmp_path: Path) -> None:
    writer, _ = start(WRITER, str(tmp_path / "a.csv"), folder=tmp_path)
    in_fork(tmp_path / "b.csv")
    assert len(list(tmp_path.glob(".a.csv.*.partial"))) == 1
    kill(writer)
    in_fork(tmp_path / "c.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.csv", "c.csv"]


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: that of a socket below it may have 107 characters."""
    with TemporaryDirectory(prefix="m") as name:
        yield Path(name)


def test_temporary_files_of_a_command_go_at_its_end_or_with_the_next_command(short: Path) -> None:
    living, made = start(COMMAND, "stay", folder=short)
    folder = Path(made).parent
    assert folder.name.startswith(TEMPORARY)
    assert folder.parent == short
    killed, _ = start(COMMAND, "stay", folder=short)
    kill(killed)
    assert len(list(short.iterdir())) == 2
    ended, _ = start(COMMAND, "end", folder=short)
    assert ended.wait() == 5
    assert list(short.iterdir()) == [folder]
    living.send_signal(signal.SIGTERM)
    assert living.wait() == 143
    assert not list(short.iterdir())


def test_a_command_with_processes_of_its_own_ends_without_a_word(short: Path) -> None:
    """multiprocessing has a folder among the temporary files, which it removes itself at the end."""
    command = short / "command.py"
    command.write_text(
        "from multiprocessing import get_context\n"
        "from mammo.cli.commands import run\n"
        "def main():\n"
        "    process = get_context('forkserver').Process(target=print, args=('child',))\n"
        "    process.start()\n"
        "    process.join()\n"
        "if __name__ == '__main__':\n"
        "    run(main)\n"
    )
    words, environment = [sys.executable, str(command)], os.environ | {"TMPDIR": str(short)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "child\n", "")
    assert list(short.iterdir()) == [command]


def test_a_full_disk_leaves_a_command_its_temporary_folder(short: Path) -> None:
    """Python's own search for a folder fails where it cannot write a file; a command may need none, or name its own."""
    words, environment = [sys.executable, "-c", COMMAND, "end"], os.environ | {"TMPDIR": str(short)}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (0, 0))
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False, preexec_fn=limit)
    assert (done.returncode, done.stderr) == (5, "")
    assert Path(done.stdout.strip()).parent.parent == short
    assert not list(short.iterdir())


def test_a_long_path_of_temporary_files_stays_as_it_is(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    _, made = start(COMMAND, "end", folder=long)
    assert Path(made).parent == long
