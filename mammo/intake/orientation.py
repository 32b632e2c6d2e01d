"""Which way an image faces: the chest wall is on the side that the breast touches."""

import numpy as np
from numpy.typing import NDArray

from mammo.intake.rejections import Code, RefusedError
from mammo.records import Laterality

STRIP = 16
"""The side strips looked at are one part in 16 of the image's width."""

CLEAR = 1.25
"""The pixels decide where one side strip holds this many times more breast than the other."""


def is_mirrored(breast: NDArray[np.bool_], laterality: Laterality, check: bool) -> bool:
    """Whether the stored image must be flipped left to right to face right (chest wall at column 0).

    A presentation image of a left breast faces right and one of a right breast faces left, so a DICOM image whose
    pixels say otherwise has a wrong laterality or was flipped, and nobody can tell which. Copies in other formats are
    often flipped on purpose: there the pixels alone decide.

    Args:
        breast: the breast's pixels, [H, W], stored frame.
        laterality: which breast.
        check: whether pixels and laterality must agree.

    Raises:
        RefusedError: they must, and do not.
    """
    strip = max(1, breast.shape[1] // STRIP)
    left, right = int(breast[:, :strip].sum()), int(breast[:, -strip:].sum())
    by_rule = laterality is Laterality.RIGHT
    if max(left, right) < CLEAR * min(left, right) or left == right:
        return by_rule
    by_pixels = right > left
    if check and by_pixels != by_rule:
        raise RefusedError(Code.SIDE_CONFLICT)
    return by_pixels
