"""Markdown from code: tables, signatures and docstrings."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard

SECTIONS = {"Args": "argument", "Attributes": "attribute", "Raises": "error", "Returns": "", "Yields": ""}
"""Sections of a docstring in Google's style, and what one entry of each is; those without entries are text."""


ESCAPED = {"<": "&lt;", "*": r"\*", "|": "&#124;"}


def cell(text: str) -> str:
    """Text as a cell of a table, on one line; code in backticks stays as it is, HTML, stars and pipes are escaped."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"[<*|]", lambda f: ESCAPED[f[0]], part) for part in parts)


def code(text: object) -> str:
    """Text as code in a cell, where no pipe can stand: that of a type becomes or. Empty text stays empty."""
    flat = " ".join(str(text).split()).replace(" | ", " or ")
    return f"`{flat}`" if flat else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sections(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield the title, empty for the beginning, and the text of each section of a docstring."""
    parts = re.split(rf"(?m)^({'|'.join(SECTIONS)}):\n", inspect.cleandoc(docstring))
    yield "", parts[0].strip()
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        yield title, textwrap.dedent(text).strip()


def entries(text: str) -> list[tuple[str, str]]:
    """The entries of a section, name: text, whose further lines are indented."""
    found = re.split(r"(?m)^(\*{0,2}[\w.]+): ", text)
    return [(name, " ".join(words.split()).rstrip(".")) for name, words in zip(found[1::2], found[2::2], strict=True)]


def described(docstring: str, types: dict[str, str]) -> str:
    """A docstring as paragraphs and tables.

    Args:
        docstring: in Google's style.
        types: of arguments and attributes by name, as code.
    """
    parts = []
    for title, text in sections(docstring):
        if not title:
            parts += [cell(paragraph) for paragraph in text.split("\n\n")]
        elif not SECTIONS[title]:
            parts.append(f"{title}: {cell(text)}")
        else:
            typed = title != "Raises"
            header = [SECTIONS[title], *(["type"] if typed else []), "meaning"]
            rows = [[code(n), *([code(types.get(n, ""))] if typed else []), cell(t)] for n, t in entries(text)]
            parts.append(table(header, rows))
    return "\n\n".join(parts)


def definition(value: Any) -> ast.ClassDef | ast.FunctionDef:
    """The syntax tree of a class or function."""
    node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return node


def parameters(node: ast.ClassDef | ast.FunctionDef) -> dict[str, str]:
    """The types of a function's arguments, or of a class's public fields and constructor's arguments, by name."""
    if isinstance(node, ast.FunctionDef):
        return _types(node)
    made = _constructor(node)
    fields = {ast.unparse(part.target): ast.unparse(part.annotation) for part in node.body if _is_field(part)}
    return fields | (_types(made) if made else {})


def documented(value: Any, name: str) -> str:
    """A class or function under its public name: signature, docstring, and the public members of a class."""
    node = definition(value)
    text = described(ast.get_docstring(node) or "", parameters(node))
    if isinstance(node, ast.FunctionDef):
        return f"{_signature(node, name)}\n\n{text}"
    fields, made = [_field(part) for part in node.body if _is_field(part)], _constructor(node)
    plain = _call(f"{name}({', '.join(fields)})") if fields else ""
    members = [_member(part) for part in members_of(value, node)]
    return "\n\n".join(filter(None, [_signature(made, name) if made else plain, text, *members]))


def members_of(value: Any, node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Yield the public methods and properties of a class, without those that another library declares."""
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_") and not _is_inherited(value, part.name):
            yield part


def _member(part: ast.FunctionDef) -> str:
    text = described(ast.get_docstring(part) or "", _types(part))
    if any("property" in ast.unparse(decorator) for decorator in part.decorator_list):
        return f"**`.{part.name}`**: `{ast.unparse(part.returns) if part.returns else ''}`. {text}"
    return f"{_signature(part, f'.{part.name}')}\n\n{text}"


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None)


def _is_field(part: ast.stmt) -> TypeGuard[ast.AnnAssign]:
    """Whether a statement of a class declares a public field."""
    if not isinstance(part, ast.AnnAssign) or "ClassVar" in ast.unparse(part.annotation):
        return False
    return not ast.unparse(part.target).startswith("_")


def _field(part: ast.AnnAssign) -> str:
    """A field as an argument, with its default."""
    plain = part.value is not None and not isinstance(part.value, ast.Call)
    return f"{ast.unparse(part.target)}={ast.unparse(part.value)}" if plain else ast.unparse(part.target)


def _is_inherited(value: Any, name: str) -> bool:
    """Whether another library declares a member, whose documentation explains it; forward is always shown."""
    bases = [base for base in value.__mro__[1:] if not base.__module__.startswith("mammo.")]
    return name != "forward" and any(hasattr(base, name) for base in bases if base is not object)


def _types(node: ast.FunctionDef) -> dict[str, str]:
    """The annotations of a function's arguments by name."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation}


def _signature(node: ast.FunctionDef, name: str) -> str:
    """The signature of a function without self and annotations, which the table of arguments has."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0]
    assert isinstance(arguments, ast.FunctionDef)
    for each in (*arguments.args.posonlyargs, *arguments.args.args, *arguments.args.kwonlyargs):
        each.annotation = None
    shown = re.sub(r"^(self|cls)(, )?", "", ast.unparse(arguments.args))
    returns = ast.unparse(node.returns).strip("'\"") if node.returns and node.name != "__init__" else ""
    line = f"{name}({shown}){f' -> {returns}' if returns else ''}"
    return _call(line)


def _call(line: str) -> str:
    """A signature as a block of text."""
    wrapped = textwrap.wrap(line, 100, subsequent_indent="    ", break_long_words=False)
    return "\n".join(["```text", *wrapped, "```"])
