"""The words of the page: no sentence that a reader gets names an option, a key or a function that the page lacks."""

import re

import pytest

from mammo.inference.case_image import REMEDIES
from mammo.intake.rejections import STATE, Code
from mammo.serving.page_words import in_page

FOREIGN = re.compile(r"=|--\w|\bdata\.|\bmammo\b|\bingest\b|\.csv\b|source folder|Python|pass ")
OF_COHORTS = {
    *(Code.NOT_DESCRIBED, Code.NO_PATIENT, Code.ELSEWHERE, Code.OTHER_SOURCE, Code.DUPLICATE, Code.MISSING),
    *(Code.SPACING_CONFLICT, Code.UID_CONFLICT),
}
"""Codes of tables and of files beside others, which a single image cannot have."""


@pytest.mark.parametrize("code", [code for code in Code if code not in OF_COHORTS])
def test_no_reason_and_no_remedy_names_what_the_page_lacks(code: Code) -> None:
    sentence = in_page(f"the image: {code.reason}: {REMEDIES.get(code, code.remedy)}")
    assert not FOREIGN.search(sentence.replace("below the source folder", "", 1)), sentence
    assert sentence.startswith("The image: ")
    assert STATE not in sentence


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        (
            "the image: laterality=L, but the header of the image states R: leave laterality out, or view the image",
            "The image: you chose the breast L, but the header of the file states R: leave that out under "
            "'What the file does not say', and open it again, or have the header corrected.",
        ),
        (
            "the image: pixel_spacing=0.1, but the header of the image states 0.07: leave pixel_spacing out",
            "The image: you gave a pixel spacing of 0.1 mm, but the header of the file states 0.07 mm: leave that out "
            "under 'What the file does not say', and open it again, or have the header corrected.",
        ),
        (
            "The breast is small, and the score means nothing; scale=0.31 would fit this breast.",
            "The breast is small, and the score means nothing.",
        ),
    ],
)
def test_remedies_are_those_of_the_page(sentence: str, shown: str) -> None:
    assert in_page(sentence) == shown
