"""The reference of the commands: what each does, its arguments, and the exit statuses."""

import contextlib
import os
import re
from argparse import Action, _SubParsersAction
from collections.abc import Iterator
from importlib import import_module
from unittest.mock import patch

from mammo.cli import commands
from mammo.cli.arguments import ROOT_VARIABLE, Parser
from mammo.cli.conf_comments import ConfFile
from mammo.cli.keys import KEYS
from tests.reference.configuration import CONF
from tests.reference.markdown import cell, code, table

FIRST_WORDS = {"runs": [["prune"]]}
"""By command, first words with arguments of their own that are no subcommands of argparse."""


def all_commands() -> str:
    """Every command, in the order of mammo's own list."""
    return "\n\n".join(
        f"## {name}\n\n{_hydra(name) if name in KEYS else _argparse(name)}" for name in commands.COMMANDS
    )


def exit_statuses() -> str:
    """What each exit status means."""
    found = re.findall(r"(\d+) ([^;.]+)[;.]", commands.__doc__.partition("Exit statuses:")[2].replace("\n", " "))
    return table(["status", "meaning"], [[number, cell(meaning)] for number, meaning in found])


def _hydra(name: str) -> str:
    head = ConfFile.read(CONF / f"{name}.yaml", "").head
    examples = [line for line in head if line.startswith("  ")]
    text = " ".join(line for line in head if line not in examples and line != "Examples:")
    return _page(text, examples, f"Keys: [configuration](configuration.md#{name}).")


def _argparse(name: str) -> str:
    with patch.dict(os.environ):
        os.environ.pop(ROOT_VARIABLE, None)
        page = [parser for words in ([], *FIRST_WORDS.get(name, [])) for parser in _parsers(name, words)]
        text, _, examples = (page[0].description or "").partition("Examples:\n")
        parts = [_page(" ".join(text.split("\n\n")[0].split()), examples.rstrip().split("\n"), "")]
        parts += [cell(paragraph) for paragraph in text.strip().split("\n\n")[1:]]
        for parser in page:
            if arguments := _arguments(parser):
                word = parser.prog.removeprefix(f"mammo {name}").strip()
                parts += [f"With `{word}`:"] * bool(word) + [arguments]
    return "\n\n".join(filter(None, parts))


def _page(text: str, examples: list[str], end: str) -> str:
    return "\n\n".join(filter(None, [cell(text), "\n".join(["```text", *(line[2:] for line in examples), "```"]), end]))


def _parsers(name: str, words: list[str]) -> list[Parser]:
    """The parser of a command and those of its subcommands, each as its --help would show it."""
    shown: list[Parser] = []
    with (
        patch.object(Parser, "print_help", lambda self, file=None: shown.append(self)),
        contextlib.suppress(SystemExit),
    ):
        import_module(f"mammo.{name}").main([*words, "--help"])
    choices = [action.choices for action in shown[0]._actions if isinstance(action, _SubParsersAction)]
    return [*shown, *(parser for found in choices for parser in found.values())]


def _arguments(parser: Parser) -> str:
    rows = [
        [code(", ".join(_names(action))), cell(action.help or "")] for action in parser._actions if _is_shown(action)
    ]
    return table(["argument", "meaning"], rows) if rows else ""


def _is_shown(action: Action) -> bool:
    return action.dest != "help" and not isinstance(action, _SubParsersAction)


def _names(action: Action) -> Iterator[str]:
    name = str(action.metavar or action.dest)
    if not action.option_strings:
        yield name.upper() + (" ..." if action.nargs == "+" else "")
    for option in action.option_strings:
        value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
        yield option + value + (" ..." if action.nargs == "+" else "")
