"""Doubts about outlines: empty, misplaced, too large or there twice."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.quality.checks import Doubt
from mammo.quality.image_stats import image_rows, possible_chain
from mammo.store.manifest import Manifest

ON_BREAST = 0.2
TOO_LARGE = 0.5


def outline_doubts(manifest: Manifest) -> Iterator[Doubt]:
    """All doubts about the lesions' outlines."""
    seen: dict[tuple[object, ...], str] = {}
    chains = {key: possible_chain(row, manifest.frame) for key, row in image_rows(manifest).items()}
    for key, row in manifest.lesions.iterrows():
        image_id, lesion = str(row["image_id"]), str(key)
        for check, told in _of_outline(manifest, lesion, chains[image_id], image_id):
            yield Doubt(check, lesion, told, (image_id,))
        place = (image_id, *(int(row[name]) for name in ("row0", "row1", "col0", "col1")), row["mask"])
        if place in seen:
            yield Doubt("outline_twice", lesion, f"as {seen[place]}", (image_id,))
        seen.setdefault(place, lesion)


def _of_outline(manifest: Manifest, lesion: str, chain: FrameChain | None, image_id: str) -> Iterator[tuple[str, str]]:
    found = _sound(manifest, lesion)
    if found is None:
        yield "outline_unreadable", ""
        return
    mask, box = found
    if not mask.any():
        yield "outline_empty", ""
    elif chain and not _inside(box, chain.stored_shape):
        yield "outline_outside_image", f"{box} on {chain.stored_shape}"
    elif chain:
        yield from _placed(chain, mask, box, manifest.tissue(image_id))


def _sound(manifest: Manifest, lesion: str) -> tuple[NDArray[np.bool_], Box] | None:
    """Mask and box, None where they cannot be read or do not belong together."""
    try:
        mask, box = manifest.outline(lesion)
    except Exception:  # what is no PNG or no box may fail anywhere
        return None
    return (mask, box) if mask.shape == (box.height, box.width) else None


def _inside(box: Box, shape: tuple[int, int]) -> bool:
    return box.row0 >= 0 and box.col0 >= 0 and box.row1 <= shape[0] and box.col1 <= shape[1]


def _placed(
    chain: FrameChain, mask: NDArray[np.bool_], box: Box, tissue: NDArray[np.float32]
) -> Iterator[tuple[str, str]]:
    on_breast, share, shown = _on_tissue(chain, mask, box, tissue)
    if not shown:
        yield "outline_unseen", ""
    elif on_breast < ON_BREAST:
        yield "outline_off_breast", f"{on_breast:.0%} of it"
    elif share > TOO_LARGE:
        yield "outline_too_large", f"{share:.0%} of the breast"


def _on_tissue(
    chain: FrameChain, mask: NDArray[np.bool_], box: Box, tissue: NDArray[np.float32]
) -> tuple[float, float, bool]:
    """Share of the outline on tissue, share of the tissue inside it, and whether any of it is in the window."""
    inner, place = chain.mask_to_network(mask, box)
    points = np.argwhere(inner) + np.array((place.row0, place.col0))
    inside = (points >= 0).all(axis=1) & (points < (chain.frame.height, chain.frame.width)).all(axis=1)
    if not inside.any():
        return 0.0, 0.0, False
    down, across = (points[inside] // chain.frame.cell_px).T
    shares = tissue[down, across]
    area = float(tissue.sum()) * chain.frame.cell_px**2
    return float((shares > 0).mean()), float(shares.sum()) / max(area, 1.0), True
