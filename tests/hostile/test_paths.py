"""Paths in files of runs and sweeps that lead out of the root: nothing there is read as a run, changed or deleted."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from mammo.report import main as report_command
from mammo.runs import main as runs_command
from mammo.sweep import main as sweep_command
from mammo.training.run_files import read_result, write_result
from mammo.training.sweep_state import _digest
from tests.hostile.effects import checked_sentence

OUT = (
    "../../../outside/x",
    "/etc",
    "..",
    ".",
    "../..",
    "runs/..",
    "../runs",
    "runs/a\x00b",
    "runs",
    "x" * 100_000,
    "\udcff\udcfe",
)
"""What a job may say of its run, beside the names of a group and a folder."""

COMMANDS = {
    "runs": (runs_command, []),
    "prune": (runs_command, ["prune"]),
    "status": (sweep_command, ["status"]),
    "report": (report_command, []),
}


def digests(folder: Path) -> dict[str, str]:
    """The content of every file of a folder, with its links."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() or path.is_symlink())
    return {str(path): str(path.is_symlink()) + sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def outside(run: Path, tmp_path: Path) -> Path:
    """Another root, with a finished run that has everything that prune would delete, which the root's files name."""
    other = tmp_path / "outside"
    shutil.copytree(run, other / "floc-preact_resnet-s0-12345678")
    for name in ("last.ckpt", "embeddings/a.npz", "floc-x-12345678-1234567890abcdef/a.npz"):
        path = other / name if "floc" in name else other / "floc-preact_resnet-s0-12345678" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"precious")
    return other


def commands_say(root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What all commands that look through a root print, each checked."""
    said = ""
    for name, (command, words) in COMMANDS.items():
        more = ["--yes"] if name == "prune" else []
        status = command([*words, str(root), *more])
        printed = capsys.readouterr()
        assert status in (0, 1, 2, 3), name
        text = printed.out + printed.err
        assert "".join(text.split("\n")).isprintable(), name
        assert "Traceback" not in text, name
        said += text
    return said


def sweep_of(root: Path, recorded: str, name: str = "evil-12345678") -> Path:
    """A sweep of one job that records this as its run."""
    job = root / "sweeps" / name / "0"
    job.mkdir(parents=True)
    jobs = ("seed=0",)
    (job.parent / "jobs.json").write_text(f'{{"jobs": ["seed=0"], "sha256": "{_digest(jobs)}"}}')
    (job / "run").write_bytes(recorded.encode("utf-8", "surrogateescape"))
    return job.parent


@pytest.mark.parametrize("recorded", OUT, ids=range(len(OUT)))
def test_a_job_names_no_run_outside_its_root(
    recorded: str, run: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep_of(run.parents[1], recorded)
    before = digests(outside)
    assert sweep_command(["status", str(run.parents[1])]) == 1
    assert "0 done" in capsys.readouterr().out
    commands_say(run.parents[1], capsys)
    assert digests(outside) == before


def test_a_job_that_names_its_run_is_done(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep_of(run.parents[1], f"{run.parent.name}/{run.name}")
    assert sweep_command(["status", str(run.parents[1])]) == 0
    assert "1 done" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["99999999999999", "\u00b2", "evil\x1b[2J"])
def test_strange_names_of_jobs_and_sweeps_stand_for_nothing(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = sweep_of(run.parents[1], "x/y", f"{name}-12345678")
    (sweep / "jobs.json").write_text(f'{{"jobs": [], "sha256": "{_digest(())}"}}')
    (sweep / name).mkdir(exist_ok=True)
    commands_say(run.parents[1], capsys)


@pytest.mark.parametrize(
    "place", ["saliency", "runs-linked", "run/embeddings", "run/last.ckpt", "runs/floc-x-12345678"]
)
def test_nothing_is_deleted_through_a_link(
    place: str, run: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, there = run.parents[1], outside / "floc-preact_resnet-s0-12345678"
    links = {"saliency": outside, "runs-linked": outside, "run/embeddings": there / "embeddings"}
    links |= {"run/last.ckpt": there / "last.ckpt", "runs/floc-x-12345678": there}
    path = run / place.removeprefix("run/") if place.startswith("run/") else root / place
    path.symlink_to(links[place])
    before = digests(outside)
    commands_say(root, capsys)
    assert digests(outside) == before


def test_but_in_the_root_itself(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "last.ckpt").write_bytes(b"x")
    assert runs_command(["prune", str(run.parents[1]), "--yes"]) == 0
    assert not (run / "last.ckpt").exists()
    assert "last.ckpt" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["../../../outside/x", "/etc/passwd", "..", "\x1b[2J", "floc\x00"])
@pytest.mark.parametrize("key", ["files", "read_digests", "reads", "store", "name", "digest"])
def test_paths_in_results_are_not_followed(
    key: str, path: str, run: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = read_result(run)
    value = {path: "0" * 64} if key == "files" else {"floc": path} if key.startswith("read") else path
    write_result(run, {**{name: each for name, each in known.items() if name not in ("seal", "stamps")}, key: value})
    before = digests(outside)
    commands_say(run.parents[1], capsys)
    assert digests(outside) == before


@pytest.mark.parametrize(
    "content", [b'{"read_digests": {"floc": "../../outside"}}', b"[" * 100_000, b"\xff\xfe", b"7", b"null"]
)
def test_a_hostile_origin_frees_nothing_to_be_deleted(
    content: bytes, run: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "result.json").unlink()
    (run / "origin.json").write_bytes(content)
    kept = run.parents[1] / "saliency" / "context-x-12345678-1234567890abcdef"
    kept.mkdir(parents=True)
    before = digests(outside)
    commands_say(run.parents[1], capsys)
    assert digests(outside) == before
    assert kept.exists() == (not content.startswith(b"{"))


@pytest.mark.parametrize("group", ["../other", "/etc", "..", "a/b", "."])
def test_a_comparison_is_of_a_group_of_the_root(
    group: str, run: Path, outside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(outside)
    assert sweep_command(["compare", group, str(run.parents[1])]) == 2
    checked_sentence(capsys.readouterr().err.strip())
    assert digests(outside) == before
    assert not os.path.exists(run.parents[1] / "comparison")
