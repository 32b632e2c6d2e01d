"""`python -m mammo NAME` runs every command, and an unknown name gets a suggestion."""

import subprocess
import sys
from pathlib import Path

import pytest

from mammo.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run python -m with these arguments at the root of the repository."""
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_command_is_listed() -> None:
    modules = {path.stem for path in (ROOT / "mammo").glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert set(COMMANDS) == modules - {"__main__"}


@pytest.mark.parametrize("arguments", [("compare", "--help"), ("split", "--cfg", "job")], ids=["argparse", "Hydra"])
def test_both_forms_of_a_command_are_the_same(arguments: tuple[str, ...]) -> None:
    name, *rest = arguments
    together, apart = run("mammo", name, *rest), run(f"mammo.{name}", *rest)
    assert (together.returncode, together.stdout) == (apart.returncode, apart.stdout)
    assert together.returncode == 0
    assert together.stdout


def test_help_lists_the_commands() -> None:
    done = run("mammo", "--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("name", "message"),
    [("trian", "did you mean train?"), ("xyz", "choose from phantom, ingest, split")],
)
def test_an_unknown_command_gets_a_suggestion(name: str, message: str) -> None:
    done = run("mammo", name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: unknown command {name!r}: {message}")
    assert done.stderr.count("\n") == 1
