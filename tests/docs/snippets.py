"""The code blocks of a Markdown page, and what their fences say about how they are run.

Every block of language `bash` or `python` in README.md and docs/ is run from top to bottom of its page, in a folder of
the page's own (page_run.py, quick_command.py). A block says more in its info string:

    ```yaml title="conf/floc/mine.yaml"     a file that is written there; with a title, python is a file, too
    ```bash exit="3"                        the block ends with this status instead of 0
    ```bash skip="what it would need"       not run; at most five in all pages
    ```text                                 output, never run

A comment at the top of a page names the files that it starts with (prepared_folders.py): <!-- start: demo -->

Variables that bash exports, the folder that it changes to and the names of Python last to the end of the page. In a
run folder's name 12345678 stands for the digest, which differs between machines.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

RUN = ("bash", "python")
SHOWN = ("text", "yaml", "csv", "json", "toml", "mermaid")
"""Languages of blocks that are run, and of those that are not."""

FENCE = re.compile(r"(?P<indent> *)```(?P<info>.*)")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
START = re.compile(r"<!-- start: ([\w -]+) -->")


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        page: the file that it is in.
        line: number of its first line.
        language: the first word of its info string, "" without one.
        attributes: the others, by name.
        text: its lines, without the indentation of the fence.
    """

    page: Path
    line: int
    language: str
    attributes: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        """Its page and line, as in docs/index.md:12."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not {"title", "skip"} & set(self.attributes)


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    found, lines = [], iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        if fence := FENCE.fullmatch(line):
            indent, (language, _, others) = len(fence["indent"]), fence["info"].partition(" ")
            text = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                text.append(inner[indent:] + "\n")
            found.append(Block(page, number + 1, language, dict(ATTRIBUTE.findall(others)), "".join(text)))
    return found


def starts(page: Path) -> list[str]:
    """The names of the files that a page starts with; none for an empty folder."""
    found = START.search(page.read_text(encoding="utf-8"))
    return found[1].split() if found else []


def is_run(page: Path) -> bool:
    """Whether any block of a page is run."""
    return any(block.is_run for block in blocks(page))
