import os
from pathlib import Path

import pytest

from mammo.realism.breasts import exam_breasts
from mammo.realism.comparison import compare
from mammo.realism.measures import MEANINGS, figures
from mammo.realism.reference_values import RECORDED


def test_without_a_real_exam_recorded_figures_stand_beside(small_root: Path) -> None:
    found = compare(small_root / "store", None, 8)
    assert (found.n_images, found.scale, found.figure_scale, found.measured) == (8, 0.125, 0.125, 0)
    assert found.verdict is None
    assert {row.name: row.real for row in found.rows} == RECORDED[0.125]


REAL = pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM names no real exam")


@REAL
def test_recorded_figures_are_those_of_the_real_exam() -> None:
    measured = [figures(image.at(0.25)) for image in exam_breasts(Path(os.environ["MAMMO_REAL_EXAM"]))]
    for name in MEANINGS:
        found = min(one[name] for one in measured), max(one[name] for one in measured)
        assert found == pytest.approx(RECORDED[0.25][name], abs=6e-4), name


@REAL
def test_the_critic_judges_a_store_beside_a_real_exam(small_root: Path) -> None:
    found = compare(small_root / "store", Path(os.environ["MAMMO_REAL_EXAM"]), 16)
    assert found.measured == 4
    assert found.verdict is not None
    assert len(found.verdict.aucs) == 4
    assert 0.4 < found.verdict.auc <= 1
