"""Records; their enumerations are part of file formats and command lines, so their values are fixed."""

import sys
from dataclasses import FrozenInstanceError
from subprocess import run

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.records import (
    FULL_SCALE,
    Cohort,
    ImageRecord,
    LabelSource,
    Laterality,
    LesionRecord,
    PatchClass,
    Pathology,
    Split,
    View,
    did_you_mean,
)
from mammo.text import nearest_words


def test_values_in_files_are_fixed() -> None:
    assert [*Laterality] == ["L", "R"]
    assert [*View] == ["CC", "MLO"]
    assert [*Pathology] == ["malignant", "benign", "none"]
    assert [*LabelSource] == ["biopsy", "breast_level", "birads_proxy", "unknown", "none"]
    assert [*Split] == ["train", "val", "test"]


def test_patch_classes_keep_their_numbers() -> None:
    assert {member.name: int(member) for member in PatchClass} == {
        "MALIGNANT": 0,
        "BENIGN": 1,
        "OUTSIDE": 2,
        "NEGATIVE": 3,
    }


def test_full_scale_is_twelve_bits() -> None:
    assert FULL_SCALE == 2**12 - 1


def test_records_are_values() -> None:
    image = ImageRecord("a.dcm", "patient", "exam", Laterality.LEFT, View.CC)
    assert image == ImageRecord("a.dcm", "patient", "exam", Laterality("L"), View("CC"))
    assert image.reason == ""
    with pytest.raises(FrozenInstanceError):
        image.path = "b.dcm"  # type: ignore[misc]


def test_lesions_are_compared_by_identity() -> None:
    """Arrays have no single truth value, so == on lesions must not compare their masks."""
    one, other = (
        LesionRecord("1", "a.dcm", Pathology.BENIGN, LabelSource.BIOPSY, Box(0, 1, 0, 2), np.ones((1, 2), np.bool_))
        for _ in range(2)
    )
    assert one != other
    assert Cohort((), (one,)) == Cohort((), (one,))
    assert not one.high_risk


def test_records_do_not_import_torch() -> None:
    program = "import sys, mammo.records, mammo.geometry; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("flok", " (did you mean floc?)"),
        ("FLOC", " (did you mean floc?)"),
        ("cntext", " (did you mean Context?)"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_misspelled_word_has_a_nearest_known_one(word: str, expected: str) -> None:
    assert did_you_mean(word, ("fagg", "floc", "Context")) == expected


def test_words_that_begin_alike_are_suggested_first() -> None:
    known = ("test_convnext", "convnext_tiny", "convnext_xxlarge", "tresnet")
    assert did_you_mean("ConvNeXt", known) == " (did you mean convnext_tiny?)"
    assert nearest_words("ConvNeXt", known, 3) == ["convnext_tiny", "convnext_xxlarge", "test_convnext"]
    assert nearest_words("ConvNeXt", known, 2, cutoff=0) == ["convnext_tiny", "convnext_xxlarge"]
    assert nearest_words("ConvNeXt", (), 2) == []
