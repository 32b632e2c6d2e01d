"""A flipped byte or a cut of any file that commands exchange is noticed by its first reader, or changes no result.

Size and time of a file with a flipped byte are as they were. FULL=1 runs every case; what runs/faults/artifacts.jsonl
lists for this very code is done.
"""

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest

from tests.faults.artifacts import KINDS, Kind, Result, build, read

HERE = Path(__file__).resolve().parents[2]
DONE = HERE / "runs" / "faults" / "artifacts.jsonl"
N_FLIPS, N_CUTS = 5, 5
SAMPLED = 2
"""Cases of each kind without FULL=1."""

SAID = re.compile(r"\bdamaged\b|read again|Left out")
"""What a command says that makes a file again, or does without it."""

REMEDY = re.compile(r"\b(run|restore|give|train|copy|download|delete|put|ingest|precompute)\b")

pytestmark = pytest.mark.faults


@cache
def code() -> str:
    """Digest of the code that is tested, and of this test."""
    files = sorted([*HERE.glob("mammo/**/*.py"), *HERE.glob("conf/**/*.yaml"), *HERE.glob("tests/faults/*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


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


def one_case(template: Path, whole: Result, kind: Kind, number: int, folder: Path, key: str) -> dict[str, str]:
    """Damage a copy of the root and read it."""
    random, root = Random(f"{key} {number}"), folder / "root"
    files = sorted(str(file.relative_to(template)) for file in template.glob(kind.files) if file.stat().st_size)
    path = random.choice(files)
    shutil.copytree(template, root, symlinks=True)
    try:
        done = damage(root / path, number, random)
        found = read(kind, root, path)
    finally:
        shutil.rmtree(root)
    return {"path": path, "damage": done, "outcome": outcome(whole, found, path), "text": found.ended.text[-2000:]}


@pytest.mark.parametrize("name", list(KINDS))
def test_damage_is_noticed_by_the_first_reader(template: Path, name: str, tmp_path: Path) -> None:
    kind, full = KINDS[name], bool(os.environ.get("FULL"))
    numbers = range(N_FLIPS + N_CUTS) if full else Random(name).sample(range(N_FLIPS + N_CUTS), SAMPLED)
    lines = [json.loads(line) for line in DONE.read_text().splitlines()] if DONE.is_file() and full else []
    known = {(line["kind"], line["number"]): line for line in lines if line["code"] == code()}
    root = tmp_path / "root"
    path = next(str(file.relative_to(template)) for file in template.glob(kind.files))
    shutil.copytree(template, root, symlinks=True)
    whole = read(kind, root, path)
    shutil.rmtree(root)
    assert whole.ended.status in (0, 1), whole.ended.text
    assert whole.products
    found = []
    for number in numbers:
        case = known.get((name, number))
        if case is None:
            case = one_case(template, whole, kind, number, tmp_path, name)
            case |= {"kind": name, "number": number, "code": code()}
            DONE.parent.mkdir(parents=True, exist_ok=True)
            with DONE.open("a") as stream:
                stream.write(json.dumps(case) + "\n")
        found.append(case)
    counts = Counter(case["outcome"] for case in found)
    print(f"{name}: {len(found)} cases, {dict(counts)}")
    failed = [case for case in found if case["outcome"].isupper()]
    assert not failed, json.dumps(failed, indent=1)
