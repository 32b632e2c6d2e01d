"""A full disk ends every command with one sentence that names a path; nothing is lost, and a rerun completes."""

import resource
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import Ended, launch
from tests.faults.trees import Roots, differences, tree

WRITING = [line for line in COMMAND_LINES if line.writes]
N_POINTS = 26
STRIDE = 7
"""Points between two turns of a command; it has no divisor in common with their number."""


def check_sentence(end: Ended, root: Path) -> None:
    """Check that a command ended as wrong input does: with a sentence that names a path below the root."""
    printed = end.out + end.err
    assert "Traceback" not in printed, printed[-1500:]
    errors = [line for line in printed.splitlines() if "error: " in line or line.startswith("failed: job ")]
    assert end.status == 2 or (end.status == 1 and errors and errors[-1].startswith("failed")), printed[-1000:]
    assert errors, printed
    assert len(errors[-1]) < 700, errors[-1]
    assert str(root) in errors[-1], errors[-1]


def limit(size: int) -> None:
    """Let no file grow beyond this size: writing more fails, as on a full disk (Python ignores SIGXFSZ)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def check_full_disk(roots: Roots, line: CommandLine, point: int) -> None:
    """Run a command with files limited to a share of its largest one, point 0 to 24 of 25, or beyond it."""
    roots.undisturbed(line)
    root = roots.fresh(line)
    before = tree(root)
    sizes = _sizes(roots, line)
    size = int(np.quantile(sizes, point / (N_POINTS - 2)) * 0.999) if point < N_POINTS - 1 else 4 * max(sizes)
    end = launch(line.words(root), root, partial(limit, size)).wait()
    if end.status in line.statuses:
        found = differences(roots.undisturbed(line)[0], tree(root))
    else:
        check_sentence(end, root)
        found = [change for change in differences(before, tree(root)) if not change.endswith(" is new")]
    assert not found, f"files of at most {size} bytes: {found[:8]}"
    roots.check_rerun(line)


def _sizes(roots: Roots, line: CommandLine) -> list[int]:
    """Sizes of the files that a command writes, 0 among them."""
    outputs = [path for output in line.outputs(roots.full_root) for path in (output, *output.rglob("*"))]
    return [0, *(path.stat().st_size for path in outputs if path.is_file())] if outputs else [0, 1 << 12, 1 << 20]


@pytest.mark.faults
def test_a_full_disk_loses_nothing(roots: Roots) -> None:
    cases = {}
    for turn in range(N_POINTS):  # each of them has all commands, and two have all points
        for place, line in enumerate(WRITING):
            point = (STRIDE * turn + place) % N_POINTS
            cases[f"{line.name} {point}"] = line, point
    assert len(cases) == N_POINTS * len(WRITING)
    check_cases("full disk", cases, lambda case: check_full_disk(roots, *case), 30)
