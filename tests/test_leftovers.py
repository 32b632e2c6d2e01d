"""What killed processes leave is removed by the next one, and what living processes are at is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

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


def test_temporary_files_of_a_command_go_at_its_end_or_with_the_next_command(tmp_path: Path) -> None:
    living, made = start(COMMAND, "stay", folder=tmp_path)
    folder = Path(made).parent
    assert folder.name.startswith(TEMPORARY)
    assert folder.parent == tmp_path
    killed, _ = start(COMMAND, "stay", folder=tmp_path)
    kill(killed)
    assert len(list(tmp_path.iterdir())) == 2
    ended, _ = start(COMMAND, "end", folder=tmp_path)
    assert ended.wait() == 5
    assert list(tmp_path.iterdir()) == [folder]
    living.send_signal(signal.SIGTERM)
    assert living.wait() == 143
    assert not list(tmp_path.iterdir())
