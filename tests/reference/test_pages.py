"""The generated parts of the documentation are current, and what they are made from says all that they need."""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mammo
from mammo.cli.keys import KEYS
from tests.reference.configuration import CONF, wanted
from tests.reference.markdown import cell, definition, documented, entries, members_of, parameters, sections
from tests.reference.pages import BLOCKS, DOCS, PART, filled
from tests.test_docstrings import states_a_shape

PAGES = sorted(DOCS.rglob("*.md"))
API = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
PUBLIC = [name.removeprefix("api ") for name in PART.findall(API) if name.startswith("api ")]


def public(name: str) -> Any:
    """The class or function of a part of the page on Python."""
    if name in mammo.__all__:
        return getattr(mammo, name)
    module, _, member = name.rpartition(".")
    return getattr(import_module(module), member)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text, "run make reference"


def test_every_part_that_can_be_made_is_on_a_page() -> None:
    shown = {name for page in PAGES for name in PART.findall(page.read_text(encoding="utf-8"))}
    assert set(BLOCKS) == {name for name in shown if not name.startswith("api ")}


def test_every_public_name_has_a_part() -> None:
    assert set(mammo.__all__) <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_explains_every_argument_and_attribute(name: str) -> None:
    node = definition(public(name))
    text = ast.get_docstring(node) or ""
    found = {entry for title, part in sections(text) if title in ("Args", "Attributes") for entry, _ in entries(part)}
    found |= set(re.findall(r"\w+", next(sections(text))[1]))  # where the first lines explain them
    assert text
    assert parameters(node).keys() <= found, f"{name}: its docstring does not explain these"


def test_every_public_method_has_a_docstring() -> None:
    classes = [(name, definition(public(name))) for name in PUBLIC]
    silent = [
        f"{name}.{part.name}"
        for name, node in classes
        if isinstance(node, ast.ClassDef)
        for part in members_of(public(name), node)
        if not ast.get_docstring(part)
    ]
    assert silent == []


ARRAYS = re.compile(r"\b(ArrayLike|Floats|Image|NDArray|Outline|Pixels|Points|Tensor)\b")
"""Types of arrays in the annotations of the public API, with their aliases."""


@pytest.mark.parametrize("name", PUBLIC)
def test_every_array_of_the_public_api_has_a_shape(name: str) -> None:
    node = definition(public(name))
    inner = members_of(public(name), node) if isinstance(node, ast.ClassDef) else ()
    for part in (node, *inner):
        text = ast.get_docstring(part) or ""
        explained = dict(entry for _, section in sections(text) for entry in entries(section))
        for argument, annotation in parameters(part).items():
            if ARRAYS.search(annotation):
                assert states_a_shape(explained.get(argument, text)), f"{name}: {argument} of {part.name}"
        if isinstance(part, ast.FunctionDef) and part.returns and ARRAYS.search(ast.unparse(part.returns)):
            assert states_a_shape(text), f"{name}: what {part.name} returns"


def test_every_group_and_every_key_is_on_the_page_of_the_configuration() -> None:
    text = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    folders = {path.parent.relative_to(CONF).as_posix() for path in CONF.rglob("*.yaml")} - {".", "experiment/demo"}
    assert folders <= set(re.findall(r"(?m)^### (.+)$", text))
    listed = set(re.findall(r"(?m)^\| `([\w.]+)` \|", text))
    for types in KEYS.values():
        for key in types:  # a key of a free part, which is listed by its own keys, or not set by any choice
            assert key in listed or any(each.startswith(f"{key}.") for each in listed), key


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("batch_size", "a whole number of at least 1"),
        ("labels", "one of breast, image"),
        ("intensity.transforms", "any: what reads it checks it"),
        ("model._target_", "a class with its module, as in package.Class"),
    ],
)
def test_the_type_of_a_key_is_that_of_its_check(key: str, expected: str) -> None:
    assert wanted(key) == expected


def test_a_docstring_becomes_paragraphs_and_tables() -> None:
    def sample(box: int, size: str = "x") -> float:
        """Say something.

        More | of it.

        Args:
            box: a number, 0 to 1,
                and more.
            size: a text.

        Raises:
            ValueError: never.
        """
        return float(box)

    assert documented(sample, "mammo.sample") == "\n".join(
        [
            "```text\nmammo.sample(box, size='x') -> float\n```\n\nSay something.\n\nMore &#124; of it.\n",
            "| argument | type | meaning |\n| --- | --- | --- |\n| `box` | `int` | a number, 0 to 1, and more |",
            "| `size` | `str` | a text |\n\n| error | meaning |\n| --- | --- |\n| `ValueError` | never |",
        ]
    )


def test_cells_keep_code_and_escape_html() -> None:
    assert cell("a <b> of `x <y>`\n2 * 3 | 4") == r"a &lt;b> of `x <y>` 2 \* 3 &#124; 4"
