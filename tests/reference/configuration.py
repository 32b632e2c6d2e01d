"""The reference of the configuration: every file of conf/ with its keys, their types, ranges, values and meanings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mammo.cli.conf_comments import PACKAGE, SKIPPED, ConfFile
from mammo.cli.keys import KEYS
from mammo.cli.value_types import shown
from tests.reference.markdown import cell, code, table

CONF = Path(__file__).resolve().parent.parent.parent / "conf"
CLASS = "a class with its module, as in package.Class"
FREE = "any: what reads it checks it"


def command_keys(name: str) -> str:
    """The keys of a command's own file; those of its groups are in their sections."""
    return _keys(CONF / f"{name}.yaml", "")


def groups() -> str:
    """Every group, and every choice of it with the keys that it sets."""
    folders = sorted({path.parent for path in CONF.rglob("*.yaml")} - {CONF, CONF / "experiment" / "demo"})
    return "\n\n".join(_group(folder) for folder in folders)


def _group(folder: Path) -> str:
    name = folder.relative_to(CONF).as_posix()
    return "\n\n".join([f"### {name}", *(_choice(name, path) for path in sorted(folder.rglob("*.yaml")))])


def _choice(group: str, path: Path) -> str:
    """One choice: what it is, what it starts from, and its keys."""
    choice = path.relative_to(CONF / group).with_suffix("").as_posix()
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    place = "" if first == f"{PACKAGE} _global_" else group.replace("/", ".")
    head = " ".join(ConfFile.read(path, place).head)
    base = ", ".join(f"`{one}`" for one in _defaults(path))
    title = f"**`{group}={choice}`**"
    parts = [f"{title}: {cell(head)}" if head else title, f"Builds on {base}." if base else "", _keys(path, place)]
    return "\n\n".join(filter(None, parts))


def _defaults(path: Path) -> Iterator[str]:
    """Yield the choices that a file starts from, as on a command line."""
    for entry in _content(path).get("defaults", []):
        if isinstance(entry, str):
            yield entry.lstrip("/")
        else:
            for group, choice in entry.items():
                yield f"{group.removeprefix('override ').lstrip('/')}={shown(choice)}"


def _content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _keys(path: Path, place: str) -> str:
    """The table of a file's keys; empty without any."""
    comments = ConfFile.read(path, place).keys
    own = {key: value for key, value in _content(path).items() if key not in SKIPPED}
    rows = [
        [code(key), cell(wanted(key)), code(_value(value)), cell(comments.get(key, ""))]
        for key, value in _leaves(own, place)
    ]
    return table(["key", "type and range", "value", "meaning"], rows) if rows else ""


def _value(value: object) -> str:
    text = shown(value)
    return text if len(text) <= 90 else f"{text[:86]} ..."


def _leaves(node: dict[str, Any], place: str) -> Iterator[tuple[str, object]]:
    """Yield every key that holds no further ones, and its value as the file writes it."""
    for name, value in node.items():
        key = f"{place}.{name}".lstrip(".")
        if isinstance(value, dict) and value:
            yield from _leaves(value, key)
        else:
            yield key, value


def wanted(key: str) -> str:
    """The type and range of a key in words."""
    if key.endswith("_target_"):
        return CLASS
    parts = key.split(".")
    for name in (".".join(parts[:count]) for count in range(len(parts), 0, -1)):
        found = next((types[name] for types in KEYS.values() if name in types), None)
        if found:
            words = found.wanted or FREE
            return f"one of {words}" if found.verb == "choose from" else re.sub(r"^a (?=None)", "", words)
    return "as its library says"
