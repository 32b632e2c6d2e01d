from dataclasses import replace

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.intake.unique_lesions import unique_lesions, unique_on_copies
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


def test_a_lesion_outlined_on_two_copies_of_an_image_is_one() -> None:
    copies = {"a.dcm": "image", "b.dcm": "image"}
    other_place = replace(OTHER, lesion_key="third", box=Box(4, 6, 7, 10))
    assert unique_on_copies([LESION, OTHER, other_place], copies) == (LESION, other_place)
    assert unique_on_copies([LESION, OTHER], {"a.dcm": "image", "b.dcm": "another"}) == (LESION, OTHER)


def test_copies_that_contradict_each_other_are_an_error_that_names_both() -> None:
    copies = {"a.dcm": "image", "b.dcm": "image"}
    with pytest.raises(MammoError, match=r"different labels: benign on a\.dcm .*, and malignant on b\.dcm"):
        unique_on_copies([LESION, replace(OTHER, label=Pathology.MALIGNANT)], copies)
