"""What an oracle gains from the other view of a breast and from the other breast, by dials.ipsi and dials.contra."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from mammo.phantoms import findings
from mammo.phantoms.cohort import IMAGE_COLUMNS, IMAGE_TRUTH_COLUMNS, LESION_COLUMNS, TRUTH_COLUMNS, rows_of_breast
from mammo.phantoms.image import plan_image
from mammo.phantoms.placement import Site
from mammo.phantoms.spec import CohortSpec, Dials
from mammo.records import Laterality, View
from tests.phantoms.oracle import oracle_aucs


@cache
def tables(dials: Dials, n_patients: int) -> dict[str, pd.DataFrame]:
    """The tables of a cohort that is not drawn; numbers are floats."""
    spec = CohortSpec(seed=3001, dials=dials)
    breasts = [(patient, side) for patient in range(1, n_patients + 1) for side in Laterality]
    rows = [row for breast in breasts for row in rows_of_breast([plan_image(spec, *breast, view) for view in View])]
    found = {
        "images": pd.DataFrame([row.image for row in rows], columns=IMAGE_COLUMNS),
        "images_truth": pd.DataFrame([row.image_truth for row in rows], columns=IMAGE_TRUTH_COLUMNS),
        "lesions": pd.DataFrame([one for row in rows for one in row.lesions], columns=LESION_COLUMNS),
        "truth": pd.DataFrame([one for row in rows for one in row.truth], columns=TRUTH_COLUMNS),
    }
    return {name: table.astype({x: float for x in ("v", "shown") if x in table}) for name, table in found.items()}


@pytest.fixture(autouse=True)
def without_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the search for places, which takes most of the time and is independent of labels."""
    monkeypatch.setattr(findings, "place_lesions", lambda rng, shape, radii: [Site(0, 0, radius) for radius in radii])
    monkeypatch.setattr(findings, "place_again", lambda rng, sites, shape, other: list(sites))


def gains(dials: Dials, n_patients: int, with_lesions: bool = False) -> dict[str, float]:
    """AUC of the oracle by own, and what the other images add to it."""
    aucs = oracle_aucs(tables(dials, n_patients), with_lesions)
    return aucs | {name: aucs[name] - aucs["own"] for name in ("ipsi", "contra", "all")}


def test_an_oracle_gains_from_the_other_view_and_from_the_other_breast() -> None:
    found = gains(Dials(), 800)
    assert 0.02 < found["ipsi"] < 0.05
    assert 0.02 < found["contra"] < 0.05
    assert max(found["ipsi"], found["contra"]) + 0.005 < found["all"] < 0.05


@pytest.mark.parametrize("with_lesions", [False, True])
def test_at_0_the_other_view_adds_nothing_even_beside_the_other_breast(with_lesions: bool) -> None:
    found = gains(Dials(ipsi=0.0), 500, with_lesions)
    assert abs(found["ipsi"]) < 0.003
    assert abs(found["all"] - found["contra"]) < 0.003


@pytest.mark.parametrize("with_lesions", [False, True])
def test_at_0_the_other_breast_adds_nothing_even_beside_the_other_view(with_lesions: bool) -> None:
    found = gains(Dials(contra=0.0), 500, with_lesions)
    assert abs(found["contra"]) < 0.003
    assert abs(found["all"] - found["ipsi"]) < 0.003


def test_an_image_by_itself_shows_as_much_whatever_the_other_images_add() -> None:
    off, on = (tables(dials, 800) for dials in (Dials(ipsi=0.0, contra=0.0), Dials()))
    assert oracle_aucs(on)["own"] == pytest.approx(oracle_aucs(off)["own"], abs=0.02)
    for name, column in (("truth", "v"), ("images_truth", "shown")):
        levels = [np.quantile(each[name][column], np.arange(0.1, 1, 0.1)) for each in (off, on)]
        assert levels[0] == pytest.approx(levels[1], abs=0.12)
