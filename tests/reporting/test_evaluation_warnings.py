"""What is flagged, and what is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from mammo.reporting.evaluation_warnings import evaluation_warnings, uneven_seeds
from mammo.reporting.run_selection import reported_runs


def test_nothing_is_said_of_a_sound_evaluation() -> None:
    assert evaluation_warnings(136, "", ["biopsy"] * 600, 0.95, "nyu") == []
    assert evaluation_warnings(30, "", [], 0.8, "cbis_ddsm") == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((29, "", [], 0.8, ""), "Only 29 malignant lesions"),
        ((0, "no malignant lesion", [], float("nan"), ""), "No metric exists: no malignant lesion."),
        ((90, "", ["biopsy", "birads_proxy", "birads_proxy"], 0.8, ""), "2 of 3 labels are BI-RADS proxies"),
        ((90, "", [], 0.91, "cbis_ddsm"), "0.910 on CBIS-DDSM lesions"),
    ],
)
def test_what_a_reviewer_would_flag_is_flagged(asked: tuple[int, str, list[str], float, str], told: str) -> None:
    found = evaluation_warnings(*asked)
    assert len(found) == 1
    assert told in found[0]


def test_a_combination_that_lacks_a_seed_is_told(reported_root: Path) -> None:
    runs = reported_runs(reported_root / "table3")
    assert uneven_seeds(runs) == []
    assert uneven_seeds([]) == []
    again = [replace(run, seed=7) for run in runs if run.maps == "sal+emb"]
    (told,) = uneven_seeds([*runs, *again])
    assert "(emb lacks 7)" in told
    assert uneven_seeds([*runs, *(replace(run, seed=7) for run in runs)]) == []
