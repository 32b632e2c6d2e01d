"""Plain words: no retired names, American spelling, and the field's terms."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RETIRED = {
    "cautions",
    "critic",
    "door",
    "doubts",
    "examination",
    "exhibits",
    "families",
    "filling",
    "ground",
    "headline",
    "hiding",
    "kinds",
    "portraits",
    "prints",
    "rivals",
    "saved",
    "seals",
    "second_reading",
    "sentences",
    "stages",
    "stored",
    "taking",
    "telling",
    "told",
    "way_out",
    "whole_file",
}
"""Names that modules, classes and functions no longer have, because the field has a plainer term."""

VAGUE_VERBS = re.compile(r"\b(told|tell|tells|telling)\b")
MOST_VAGUE_VERBS = 15

BRITISH = re.compile(
    r"(?<![a-z])(grey|colour|centre|licence|behaviour|neighbour|labell(ed|ing)|modell(ed|ing)|fibre|favour"
    r"|\w*(?:normal|standard|initial|optim|organ|recogn|summar|real|local|minim|maxim)is(?:e[sd]?|ing|ation))",
    re.IGNORECASE,
)
"""British spellings; what other packages call their names is in EXTERNAL."""

EXTERNAL = re.compile(r"aria-labelledby|nearest-neighbour")
"""Lines with an attribute of HTML or a quotation that is spelled so."""


def texts() -> Iterator[tuple[Path, str]]:
    """Every source, configuration, template and test file with its text, but for this file."""
    for folder in ("mammo", "conf", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".j2", ".md", ".js", ".css") and path != Path(__file__).resolve():
                yield path, path.read_text(encoding="utf-8")


def defined(path: Path) -> Iterator[str]:
    """The names of a module, its classes and its functions, without underscores around them."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name.lower().strip("_")


def test_no_module_class_or_function_has_a_retired_name() -> None:
    paths = sorted((ROOT / "mammo").rglob("*.py"))
    assert [(path.name, name) for path in paths for name in defined(path) if name in RETIRED] == []


def test_texts_say_things_plainly() -> None:
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path, text in texts() for match in VAGUE_VERBS.finditer(text)]
    assert len(found) <= MOST_VAGUE_VERBS, found


def test_spelling_is_american() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if not EXTERNAL.search(line)
        for match in BRITISH.finditer(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grey", True),
        ("he_initialise", True),
        ("Labelled", True),
        ("gray", False),
        ("raised", False),
        ("behavior", False),
    ],
)
def test_british_spellings_are_found(text: str, expected: bool) -> None:
    assert (BRITISH.search(text) is not None) is expected
