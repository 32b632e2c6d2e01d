"""Runs the blocks of one page in its folder: a shell environment and Python names that last from block to block."""

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.docs.snippets import ROOT, Block, blocks

LIMIT_S = 600
"""Longest time of a block, in seconds."""

ANY_DIGEST = "12345678"
"""Stands on the pages for the digest in a run folder's name, which differs between machines."""

RUN_FOLDER = re.compile(rf"[\w./+-]+-{ANY_DIGEST}\b")

READER = """
import json, sys
names = {"__name__": "__main__"}
sys.path.insert(0, "")
for line in sys.stdin:
    block = json.loads(line)
    exec(compile(block["text"], block["place"], "exec"), names)
    print(flush=True)
    print(block["end"], flush=True)
"""
"""Runs Python blocks that come as lines of JSON, in one namespace."""


def environment(commands: Path) -> dict[str, str]:
    """The environment of a page: the programs of a folder, then this environment's, and mammo of this checkout."""
    return os.environ | {
        "PATH": os.pathsep.join([str(commands), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([".", str(ROOT), str(ROOT / "tests" / "no_network")]),
        "PYTHONUNBUFFERED": "1",
    }


class PageRun:
    """A page that is being run.

    Args:
        page: the page.
        folder: where it runs; empty, or prepared.
        commands: a folder with the programs that shadow `mammo`, `python` and `pip` (quick_command.write_commands).
    """

    def __init__(self, page: Path, folder: Path, commands: Path) -> None:
        self.page, self.folder = page, folder
        self.environment = environment(commands)
        self.where = str(folder)
        self.python: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """Run all blocks; AssertionError with place, block and output of the first that fails."""
        try:
            for block in blocks(self.page):
                if block.is_run:
                    run = self._bash if block.language == "bash" else self._python
                    problem, output = run(block, self._with_digests(block))
                    assert not problem, f"{block.place}: {problem}\n{block.text}\n---- its output:\n{output[-6000:]}"
                elif (title := block.attributes.get("title")) and "skip" not in block.attributes:
                    file = self.folder / title
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(block.text, encoding="utf-8")
        finally:
            if self.python:
                self.python.kill()

    def _with_digests(self, block: Block) -> str:
        """The text of a block with the digests of this machine's run folders."""

        def real(found: re.Match[str]) -> str:
            pattern = found[0].removesuffix(ANY_DIGEST) + "*"
            folders = [path.relative_to(self.where).as_posix() for path in Path(self.where).glob(pattern)]
            assert len(folders) == 1, f"{block.place}: {pattern} matches {folders}, not one folder"
            return folders[0]

        return RUN_FOLDER.sub(real, block.text)

    def _bash(self, block: Block, text: str) -> tuple[str, str]:
        """Run a block of shell commands, which stops at the first that fails; what is wrong, and the output."""
        state = self.folder.parent / "state.json"
        keep = f"import os, json; json.dump([os.getcwd(), dict(os.environ)], open({str(state)!r}, 'w'))"
        script = f"keep() {{ {shlex.quote(sys.executable)} -c {shlex.quote(keep)}; }}\ntrap keep EXIT\n{text}"
        words = ["bash", "-e", "-o", "pipefail", "-c", script]
        try:
            done = subprocess.run(
                words,
                cwd=self.where,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            return f"takes more than {LIMIT_S} s", (slow.output or b"").decode(errors="replace")
        self.where, self.environment = json.loads(state.read_text(encoding="utf-8"))
        expected = int(block.attributes.get("exit", 0))
        return ("" if done.returncode == expected else f"ended with status {done.returncode}"), done.stdout

    def _python(self, block: Block, text: str) -> tuple[str, str]:
        """Run a block of Python, as _bash."""
        if self.python is None:
            self.python = subprocess.Popen(
                [sys.executable, "-c", READER],
                cwd=self.where,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert self.python.stdin
        assert self.python.stdout
        end = f"==== end of {block.place}"
        with suppress(BrokenPipeError):
            self.python.stdin.write(json.dumps({"text": text, "place": block.place, "end": end}) + "\n")
            self.python.stdin.flush()
        output = []
        for line in self.python.stdout:
            if line.strip() == end:
                return "", "".join(output)
            output.append(line)
        return "raises an error", "".join(output)
