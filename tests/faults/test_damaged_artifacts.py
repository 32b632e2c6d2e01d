"""A flipped byte or a cut of any file that commands exchange is noticed by its first reader, or changes no result.

Size and time of a file with a flipped byte are as they were. FULL=1 runs every case.
"""

import os
import re
import shutil
from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.faults.artifacts import KINDS, Result, build, read
from tests.faults.cases import check_cases

N_FLIPS, N_CUTS = 5, 5
SAMPLED = 30
"""Cases without FULL=1."""

SAID = re.compile(r"\bdamaged\b|read again|Left out")
"""What a command says that makes a file again, or does without it."""

REMEDY = re.compile(r"\b(run|restore|give|train|copy|download|delete|remove|put|ingest|precompute)\b")

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with every kind of artifact."""
    root = tmp_path_factory.mktemp("artifacts") / "root"
    root.mkdir()
    build(root)
    return root


def damage(file: Path, number: int, random: Random) -> str:
    """Change one byte of a file, its size and time kept, or cut it; what was done."""
    times, size = file.stat(), file.stat().st_size
    if number < N_FLIPS:
        place, bit, content = random.randrange(size), random.randrange(8), bytearray(file.read_bytes())
        content[place] ^= 1 << bit
        with file.open("r+b") as stream:
            stream.write(content)
        done = f"bit {bit} of byte {place} of {size}"
    else:
        length = random.randrange(size)
        os.truncate(file, length)
        done = f"cut to {length} of {size} bytes"
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    return done


def outcome(whole: Result, found: Result, path: str) -> str:
    """How a reader took a damaged file; "SILENT" and "CRASHED" are failures."""
    text = found.ended.text
    says = Path(path).name in text or any(part in text for part in Path(path).parts[-3:-1] if len(part) > 20)
    if "Traceback" in text or found.ended.status not in (0, 1, 2, 3):
        return "CRASHED"
    if found.ended.status == 2:
        return "error" if says and REMEDY.search(text) and text.count("error: ") == 1 else "UNNAMED"
    if says and SAID.search(text):
        return "made again or left out, and said"
    return "no effect" if found.products == whole.products else "SILENT"


class Damages:
    """Damages of files in copies of a root.

    Args:
        template: a root with every kind of artifact.
        folder: for the copies.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self.template, self.root = template, folder / "root"
        self.undamaged = cache(self._undamaged)

    def check(self, name: str, number: int) -> None:
        """Damage one file of a kind; AssertionError unless its first reader notices, or reads what it would have."""
        kind, random = KINDS[name], Random(f"{name} {number}")
        files = sorted(self.template.glob(kind.files))
        path = str(random.choice([file for file in files if file.stat().st_size]).relative_to(self.template))
        whole = self.undamaged(name)
        shutil.copytree(self.template, self.root, symlinks=True)
        try:
            done = damage(self.root / path, number, random)
            found = read(kind, self.root, path)
        finally:
            shutil.rmtree(self.root)
        taken = outcome(whole, found, path)
        assert not taken.isupper(), f"{taken}: {done}, {path}: {found.ended.text[-2000:]}"

    def _undamaged(self, name: str) -> Result:
        kind = KINDS[name]
        path = next(str(file.relative_to(self.template)) for file in self.template.glob(kind.files))
        shutil.copytree(self.template, self.root, symlinks=True)
        whole = read(kind, self.root, path)
        shutil.rmtree(self.root)
        assert whole.ended.status in (0, 1), whole.ended.text
        assert whole.products
        return whole


def test_damage_is_noticed_by_the_first_reader(template: Path, tmp_path: Path) -> None:
    damages = Damages(template, tmp_path)
    cases = {f"{name} {number}": (name, number) for name in KINDS for number in range(N_FLIPS + N_CUTS)}
    check_cases("artifacts", cases, lambda case: damages.check(*case), SAMPLED)
