"""The house's rules: imports go one way, and no file or function grows past what can be read at a glance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    ("records", "geometry", "progress", "files", "memory"),
    ("phantoms",),
    ("intake",),
    ("store",),
    ("data",),
    ("maps",),
    ("scoring",),
    ("models",),
    ("reporting",),
    ("runs",),
    ("benchmarks",),
)
"""Packages and modules of mammo, in the order of the data's way: each may import itself and what stands above it."""

STRANGERS = {("phantoms", "intake"), ("intake", "phantoms"), ("data", "models"), ("models", "data")}
"""Pairs that never import one another, whatever their order."""

NOWHERE = {"utils", "util", "helpers", "helper", "common", "core", "misc", "tools"}
"""Names that tell a reader nothing about what belongs inside."""

MODULES = sorted((ROOT / "mammo").rglob("*.py"))
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
DOORS = len(ROOMS)


def dotted(path: Path) -> str:
    """The module's dotted name, without a closing __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(module: str, is_package: bool, tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything of mammo that a module imports, at any depth, also under TYPE_CHECKING."""
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


def offence(module: str, target: str) -> str | None:
    """Why module may not import target, or None when it may."""
    if target.count(".") == 0 or target == "mammo.__version__":
        return None
    room, other = module.split(".")[1:2], target.split(".")[1]
    if not room:
        return "the package itself imports nothing of its own"
    floor, other_floor = FLOOR.get(room[0], DOORS), FLOOR.get(other, DOORS)
    if (room[0], other) in STRANGERS:
        return f"{room[0]} and {other} never import one another"
    if other_floor > floor:
        return f"{other} lies below {room[0]} on the data's way"
    return None


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_go_one_way(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = dotted(path)
    found = [
        f"{target}: {why}"
        for target in imported(module, path.name == "__init__.py", tree)
        if (why := offence(module, target))
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


def test_every_package_is_a_room() -> None:
    packages = {path.parent.name for path in (ROOT / "mammo").glob("*/__init__.py")}
    assert packages <= set(FLOOR)


def test_names_say_what_is_inside() -> None:
    names = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & NOWHERE


@pytest.mark.parametrize(
    ("module", "target", "allowed"),
    [
        ("mammo.store.manifest", "mammo.records", True),
        ("mammo.store.manifest", "mammo.store.image_store", True),
        ("mammo.records", "mammo.geometry", True),
        ("mammo.train", "mammo.runs.folder", True),
        ("mammo.train", "mammo.door", True),
        ("mammo.intake.gate", "mammo.store.manifest", False),
        ("mammo.store.manifest", "mammo.door", False),
        ("mammo.data.plans", "mammo.models.floc", False),
        ("mammo.models.floc", "mammo.data.plans", False),
        ("mammo.intake.gate", "mammo.phantoms.cohort", False),
        ("mammo", "mammo.records", False),
    ],
)
def test_the_rule_itself(module: str, target: str, allowed: bool) -> None:
    assert (offence(module, target) is None) is allowed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import mammo.door", ["mammo.door"]),
        ("from mammo import door, train", ["mammo.door", "mammo.train"]),
        ("from mammo.runs.folder import x", ["mammo.runs.folder"]),
        ("def f():\n    from ..runs import x", ["mammo.runs"]),
        ("from . import plans", ["mammo.data"]),
        ("from .. import door", ["mammo.door"]),
        ("import numpy, mammoth", []),
    ],
)
def test_imports_are_found_wherever_they_hide(source: str, expected: list[str]) -> None:
    assert list(imported("mammo.data.crops", False, ast.parse(source))) == expected
