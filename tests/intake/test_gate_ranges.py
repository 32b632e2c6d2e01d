"""The gate by the range that the values fill, against what the header promises."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.intake.dicom_variants import (
    BREAST,
    INSIDE,
    Results,
    Variant,
    as_range,
    check_pixels,
    ingest,
    jpeg_2000,
    lut_sequence,
    named,
)

J2K = "1.2.840.10008.1.2.4.90"
SIXTEEN = {"BitsStored": 16, "HighBit": 15}
ONE = {"PhotometricInterpretation": "MONOCHROME1"}
TENS = (BREAST >> 2).astype(np.uint16)
DEEP = (BREAST << 2).astype(np.uint16)
LUT_12_IN_16 = lut_sequence(list(range(4096)), [4096, 0, 16])


def inverse(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 4095 - x


DARK = np.where(INSIDE, 4095 - BREAST, 4095).astype(np.uint16)

FLAGGED = [
    Variant("16 bits that hold 12", "range", SIXTEEN),
    Variant("16 bits that hold 12, jpeg 2000", "range", SIXTEEN, syntax=J2K, frame=lambda c: jpeg_2000(c, 16)),
    Variant("16 bits that hold 12, inverse", "range", SIXTEEN | ONE, codes=DARK, gray=inverse),
    Variant("16 bits that hold 10", "range", SIXTEEN, codes=TENS, gray=as_range(1023)),
    Variant("voi lut of 16 bits that holds 12", "range", {"VOILUTSequence": LUT_12_IN_16}),
    Variant(
        "window 65536 wide over 10 bits",
        "range",
        {"BitsStored": 10, "HighBit": 9, "WindowCenter": 32768, "WindowWidth": 65536},
        codes=TENS,
        gray=as_range(1023),
    ),
    Variant(
        "window 65536 wide over 10 of 16 bits",
        "range",
        SIXTEEN | {"WindowCenter": 32768, "WindowWidth": 65536},
        codes=TENS,
        gray=as_range(1023),
    ),
    Variant("inverse shape on monochrome2", "inverted", {"PresentationLUTShape": "INVERSE"}, codes=DARK, gray=inverse),
    Variant("inverted against monochrome1", "inverted", ONE),
    Variant("native pixels above bits stored", "precision", codes=DEEP, gray=as_range(16383)),
    Variant(
        "jpeg 2000 above bits stored",
        "precision",
        syntax=J2K,
        frame=lambda c: jpeg_2000(c, 14),
        codes=DEEP,
        gray=as_range(16383),
    ),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(FLAGGED, tmp_path_factory.mktemp("ranges"))


@named(FLAGGED)
def test_every_wrong_promise_is_flagged_and_shown_by_the_range_found(results: Results, variant: Variant) -> None:
    assert results.outcome(variant.name) == variant.outcome
    check_pixels(results, variant)


def test_flagged_images_keep_out_of_training_and_notes_do_not(results: Results) -> None:
    images = results.result.manifest.images
    assert set(images["flags"]) == {"range", "precision", "inverted"}
    assert set(images["notes"]) == {""}
