"""From stored values to 12-bit presentation values: modality LUT, VOI LUT and MONOCHROME1, in that order, by one table.

Every stored code maps to one grey value, so the chain is worked out once a code (at most 65,536) and looked up for the
pixels. The formulas are those of DICOM PS3.3 C.11.1 and C.11.2.1.
"""

from collections.abc import MutableSequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.intake.codecs import decode
from mammo.intake.refusals import Code, RefusedError
from mammo.records import FULL_SCALE

Table = NDArray[np.float64]


def presentation(dataset: Dataset) -> NDArray[np.uint16]:
    """Presentation values [Rows, Columns], 0 (dark) to 4095 (bright), of a single-frame data set.

    Raises:
        RefusedError: the pixels cannot be decoded, or the header makes their values meaningless.
    """
    bits = int(dataset.get("BitsStored") or 0)
    if not 1 <= bits <= min(16, int(dataset.get("BitsAllocated") or 0)):
        raise RefusedError(Code.BAD_VALUES)
    codes = decode(dataset).astype(np.uint16, copy=False)
    shift = max(int(dataset.get("HighBit", bits - 1)) + 1 - bits, 0)
    if shift or bits < 16:  # overlays and garbage live in the bits that are not stored
        codes = (codes >> np.uint16(shift)) & np.uint16((1 << bits) - 1)
    try:
        table = grey_values(dataset, bits)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise RefusedError(Code.BAD_VALUES) from None
    return np.take(table, codes)


def grey_values(dataset: Dataset, bits: int) -> NDArray[np.uint16]:
    """The presentation value of every stored code, [2 ** bits]."""
    codes = np.arange(1 << bits, dtype=np.float64)
    if int(dataset.get("PixelRepresentation") or 0):
        codes[1 << (bits - 1) :] -= 1 << bits  # two's complement, (0028,0103)
    values = modality(dataset, codes)
    shares = _voi(dataset, values)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shares = 1 - shares
    if not np.isfinite(shares).all() or np.ptp(shares) == 0:
        raise RefusedError(Code.BAD_VALUES)
    return np.round(shares * FULL_SCALE).astype(np.uint16)


def modality(dataset: Dataset, codes: Table) -> Table:
    """Modality LUT Sequence (0028,3000), else Rescale Slope (0028,1053) and Intercept (0028,1052)."""
    sequence = dataset.get("ModalityLUTSequence")
    if sequence:
        return _looked_up(sequence[0], codes)[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return codes * float(1 if slope is None else slope) + float(intercept or 0)


def _voi(dataset: Dataset, values: Table) -> Table:
    """Shares of full scale in [0, 1]: VOI LUT Sequence (0028,3010), else the first window, else the whole range."""
    sequence = dataset.get("VOILUTSequence")
    if sequence:
        looked_up, top = _looked_up(sequence[0], values)
        return looked_up / top
    centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 0:
        low, high = values.min(), values.max()
        return (values - low) / (high - low) if high > low else np.zeros_like(values)
    return window(values, centre, width, str(dataset.get("VOILUTFunction") or "LINEAR"))


def window(values: Table, centre: float, width: float, function: str) -> Table:
    """The VOI LUT Function (0028,1056) with centre (0028,1050) and width (0028,1051), as shares in [0, 1]."""
    if function == "SIGMOID":
        shares: Table = 1 / (1 + np.exp(-4 * (values - centre) / width))
        return shares
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if function != "LINEAR":
        raise RefusedError(Code.BAD_VALUES)
    if width <= 1:  # the ramp has no length: a threshold
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _looked_up(item: Dataset, values: Table) -> tuple[Table, float]:
    """Values through LUT Data (0028,3006), and the largest value that its descriptor (0028,3002) allows."""
    length, first, bits = (int(number) for number in item.LUTDescriptor)
    data = item.LUTData
    table = np.frombuffer(data, dtype="<u2") if isinstance(data, bytes) else np.atleast_1d(np.asarray(data))
    if len(table) < (length or 1 << 16) or not 8 <= bits <= 16:
        raise RefusedError(Code.BAD_VALUES)
    index = np.clip(values - first, 0, (length or 1 << 16) - 1).astype(np.int64)
    return table[index].astype(np.float64), float((1 << bits) - 1)


def _first(element: Any) -> float | None:  # noqa: ANN401 - pydicom gives a number, a text or a sequence of them
    """The first of a multi-valued number, or None where there is none."""
    values = element if isinstance(element, MutableSequence) else [element]
    return None if not values or values[0] in (None, "") else float(values[0])
