"""The gate by pixel values: bits, rescale, windows, lookup tables, photometric interpretation and padding."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from tests.intake.dicom_variants import (
    BREAST,
    INSIDE,
    GrayValues,
    Results,
    Variant,
    as_range,
    check_pixels,
    ingest,
    lut_sequence,
    named,
    sequence,
)

Values = NDArray[np.float64]


def bits(stored: int) -> dict[str, object]:
    return {"BitsStored": stored, "HighBit": stored - 1}


def window(center: object, width: object, function: str | None = None, **more: object) -> dict[str, object]:
    return {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function} | more


def linear(c: float, w: float) -> GrayValues:
    """Return the rule of PS3.3 C.11.2.1.2.1, by its three cases."""

    def gray(x: Values) -> Values:
        low, high = c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2
        inside = ((x - (c - 0.5)) / max(w - 1, 1e-9) + 0.5) * 4095
        return np.where(x <= low, 0.0, np.where(x > high, 4095.0, inside))

    return gray


def exact(c: float, w: float) -> GrayValues:
    """Return the rule of PS3.3 C.11.2.1.3.2."""
    return lambda x: np.where(x <= c - w / 2, 0, np.where(x > c + w / 2, 4095, ((x - c) / w + 0.5) * 4095))


def sigmoid(c: float, w: float) -> GrayValues:
    """Return the rule of PS3.3 C.11.2.1.3.1."""
    return lambda x: 4095 / (1 + np.exp(-4 * (x - c) / w))


def inverse(gray: GrayValues) -> GrayValues:
    return lambda x: 4095 - gray(x)


def rescaled(slope: float, intercept: float, gray: GrayValues) -> GrayValues:
    return lambda x: gray(x * slope + intercept)


def lut(data: list[int], first: int, depth: int) -> GrayValues:
    table = np.array(data) * 4095 / ((1 << depth) - 1)
    return lambda x: table[np.clip(x - first, 0, len(data) - 1).astype(int)]


def padded(gray: GrayValues, low: int, high: int) -> GrayValues:
    return lambda x: np.where((x >= low) & (x <= high), 0, gray(x))


ONE = {"PhotometricInterpretation": "MONOCHROME1"}
DARK = np.where(INSIDE, 4095 - BREAST, 4095).astype(np.uint16)
"""[H, W] uint16, codes of a MONOCHROME1 image: its background is 4095."""

LUT_DATA = [min(4 * i, 1023) for i in range(256)]
BYTES = [i * i >> 8 for i in range(256)]
PACKED = np.array(BYTES, np.uint8).view("<u2").tolist()
VOI_LUT = lut_sequence(LUT_DATA, [256, 100, 10])
WIDE = (BREAST.astype(np.uint16) << 4).astype(np.uint16)
TENS, NINES, EIGHTS = ((BREAST >> bits).astype(np.uint16) for bits in (2, 3, 4))
MODALITY = lut_sequence([(i * i) >> 8 for i in range(4096)], [4096, 0, 16])

ACCEPTED = [
    Variant("no window"),
    Variant("8 bits in 16", codes=EIGHTS, tags=bits(8), gray=as_range(255)),
    Variant("8 bits in 8", codes=EIGHTS.astype(np.uint8), tags=bits(8), gray=as_range(255)),
    Variant("10 bits", codes=TENS, tags=bits(10), gray=as_range(1023)),
    Variant("13 bits", codes=(BREAST << 1).astype(np.uint16), tags=bits(13), gray=as_range(8191)),
    Variant("14 bits", codes=(BREAST << 2).astype(np.uint16), tags=bits(14), gray=as_range(16383)),
    Variant("16 bits", codes=WIDE, tags=bits(16), gray=as_range(65535)),
    *[
        Variant(f"{name} {kind}", tags=window(c, w, function) | tags, codes=codes, gray=turn(make(c, w)))
        for name, function, make in (
            ("linear", "LINEAR", linear),
            ("linear by default", None, linear),
            ("linear exact", "LINEAR_EXACT", exact),
            ("sigmoid", "SIGMOID", sigmoid),
        )
        for kind, tags, codes, turn in (("2", {}, BREAST, lambda g: g), ("1", ONE, DARK, inverse))
        for c, w in ((2100, 1800),)
    ],
    Variant("monochrome1 without window", tags=ONE, codes=DARK, gray=inverse(as_range(4095))),
    Variant(
        "monochrome1 is inverted once",
        tags=ONE | {"PresentationLUTShape": "INVERSE"},
        codes=DARK,
        gray=inverse(as_range(4095)),
    ),
    Variant(
        "three windows, the first counts",
        tags=window([2000, 900, 3000], [3000, 10, 20], "LINEAR"),
        gray=linear(2000, 3000),
    ),
    Variant("narrow window", tags=window(1500, 2), gray=linear(1500, 2)),
    Variant("window of width 1", tags=window(1500, 1), gray=linear(1500, 1)),
    Variant("window with fractions", tags=window("1500.25", "901.5", "LINEAR_EXACT"), gray=exact(1500.25, 901.5)),
    Variant(
        "rescale",
        tags=window(3000, 2000, RescaleSlope="1.5", RescaleIntercept="-200"),
        gray=rescaled(1.5, -200, linear(3000, 2000)),
    ),
    Variant(
        "negative slope",
        tags=window(-2000, 4000, RescaleSlope="-1", RescaleIntercept="0"),
        codes=DARK,
        gray=rescaled(-1, 0, linear(-2000, 4000)),
    ),
    Variant(
        "rescale with sigmoid",
        tags=window(100, 300, "SIGMOID", RescaleSlope="0.1", RescaleIntercept="7"),
        gray=rescaled(0.1, 7, sigmoid(100, 300)),
    ),
    Variant("empty rescale", tags={"RescaleSlope": "", "RescaleIntercept": ""}),
    Variant(
        "modality lut",
        tags={"ModalityLUTSequence": MODALITY} | window(30000, 50000),
        gray=lambda x: linear(30000, 50000)(np.floor(x * x / 256)),
    ),
    Variant(
        "modality lut wins over rescale",
        tags={"ModalityLUTSequence": MODALITY, "RescaleSlope": 3, "RescaleIntercept": 1} | window(30000, 50000),
        gray=lambda x: linear(30000, 50000)(np.floor(x * x / 256)),
    ),
    Variant("voi lut", tags={"VOILUTSequence": VOI_LUT}, codes=NINES, gray=lut(LUT_DATA, 100, 10)),
    Variant(
        "voi lut wins over window",
        tags={"VOILUTSequence": VOI_LUT} | window(5, 6),
        codes=NINES,
        gray=lut(LUT_DATA, 100, 10),
    ),
    Variant(
        "two voi luts, the first counts",
        codes=NINES,
        tags={"VOILUTSequence": [*VOI_LUT, *lut_sequence([0, 255], [2, 0, 8])]},
        gray=lut(LUT_DATA, 100, 10),
    ),
    Variant(
        "voi lut monochrome1",
        tags={"VOILUTSequence": VOI_LUT} | ONE,
        codes=(355 - EIGHTS).astype(np.uint16),
        gray=inverse(lut(LUT_DATA, 100, 10)),
    ),
    Variant(
        "voi lut as numbers",
        codes=NINES,
        tags={"VOILUTSequence": lut_sequence(LUT_DATA, [256, 100, 10], "US")},
        gray=lut(LUT_DATA, 100, 10),
    ),
    Variant(
        "voi lut of all codes",
        tags={"VOILUTSequence": lut_sequence([16 * i for i in range(4096)], [4096, 0, 16])},
        gray=lambda x: 16 * x * 4095 / 65535,
    ),
    Variant(
        "voi lut after rescale",
        tags={"VOILUTSequence": VOI_LUT, "RescaleSlope": "0.1", "RescaleIntercept": "50"},
        gray=lambda x: lut(LUT_DATA, 100, 10)(np.trunc(x * 0.1 + 50 - 100) + 100),
    ),
    Variant(
        "voi lut of two entries per word",
        codes=NINES,
        tags={"VOILUTSequence": lut_sequence(PACKED, [256, 100, 8])},
        gray=lut(BYTES, 100, 8),
    ),
    *[
        Variant(
            f"voi lut from a negative first value, written as {first}",
            tags={"VOILUTSequence": lut_sequence(LUT_DATA, [256, first, 10]), "RescaleIntercept": "-3000"},
            gray=lambda x: lut(LUT_DATA, -700, 10)(x - 3000),
        )
        for first in (-700, (1 << 16) - 700)
    ],
    Variant("empty voi lut sequence", tags={"VOILUTSequence": []} | window(2000, 3000), gray=linear(2000, 3000)),
    Variant("padding below the breast", tags={"PixelPaddingValue": 0}, gray=padded(as_range(4095), 0, 0)),
    Variant(
        "bright padding",
        tags={"PixelPaddingValue": 4095},
        codes=np.where(INSIDE, BREAST, 4095).astype(np.uint16),
        gray=padded(as_range(4095), 4095, 4095),
    ),
    Variant(
        "range of padding",
        tags={"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 4095},
        codes=np.where(INSIDE, np.minimum(BREAST, 3999), 4050).astype(np.uint16),
        gray=padded(as_range(4095), 4000, 4095),
    ),
    Variant(
        "padding of monochrome1",
        tags={"PixelPaddingValue": 0} | ONE,
        codes=np.where(INSIDE, DARK, 0).astype(np.uint16),
        gray=padded(inverse(as_range(4095)), 0, 0),
    ),
    Variant(
        "noise", codes=np.where(INSIDE, np.random.default_rng(0).integers(1, 4096, BREAST.shape), 0).astype(np.uint16)
    ),
]

SPECK = np.zeros((2000, 1500), np.uint16)
SPECK[900:1000, :60] = 2000
"""[H, W] uint16, a breast that covers less than 1 % of the image."""

GARBAGE = [
    Variant("garbage in high bits", codes=(BREAST | 0xA000).astype(np.uint16)),
    Variant("overlay in high bits", codes=(BREAST | (INSIDE.astype(np.uint16) << 13)).astype(np.uint16)),
]

FLAGGED = [
    Variant("unequal numbers of centers and widths", "window", window([2000, 900], [3000], "LINEAR")),
    Variant("window of width 0", "window", window(2000, 0)),
    Variant("window of negative width", "window", window(2000, -5)),
    Variant("empty window", "window", window("", "")),
    Variant("window without width", "window", window(2000, None)),
    Variant("signed", "signed", {"PixelRepresentation": 1} | window(0, 4096), gray=as_range(4095)),
    Variant("another high bit", "high_bit", {"HighBit": 15}, codes=WIDE),
    Variant("all black", "blank", codes=np.zeros_like(BREAST)),
    Variant("all white", "blank", codes=np.full_like(BREAST, 4095)),
    Variant("one value", "blank", codes=np.full_like(BREAST, 77)),
    Variant("tiny breast", "blank", codes=SPECK, tags=window(2048, 4096)),
    Variant("zero spacing", "spacing", {"ImagerPixelSpacing": [0, 0]}),
    Variant("negative spacing", "spacing", {"PixelSpacing": [-0.07, 0.07]}),
    Variant("spacing of one number", "spacing", {"ImagerPixelSpacing": "0.07"}),
    Variant("two flags", "spacing+window", {"ImagerPixelSpacing": [0, 0]} | window(2000, 0)),
]


HIDDEN = [
    Variant("window that shows the breast white", "window", window(100, 300)),
    Variant("narrow window that shows the breast white", "window", window(250, 1)),
    Variant("window that shows the breast black", "blank+window", window(3900, 100)),
    Variant("window that shows the breast white, inverted", "window", window(3995, 300) | ONE, codes=DARK),
    Variant("voi lut that shows the breast white", "window", {"VOILUTSequence": VOI_LUT}),
    Variant("white under garbage", "window", window(100, 300), codes=(BREAST | 0xA000).astype(np.uint16)),
]


def swapped(dataset: FileDataset) -> None:
    dataset.PixelData = np.frombuffer(dataset.PixelData, np.uint16).byteswap().tobytes()


def center_nan(dataset: FileDataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = float("nan"), 3.0


REJECTED = [
    Variant("slope 0", "bad_rescale", {"RescaleSlope": 0}),
    Variant("slope nan", "bad_rescale", edit=lambda d: d.__setattr__("RescaleSlope", float("nan"))),
    Variant("huge slope", "bad_rescale", {"RescaleSlope": "1E30"}),
    Variant("infinite intercept", "bad_rescale", edit=lambda d: d.__setattr__("RescaleIntercept", float("inf"))),
    Variant("unknown voi function", "bad_window", window(5, 5, "S")),
    Variant("window beyond all codes", "bad_window", window(90000, 10)),
    Variant("window center nan", "bad_window", edit=center_nan),
    Variant("lut shorter than its descriptor", "bad_lut", {"VOILUTSequence": lut_sequence([1, 2], [256, 0, 8])}),
    Variant("lut without data", "bad_lut", {"VOILUTSequence": sequence(LUTDescriptor=[256, 0, 8])}),
    Variant("lut without descriptor", "bad_lut", {"VOILUTSequence": sequence(LUTExplanation="x")}),
    Variant("lut of 20 bits", "bad_lut", {"VOILUTSequence": lut_sequence([1, 2], [2, 0, 20])}),
    Variant("lut beyond its bits", "bad_lut", {"VOILUTSequence": lut_sequence([1, 999], [2, 0, 8])}),
    Variant("17 bits stored", "bad_bits", bits(17)),
    Variant("0 bits stored", "bad_bits", {"BitsStored": 0}),
    Variant("no bits stored", "bad_bits", {"BitsStored": None}),
    Variant("more stored than allocated", "bad_bits", {"BitsAllocated": 8}),
    Variant("32 bits allocated", "bad_bits", {"BitsAllocated": 32}),
    Variant("high bit beyond the bits", "bad_bits", {"HighBit": 16}),
    Variant("high bit below the stored ones", "bad_bits", {"HighBit": 3}),
    Variant("bytes swapped", "byte_order", edit=swapped),
    Variant("bytes of 16 bits swapped", "byte_order", bits(16), codes=WIDE, edit=swapped),
]

VARIANTS = [*ACCEPTED, *GARBAGE, *FLAGGED, *HIDDEN, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(VARIANTS, tmp_path_factory.mktemp("values"))


@named(VARIANTS)
def test_every_variant_has_its_outcome(results: Results, variant: Variant) -> None:
    assert results.outcome(variant.name) == variant.outcome


@named(ACCEPTED)
def test_pixels_follow_the_formula(results: Results, variant: Variant) -> None:
    check_pixels(results, variant)


@named(GARBAGE)
def test_only_stored_bits_count(results: Results, variant: Variant) -> None:
    check_pixels(results, variant, mask=0xFFF)


def test_an_invalid_window_is_replaced_by_the_whole_range(results: Results) -> None:
    for variant in (variant for variant in FLAGGED if variant.outcome == "window" and "unequal" not in variant.name):
        check_pixels(results, variant)


def test_the_voi_rule_is_recorded(results: Results) -> None:
    voi = results.result.manifest.images["voi"]
    rules = {
        name: voi[results.by_name[name].image_id] for name in ("no window", "voi lut", "sigmoid 1", "linear exact 2")
    }
    assert list(rules.values()) == ["range", "lut", "sigmoid", "linear_exact"]
