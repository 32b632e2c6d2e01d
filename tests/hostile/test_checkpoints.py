"""Hostile checkpoints: every reader rejects each with one sentence, and nothing else happens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import mammo
from mammo.bundle import main as bundle_command
from mammo.models.context_network import ContextNetwork
from mammo.models.fagg import FAgg
from mammo.models.floc import FLoc
from mammo.models.weight_files import read_weights
from mammo.report import main as report_command
from mammo.runs import main as runs_command
from mammo.score import main as score_command
from mammo.train import main as train_command
from mammo.training.checkpoints import RunCheckpoint, last_checkpoint
from mammo.training.resume import start_from
from mammo.training.run_files import write_result
from mammo.training.trained_networks import load_context_network, load_network
from mammo.weights import main as weights_command
from tests.hostile.checkpoints import BACKBONE, FRAME, SIZES, archives, arguments, checkpoint, contents, pickles
from tests.hostile.conftest import QUICK
from tests.hostile.effects import command_rejection, ends_within, no_effects, rejection
from tests.hostile.tables import arrays

pytestmark = [  # older formats, written on purpose
    pytest.mark.filterwarnings("ignore:Detected pickle protocol"),
    pytest.mark.filterwarnings("ignore:TypedStorage is deprecated"),
]
PICKLES, ARCHIVES, CONTENTS, ARGUMENTS = pickles(), archives(), contents(), arguments()
WHOLE = {"optimizer_states": [{}], "loops": {}, "callbacks": {"a": {}}, "epoch": 0}
TRAININGS = {
    "no epoch": {key: WHOLE[key] for key in ("optimizer_states", "loops", "callbacks")},
    "no callbacks": {key: WHOLE[key] for key in ("optimizer_states", "loops", "epoch")},
    "epoch is text": WHOLE | {"epoch": "x"},
    "epoch is huge": WHOLE | {"epoch": 10**30},
    "loops are a number": WHOLE | {"loops": 7},
    "callbacks are a list": WHOLE | {"callbacks": [{}]},
    "the state of a callback is a list": WHOLE | {"callbacks": {"a": {}, "b": [1, 2]}},
    "optimizers are a number": WHOLE | {"optimizer_states": 3},
    "the state of an optimizer is text": WHOLE | {"optimizer_states": ["x"]},
}
"""States of a training that none could have written, beside fitting weights."""

FAST = 7
"""Every so many cases, one is a fast test; all of them run with the marker faults."""

NETWORKS = {"context": ContextNetwork, "floc": FLoc, "fagg": FAgg}


def sampled(cases: dict[str, Any]) -> list[Any]:
    """The names of cases, of which most are left to `make test-faults`."""
    return [pytest.param(name, marks=[pytest.mark.faults] if n % FAST else []) for n, name in enumerate(cases)]


@pytest.fixture(autouse=True)
def unsafe_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment asks torch to run the code of pickles."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")


def replaced(run: Path, make: Callable[[Path], None]) -> Path:
    """The run with another best.ckpt, and with checksums as if it had always been there."""
    make(run / "best.ckpt")
    result = json.loads((run / "result.json").read_text())
    write_result(run, {key: value for key, value in result.items() if key not in ("files", "stamps", "seal")})
    return run


def configured(run: Path, cls: type) -> None:
    """Let the configuration of the run name another network."""
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("mammo.models.floc.FLoc", f"{cls.__module__}.{cls.__name__}"))


@pytest.mark.parametrize("name", sampled(PICKLES | ARCHIVES))
def test_a_file_with_code_or_hidden_sizes_is_rejected(name: str, tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "w.ckpt"
    (PICKLES | ARCHIVES)[name](path, canary)
    with no_effects(canary):
        for use in (read_weights, load_context_network):
            assert str(path) in rejection(lambda use=use: use(path))  # type: ignore[misc]


@pytest.mark.parametrize("name", sampled(CONTENTS))
def test_a_file_that_is_not_a_network_is_rejected(name: str, tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "w.ckpt"
    torch.save(CONTENTS[name], path)
    with no_effects(canary):
        assert str(path) in rejection(lambda: load_context_network(path))


@pytest.mark.parametrize("name", sampled(CONTENTS | TRAININGS))
def test_a_training_starts_from_none_of_them(name: str, tmp_path: Path, canary: Path) -> None:
    path, network = tmp_path / "w.ckpt", FLoc(BACKBONE, 1e-5)
    content = (CONTENTS | TRAININGS)[name]
    torch.save(content | {"state_dict": network.state_dict()} if name in TRAININGS else content, path)
    with no_effects(canary):
        assert str(path) in rejection(lambda: start_from(path, network, 5))
        if name in TRAININGS:  # in place of last.ckpt it is as good as none
            assert last_checkpoint(path.rename(tmp_path / "last.ckpt").parent)[0] is None or name == "epoch is huge"
        else:
            assert str(path) in rejection(lambda: ContextNetwork(SIZES, FRAME, 1e-5, global_trunk=str(path)))


@pytest.mark.parametrize("name", sampled(ARGUMENTS))
def test_arguments_are_checked_before_anything_is_built(name: str, run: Path, canary: Path) -> None:
    cls = NETWORKS[name.split()[0]]
    content = checkpoint({"a": torch.zeros(10)}) | {"hyper_parameters": ARGUMENTS[name]}
    configured(run, cls)
    replaced(run, lambda path: torch.save(content, path))
    with no_effects(canary):
        assert "best.ckpt" in rejection(lambda: load_network(run, cls, ()))


EACH = ("Path.touch zip",)
"""The case that is a fast test of every command."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in EACH else [pytest.mark.faults]) for name in PICKLES | ARCHIVES]
)
def test_every_command_that_reads_a_checkpoint_rejects_it(
    name: str, run: Path, canary: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make = (PICKLES | ARCHIVES)[name]
    root, hostile = run.parents[1], tmp_path / "w.ckpt"
    make(hostile, canary)
    with no_effects(canary):
        replaced(run, lambda path: make(path, canary))
        for command in (report_command, runs_command):
            assert command([str(root)]) in (0, 2, 3)
            assert capsys.readouterr().err.replace("\n", "").isprintable()
        words = [str(run), "-o", str(tmp_path / "x.bundle"), "--sensitivity-lesions", "0"]
        command_rejection(lambda: bundle_command(words), [], capsys)
        command_rejection(score_command, [f"root={root}", f"run={run}", "n_windows=2"], capsys)
        command_rejection(train_command, [f"root={root}", *QUICK, "seed=1", f"ckpt_path={hostile}"], capsys)
        for words in (["import-gmic", str(hostile), "x.ckpt"], ["export-gmic", str(hostile), "x.p"]):
            command_rejection(lambda words=words: weights_command(words), [], capsys)  # type: ignore[misc]
        rejection(lambda: mammo.load(run))
        make(run / "last.ckpt", canary)
        assert last_checkpoint(run)[0] is None  # as of a training that was never begun


STARTS = {
    "floc": ("model=floc", "backbone=timm", "backbone.name=resnet18.tv_in1k", "backbone.init=imagenet"),
    "context": ("model=context", "gmic.local_init=imagenet", "gmic.local_weights=resnet18.tv_in1k"),
}
"""Networks that start from weights in a file, and the words that choose them."""

KEY = {"floc": "backbone.pretrained_file", "context": "gmic.local_pretrained_file"}
FILES = [*PICKLES, *ARCHIVES, *CONTENTS, "zip bomb.npz", "objects.npz", "header.safetensors", "pickle.safetensors"]
FAST_FILES = ("os.system zip floc", "key of shared tuples context")


def weights_of_case(name: str, folder: Path, canary: Path) -> Path:
    """A file of weights that was made to harm."""
    path = folder / (name if name.endswith((".npz", ".safetensors")) else "w.pth")
    if name in PICKLES | ARCHIVES:
        (PICKLES | ARCHIVES)[name](path, canary)
    elif name in CONTENTS:
        torch.save(CONTENTS[name], path)
    elif name.endswith(".npz"):
        arrays()["zeros .npz" if name.startswith("zip") else "objects .npz"](path)
    else:
        PICKLES["os.system zip"](path, canary)
        path.write_bytes((2**40).to_bytes(8, "little") + b"{}" if name.startswith("header") else path.read_bytes())
    return path


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(f"{name} {model}", marks=[] if f"{name} {model}" in FAST_FILES else [pytest.mark.faults])
        for number, name in enumerate(FILES)
        for model in list(STARTS)[number % 2 :]
    ],
)
def test_a_training_starts_from_no_hostile_file_of_weights(
    case: str, floc_root: Path, tmp_path: Path, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, _, model = case.rpartition(" ")
    path = weights_of_case(name, tmp_path, canary)
    words = [f"root={tmp_path / 'root'}", f"store={floc_root / 'store'}", *STARTS[model], f"{KEY[model]}={path}"]
    with no_effects(canary), ends_within(60):
        said = command_rejection(train_command, [*words, "trainer=cpu", "torch.threads=1"], capsys)
    assert path.name in said


def test_the_run_of_these_tests_is_read_where_its_checkpoint_is_unchanged(run: Path, canary: Path) -> None:
    with no_effects(canary):
        assert isinstance(load_network(run, FLoc, ()), FLoc)


def test_a_checkpoint_of_another_frame_than_its_configuration_is_rejected(run: Path) -> None:
    network = FAgg(["loc"], {"height": 368, "width": 240, "cell_px": 16}, 1e-4)
    content = checkpoint(network.state_dict()) | {"hyper_parameters": dict(network.hparams)}
    configured(run, FAgg)
    replaced(run, lambda path: torch.save(content, path))
    assert "another one" in rejection(lambda: load_network(run, FAgg, ()))


@pytest.mark.parametrize("name", ["../precious.ckpt", "/precious.ckpt", "result.json", "a/../../precious.ckpt", ".."])
@pytest.mark.parametrize("key", ["kth_best_model_path", "best_model_path", "last_model_path", "best_k_models"])
def test_a_checkpoint_cannot_name_files_that_a_training_would_delete(name: str, key: str, tmp_path: Path) -> None:
    own = RunCheckpoint(tmp_path, monitor="val_auc", mode="max")
    state: dict[str, Any] = own.state_dict() | {"best_model_score": torch.tensor(0.9)}
    own.load_state_dict(state | {key: {name: torch.tensor(0.9)} if key == "best_k_models" else name})
    assert own.best_model_path == own.kth_best_model_path == own.last_model_path == ""
    assert own.best_k_models == {}


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"epoch": 1, "step": 9, "val_auc": float("nan")}, True),
        ({"epoch": 1, "val_auc": 0.5}, False),
        ({"epoch": "1", "step": 9}, False),
        ({"epoch": 1, "step": float("inf")}, False),
        ({"epoch": 1, "step": 9, "\x1b[2J": 1.0}, False),
        ({"epoch": 1, "step": 9, "val_auc": torch.zeros(3)}, False),
        ([1, 2], False),
        (None, False),
    ],
)
def test_metrics_in_a_checkpoint_are_numbers_by_name_or_none(row: object, kept: bool, tmp_path: Path) -> None:
    own = RunCheckpoint(tmp_path, monitor="val_auc", mode="max")
    (tmp_path / "best.ckpt").touch()
    own.load_state_dict(own.state_dict() | {"best_model_path": "best.ckpt", "row": row})
    assert own.row == (row if kept else {})
