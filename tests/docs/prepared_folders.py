"""The files that pages start from: a finished demo, and folders of images as the pages describe them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tests.docs.page_run import environment
from tests.docs.phantom_folders import write_own_data
from tests.docs.public_folders import write_mini_mias, write_public_folders


def prepare(name: str, folder: Path, shared: Path, commands: Path) -> None:
    """Put the files of a prepared start into a page's folder.

    Args:
        name: of the start, a key of STARTS.
        folder: of the page, empty.
        shared: where a start is built once for all pages and processes.
        commands: the programs of the pages (quick_command.write_commands).
    """
    built = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not built.is_dir():
            partial = shared / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            STARTS[name](partial, commands)
            partial.rename(built)
    shutil.copytree(built, folder, dirs_exist_ok=True)


def _demo(folder: Path, commands: Path) -> None:
    """runs/demo as `mammo demo` makes it, of few patients, and one of its images as image.dcm."""
    done = subprocess.run(
        [commands / "mammo", "demo"],
        cwd=folder,
        env=environment(commands),  # mammo of this checkout in the stages, too
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"mammo demo: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    shutil.copy(min((folder / "runs" / "demo" / "dicom").rglob("*.dcm")), folder / "image.dcm")


STARTS: dict[str, Callable[[Path, Path], None]] = {
    "demo": _demo,
    "own-data": lambda folder, _: write_own_data(folder),
    "public-data": lambda folder, _: write_public_folders(folder),
    "mini-mias": lambda folder, _: write_mini_mias(folder / "mini_mias"),
}
"""What makes each start, in an empty folder, with the programs of the pages."""
