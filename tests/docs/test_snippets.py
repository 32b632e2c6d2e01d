"""What the pages show is well formed, and every command on them parses: names, keys, choices and values exist."""

import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest

from mammo.cli.arguments import Parser
from mammo.cli.commands import COMMANDS
from mammo.cli.config_check import as_typed, forced
from mammo.cli.hydra_app import CONF, check_request
from mammo.cli.keys import KEYS
from mammo.records import MammoError
from tests.docs.prepared_folders import STARTS
from tests.docs.snippets import PAGES, ROOT, RUN, SHOWN, Block, blocks, starts

MOST_SKIPPED = 5

ALL: list[Block] = [block for page in PAGES for block in blocks(page)]

INLINE = re.compile(r"`((?:python -m mammo\.|mammo )[^`]*)`")
PREFIX = re.compile(r"(?:\w+=\S* )*(?:python -m mammo[. ]|mammo )")
"""What comes before the name of a command: variables of the environment, and the program."""

PLACEHOLDER = re.compile(r"[\w/]+=[A-Z_]+")


def commands_of(page: Path) -> list[tuple[str, str]]:
    """The commands of mammo in a page's bash blocks and within its text, each with its place."""
    found, text = [], page.read_text(encoding="utf-8")
    for block in blocks(page):
        if block.language == "bash" and block.attributes.get("exit") != "2":  # which shows wrong use
            for line in block.text.replace("\\\n", " ").splitlines():
                found += [(block.place, part) for part in re.split(r" (?:\||&&|\|\||>|2>) ", line.strip())]
        text = text.replace(block.text, "")
    name = page.relative_to(ROOT).as_posix()
    found += [(name, span.replace("\n", " ")) for span in INLINE.findall(text) if "..." not in span]
    return [(place, line) for place, line in found if PREFIX.match(line)]


def checked(place: str, line: str) -> str:
    """What is wrong with a command, "" for nothing. Words of a group with a placeholder in capitals are left out."""
    name, *words = shlex.split(PREFIX.sub("", line), comments=True)
    if name in ("NAME", "--version", "--help"):
        return ""
    if name not in COMMANDS:
        return f"{place}: mammo {name} does not exist"
    if ":" not in place and not words:  # the text names a command only
        return ""
    words = [word for word in words if not (PLACEHOLDER.fullmatch(word) and (CONF / word.partition("=")[0]).is_dir())]
    try:
        if name in KEYS:
            check_request(name, as_typed(forced(words), KEYS[name]))
        else:
            check_arguments(name, words)
    except (MammoError, SystemExit, ValueError) as error:
        return f"{place}: {line}: {error}"
    return ""


class Parsed(Exception):  # noqa: N818
    """Arguments were understood."""


def check_arguments(name: str, words: list[str]) -> None:
    """Check the arguments of a command with argparse, which then does nothing; SystemExit where they are wrong."""
    module = runpy.run_module(f"mammo.{name}")
    try:
        module["main"](words)
    except Parsed:
        return
    raise AssertionError(f"mammo {name} did not read its arguments")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_parses(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without reading or making anything; own configurations that the page shows are there."""
    parse_args = Parser.parse_args

    def parse_only(self: Parser, *arguments: Any) -> None:
        parse_args(self, *arguments)
        raise Parsed

    monkeypatch.setattr(Parser, "parse_args", parse_only)
    monkeypatch.chdir(tmp_path)
    for block in blocks(page):
        if title := block.attributes.get("title"):
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(block.text, encoding="utf-8")
    problems = [problem for place, line in commands_of(page) if (problem := checked(place, line))]
    assert not problems, "\n".join(problems)


def test_every_block_says_what_it_is() -> None:
    wrong = [f"{block.place}: {block.language!r}" for block in ALL if block.language not in (*RUN, *SHOWN)]
    assert not wrong, f"a block has a language of {(*RUN, *SHOWN)}: {wrong}"
    unknown = [block.place for block in ALL if set(block.attributes) - {"title", "skip", "exit"}]
    assert not unknown, "a block's info string has title, skip and exit only"


def test_at_most_five_blocks_are_not_run() -> None:
    skipped = [f"{block.place}: {block.attributes['skip']}" for block in ALL if "skip" in block.attributes]
    assert len(skipped) <= MOST_SKIPPED, skipped


def test_every_start_is_one_that_is_prepared() -> None:
    assert {name for page in PAGES for name in starts(page)} <= set(STARTS)
