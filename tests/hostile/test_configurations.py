"""Hostile configurations: nothing that they name is called, and each is rejected with one sentence."""

import itertools
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from mammo.ingest import main as ingest_command
from mammo.precompute import main as precompute_command
from mammo.score import main as score_command
from mammo.split import main as split_command
from mammo.train import main as train_command
from tests.hostile.configurations import PAYLOADS, PLACES, at, filled, node, of_hydra
from tests.hostile.effects import command_rejection, no_effects

CASES = [f"{target} as {place}" for target, place in itertools.product(PAYLOADS, PLACES)]
HYDRA = [name for name, _ in of_hydra(Path("x"))]


@pytest.fixture(autouse=True)
def permissive_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment asks Hydra to build anything."""
    monkeypatch.setenv("HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE", "*")


def stranger(folder: Path, content: dict[str, Any]) -> list[str]:
    """The words that choose a configuration of a folder that comes from someone else."""
    (folder / "conf" / "experiment").mkdir(parents=True)
    text = "# @package _global_\n" + yaml.safe_dump(content)
    (folder / "conf" / "experiment" / "evil.yaml").write_text(text)
    return [f"--config-dir={folder / 'conf'}", "experiment=evil"]


def sampled(names: list[str], every: int) -> list[Any]:
    """Names of cases, of which one in so many is a fast test."""
    return [pytest.param(name, marks=[pytest.mark.faults] if n % every else []) for n, name in enumerate(names)]


@pytest.mark.parametrize("case", sampled(CASES, 23))
def test_a_stranger_s_file_names_nothing_that_is_called(
    case: str, small_root: Path, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, place = case.split(" as ")
    content = at(place, node(target, canary / "sprung"))
    words = [*stranger(tmp_path, content), f"root={small_root}", "model=floc", "backbone=small"]
    with no_effects(canary):
        message = command_rejection(train_command, words, capsys)
        assert place.split(".")[0] in message
        if place not in ("hydra.launcher", "hydra.sweeper"):  # whose arguments Hydra itself knows and names first
            assert target in message


@pytest.mark.parametrize("case", sampled(HYDRA, 4))
@pytest.mark.parametrize("multirun", [False, True])
def test_hydra_s_own_part_builds_and_sets_nothing_from_a_file(
    case: str, multirun: bool, small_root: Path, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"hydra": dict(of_hydra(canary / "sprung"))[case]}
    words = [*stranger(tmp_path, content), f"root={small_root}", "model=floc", "backbone=small"]
    with no_effects(canary):
        message = command_rejection(train_command, [*words, *(["seed=0,1", "--multirun"] if multirun else [])], capsys)
        assert "hydra." in message


LOGGERS = "pytorch_lightning.loggers"
WRITERS: dict[str, dict[str, Any]] = {
    "logger.csv": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "{file}", "version": ""},
    "logger.tensorboard": {"_target_": f"{LOGGERS}.TensorBoardLogger", "save_dir": "{file}"},
    "logger.first": {"_target_": f"{LOGGERS}.CSVLogger", "_args_": ["{file}"]},
    "logger.here": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": ".", "name": "x"},
    "logger.version": {"_target_": f"{LOGGERS}.CSVLogger", "name": "x", "version": "../../../../x"},
    "logger.absolute": {"_target_": f"{LOGGERS}.CSVLogger", "name": "{file}"},
    "logger.home": {"_target_": f"{LOGGERS}.TensorBoardLogger", "name": "~/x"},
    "logger.variable": {"_target_": f"{LOGGERS}.TensorBoardLogger", "sub_dir": "$HOME"},
    "logger.flow": {"_target_": f"{LOGGERS}.MLFlowLogger", "tracking_uri": "http://127.0.0.1:9/x"},
    "logger.wandb": {"_target_": "mammo.training.wandb_logging.PrivateWandbLogger", "project": "x", "offline": False},
    "logger.later": {"_target_": "mammo.training.wandb_logging.PrivateWandbLogger", "offline": "${{oc.env:X,false}}"},
    "callbacks.more": {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", "dirpath": "{file}"},
    "callbacks.named": {"_target_": "pytorch_lightning.callbacks.ModelCheckpoint", "filename": "../../../x"},
    "trainer.profiler": {
        "_target_": "pytorch_lightning.profilers.SimpleProfiler",
        "dirpath": "{file}",
        "filename": "x",
    },
}
"""Classes of libraries that may be named, with arguments by which they would write elsewhere or use the network."""


@pytest.mark.parametrize("key", sampled(list(WRITERS), 5))
def test_a_stranger_s_file_lets_no_class_write_outside_the_run(
    key: str, small_root: Path, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = at(key, filled(WRITERS[key], canary / "sprung"))
    words = [*stranger(tmp_path, content), f"root={tmp_path / 'root'}", f"store={small_root / 'store'}"]
    with no_effects(canary):
        message = command_rejection(train_command, [*words, "model=floc", "backbone=small", "trainer=cpu"], capsys)
    assert message.startswith(f"error: {key}")
    assert "its own folder" in message or "only the command line may send" in message


def test_a_stranger_s_file_replaces_no_store(
    small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf, root = tmp_path / "conf", shutil.copytree(small_root, tmp_path / "root")
    (conf / "data").mkdir(parents=True)
    (conf / "data" / "evil.yaml").write_text("# @package _global_\ndefaults: [phantom@data, _self_]\noverwrite: true\n")
    before = {path: path.read_bytes() for path in (root / "store").glob("*.parquet")}
    message = command_rejection(ingest_command, [f"--config-dir={conf}", "data=evil", f"root={root}"], capsys)
    assert message.startswith("error: overwrite=true comes from a file, but only the command line may set it")
    assert before == {path: path.read_bytes() for path in (root / "store").glob("*.parquet")}


def test_a_hostile_choice_among_those_of_a_sweep_is_found(
    small_root: Path, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"hydra": dict(of_hydra(canary / "sprung"))["job_logging factory"]}
    words = stranger(tmp_path, content)
    (tmp_path / "conf" / "experiment" / "good.yaml").write_text("# @package _global_\nbatch_size: 3\n")
    swept = [words[0], f"root={small_root}", "experiment=good,evil", "model=floc", "backbone=small", "--multirun"]
    with no_effects(canary):
        assert "hydra.job_logging" in command_rejection(train_command, swept, capsys)


@pytest.mark.parametrize("command", [ingest_command, score_command])
def test_other_commands_reject_it_too(
    command: Any, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = {"_target_": "os.mkdir", "path": str(canary / "sprung")}
    words = [f"root={tmp_path / 'root'}", f"+hydra.callbacks.a={{_target_: os.mkdir, path: '{callback['path']}'}}"]
    with no_effects(canary):
        assert "hydra.callbacks.a" in command_rejection(command, words, capsys)
    assert not (tmp_path / "root").exists()


BOMBS = {
    "references": "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    + "".join(f"{two}: &{two} [{', '.join(['*' + one] * 9)}]\n" for one, two in itertools.pairwise("abcdefghi")),
    "depth": "a: " + "[" * 5000 + "]" * 5000,
    "maps": "".join(f"{' ' * n}a:\n" for n in range(1200)),
    "values": "a: [" + "1, " * 300_000 + "1]",
    "size": "# " + "x" * 5_000_000,
    "searchpath": "hydra: {searchpath: ['file:///etc']}",
}


@pytest.mark.parametrize("command", [train_command, ingest_command, score_command, precompute_command, split_command])
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("place", ["experiment", "primary", "searchpath"])
def test_a_small_file_that_stands_for_much_ends_a_command_at_once(
    bomb: str, place: str, command: Any, small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    file = tmp_path / "conf" / ("evil.yaml" if place == "primary" else "experiment/evil.yaml")
    file.write_text(BOMBS[bomb])
    words = [f"root={small_root}", *(["--config-name=evil"] if place == "primary" else ["experiment=evil"])]
    folder = f"{tmp_path / 'conf'}"
    words += [f"hydra.searchpath=[file://{folder}]"] if place == "searchpath" else [f"--config-dir={folder}"]
    started = time.process_time()
    assert "evil.yaml" in command_rejection(command, words, capsys)
    assert time.process_time() - started < 10


CHAIN = [f"a{number}" for number in range(30)]
DOUBLED = {
    "texts": "${%s}${%s}",
    "lists": "['${%s}', '${%s}']",
    "maps": "{x: '${%s}', y: '${%s}'}",
    "selections": "${oc.select:%s}${oc.select:%s}",
    "parts": "${.%s}${%s}",
    "decoded": "'${oc.decode:$\\{%s\\}$\\{%s\\}}'",
}
"""How each value of a chain holds the next one twice, so that the first stands for 2 ** 29 values."""

STARTS = ("group", "seed", "trainer.max_epochs", "hydra.job.name", "unread")
"""Keys that hold the first value: of the command, of its classes, one that Hydra needs while it composes, and none."""

DOUBLINGS = [
    f"{form} {place} {start}" for form in DOUBLED for place in ("experiment", "primary", "other") for start in STARTS
]


@pytest.mark.parametrize("case", sampled(DOUBLINGS, 13))
def test_values_that_double_from_line_to_line_end_a_command_at_once(
    case: str, small_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form, place, start = case.split()
    lines = [f"{one}: {DOUBLED[form] % (two, two)}" for one, two in itertools.pairwise(CHAIN)]
    lines += [f"{CHAIN[-1]}: 1", yaml.safe_dump(at(start, "${a0}"))]
    lines += ["defaults: [/other/half, _self_]"] if place == "other" else []
    half = 15 if place == "other" else 0  # half of the chain is in a file of its own
    for name, part in (("other/half", lines[:half]), ("evil" if place == "primary" else "experiment/evil", lines)):
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(["# @package _global_", *part[half if part is lines else 0 :]]))
    words = [f"--config-dir={tmp_path}", f"root={small_root}"]
    words += ["--config-name=evil"] if place == "primary" else ["experiment=evil", "model=floc", "backbone=small"]
    for more in ([], ["--help"]):
        started = time.process_time()
        message = command_rejection(train_command, [*words, *more], capsys)
        assert re.search(r"(evil|half)\.yaml stands for more than 10,000 values", message)
        assert time.process_time() - started < 1


@pytest.mark.parametrize("option", ["--experimental-rerun=x.pickle", "--config-path=/tmp"])
def test_options_that_bypass_the_checks_are_rejected(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not supported" in command_rejection(train_command, [option, "model=floc"], capsys)


@pytest.mark.parametrize(
    "words",
    [
        ["hydra/launcher=joblib"],
        ["hydra/launcher=submitit_local"],
        ["hydra/launcher=v100", "hydra.launcher.setup=[module load cuda]"],
        ["+hydra.job.env_set.A=b"],
        ["experiment=table3"],
        [],
    ],
)
def test_the_user_s_own_words_may(words: list[str], small_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = command_rejection(train_command, [f"root={small_root}", "seed=-1", *words], capsys)
    assert message.startswith("error: seed=-1")  # the only thing that is wrong
