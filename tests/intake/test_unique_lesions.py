from dataclasses import replace

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.intake.unique_lesions import unique_lesions
from mammo.records import LabelSource, LesionRecord, MammoError, Pathology

LESION = LesionRecord(
    "k", "a.dcm", Pathology.BENIGN, LabelSource.BIOPSY, Box(3, 5, 7, 10), np.ones((2, 3), dtype=np.bool_)
)
OTHER = replace(LESION, lesion_key="other", path="b.dcm")


def test_equal_lesions_of_one_key_are_one() -> None:
    assert unique_lesions([LESION, OTHER, replace(LESION, mask=LESION.mask.copy())]) == (LESION, OTHER)


@pytest.mark.parametrize(
    "other",
    [
        replace(LESION, path="b.dcm"),
        replace(LESION, label=Pathology.MALIGNANT),
        replace(LESION, box=Box(3, 5, 8, 11)),
        replace(LESION, mask=np.eye(2, 3, dtype=np.bool_)),
        replace(LESION, high_risk=True),
    ],
)
def test_unequal_lesions_of_one_key_are_an_error_that_names_both(other: LesionRecord) -> None:
    with pytest.raises(MammoError, match=r"lesion_id 'k' occurs twice, benign on a\.dcm \(rows 3 to 4, .*, and "):
        unique_lesions([LESION, OTHER, other])
