"""How the process of a command ends: quietly after `| head` and Ctrl-C, with its own status otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest

import mammo
from mammo import __version__
from mammo.cli import commands

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, reader: str = "cat") -> tuple[int, str, str]:
    """Run code whose output goes to another program: its exit status, what that printed, and standard error."""
    code = f"import sys\nfrom mammo.cli.commands import run\n{code}"
    writer = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    read = subprocess.run(["sh", "-c", reader], stdin=writer.stdout, capture_output=True, text=True, check=False)
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    error = writer.stderr.read()
    return writer.wait(), read.stdout, error


LINES = "def main():\n    for number in range(100000):\n        print(number)\n    return 3\nrun(main)"


def test_head_ends_a_command_quietly_with_the_status_of_a_broken_pipe() -> None:
    assert python(LINES, "head -n 2") == (commands.READER_GONE, "0\n1\n", "")


def test_a_short_output_ends_quietly_too() -> None:
    late = "import time\ndef main():\n    print('x')\n    time.sleep(0.5)\nrun(main)"
    assert python(late, "exec <&-") == (commands.READER_GONE, "", "")


def test_a_whole_output_keeps_the_status() -> None:
    status, printed, error = python(LINES)
    assert (status, printed.count("\n"), error) == (3, 100000, "")


def test_a_broken_pipe_of_the_programs_own_is_a_defect() -> None:
    status, _, error = python("def main():\n    raise BrokenPipeError('a worker')\nrun(main)")
    assert status == 1
    assert "BrokenPipeError: a worker" in error


@pytest.mark.parametrize(
    ("ending", "status"),
    [("return None", 0), ("return 2", 2), ("sys.exit(3)", 3), ("sys.exit()", 0)],
)
def test_a_command_keeps_its_status(ending: str, status: int) -> None:
    assert python(f"def main():\n    {ending}\nrun(main)") == (status, "", "")


@pytest.mark.parametrize(
    ("name", "status", "said"), [("SIGINT", 130, "interrupted\n"), ("SIGTERM", 143, "terminated\n")]
)
def test_a_signal_ends_a_command_with_its_status_after_what_it_cleans_up(name: str, status: int, said: str) -> None:
    work = (
        "import os, signal\ndef main():\n    try:\n"
        f"        os.kill(os.getpid(), signal.{name})\n    finally:\n        print('cleaned up')\nrun(main)"
    )
    assert python(work) == (status, "cleaned up\n", said)


@pytest.mark.parametrize("ending", ["raise RuntimeError('later')", "return 0", "raise OSError(28, 'full', 'x')"])
def test_a_signal_that_a_library_turns_into_something_else_keeps_its_status(ending: str) -> None:
    work = (
        "import os, signal\ndef main():\n    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        f"    except BaseException:\n        {ending}\nrun(main)"
    )
    assert python(work) == (143, "", "terminated\n")


def test_a_signal_where_python_drops_errors_ends_the_command() -> None:
    work = (
        "import os, signal, time\nclass Dropped:\n"
        "    def __del__(self):\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "def main():\n    try:\n        dropped = Dropped()\n        del dropped\n        time.sleep(60)\n"
        "    finally:\n        print('cleaned up')\nrun(main)"
    )
    assert python(work) == (143, "cleaned up\n", "terminated\n")


def test_a_signal_after_the_end_leaves_no_traceback() -> None:
    late = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)\nrun(lambda: 0)"
    assert python(late) == (130, "", "")


def test_a_command_of_the_background_ignores_ctrl_c() -> None:
    work = (
        "import os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "def main():\n    os.kill(os.getpid(), signal.SIGINT)\n    return 3\nrun(main)"
    )
    assert python(work) == (3, "", "")


@pytest.mark.parametrize("words", [["mammo"], ["mammo", "train"], ["mammo.compare"], ["mammo.score", "run=best"]])
def test_the_version_is_that_of_mammo(words: list[str]) -> None:
    command = [sys.executable, "-m", *words, "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mammo {__version__}\n", "")


def test_windows_is_answered_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (commands, mammo):
        monkeypatch.setattr(module, "system", lambda: "Windows")
    with pytest.raises(SystemExit, match="error: mammo runs on Linux and macOS: on Windows, run it in WSL"):
        commands.run(lambda: 0)
    with pytest.raises(ImportError, match="WSL"):
        mammo.load  # noqa: B018
