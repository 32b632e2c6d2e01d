"""The generated parts of the documentation: made from the code, and written into the pages by make reference.

A page marks such a part by a comment, <!-- generated: NAME -->, and ends it by <!-- end -->. NAME is one of BLOCKS, or
"api" with a public name of mammo or the full name of a class.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import mammo
from mammo.cli.keys import KEYS
from tests.reference import commands, configuration, tables
from tests.reference.markdown import documented

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
PART = re.compile(r"(?s)<!-- generated: ([\w -.]+?) -->\n.*?<!-- end -->")

BLOCKS: Mapping[str, Callable[[], str]] = {
    "commands": commands.all_commands,
    "exit-statuses": commands.exit_statuses,
    "groups": configuration.groups,
    **{f"keys {name}": (lambda name=name: configuration.command_keys(name)) for name in KEYS},
    **tables.BLOCKS,
}
"""What makes each part."""


def filled(text: str) -> str:
    """A page with its generated parts as the code makes them now."""
    return PART.sub(lambda found: f"<!-- generated: {found[1]} -->\n\n{_made(found[1])}\n\n<!-- end -->", text)


def _made(name: str) -> str:
    if not name.startswith("api "):
        return BLOCKS[name]()
    name = name.removeprefix("api ")
    if name in mammo.__all__:
        return documented(getattr(mammo, name), f"mammo.{name}")
    module, _, member = name.rpartition(".")
    return documented(getattr(import_module(module), member), member)


def main() -> None:
    """Write the generated parts of every page."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (new := filled(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
