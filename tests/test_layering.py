"""Layout rules: imports go from later stages to earlier ones, and files and functions stay short enough to read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STAGES = (
    ("records", "geometry", "progress", "io", "leftovers", "limits", "machine", "paper", "pickles", "text"),
    ("cli",),
    ("phantoms",),
    ("intake",),
    ("store",),
    ("ingestion",),
    ("quality",),
    ("data",),
    ("maps",),
    ("scoring",),
    ("realism",),
    ("models",),
    ("training",),
    ("reporting",),
    ("inference",),
    ("dicom_out",),
    ("serving",),
    ("benchmarks",),
)
"""Packages and modules of mammo in pipeline order: each may import itself and what stands above it here."""

RANK = {name: rank for rank, names in enumerate(STAGES) for name in names}
COMMANDS = len(STAGES)
"""Rank of the commands, the modules directly under mammo/."""

INDEPENDENT = {("phantoms", "intake"), ("intake", "phantoms"), ("data", "models"), ("models", "data")}
"""Pairs of packages that never import one another, whatever their order."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc", "tools"}
"""Names that say nothing about what a module holds."""

MODULES = sorted((ROOT / "mammo").rglob("*.py"))


def dotted(path: Path) -> str:
    """The module's dotted name, without a closing __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES}


def imported(module: str, is_package: bool, tree: ast.AST) -> Iterator[str]:
    """Dotted names of what a module imports of mammo: at any depth, under TYPE_CHECKING, or named in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "mammo")
        elif isinstance(node, ast.ImportFrom):
            here = module.split(".")
            parent = here[: len(here) - node.level + is_package] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            if base == "mammo":
                yield from (f"mammo.{alias.name}" for alias in node.names)
            elif base.startswith("mammo."):
                yield base
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and named_module(node.value):
            yield node.value


def named_module(text: str) -> bool:
    """Whether a whole string is the dotted name of a module of mammo, or of something that it defines."""
    return bool(re.fullmatch(r"mammo(\.\w+)+", text)) and (
        text in NAMES or text.rpartition(".")[0] in NAMES - {"mammo"}
    )


def violation(module: str, target: str) -> str | None:
    """Why module may not import target, or None when it may."""
    if target.count(".") == 0 or target in ("mammo.__version__", "mammo.NO_WINDOWS"):
        return None
    package, other = module.split(".")[1:2], target.split(".")[1]
    if not package:  # its public names are imported when they are asked for: tests/test_api.py
        return None
    rank, other_rank = RANK.get(package[0], COMMANDS), RANK.get(other, COMMANDS)
    if (package[0], other) in INDEPENDENT:
        return f"{package[0]} and {other} never import one another"
    if other_rank > rank:
        return f"{other} is a later stage than {package[0]}"
    return None


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_one_way(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = dotted(path)
    found = [
        f"{target}: {why}"
        for target in imported(module, path.name == "__init__.py", tree)
        if (why := violation(module, target))
    ]
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_module_can_be_read_at_a_glance(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    long = {
        node.name: lines
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > 60
    }
    assert not long, "functions over 60 lines"
    assert len(text.splitlines()) <= 300


def test_every_package_is_a_stage() -> None:
    packages = {path.parent.name for path in (ROOT / "mammo").glob("*/__init__.py")}
    assert packages <= set(RANK)


def test_names_say_what_is_inside() -> None:
    names = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & VAGUE


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("mammo.store.manifest", "mammo.records", True),
        ("mammo.store.manifest", "mammo.store.image_store", True),
        ("mammo.records", "mammo.geometry", True),
        ("mammo.train", "mammo.training.run_dir", True),
        ("mammo.train", "mammo.cli.hydra_app", True),
        ("mammo.intake.gate", "mammo.store.manifest", False),
        ("mammo.store.manifest", "mammo.ingest", False),
        ("mammo.training.fit", "mammo.reporting.page", False),
        ("mammo.data.plans", "mammo.models.floc", False),
        ("mammo.models.floc", "mammo.data.plans", False),
        ("mammo.intake.gate", "mammo.phantoms.cohort", False),
        ("mammo", "mammo.records", True),
    ],
)
def test_the_rule_itself(module: str, target: str, allowed: bool) -> None:
    assert (violation(module, target) is None) is allowed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import mammo.train", ["mammo.train"]),
        ("from mammo import ingest, train", ["mammo.ingest", "mammo.train"]),
        ("from mammo.training.run_dir import x", ["mammo.training.run_dir"]),
        ("def f():\n    from ..training import x", ["mammo.training"]),
        ("from . import plans", ["mammo.data"]),
        ("from .. import train", ["mammo.train"]),
        ("import numpy, mammoth", []),
        ("PRELOAD = ['mammo.models.floc']", ["mammo.models.floc"]),
        ("TARGET = 'mammo.models.floc.FLoc'", ["mammo.models.floc.FLoc"]),
        ("'run python -m mammo.train again'", []),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, expected: list[str]) -> None:
    assert list(imported("mammo.data.crops", False, ast.parse(source))) == expected
