"""Finished runs from elsewhere: nothing that their configurations, results or sweeps name is called or deleted."""

import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import mammo
from mammo.precompute import main as precompute_command
from mammo.report import main as report_command
from mammo.runs import main as runs_command
from mammo.score import main as score_command
from mammo.sweep import main as sweep_command
from mammo.train import main as train_command
from mammo.training.results import read_run
from mammo.training.run_files import read_result, write_result
from tests.hostile.configurations import PAYLOADS, PLACES, at, node
from tests.hostile.conftest import QUICK
from tests.hostile.effects import command_rejection, no_effects, rejection

FAST = 29
"""Every so many cases, one is a fast test; all of them run with the marker faults."""

CASES = [f"{target} as {place}" for target, place in itertools.product(PAYLOADS, PLACES)]
MORE: dict[str, Any] = {
    "allow_targets": {"allow_targets": ["os"], "model": {"_target_": "os.system", "command": "x"}},
    "interpolation": {"seed": "${oc.env:HOME}"},
    "interpolated target": {"model": {"_target_": "${oc.decode:os.system}"}},
    "resolver": {"a": "${hydra:runtime.cwd}"},
    "partial": {"callbacks": {"a": {"_target_": "os.mkdir", "_partial_": True, "path": "x"}}},
    "nested": {"model": {"loss": {"a": [{"b": {"_target_": "os.mkdir", "path": "x"}}]}}},
    "recursive": {"model": {"_recursive_": False, "_target_": "hydra.utils.call"}},
    "python tag": "!!python/object/apply:os.system ['x']",
    "python name": "model: !!python/name:os.system ''",
    "references": "a: &a [x, x]\nb: [*a, *a]",
    "deep": "a: " + "[" * 5000,
    "large": "# " + "x" * 2_000_000,
    "list": "- 1",
    "number": "7",
    "empty": "",
}


def sampled(names: list[str], every: int) -> list[Any]:
    """Names of cases, of which one in so many is a fast test."""
    return [pytest.param(name, marks=[pytest.mark.faults] if n % every else []) for n, name in enumerate(names)]


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with the values of another."""
    both = {
        key: merged(one[key], value)
        for key, value in other.items()
        if isinstance(value, dict) and isinstance(one.get(key), dict) and "_target_" not in value
    }
    return {**one, **other, **both}


def reconfigured(run: Path, content: Any) -> None:
    """Let the run have another configuration, with checksums as if it had always been there."""
    path = run / "config.yaml"
    if isinstance(content, dict):
        content = yaml.safe_dump(merged(yaml.safe_load(path.read_text()), content))
    path.write_text(content)
    result = read_result(run)
    write_result(run, {key: value for key, value in result.items() if key not in ("files", "stamps", "seal")})


def changed(run: Path, **facts: Any) -> None:
    """Let the run have another result."""
    write_result(run, read_result(run) | facts)


def of_readers(run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What each reader that builds networks of a run says."""
    root = run.parents[1]
    said = {
        "score": command_rejection(score_command, [f"root={root}", f"run={run}", "n_windows=2"], capsys),
        "precompute": command_rejection(precompute_command, [f"root={root}", "what=embeddings", f"run={run}"], capsys),
        "load": rejection(lambda: mammo.load(run)),
    }
    for name, command in (("report", report_command), ("runs", runs_command)):
        status = command([str(root)])
        printed = capsys.readouterr()
        assert status in (0, 2, 3), name
        assert "Traceback" not in printed.out + printed.err
    return said


def hostile(run: Path, case: str, canary: Path) -> None:
    """Let the run have the configuration of a case."""
    target, _, place = case.partition(" as ")
    reconfigured(run, MORE[case] if case in MORE else at(place, node(target, canary / "sprung")))


@pytest.mark.parametrize("case", sampled([*CASES, *MORE], FAST))
def test_nothing_in_the_configuration_of_a_run_is_called(case: str, run: Path, canary: Path) -> None:
    hostile(run, case, canary)
    with no_effects(canary):
        assert "config.yaml" in rejection(lambda: mammo.load(run))


@pytest.mark.parametrize("case", sampled([*CASES[::25], *MORE], FAST))
def test_by_no_command_either(case: str, run: Path, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile(run, case, canary)
    with no_effects(canary):
        said = of_readers(run, capsys)
    assert all("config.yaml" in text for text in said.values()), said


@pytest.mark.parametrize("case", ["os.mkdir as model", "numpy.save as callbacks.evil"])
def test_a_training_that_goes_on_in_its_folder_reads_nothing_of_its_old_configuration(
    case: str, run: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, place = case.split(" as ")
    reconfigured(run, at(place, node(target, canary / "sprung")))
    (run / "result.json").unlink()
    shutil.copy(run / "best.ckpt", run / "last.ckpt")
    with no_effects(canary):
        words = [f"root={run.parents[1]}", *QUICK, "seed=-1"]
        assert "seed=-1" in command_rejection(train_command, words, capsys)


OUTSIDE = ("../../../other/floc-x", "../../../../../../../../etc/passwd", "/etc/passwd", "../../..", "x/../../../..")


@pytest.mark.parametrize("network", ["floc", "context"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_a_run_reads_no_network_outside_its_root(path: str, network: str, run: Path) -> None:
    changed(run, reads={network: path})
    assert f"reads.{network}" in rejection(lambda: read_run(run))


def test_but_one_that_the_command_line_named(run: Path, tmp_path: Path) -> None:
    reconfigured(run, {"model": {"floc": str(tmp_path / "other" / "floc-x")}})
    changed(run, reads={"floc": "../../../other/floc-x"})
    assert read_run(run).reads == {"floc": "../../../other/floc-x"}
    changed(run, reads={"context": "../../../other/context-x"})
    assert "reads.context" in rejection(lambda: read_run(run))


def test_a_link_out_of_the_root_is_found(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (run.parent / "floc-link").symlink_to(tmp_path / "secret")
    changed(run, reads={"floc": "../floc-link"})
    assert "reads.floc" in rejection(lambda: read_run(run))


RESULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "files outside": lambda result: result["files"].update({"../../x": "0" * 64}),
    "file is a folder": lambda result: result["files"].update({"..": "0" * 64}),
    "files are a list": lambda result: result.update(files=[1]),
    "reads are a list": lambda result: result.update(reads=["floc"]),
    "reads are text": lambda result: result.update(reads="floc"),
    "digests are a list": lambda result: result.update(read_digests=[1]),
    "versions are a number": lambda result: result.update(versions=1),
    "stamps are text": lambda result: result.update(stamps={"best.ckpt": "x"}),
    "seed is infinite": lambda result: result.update(seed=float("inf")),
    "an AUC of text": lambda result: result.update(val_auc="\x1b[2J"),
    "unknown model": lambda result: result.update(model="<script>"),
    "another model": lambda result: result.update(model="context"),
    "name is a path": lambda result: result.update(name="../../x", scale="auto, to nan mm"),
}


@pytest.mark.parametrize("case", sampled(list(RESULTS), 5))
def test_a_hostile_result_is_one_sentence_for_every_reader(
    case: str, run: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = read_result(run)
    RESULTS[case](result)
    content = {key: value for key, value in result.items() if key != "seal"}
    (run / "result.json").write_text(json.dumps(content))
    with no_effects(canary):
        if case != "name is a path":
            of_readers(run, capsys)
        for command in (report_command, runs_command):
            assert command([str(run.parents[1])]) in (0, 2, 3)
            assert capsys.readouterr().err.replace("\n", "").isprintable()


STATES = {
    "state is text": "x",
    "state is deep": "[" * 100_000,
    "state is binary": "\x00\x1b[2J",
    "state is a list": json.dumps([["../../x"] * 3, 7, None]),
    "state has paths": json.dumps({"jobs": ["root=/etc"], "run": "../../../x", "0": {"error": "\x1b[2J"}}),
}


@pytest.mark.parametrize("case", STATES)
def test_the_files_of_a_hostile_sweep_are_one_sentence(
    case: str, run: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = run.parents[1]
    sweep = root / "sweeps" / "evil"
    (sweep / "jobs").mkdir(parents=True)
    for name in ("jobs.json", "sweep.json", "state.json", "0.json", "jobs/0.json", "0.overrides", "0.error", "0.run"):
        (sweep / name).write_text(STATES[case])
    with no_effects(canary):
        for words in (["status", str(root)], ["compare", "evil", str(root)]):
            assert sweep_command(words) in (0, 1, 2)  # 1: jobs are missing
            printed = capsys.readouterr()
            assert (printed.out + printed.err).replace("\n", "").isprintable()
            assert "Traceback" not in printed.err
        assert runs_command(["prune", str(root)]) in (0, 2, 3)
