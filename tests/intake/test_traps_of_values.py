"""Traps of pixel values: bits, rescale, windows, look-up tables, photometric interpretation and padding."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from tests.intake.traps import (
    BREAST,
    INSIDE,
    Grey,
    Results,
    Trap,
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


def window(centre: object, width: object, function: str | None = None, **more: object) -> dict[str, object]:
    return {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function} | more


def linear(c: float, w: float) -> Grey:
    """PS3.3 C.11.2.1.2.1 by its three cases."""

    def grey(x: Values) -> Values:
        low, high = c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2
        inside = ((x - (c - 0.5)) / max(w - 1, 1e-9) + 0.5) * 4095
        return np.where(x <= low, 0.0, np.where(x > high, 4095.0, inside))

    return grey


def exact(c: float, w: float) -> Grey:
    """PS3.3 C.11.2.1.3.2."""
    return lambda x: np.where(x <= c - w / 2, 0, np.where(x > c + w / 2, 4095, ((x - c) / w + 0.5) * 4095))


def sigmoid(c: float, w: float) -> Grey:
    """PS3.3 C.11.2.1.3.1."""
    return lambda x: 4095 / (1 + np.exp(-4 * (x - c) / w))


def inverse(grey: Grey) -> Grey:
    return lambda x: 4095 - grey(x)


def rescaled(slope: float, intercept: float, grey: Grey) -> Grey:
    return lambda x: grey(x * slope + intercept)


def lut(data: list[int], first: int, depth: int) -> Grey:
    table = np.array(data) * 4095 / ((1 << depth) - 1)
    return lambda x: table[np.clip(x - first, 0, len(data) - 1).astype(int)]


def padded(grey: Grey, low: int, high: int) -> Grey:
    return lambda x: np.where((x >= low) & (x <= high), 0, grey(x))


ONE = {"PhotometricInterpretation": "MONOCHROME1"}
DARK = np.where(INSIDE, 4095 - BREAST, 4095).astype(np.uint16)
"""Codes of a MONOCHROME1 image: its background is 4095."""

LUT_DATA = [min(4 * i, 1023) for i in range(256)]
BYTES = [i * i >> 8 for i in range(256)]
PACKED = np.array(BYTES, np.uint8).view("<u2").tolist()
VOI_LUT = lut_sequence(LUT_DATA, [256, 100, 10])
WIDE = (BREAST.astype(np.uint16) << 4).astype(np.uint16)
TENS, NINES, EIGHTS = ((BREAST >> bits).astype(np.uint16) for bits in (2, 3, 4))
MODALITY = lut_sequence([(i * i) >> 8 for i in range(4096)], [4096, 0, 16])

ACCEPTED = [
    Trap("no window"),
    Trap("8 bits in 16", codes=EIGHTS, tags=bits(8), grey=as_range(255)),
    Trap("8 bits in 8", codes=EIGHTS.astype(np.uint8), tags=bits(8), grey=as_range(255)),
    Trap("10 bits", codes=TENS, tags=bits(10), grey=as_range(1023)),
    Trap("13 bits", codes=(BREAST << 1).astype(np.uint16), tags=bits(13), grey=as_range(8191)),
    Trap("14 bits", codes=(BREAST << 2).astype(np.uint16), tags=bits(14), grey=as_range(16383)),
    Trap("16 bits", codes=WIDE, tags=bits(16), grey=as_range(65535)),
    *[
        Trap(f"{name} {kind}", tags=window(c, w, function) | tags, codes=codes, grey=turn(make(c, w)))
        for name, function, make in (
            ("linear", "LINEAR", linear),
            ("linear by default", None, linear),
            ("linear exact", "LINEAR_EXACT", exact),
            ("sigmoid", "SIGMOID", sigmoid),
        )
        for kind, tags, codes, turn in (("2", {}, BREAST, lambda g: g), ("1", ONE, DARK, inverse))
        for c, w in ((2100, 1800),)
    ],
    Trap("monochrome1 without window", tags=ONE, codes=DARK, grey=inverse(as_range(4095))),
    Trap(
        "monochrome1 is inverted once",
        tags=ONE | {"PresentationLUTShape": "INVERSE"},
        codes=DARK,
        grey=inverse(as_range(4095)),
    ),
    Trap(
        "three windows, the first counts",
        tags=window([2000, 900, 3000], [3000, 10, 20], "LINEAR"),
        grey=linear(2000, 3000),
    ),
    Trap("narrow window", tags=window(1500, 2), grey=linear(1500, 2)),
    Trap("window of width 1", tags=window(1500, 1), grey=linear(1500, 1)),
    Trap("window with fractions", tags=window("1500.25", "901.5", "LINEAR_EXACT"), grey=exact(1500.25, 901.5)),
    Trap(
        "rescale",
        tags=window(3000, 2000, RescaleSlope="1.5", RescaleIntercept="-200"),
        grey=rescaled(1.5, -200, linear(3000, 2000)),
    ),
    Trap(
        "negative slope",
        tags=window(-2000, 4000, RescaleSlope="-1", RescaleIntercept="0"),
        codes=DARK,
        grey=rescaled(-1, 0, linear(-2000, 4000)),
    ),
    Trap(
        "rescale with sigmoid",
        tags=window(100, 300, "SIGMOID", RescaleSlope="0.1", RescaleIntercept="7"),
        grey=rescaled(0.1, 7, sigmoid(100, 300)),
    ),
    Trap("empty rescale", tags={"RescaleSlope": "", "RescaleIntercept": ""}),
    Trap(
        "modality lut",
        tags={"ModalityLUTSequence": MODALITY} | window(30000, 50000),
        grey=lambda x: linear(30000, 50000)(np.floor(x * x / 256)),
    ),
    Trap(
        "modality lut wins over rescale",
        tags={"ModalityLUTSequence": MODALITY, "RescaleSlope": 3, "RescaleIntercept": 1} | window(30000, 50000),
        grey=lambda x: linear(30000, 50000)(np.floor(x * x / 256)),
    ),
    Trap("voi lut", tags={"VOILUTSequence": VOI_LUT}, codes=NINES, grey=lut(LUT_DATA, 100, 10)),
    Trap(
        "voi lut wins over window",
        tags={"VOILUTSequence": VOI_LUT} | window(5, 6),
        codes=NINES,
        grey=lut(LUT_DATA, 100, 10),
    ),
    Trap(
        "two voi luts, the first counts",
        codes=NINES,
        tags={"VOILUTSequence": [*VOI_LUT, *lut_sequence([0, 255], [2, 0, 8])]},
        grey=lut(LUT_DATA, 100, 10),
    ),
    Trap(
        "voi lut monochrome1",
        tags={"VOILUTSequence": VOI_LUT} | ONE,
        codes=(355 - EIGHTS).astype(np.uint16),
        grey=inverse(lut(LUT_DATA, 100, 10)),
    ),
    Trap(
        "voi lut in numbers",
        codes=NINES,
        tags={"VOILUTSequence": lut_sequence(LUT_DATA, [256, 100, 10], "US")},
        grey=lut(LUT_DATA, 100, 10),
    ),
    Trap(
        "voi lut of all codes",
        tags={"VOILUTSequence": lut_sequence([16 * i for i in range(4096)], [4096, 0, 16])},
        grey=lambda x: 16 * x * 4095 / 65535,
    ),
    Trap(
        "voi lut after rescale",
        tags={"VOILUTSequence": VOI_LUT, "RescaleSlope": "0.1", "RescaleIntercept": "50"},
        grey=lambda x: lut(LUT_DATA, 100, 10)(np.trunc(x * 0.1 + 50 - 100) + 100),
    ),
    Trap(
        "voi lut of two entries a word",
        codes=NINES,
        tags={"VOILUTSequence": lut_sequence(PACKED, [256, 100, 8])},
        grey=lut(BYTES, 100, 8),
    ),
    *[
        Trap(
            f"voi lut from a negative value on, written as {first}",
            tags={"VOILUTSequence": lut_sequence(LUT_DATA, [256, first, 10]), "RescaleIntercept": "-3000"},
            grey=lambda x: lut(LUT_DATA, -700, 10)(x - 3000),
        )
        for first in (-700, (1 << 16) - 700)
    ],
    Trap("empty voi lut sequence", tags={"VOILUTSequence": []} | window(2000, 3000), grey=linear(2000, 3000)),
    Trap("padding below the breast", tags={"PixelPaddingValue": 0}, grey=padded(as_range(4095), 0, 0)),
    Trap(
        "bright padding",
        tags={"PixelPaddingValue": 4095},
        codes=np.where(INSIDE, BREAST, 4095).astype(np.uint16),
        grey=padded(as_range(4095), 4095, 4095),
    ),
    Trap(
        "range of padding",
        tags={"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 4095},
        codes=np.where(INSIDE, np.minimum(BREAST, 3999), 4050).astype(np.uint16),
        grey=padded(as_range(4095), 4000, 4095),
    ),
    Trap(
        "padding of monochrome1",
        tags={"PixelPaddingValue": 0} | ONE,
        codes=np.where(INSIDE, DARK, 0).astype(np.uint16),
        grey=padded(inverse(as_range(4095)), 0, 0),
    ),
    Trap(
        "noise", codes=np.where(INSIDE, np.random.default_rng(0).integers(1, 4096, BREAST.shape), 0).astype(np.uint16)
    ),
]

SPECK = np.zeros((2000, 1500), np.uint16)
SPECK[900:1000, :60] = 2000
"""A breast of less than a hundredth of the image."""

GARBAGE = [
    Trap("garbage in high bits", codes=(BREAST | 0xA000).astype(np.uint16)),
    Trap("overlay in high bits", codes=(BREAST | (INSIDE.astype(np.uint16) << 13)).astype(np.uint16)),
]

DOUBTFUL = [
    Trap("unequally many windows", "window", window([2000, 900], [3000], "LINEAR")),
    Trap("window of width 0", "window", window(2000, 0)),
    Trap("window of negative width", "window", window(2000, -5)),
    Trap("empty window", "window", window("", "")),
    Trap("window without width", "window", window(2000, None)),
    Trap("signed", "signed", {"PixelRepresentation": 1} | window(0, 4096), grey=as_range(4095)),
    Trap("high bit elsewhere", "high_bit", {"HighBit": 15}, codes=WIDE),
    Trap("all black", "blank", codes=np.zeros_like(BREAST)),
    Trap("all white", "blank", codes=np.full_like(BREAST, 4095)),
    Trap("one value", "blank", codes=np.full_like(BREAST, 77)),
    Trap("hardly any breast", "blank", codes=SPECK, tags=window(2048, 4096)),
    Trap("zero spacing", "spacing", {"ImagerPixelSpacing": [0, 0]}),
    Trap("negative spacing", "spacing", {"PixelSpacing": [-0.07, 0.07]}),
    Trap("spacing of one number", "spacing", {"ImagerPixelSpacing": "0.07"}),
    Trap("two doubts", "spacing+window", {"ImagerPixelSpacing": [0, 0]} | window(2000, 0)),
]


HIDING = [
    Trap("window that shows the breast white", "window", window(100, 300)),
    Trap("narrow window that shows the breast white", "window", window(250, 1)),
    Trap("window that shows the breast black", "blank+window", window(3900, 100)),
    Trap("window that shows the breast white, inverted", "window", window(3995, 300) | ONE, codes=DARK),
    Trap("voi lut that shows the breast white", "window", {"VOILUTSequence": VOI_LUT}),
    Trap("white under garbage", "window", window(100, 300), codes=(BREAST | 0xA000).astype(np.uint16)),
]


def swapped(dataset: FileDataset) -> None:
    dataset.PixelData = np.frombuffer(dataset.PixelData, np.uint16).byteswap().tobytes()


def without_centre(dataset: FileDataset) -> None:
    dataset.WindowCenter, dataset.WindowWidth = float("nan"), 3.0


REJECTED = [
    Trap("slope 0", "bad_rescale", {"RescaleSlope": 0}),
    Trap("slope that is no number", "bad_rescale", edit=lambda d: d.__setattr__("RescaleSlope", float("nan"))),
    Trap("huge slope", "bad_rescale", {"RescaleSlope": "1E30"}),
    Trap("infinite intercept", "bad_rescale", edit=lambda d: d.__setattr__("RescaleIntercept", float("inf"))),
    Trap("unknown voi function", "bad_window", window(5, 5, "S")),
    Trap("window beyond all codes", "bad_window", window(90000, 10)),
    Trap("window centre that is no number", "bad_window", edit=without_centre),
    Trap("lut shorter than it says", "bad_lut", {"VOILUTSequence": lut_sequence([1, 2], [256, 0, 8])}),
    Trap("lut without data", "bad_lut", {"VOILUTSequence": sequence(LUTDescriptor=[256, 0, 8])}),
    Trap("lut without descriptor", "bad_lut", {"VOILUTSequence": sequence(LUTExplanation="x")}),
    Trap("lut of 20 bits", "bad_lut", {"VOILUTSequence": lut_sequence([1, 2], [2, 0, 20])}),
    Trap("lut beyond its bits", "bad_lut", {"VOILUTSequence": lut_sequence([1, 999], [2, 0, 8])}),
    Trap("17 bits stored", "bad_bits", bits(17)),
    Trap("0 bits stored", "bad_bits", {"BitsStored": 0}),
    Trap("no bits stored", "bad_bits", {"BitsStored": None}),
    Trap("more stored than allocated", "bad_bits", {"BitsAllocated": 8}),
    Trap("32 bits allocated", "bad_bits", {"BitsAllocated": 32}),
    Trap("high bit beyond the bits", "bad_bits", {"HighBit": 16}),
    Trap("high bit below the stored ones", "bad_bits", {"HighBit": 3}),
    Trap("bytes swapped", "byte_order", edit=swapped),
    Trap("bytes of 16 bits swapped", "byte_order", bits(16), codes=WIDE, edit=swapped),
]

TRAPS = [*ACCEPTED, *GARBAGE, *DOUBTFUL, *HIDING, *REJECTED]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return ingest(TRAPS, tmp_path_factory.mktemp("values"))


@named(TRAPS)
def test_outcome(results: Results, trap: Trap) -> None:
    assert results.told(trap.name) == trap.outcome


@named(ACCEPTED)
def test_pixels_follow_the_formula(results: Results, trap: Trap) -> None:
    check_pixels(results, trap)


@named(GARBAGE)
def test_only_stored_bits_count(results: Results, trap: Trap) -> None:
    check_pixels(results, trap, mask=0xFFF)


def test_a_window_without_meaning_gives_way_to_the_whole_range(results: Results) -> None:
    for trap in (trap for trap in DOUBTFUL if trap.outcome == "window" and "many" not in trap.name):
        check_pixels(results, trap)


def test_the_rule_is_recorded(results: Results) -> None:
    voi = results.filling.manifest.images["voi"]
    rules = {
        name: voi[results.by_name[name].image_id] for name in ("no window", "voi lut", "sigmoid 1", "linear exact 2")
    }
    assert list(rules.values()) == ["range", "lut", "sigmoid", "linear_exact"]
