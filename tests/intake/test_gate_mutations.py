"""Randomly damaged files through the whole ingest: every one has an outcome, and no child process is lost."""

import os
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.intake.outcomes import counts
from mammo.intake.rejections import Code
from tests.intake.dicom_variants import ENCODERS, FRAME, Variant, lut_sequence, sequence

ROWS, COLS = np.mgrid[:72, :48]
SMALL = np.where(((ROWS - 35.5) / 33) ** 2 + (COLS / 40) ** 2 < 1, 300 + ROWS * 40 + COLS * 9, 0).astype(np.uint16)
RICH = {
    "WindowCenter": [2000, 1000],
    "WindowWidth": [3000, 900],
    "VOILUTSequence": lut_sequence(list(range(256)), [256, 0, 8]),
    "ViewCodeSequence": sequence(CodeValue="399162004"),
    "PixelPaddingValue": 0,
}
SEEDS = [
    Variant("native", codes=SMALL),
    Variant("rich", codes=SMALL, tags=RICH),
    Variant("implicit", codes=SMALL, syntax="1.2.840.10008.1.2", tags=RICH),
    Variant("deflated", codes=SMALL, syntax="1.2.840.10008.1.2.1.99"),
    *[Variant(syntax, codes=SMALL, syntax=syntax, frame=frame) for syntax, frame in ENCODERS.items()],
]
LENGTHS = [b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff\xff\xff\xff", b"\xff\xff", b"\xff\x7f"]
CHUNK = 1000


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the file with one to three random changes, half of them in its header."""
    for _ in range(rng.integers(1, 4)):
        end = min(len(content), 1200) if rng.random() < 0.5 else len(content)
        start, size = int(rng.integers(0, max(end, 1))), int(rng.integers(1, 40))
        head, tail = content[:start], content[start:]
        match rng.integers(0, 6):
            case 0:
                content = head
            case 1:
                content = head + bytes(rng.integers(0, 256, min(size, len(tail)), np.uint8)) + tail[size:]
            case 2:
                content = head + rng.bytes(size) + tail
            case 3:
                content = head + tail[size:]
            case 4:
                length = LENGTHS[rng.integers(0, len(LENGTHS))]
                content = head + length + tail[len(length) :]
            case 5:
                content = head + tail[:size] + tail
    return content


def check(folder: Path, start: int, n: int) -> None:
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "lesions.csv").write_text("image,label,mask\n")
    contents = [seed.content(number) for number, seed in enumerate(SEEDS)]
    (source / "whole.dcm").write_bytes(Variant("whole", codes=SMALL).content(99))
    for number in range(start, start + n):
        damaged = mutant(contents[number % len(contents)], np.random.default_rng((7, number)))
        (source / f"{number:07d}.dcm").write_bytes(damaged)
    outcomes = ingest_cohort(Recipe(source, folder / "store", FRAME, 1), read(source), 2).outcomes
    assert sum(counts(outcomes).values()) == len(outcomes) == n + 1
    lost = [outcome.path for outcome in outcomes if set(outcome.codes) & {Code.CRASHED, Code.TOO_SLOW}]
    assert lost == []


def test_two_thousand_damaged_files_have_outcomes(tmp_path: Path) -> None:
    for start in range(0, 2000, CHUNK):
        check(tmp_path / str(start), start, CHUNK)


@pytest.mark.faults
def test_twenty_thousand_damaged_files_have_outcomes(tmp_path: Path) -> None:
    """The variables MUTANTS (how many) and MUTANTS_FROM (the first number) allow runs in parts."""
    first = int(os.environ.get("MUTANTS_FROM", "0"))
    for start in range(first, first + int(os.environ.get("MUTANTS", "20000")), CHUNK):
        check(tmp_path / str(start), 1_000_000 + start, CHUNK)
        rmtree(tmp_path / str(start))
        print(f"mutants {first} to {start + CHUNK}: all have outcomes")
