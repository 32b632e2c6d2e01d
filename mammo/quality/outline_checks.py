"""Checks of the outlines: empty, misplaced, too large or repeated."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.quality.checks import Issue
from mammo.quality.image_checks import image_rows, valid_chain
from mammo.store.manifest import Manifest

MIN_ON_BREAST = 0.2
"""Share of an outline that must lie on the breast."""

MAX_OF_BREAST = 0.5
"""Share of the breast that an outline may cover."""


def check_outlines(manifest: Manifest) -> Iterator[Issue]:
    """Find issues of the lesions' outlines."""
    first: dict[tuple[object, ...], str] = {}
    chains = {key: valid_chain(row, manifest.frame) for key, row in image_rows(manifest).items()}
    for key, row in manifest.lesions.iterrows():
        image_id, lesion_id = str(row["image_id"]), str(key)
        for check, detail in _check_outline(manifest, lesion_id, chains[image_id], image_id):
            yield Issue(check, lesion_id, detail, (image_id,))
        outline = (image_id, *(int(row[name]) for name in ("row0", "row1", "col0", "col1")), row["mask"])
        if outline in first:
            yield Issue("outline_twice", lesion_id, f"as {first[outline]}", (image_id,))
        first.setdefault(outline, lesion_id)


def _check_outline(
    manifest: Manifest, lesion_id: str, chain: FrameChain | None, image_id: str
) -> Iterator[tuple[str, str]]:
    """(check, detail) of every issue of one outline."""
    outline = _readable(manifest, lesion_id)
    if outline is None:
        yield "outline_unreadable", ""
        return
    mask, box = outline
    if not mask.any():
        yield "outline_empty", ""
    elif chain and not _inside(box, chain.stored_shape):
        yield "outline_outside_image", f"{box} on {chain.stored_shape}"
    elif chain:
        yield from _check_position(chain, mask, box, manifest.tissue(image_id))


def _readable(manifest: Manifest, lesion_id: str) -> tuple[NDArray[np.bool_], Box] | None:
    """Mask [box.height, box.width] and box, stored frame; None where they cannot be read or do not fit each other."""
    try:
        mask, box = manifest.outline(lesion_id)
    except Exception:  # an invalid PNG or box can raise anything
        return None
    return (mask, box) if mask.shape == (box.height, box.width) else None


def _inside(box: Box, shape: tuple[int, int]) -> bool:
    return box.row0 >= 0 and box.col0 >= 0 and box.row1 <= shape[0] and box.col1 <= shape[1]


def _check_position(
    chain: FrameChain, mask: NDArray[np.bool_], box: Box, tissue: NDArray[np.float32]
) -> Iterator[tuple[str, str]]:
    found = overlap(chain, mask, box, tissue)
    if not found.visible:
        yield "outline_unseen", ""
    elif found.on_breast < MIN_ON_BREAST:
        yield "outline_off_breast", f"{found.on_breast:.0%} of it"
    elif found.of_breast > MAX_OF_BREAST:
        yield "outline_too_large", f"{found.of_breast:.0%} of the breast"


class Overlap(NamedTuple):
    """Where an outline lies: shares of what the network window shows, 0 to 1."""

    on_breast: float
    """Share of the outline that lies on tissue."""
    of_breast: float
    """Share of the tissue that lies inside the outline."""
    visible: bool
    """Whether any of it is in the network window."""


def overlap(chain: FrameChain, mask: NDArray[np.bool_], box: Box, tissue: NDArray[np.floating]) -> Overlap:
    """Compare an outline with the breast.

    Args:
        chain: of its image.
        mask: [box.height, box.width] bool.
        box: half-open, stored px.
        tissue: [grid rows, grid cols], share of each grid cell covered by breast tissue, 0 to 1.
    """
    network_mask, network_box = chain.mask_to_network(mask, box)
    points = np.argwhere(network_mask) + np.array((network_box.row0, network_box.col0))
    visible = (points >= 0).all(axis=1) & (points < (chain.frame.height, chain.frame.width)).all(axis=1)
    if not visible.any():
        return Overlap(0.0, 0.0, False)
    rows, cols = (points[visible] // chain.frame.cell_px).T
    shares = tissue[rows, cols]
    area = float(tissue.sum()) * chain.frame.cell_px**2
    return Overlap(float((shares > 0).mean()), float(shares.sum()) / max(area, 1.0), True)
