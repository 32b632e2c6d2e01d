"""Presentation values equal the formulas of DICOM PS3.3 C.11, evaluated pixel by pixel."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset

from mammo.intake.presentation import presentation
from mammo.intake.rejections import Code, RejectedError

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # written on purpose
RAMP = np.arange(4096).reshape(64, 64)


def linear(x: float, c: float, w: float) -> float:
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 4095.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 4095


def linear_exact(x: float, c: float, w: float) -> float:
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 4095.0
    return ((x - c) / w + 0.5) * 4095


def sigmoid(x: float, c: float, w: float) -> float:
    return 4095 / (1 + math.exp(-4 * (x - c) / w))


FORMULAS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


@pytest.mark.parametrize("function", FORMULAS)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_every_voi_function_follows_its_formula(
    make_dicom: Callable[..., Dataset], function: str, photometric: str
) -> None:
    dataset = make_dicom(
        RAMP,
        WindowCenter=[2100, 500],
        WindowWidth=[1800, 100],
        VOILUTFunction=function,
        PhotometricInterpretation=photometric,
        RescaleSlope=1.5,
        RescaleIntercept=-200,
    )
    expected = np.array([FORMULAS[function](x * 1.5 - 200, 2100, 1800) for x in range(4096)])
    if photometric == "MONOCHROME1":
        expected = 4095 - expected
    assert np.abs(presentation(dataset).values.ravel() - expected).max() <= 0.5 + 1e-9


def test_header_values_in_lower_case_are_accepted(make_dicom: Callable[..., Dataset]) -> None:
    values = {"PhotometricInterpretation": "MONOCHROME1", "VOILUTFunction": "SIGMOID"}
    tags = {"WindowCenter": 2000, "WindowWidth": 900}
    lower_case = presentation(make_dicom(RAMP, **tags, **{name: value.lower() for name, value in values.items()}))
    assert np.array_equal(lower_case.values, presentation(make_dicom(RAMP, **tags, **values)).values)


def test_width_one_is_a_threshold(make_dicom: Callable[..., Dataset]) -> None:
    values = presentation(make_dicom(RAMP, WindowCenter=2000, WindowWidth=1)).values.ravel()
    assert np.array_equal(values, [linear(x, 2000, 1) for x in range(4096)])


def test_without_a_window_the_whole_range_of_the_stored_bits_is_shown(make_dicom: Callable[..., Dataset]) -> None:
    assert np.array_equal(presentation(make_dicom(RAMP)).values, RAMP)
    tens = RAMP % 1024
    values = presentation(make_dicom(tens, BitsStored=10, HighBit=9)).values
    assert np.array_equal(values, np.round(tens * 4095 / 1023))


def test_a_lookup_table_takes_precedence_over_a_window(make_dicom: Callable[..., Dataset]) -> None:
    item = Dataset()
    item.LUTDescriptor = [256, 100, 10]
    item.LUTData = [min(4 * i, 1023) for i in range(256)]
    values = presentation(make_dicom(RAMP, VOILUTSequence=[item], WindowCenter=10, WindowWidth=5)).values.ravel()
    expected = [min(4 * min(max(x - 100, 0), 255), 1023) * 4095 / 1023 for x in range(4096)]
    assert np.array_equal(values, np.round(expected))


def test_bits_above_the_stored_ones_are_masked(make_dicom: Callable[..., Dataset]) -> None:
    overlay = (RAMP + 0x3000).astype(np.uint16)
    assert np.array_equal(presentation(make_dicom(overlay)).values, RAMP)


def test_signed_values_are_read_as_twos_complement(make_dicom: Callable[..., Dataset]) -> None:
    signed = np.array([[-2048, -1], [0, 2047]])
    values = presentation(make_dicom(signed & 0xFFF, PixelRepresentation=1, WindowCenter=0, WindowWidth=4096)).values
    assert np.array_equal(values, [[0, 2047], [2048, 4095]])


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"RescaleSlope": 0}, Code.BAD_RESCALE),
        ({"BitsStored": 17}, Code.BAD_BITS),
        ({"BitsStored": None}, Code.BAD_BITS),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Code.NOT_GRAY),
        ({"PhotometricInterpretation": None}, Code.NOT_GRAY),
        ({"WindowCenter": 5, "WindowWidth": 5, "VOILUTFunction": "S"}, Code.BAD_WINDOW),
    ],
)
def test_invalid_values_are_rejected(make_dicom: Callable[..., Dataset], tags: dict[str, object], code: Code) -> None:
    with pytest.raises(RejectedError, match=code):
        presentation(make_dicom(RAMP, **tags))
