"""`python -m mammo NAME` runs every command, answers at once, and suggests the nearest name for an unknown one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mammo.cli.arguments import WIDTH
from mammo.cli.commands import COMMANDS
from mammo.cli.keys import KEYS

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


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_commands_are_listed_with_one_line_each(arguments: tuple[str, ...]) -> None:
    done = run("mammo", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for name, text in COMMANDS.items():
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"  {name} ")]
        assert [line.split(maxsplit=1)[1] for line in lines] == [text]


HEAVY = ("torch", "pytorch_lightning", "albumentations", "pandas", "matplotlib", "pydicom", "timm", "scipy", "cv2")
"""Modules whose import takes longer than a user should wait for help or for an error."""


@dataclass(frozen=True)
class Answer:
    """Exit status and output of a command line, and those of HEAVY that were imported by then."""

    status: int
    out: str
    err: str
    loaded: list[str]


def answers(lines: Iterable[str], folder: Path = ROOT) -> Iterator[tuple[str, Answer]]:
    """Each command line and its answer; all run in one other process, in their order."""
    typed = list(lines)
    command = [sys.executable, "-c", ONE_PROCESS, *typed]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]), "COLUMNS": "100"}
    done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=True)
    yield from zip(typed, (Answer(**answer) for answer in json.loads(done.stdout)), strict=True)


ONE_PROCESS = f"""
import contextlib, io, json, shlex, sys
from mammo.__main__ import main
answers = []
for line in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv = ["mammo", *shlex.split(line)]
        try:
            main()
        except SystemExit as stop:
            status = stop.code or 0
    loaded = [name for name in {HEAVY} if name in sys.modules]
    answers.append(dict(status=status, out=out.getvalue(), err=err.getvalue(), loaded=loaded))
print(json.dumps(answers))
"""


def test_help_is_shown_before_heavy_imports() -> None:
    inner = ("sweep compare", "weights import-gmic")
    for line, answer in answers(f"{words} --help" for words in (*COMMANDS, *inner)):
        assert (answer.status, answer.err, answer.loaded) == (0, "", []), line
        assert answer.out.startswith(f"usage: mammo {line.removesuffix(' --help')}")
        assert max(map(len, answer.out.splitlines())) <= WIDTH, line
        assert line.startswith(inner) or len(re.findall(rf"\n  mammo {line.split()[0]}\b", answer.out)) >= 2


def test_a_wrong_word_is_answered_in_one_sentence_before_heavy_imports() -> None:
    lines = [f"{name} {word}" for name in COMMANDS for word in ("nosuchkey=1" if name in KEYS else "--none", "--nohow")]
    for line, answer in answers(lines):
        assert (answer.status, answer.out, answer.err.count("\n"), answer.loaded) == (2, "", 1, []), line
        assert answer.err.startswith("error: ")
        assert "--help" in answer.err


MISSPELLED = {
    "split root=runs/dmo": "no store at runs/dmo/store (did you mean runs/demo/store?)",
    "train root=runs/dmo": "no store at runs/dmo/store (did you mean runs/demo/store?)",
    "score root=runs/dmo": "no store at runs/dmo/store (did you mean runs/demo/store?)",
    "precompute what=saliency root=runs/dmo": "no store at runs/dmo/store (did you mean runs/demo/store?)",
    "verify runs/dmo": "no store at runs/dmo (did you mean runs/demo?)",
    "verify runs/demo/stor": "no store at runs/demo/stor (did you mean runs/demo/store?)",
    "report runs/dmo": "runs/dmo does not exist (did you mean runs/demo?)",
    "sweep status runs/dmo": "runs/dmo does not exist (did you mean runs/demo?)",
    "compare scores.cvs": "scores.cvs does not exist (did you mean scores.csv?)",
    "weights import-gmic modle.p x.ckpt": "modle.p does not exist (did you mean model.p?)",
    "compare a.csv --jsno": "--jsno is not an argument of this command (did you mean --json?)",
    "sweep compare table3 --no": "--no is not an argument of this command; mammo sweep --help explains",
    "benchmark patchs": "NAME 'patchs' does not exist (did you mean patches?)",
    "sweep statsu": "'statsu' does not exist (did you mean status?)",
    "train --multirn seed=0,1": "--multirn is not an option of this command (did you mean --multirun?)",
    "train --config-dir rnus model=floc": "--config-dir rnus does not exist (did you mean runs?)",
    "train --cfg jbo": "invalid choice: 'jbo'",
    "train sed=1": "sed is not a key of this command's configuration (did you mean seed?)",
    "ingest data=tabel root=x": "data/tabel does not exist (did you mean table?)",
}


def test_a_misspelled_word_or_place_gets_a_suggestion_before_heavy_imports(tmp_path: Path) -> None:
    (tmp_path / "runs" / "demo" / "store").mkdir(parents=True)
    for file in ("runs/demo/store/store.json", "scores.csv", "model.p", "a.csv"):
        (tmp_path / file).touch()
    for line, answer in answers(MISSPELLED, tmp_path):
        assert (answer.status, answer.out, answer.err.count("\n"), answer.loaded) == (2, "", 1, []), line
        assert answer.err.startswith("error: ")
        assert MISSPELLED[line] in answer.err


def test_the_root_of_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAMMO_ROOT", "runs/mine")
    for _, answer in answers(["report", "verify", "sweep status", "split", "score", "train"]):
        assert answer.status == 2
        assert "runs/mine" in answer.err
