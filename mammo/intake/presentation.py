"""12-bit presentation values from stored values: modality LUT, VOI LUT, MONOCHROME1 and padding, in that order.

The chain is computed once per code (at most 65,536), whatever the number of pixels. The formulas are those of DICOM
PS3.3 C.11.1 and C.11.2.1. pydicom's apply_modality_lut and apply_voi_lut are not used: they accept tables whose entries
exceed their own bit depth, windows of NaN and a rescale slope of 0, and read a negative first value as unsigned.
"""

from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import CODECS, NATIVE, decode, syntax_of
from mammo.intake.gray_values import bits_in_use, check_byte_order, found_bits, sparse, to_full_scale, too_dark
from mammo.intake.laterality_view import code_string
from mammo.intake.object_type import MONOCHROME
from mammo.intake.outcomes import Flag
from mammo.intake.pixel_checks import hides_breast
from mammo.intake.rejections import Code, RejectedError
from mammo.records import FULL_SCALE

Values = NDArray[np.float64]

VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

WRONG_BITS = 3
"""A VOI LUT whose largest value needs this many bits fewer than it declares was made for fewer bits."""

UNDEFINED_LENGTH = 0xFFFFFFFF


@dataclass(frozen=True, eq=False)
class Presentation:
    """One image as a viewer would show it.

    Attributes:
        values: [Rows, Columns] uint16, presentation values 0 (dark) to 4095 (bright).
        voi: their VOI rule: lut, linear, linear_exact, sigmoid or range.
        flags: flags raised by pixels and header.
        notes: what was done to the pixels and keeps nothing out of training, as in the column notes of images.parquet.
    """

    values: NDArray[np.uint16]
    voi: str
    flags: tuple[Flag, ...] = ()
    notes: tuple[str, ...] = ()


def presentation(dataset: Dataset) -> Presentation:
    """Return the presentation of a single-frame data set.

    Raises:
        RejectedError: the pixels cannot be decoded, or header values that define them are invalid.
    """
    bits, high = _header_bits(dataset)
    if code_string(dataset, "PhotometricInterpretation") not in MONOCHROME:  # adapters with tables do not read headers
        raise RejectedError(Code.NOT_GRAY)
    flags = [Flag.FALSE_LENGTH] if _false_length(dataset) else []
    codes = _codes(dataset, bits)
    if not _signed(dataset) and int(codes.max()) >> (high + 1):
        used = bits_in_use(codes, bits) if high == bits - 1 else bits
        if used > bits or syntax_of(dataset) in CODECS:
            flags.append(Flag.PRECISION)
        bits, high = used, high + used - bits
    tables, voi, wrong_depth = gray_values(dataset, bits)
    if high != bits - 1:
        tables = np.repeat(tables, 1 << (high + 1 - bits), axis=1)
    shown, plain = np.tile(tables, (1 << 16) // tables.shape[1])  # bits above the stored ones (overlays) are ignored
    some = sparse(codes)
    hidden = voi != "range" and hides_breast(plain[some], shown[some])
    if wrong_depth or (not hidden and too_dark(shown[some])):
        flags.append(Flag.RANGE)
        if not wrong_depth and not _signed(dataset):
            shown = _by_found_range(some & np.uint16((1 << (high + 1)) - 1), plain)
    values = np.asarray(cv2.LUT(codes, shown), dtype=np.uint16)
    return Presentation(values, voi, (*flags, *_flags(dataset, high != bits - 1, hidden)))


def _header_bits(dataset: Dataset) -> tuple[int, int]:
    """Return Bits Stored (0028,0101) and High Bit (0028,0102).

    Raises:
        RejectedError: they are impossible.
    """
    bits, allocated = int(dataset.get("BitsStored") or 0), int(dataset.get("BitsAllocated") or 0)
    if not 1 <= bits <= min(16, allocated):
        raise RejectedError(Code.BAD_BITS)
    high = int(dataset.get("HighBit", bits - 1))
    if not bits - 1 <= high < allocated:
        raise RejectedError(Code.BAD_BITS)
    return bits, high


def _codes(dataset: Dataset, bits: int) -> NDArray[np.uint16]:
    """Return stored codes [Rows, Columns] uint16; native ones are checked to be in the right byte order."""
    stored = decode(dataset)
    if syntax_of(dataset) in NATIVE:
        check_byte_order(stored, bits)
    return np.ascontiguousarray(stored.astype(np.uint16, copy=False))


def _by_found_range(some: NDArray[np.uint16], plain: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the table [2 ** 16] from codes to presentation values by the bits that a sample of the codes fills.

    Args:
        some: [h, w] uint16, a sample of the stored codes.
        plain: [2 ** 16] uint16, the table from codes to presentation values without a window, for its direction.
    """
    table = to_full_scale(np.arange(1 << 16, dtype=np.uint32), found_bits(some))
    return table if plain[int(some.max())] >= plain[int(some.min())] else FULL_SCALE - table


def gray_values(dataset: Dataset, bits: int) -> tuple[NDArray[np.uint16], str, bool]:
    """Return the presentation value of every stored code, the VOI rule, and whether its table contradicts its depth.

    Args:
        dataset: the header.
        bits: Bits Stored (0028,0101).

    Returns:
        [2, 2 ** bits] uint16, 0 to 4095: values by the VOI rule, then values without a window; the rule's name; and
        whether a VOI LUT fills fewer bits than it declares (its values are then shares of the bits that it fills).

    Raises:
        RejectedError: the header's numbers are invalid.
    """
    codes = np.arange(1 << bits, dtype=np.float64)
    if _signed(dataset):
        codes[1 << (bits - 1) :] -= 1 << bits  # two's complement, (0028,0103)
    values = apply_modality(dataset, codes)
    shown, voi, wrong_depth = _voi(dataset, values)
    shares = np.stack([shown, _whole_range(values)])
    if code_string(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        shares = 1 - shares
    shares[:, _padding(dataset, codes)] = 0
    if not np.isfinite(shares).all() or np.ptp(shares[0]) == 0:
        raise RejectedError(Code.BAD_WINDOW)
    return np.round(shares * FULL_SCALE).astype(np.uint16), voi, wrong_depth


def apply_modality(dataset: Dataset, codes: Values) -> Values:
    """Apply Modality LUT Sequence (0028,3000), else Rescale Slope (0028,1053) and Intercept (0028,1052).

    Args:
        dataset: the header.
        codes: [N] float64, stored values.

    Returns:
        [N] float64, modality values, in the units of the header.

    Raises:
        RejectedError: the table or the numbers are invalid.
    """
    sequence = dataset.get("ModalityLUTSequence")
    if sequence:
        return _looked_up(sequence[0], codes)[0]
    try:
        slope, intercept = (_first(dataset.get(name)) for name in ("RescaleSlope", "RescaleIntercept"))
    except (ValueError, TypeError):
        raise RejectedError(Code.BAD_RESCALE) from None
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if not slope or not isfinite(slope * 1e6 + intercept) or abs(slope) > 1e6 or abs(intercept) > 1e9:
        raise RejectedError(Code.BAD_RESCALE)
    return codes * slope + intercept


def _voi(dataset: Dataset, values: Values) -> tuple[Values, str, bool]:
    """Return shares of full scale [N], 0 to 1: by VOI LUT Sequence (0028,3010), else first window, else whole range."""
    sequence = dataset.get("VOILUTSequence")
    if sequence:
        looked_up, bits, filled = _looked_up(sequence[0], values)
        wrong_depth = 0 < filled <= bits - WRONG_BITS
        return looked_up / ((1 << (filled if wrong_depth else bits)) - 1), "lut", wrong_depth
    try:
        center, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    except (ValueError, TypeError):
        raise RejectedError(Code.BAD_WINDOW) from None
    if center is None or width is None or width <= 0:
        return _whole_range(values), "range", False
    function = code_string(dataset, "VOILUTFunction") or "LINEAR"
    return apply_window(values, center, width, function), function.lower(), False


def _whole_range(values: Values) -> Values:
    """Return values [N] as shares of their own range, 0 to 1; NaN if they are all equal."""
    with np.errstate(invalid="ignore"):
        shares: Values = (values - values.min()) / np.ptp(values)
    return shares


def apply_window(values: Values, center: float, width: float, function: str) -> Values:
    """Apply a VOI LUT Function (0028,1056).

    Args:
        values: [N] float64, modality values.
        center: Window Center (0028,1050), in the unit of values.
        width: Window Width (0028,1051), in the unit of values.
        function: LINEAR, LINEAR_EXACT or SIGMOID.

    Returns:
        [N] float64, shares of full scale, 0 to 1.

    Raises:
        RejectedError: the function is unknown, or center or width is not finite.
    """
    if function not in VOI_FUNCTIONS or not isfinite(center + width):
        raise RejectedError(Code.BAD_WINDOW)
    if function == "SIGMOID":
        with np.errstate(over="ignore"):  # far from the center exp overflows to the correct limit
            shares: Values = 1 / (1 + np.exp(-4 * (values - center) / width))
        return shares
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1)
    if width <= 1:  # a ramp of no length is a threshold
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


def _looked_up(item: Dataset, values: Values) -> tuple[Values, int, int]:
    """Return values [N] mapped by LUT Data (0028,3006), its bits by its descriptor (0028,3002) and those it fills."""
    try:
        length, first, bits = (int(number) for number in item.LUTDescriptor)
        data = item.LUTData
    except (ValueError, TypeError, AttributeError):
        raise RejectedError(Code.BAD_LUT) from None
    length = length or 1 << 16
    table = np.frombuffer(data, dtype="<u2") if isinstance(data, bytes) else np.atleast_1d(np.asarray(data))
    if bits == 8 and len(table) == (length + 1) // 2:  # two entries per word, as if 8 bits were allocated
        table = table.astype("<u2").view(np.uint8)
    if len(table) < length or not 8 <= bits <= 16 or table.max() >= 1 << bits:
        raise RejectedError(Code.BAD_LUT)
    if first > values.max():  # a negative number that was read as unsigned, as the stored pixels are
        first -= 1 << 16
    index = np.clip(values - first, 0, length - 1).astype(np.int64)
    return table[index].astype(np.float64), bits, int(table.max()).bit_length()


def _padding(dataset: Dataset, codes: Values) -> NDArray[np.bool_]:
    """Return which codes [N] are Pixel Padding (0028,0120), up to its Range Limit (0028,0121): they show background."""
    value = dataset.get("PixelPaddingValue")
    if value in (None, ""):
        return np.zeros(codes.shape, dtype=np.bool_)
    limit = dataset.get("PixelPaddingRangeLimit")
    edges = sorted((float(value), float(value if limit in (None, "") else limit)))
    return np.asarray((codes >= edges[0]) & (codes <= edges[1]))


def _flags(dataset: Dataset, high_bit: bool, hidden: bool) -> Iterator[Flag]:
    syntax = syntax_of(dataset)
    if syntax in CODECS and CODECS[syntax].lossy and dataset.get("LossyImageCompression") != "00":
        yield Flag.LOSSY
    if _signed(dataset):
        yield Flag.SIGNED
    if high_bit:
        yield Flag.HIGH_BIT
    if hidden or (not dataset.get("VOILUTSequence") and _suspect_window(dataset)):
        yield Flag.WINDOW


def _suspect_window(dataset: Dataset) -> bool:
    counts = []
    for name in ("WindowCenter", "WindowWidth"):
        value = dataset.get(name)
        counts.append(-1 if name not in dataset else len(value) if isinstance(value, MutableSequence) else 1)
    if counts == [-1, -1]:
        return False
    width = _first(dataset.get("WindowWidth"))
    return counts[0] != counts[1] or not width or width <= 0 or _first(dataset.get("WindowCenter")) is None


def _signed(dataset: Dataset) -> bool:
    return bool(int(dataset.get("PixelRepresentation") or 0))


def _false_length(dataset: Dataset) -> bool:
    """Return whether the length field of the pixel data (0 in memory once read) exceeds what the file held."""
    raw = dataset.get_item("PixelData") if "PixelData" in dataset else None
    if not isinstance(raw, RawDataElement) or raw.length == UNDEFINED_LENGTH or raw.value is None:
        return False
    return raw.length > len(raw.value)


def _first(element: Any) -> float | None:  # noqa: ANN401 - pydicom returns a number, a string or a sequence of them
    """Return the first value of a multi-valued number, or None if there is none."""
    values = element if isinstance(element, MutableSequence) else [element]
    return None if not values or values[0] in (None, "") else float(values[0])
