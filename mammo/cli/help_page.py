"""The help page of a command with Hydra: what it does, examples, groups, and every key with its value and meaning.

It is made from the configuration that the command line composes and from the comments of its files.
"""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from mammo.cli.arguments import page_width
from mammo.cli.help_keys import LAUNCHER, Composed, Row, key_sections
from mammo.cli.hydra_errors import owners

KEY_COLUMNS = 40
"""Columns of keys and values; what is longer has its meaning on the next line."""

OPTIONS = (
    ("--help", "print this page"),
    ("--multirun", "one job for each value or combination of values, as in seed=0,1,2"),
    ("--cfg job", "print the configuration that the command would use, and stop"),
    ("--config-dir DIR", "a folder of your own choices, laid out as conf/"),
    ("--version", "print the version of mammo"),
)
"""Options of every command with Hydra, and what each does."""

GROUPS = "Groups of keys, as GROUP=CHOICE: the present choice, whose keys are shown below, and all choices"
KEYS = "Keys, as KEY=VALUE, with their present values"
MISSING = "??? has no value: {remedy}."
REMEDY, FROM_STORE = "give one", "data and frame are read from the store, give the others"
ROOT = "MAMMO_ROOT in the environment sets the default of root."


def help_page(name: str, conf: Path, overrides: Sequence[str], reads_store: bool) -> str:
    """The help page of a command.

    Args:
        name: of the command.
        conf: the configuration tree.
        overrides: those of the command line, each of one value, which choose among groups.
        reads_store: whether missing values are read from a store.
    """
    composed = Composed.of(name, conf, overrides)
    text, examples = _introduction(composed.files[name].head)
    groups, sections = list(_groups(composed, conf / f"{name}.yaml")), list(key_sections(composed))
    is_missing = any("???" in typed for _, rows in sections for typed, _ in rows)
    missing = f"{MISSING.format(remedy=FROM_STORE if reads_store else REMEDY)} " if is_missing else ""
    return "\n\n".join(
        [
            f"usage: mammo {name} [KEY=VALUE ...] [GROUP=CHOICE ...] [OPTION ...]",
            textwrap.fill(text, page_width()),
            "\n".join(["Examples:", *examples]),
            _section("Options", OPTIONS),
            _section(GROUPS, groups),
            f"{KEYS}\n{textwrap.fill(missing + ROOT, page_width())}",
            *(_section(title, rows) for title, rows in sections),
        ]
    )


def _introduction(head: Sequence[str]) -> tuple[str, list[str]]:
    """What a command does, and the lines of its examples."""
    examples = [line for line in head if line.startswith("  ")]
    return " ".join(line for line in head if line not in examples and line != "Examples:"), examples


def _groups(composed: Composed, primary: Path) -> Iterator[Row]:
    """Yield the groups of a command: the present choice, and all choices.

    A group that another model would bring has that one behind its name; last comes where the jobs of a sweep run.
    """
    chosen, conf = _chosen(composed, primary), primary.parent
    for group, choices in sorted(chosen.items()):
        now = f"[{','.join(choices)}]" if len(choices) > 1 else "".join(choices) or "null"
        yield f"{group}={now}", _choices(group, composed)
    others = sorted(path.name for path in conf.iterdir() if path.is_dir() and path.name not in chosen)
    for group in others if "model" in chosen else ():
        if bringing := [owner for owner in sorted(set(owners(group, conf))) if owner.startswith("model=")]:
            yield f"{group} (only with {' or '.join(bringing)})", _choices(group, composed)
    yield f"{LAUNCHER}={composed.launcher}", f"{', '.join(composed.launchers)}; where the jobs of --multirun run"


def _chosen(composed: Composed, primary: Path) -> dict[str, list[str]]:
    """The groups of a command, and what is chosen of each."""
    chosen: dict[str, list[str]] = {}
    for path, parent, _ in composed.parts:
        group, _, choice = path.partition("/")
        if choice and not parent.startswith(f"{group}/") and group != "hydra":
            chosen.setdefault(group, []).append(choice)
    for entry in yaml.safe_load(primary.read_text(encoding="utf-8")).get("defaults", []):
        for group in entry if isinstance(entry, dict) else ():
            if (primary.parent / group).is_dir():  # neither the file itself nor an override
                chosen.setdefault(group, [])
    return chosen


def _choices(group: str, composed: Composed) -> str:
    """All choices of a group, those of the user's own folder too."""
    folders = [folder / group for folder in composed.folders]
    return ", ".join(
        sorted({str(path.relative_to(each).with_suffix("")) for each in folders for path in each.rglob("*.yaml")})
    )


def _section(title: str, rows: Sequence[Row]) -> str:
    """A title and aligned rows; what does not fit into its column has its meaning on the next line."""
    column = 4 + min(max(len(typed) for typed, _ in rows), KEY_COLUMNS)
    lines = [textwrap.fill(title, page_width())] if title else []
    for typed, meaning in rows:
        start = f"  {typed}".ljust(column)
        if len(typed) + 4 > column and meaning:
            lines.append(start.rstrip())
            start = " " * column
        filled = textwrap.fill(meaning, page_width(), initial_indent=start, subsequent_indent=" " * column)
        lines.append(filled or start.rstrip())
    return "\n".join(lines)
