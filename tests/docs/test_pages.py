"""Every bash and python block of README.md and docs/ runs, page by page; the notebook, too. See snippets.py."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page_run import PageRun, environment
from tests.docs.prepared_folders import prepare
from tests.docs.quick_command import write_commands
from tests.docs.snippets import PAGES, ROOT, Block, blocks, is_run, starts

pytestmark = pytest.mark.docs

RUNS = [page for page in PAGES if is_run(page)]

NOTEBOOK = ROOT / "docs" / "notebooks" / "first-lesion.py"


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of pytest share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / "pages"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of the pages."""
    return write_commands(tmp_path_factory.mktemp("commands"))


@pytest.mark.parametrize("page", RUNS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_the_page_run(page: Path, shared: Path, commands: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    for name in starts(page):
        prepare(name, folder, shared, commands)
    PageRun(page, folder, commands).run()


def test_the_notebook_runs_on_the_demo(shared: Path, commands: Path, tmp_path: Path) -> None:
    prepare("demo", tmp_path, shared, commands)
    done = subprocess.run(
        [sys.executable, NOTEBOOK],
        cwd=tmp_path,
        env=environment(commands),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "first-lesion").iterdir()} == {
        "lesion.png",
        "windows.png",
        "saliency.png",
    }
    assert "34, 46, 30)" in done.stdout


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page) if "skip" in block.attributes])
def test_a_block_is_skipped_for_a_reason(block: Block) -> None:
    pytest.skip(f"{block.place}: {block.attributes['skip']}")
