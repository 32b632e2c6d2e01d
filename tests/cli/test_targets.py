"""Classes named by a configuration: only subclasses of what a place needs are built, from allowed packages."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Optional

import pytest
import torch
from torch import nn

from mammo.cli.targets import Place, build, check, check_names, is_foreign, resolve, targets
from mammo.records import MammoError

LOSS = Place("model.loss", (nn.Module,), (nn.Module,), {"class_weights": [1.0, 2.0, 3.0, 4.0]})

HOSTILE = (
    "os.system",
    "posix.system",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "subprocess.Popen",
    "subprocess.run",
    "importlib.import_module",
    "runpy.run_path",
    "pickle.loads",
    "numpy.load",
    "hydra.utils.instantiate",
    "pandas.read_pickle",
    "torch.load",
    "torch.hub.load",
    "torch.os.system",
    "torch.sys.exit",
    "torch.serialization.os.system",
    "torch.utils.cpp_extension.load",
    "torch.jit.load",
    "torch.nn.modules.module.functools.partial",
    "torch.package.PackageImporter",
    "torch.utils.data.DataLoader",
    "torch.nn.Module.__init__",
    "torch.nn.Module.load_state_dict",
    "torch.__builtins__.eval",
    "pytorch_lightning.utilities.cloud_io.load",
    "albumentations.load",
    "mammo.cli.targets.import_module",
    "mammo.cli.targets.build",
    "mammo.training.fit.train",
    "mammo.weights.main",
)


@pytest.mark.parametrize("target", HOSTILE)
@pytest.mark.parametrize("nested", ["no", "argument", "list", "deep", "positional"])
def test_a_target_that_is_no_such_class_is_rejected_and_never_called(
    target: str, nested: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[object] = []
    for name in ("os.system", "subprocess.Popen", "torch.load"):
        monkeypatch.setattr(name, called.append)
    evil = {"_target_": target, "command": f"touch {tmp_path}/hacked", "args": ["touch", f"{tmp_path}/hacked"]}
    inner = {"_target_": "torch.nn.Sequential", "_args_": [evil]}
    node: dict[str, object] = {
        "no": evil,
        "argument": {"_target_": "torch.nn.ModuleList", "modules": evil},
        "list": {"_target_": "torch.nn.ModuleList", "modules": [{"_target_": "torch.nn.ReLU"}, evil]},
        "deep": {"_target_": "torch.nn.ModuleDict", "modules": {"a": {"b": [[{"c": evil}]]}}},
        "positional": {"_target_": "torch.nn.Sequential", "_args_": [inner]},
    }[nested]
    for use in (check, build):
        with pytest.raises(MammoError, match=r"^model\.loss.*_target_=") as caught:
            use(node, LOSS)
        assert target in str(caught.value)
    assert not called
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["my_pkg.Loss", "hydra.utils.call", "numpy.ndarray", "requests.get"])
def test_another_package_is_not_even_imported(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = target.split(".")[0]
    before = package in sys.modules
    (tmp_path / "my_pkg.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    advice = rf"^model\.loss\._target_={target} is rejected: classes come from .* add allow_targets=\[{package}\] to"
    with pytest.raises(MammoError, match=advice):
        build({"_target_": target}, LOSS)
    assert (package in sys.modules) == before


def test_an_allowed_package_gives_classes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_losses.py").write_text(
        "import os\nimport subprocess\nfrom torch import nn\nfrom subprocess import Popen\n\n\n"
        "class Mine(nn.Module):\n"
        "    def __init__(self, gamma):\n        super().__init__()\n        self.gamma = gamma\n\n\n"
        "class Broken(nn.Module):\n    def __init__(self):\n        raise ValueError('of its own')\n\n\n"
        "def make():\n    return Mine(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    built = build({"_target_": "own_losses.Mine", "gamma": 2}, LOSS, ["own_losses"])
    assert type(built).__name__ == "Mine"
    assert built.gamma == 2  # type: ignore[attr-defined]
    for name in ("make", "os.system", "Popen", "subprocess.Popen"):
        with pytest.raises(MammoError, match=f"own_losses.{name} is rejected: a subclass of Module"):
            build({"_target_": f"own_losses.{name}"}, LOSS, ["own_losses"])
    with pytest.raises(MammoError, match=r"_target_=own_losses\.mine: own_losses has no mine \(did you mean Mine\?\)$"):
        build({"_target_": "own_losses.mine"}, LOSS, ["own_losses"])
    with pytest.raises(MammoError, match=r"nowhere_pkg cannot be found.*its folder must be on PYTHONPATH"):
        build({"_target_": "nowhere_pkg.Nothing"}, LOSS, ["nowhere_pkg"])
    failing = r"^model\.loss: own_losses\.Broken fails \(ValueError: of its own\); MAMMO_TRACEBACK=1 .* shows where$"
    with pytest.raises(MammoError, match=failing) as caught:
        build({"_target_": "own_losses.Broken"}, LOSS, ["own_losses"])
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(
        MammoError, match=r"model\.loss\.delta: Mine has no such argument; it has gamma; to leave .* '~model"
    ):
        build({"_target_": "own_losses.Mine", "delta": 2}, LOSS, ["own_losses"])


def test_a_class_that_a_library_only_imports_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = type("Foreign", (nn.Module,), {"__module__": "elsewhere"})
    monkeypatch.setattr(torch, "borrowed", SimpleNamespace(Foreign=foreign), raising=False)
    with pytest.raises(MammoError, match="is defined in elsewhere, outside the allowed packages"):
        resolve({"_target_": "torch.borrowed.Foreign"}, LOSS)
    assert resolve({"_target_": "torch.borrowed.Foreign"}, LOSS, ["elsewhere"]) is foreign


@pytest.mark.parametrize(
    "name", [None, 7, "", "torch", "torch..nn", "torch.nn.", "torch.nn.Re LU", "torch.nn.ReLU()", ["a.b"]]
)
def test_what_is_no_dotted_name_is_rejected(name: object) -> None:
    for use in (lambda node: build(node, LOSS), check_names):
        with pytest.raises(MammoError, match=r"give the dotted name of a class, as in torch\.nn\.CrossEntropyLoss$"):
            use({"_target_": name})


@pytest.mark.parametrize("key", ["_partial_", "_recursive_", "_anything_"])
def test_other_special_keys_are_rejected(key: str) -> None:
    with pytest.raises(MammoError, match=rf"^model\.loss\.{key} is not supported"):
        build({"_target_": "torch.nn.ReLU", key: True}, LOSS)


def test_objects_are_built_with_nested_positional_and_offered_arguments() -> None:
    linear = {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 2}
    network = build(
        {"_target_": "torch.nn.Sequential", "_convert_": "all", "_args_": [linear, {"_target_": "torch.nn.ReLU"}]}, LOSS
    )
    assert isinstance(network, nn.Sequential)
    assert network(torch.ones(1, 3)).shape == (1, 2)
    weighted = {"_target_": "mammo.models.losses.WeightedCrossEntropy", "class_shares": [0.25] * 4}
    assert build(weighted, LOSS).class_weights.tolist() == [1, 2, 3, 4]  # type: ignore[attr-defined]
    given = build({**weighted, "class_weights": [1.0] * 4}, LOSS)
    assert given.class_weights.tolist() == [1] * 4  # type: ignore[attr-defined]
    assert isinstance(build({"_target_": "torch.nn.ReLU"}, LOSS), nn.ReLU)


class Base(nn.Module):
    def __init__(self, class_weights: list[float], scale: float) -> None:
        super().__init__()
        self.class_weights, self.scale = class_weights, scale


class Inheriting(Base):
    def __init__(self, gamma: float = 2.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.gamma = gamma


class Open(nn.Module):
    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.arguments = arguments


def test_arguments_that_an_own_class_passes_on_to_its_base_are_offered() -> None:
    own = [__name__.partition(".")[0]]
    node = {"_target_": f"{__name__}.Inheriting", "scale": 3.0}
    built = build(node, LOSS, own)
    assert isinstance(built, Inheriting)
    assert (built.class_weights, built.scale, built.gamma) == ([1.0, 2.0, 3.0, 4.0], 3.0, 2.0)
    with pytest.raises(MammoError, match=r"^model\.loss: Base needs a value for scale: give model\.loss\.scale$"):
        build({"_target_": f"{__name__}.Base"}, LOSS, own)
    free = build({"_target_": f"{__name__}.Open", "anything": 1}, LOSS, own)
    assert isinstance(free, Open)
    assert free.arguments == {"anything": 1}, "nothing is offered to a class that names no parameter"


class Typed(nn.Module):
    def __init__(
        self,
        gamma: float,
        steps: int = 1,
        name: Optional[str] = None,  # noqa: UP045  (one of the ways to write it)
        smooth: bool = False,
        scale: "float | None" = None,
        flag: bool = None,  # type: ignore[assignment]  # noqa: RUF013
        weights: list[float] | None = None,
    ) -> None:
        super().__init__()


class Passing(Typed):
    def __init__(self, extra: int = 0, **arguments: Any) -> None:
        super().__init__(**arguments)


@pytest.mark.parametrize("name", ["Typed", "Passing"])
@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("gamma", "high", "a number"),
        ("gamma", True, "a number"),
        ("gamma", None, "a number"),
        ("gamma", [1.0], "a number"),
        ("steps", 1.5, "a whole number"),
        ("steps", False, "a whole number"),
        ("name", 7, "text or null"),
        ("smooth", 1, "true or false"),
        ("scale", "x", "a number or null"),
        ("flag", "yes", "true or false"),
    ],
)
def test_a_value_of_another_type_than_an_own_class_takes_is_rejected_before_anything_is_built(
    name: str, key: str, value: object, wanted: str
) -> None:
    own = [__name__.partition(".")[0]]
    node = {"_target_": f"{__name__}.{name}", "gamma": 1.0, key: value}
    message = rf"^model\.loss\.{key}=.*: {name} takes {wanted} here$"
    for use in (check, build):
        with pytest.raises(MammoError, match=message):
            use(node, LOSS, own)
    outer = {"_target_": "torch.nn.Sequential", "_args_": [node]}
    with pytest.raises(MammoError, match=rf"^model\.loss\._args_\.0\.{key}="):
        check(outer, LOSS, own)


def test_values_that_fit_or_cannot_be_judged_are_passed() -> None:
    own = [__name__.partition(".")[0]]
    good: dict[str, list[object]] = {
        "gamma": [1, 1.5],
        "steps": [3],
        "name": ["a", None],
        "smooth": [True],
        "scale": [1, None],
        "flag": [None, True],
        "weights": ["judged by the class alone"],
    }
    for key, values in good.items():
        for value in values:
            node = {"_target_": f"{__name__}.Typed", "gamma": 1.0, key: value}
            assert isinstance(build(node, LOSS, own), Typed)


def test_a_module_that_cannot_be_imported_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "own_broken"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "losses.py").write_text("import nowhere_at_all\n")
    (package / "typo.py").write_text("class Loss(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name, message in {
        "losses.Loss": r"own_broken\.losses cannot be imported \(ModuleNotFoundError: .*nowhere_at_all.*\); MAMMO_TR",
        "typo.Loss": r"own_broken\.typo cannot be imported \(SyntaxError: ",
        "loses.Loss": r"own_broken has no loses \(did you mean losses\?\)$",
    }.items():
        with pytest.raises(MammoError, match=message):
            build({"_target_": f"own_broken.{name}"}, LOSS, ["own_broken"])


def test_what_a_constructor_rejects_is_named() -> None:
    with pytest.raises(MammoError, match=r"^model\.loss: Linear rejects its arguments \(.+\)$"):
        build({"_target_": "torch.nn.Linear", "in_features": "a", "out_features": 2}, LOSS)
    with pytest.raises(
        MammoError,
        match=r"^model\.loss\.in_feature: Linear has no such argument \(did you mean in_features\?\); it has in_f",
    ):
        build({"_target_": "torch.nn.Linear", "in_feature": 1}, LOSS)
    with pytest.raises(MammoError, match=r"^model\.loss\._args_=7: give a list$"):
        build({"_target_": "torch.nn.Sequential", "_args_": 7}, LOSS)


def test_targets_are_found_by_their_keys() -> None:
    config = {"a": 1, "b": {"c": {"_target_": "x.Y", "d": {"_target_": "x.Z"}}}, "e": [{"_target_": "x.W"}]}
    assert [key for key, _ in targets(config)] == ["b.c", "e.0"]
    assert is_foreign("my_pkg.Net")
    assert is_foreign("torchlike.Net")
    assert not is_foreign("torch.nn.ReLU")


def test_a_configuration_that_is_only_read_may_name_other_packages_but_not_the_standard_library() -> None:
    check_names({"model": {"_target_": "my_pkg.Net", "loss": {"_target_": "torch.nn.ReLU"}}})
    with pytest.raises(MammoError, match=r"^a\.b\.0\._target_=os\.system is rejected"):
        check_names({"a": {"_target_": "my_pkg.Net", "b": [{"_target_": "os.system"}]}})
