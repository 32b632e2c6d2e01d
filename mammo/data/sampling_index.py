"""Sampling index of a manifest: candidate rows of each patch class, lesion pixels and breast tissue.

All coordinates are (row, col) in the network frame. Everything comes from the manifest; no pixels are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.geometry import CropWindow, CropWindows, Frame, FrameChain
from mammo.records import MammoError, PatchClass, Pathology, View
from mammo.store.manifest import Manifest
from mammo.store.schema import SHARES

LabelLevel = Literal["breast", "image"]
"""What the label of a whole image is about: its breast in the exam, or the image itself."""

LATTICE = np.stack(np.meshgrid(*[np.linspace(-0.45, 0.45, 7)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
"""Points [49, 2] of a window at which tissue is looked up, (row, col) in [-0.5, 0.5]: a 7 x 7 lattice."""

HALF_DIAGONAL = 0.7072
"""Largest distance of a point of a window from its center, in sides (rounded up)."""


@dataclass(frozen=True, eq=False)
class SamplingIndex:
    """Arrays for sampling windows. Images and lesions are identified by their row numbers in the manifest's tables.

    Attributes:
        frame: the network window and its grid.
        pixels: for each lesion row, the centers [P, 2] (row, col) of the pixels inside its outline, network px.
        labels: pathology of each lesion row.
        image_of: int64 [lesions], image row of each lesion row.
        negative: bool [images], True for a breast without any finding.
        shows: int64 [images, 2] in {0, 1}, whether the image has a malignant finding, and whether a benign one,
            outlined or not.
        breasts: int64 [images, 2] in {0, 1}, the same of the breast in the exam of the image, on any view.
        unplaced: bool [images], True for an image with a finding whose place is unknown; it gives no patches.
        extents: float64 [images, 2, 2] (axis, first and last), rows and columns that the image and the network window
            cover together, network px.
        mlo: bool [images], True for MLO views.
        tissue: uint8 [images, rows, cols], code of the fraction of each grid cell covered by breast tissue;
            mammo.store.schema.SHARES decodes it. A million images take 1.4 GB.
    """

    frame: Frame
    pixels: Sequence[NDArray[np.float64]]
    labels: Sequence[Pathology]
    image_of: NDArray[np.int64]
    negative: NDArray[np.bool_]
    shows: NDArray[np.int64]
    breasts: NDArray[np.int64]
    unplaced: NDArray[np.bool_]
    extents: NDArray[np.float64]
    mlo: NDArray[np.bool_]
    tissue: NDArray[np.uint8]

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> "SamplingIndex":
        """The sampling index of the manifest's images and lesions."""
        pixels = []
        for lesion_id in manifest.lesions.index:
            mask, box = manifest.network_outline(lesion_id)
            corner = np.array([box.row0, box.col0], dtype=np.float64)
            pixels.append(np.argwhere(mask) + corner + 0.5)
        return cls(
            frame=manifest.frame,
            pixels=pixels,
            labels=[Pathology(label) for label in manifest.lesions["label"]],
            image_of=manifest.images.index.get_indexer(pd.Index(manifest.lesions["image_id"])).astype(np.int64),
            negative=manifest.images["negative"].to_numpy(dtype=bool),
            shows=manifest.labeled_images[["malignant", "benign"]].to_numpy(dtype=np.int64),
            breasts=manifest.labeled_images[["breast_malignant", "breast_benign"]].to_numpy(dtype=np.int64),
            unplaced=(manifest.images["unplaced"] | (manifest.images["elsewhere"] != "")).to_numpy(dtype=bool),
            extents=np.array([_extent(manifest.chain(key)) for key in manifest.images.index]).reshape(-1, 2, 2),
            mlo=(manifest.images["view"] == View.MLO.value).to_numpy(dtype=bool),
            tissue=np.frombuffer(b"".join(manifest.images["tissue"]), np.uint8).reshape(-1, *manifest.frame.grid),
        )

    def image_labels(self, level: LabelLevel) -> NDArray[np.int64]:
        """Labels of whole images [images, 2]: breasts or shows."""
        return self.breasts if level == "breast" else self.shows

    @cached_property
    def lesions_by_image(self) -> dict[int, list[int]]:
        """Lesion rows by image row, for images with lesions."""
        lesions_by_image: dict[int, list[int]] = {}
        for lesion, image in enumerate(self.image_of):
            lesions_by_image.setdefault(int(image), []).append(lesion)
        return lesions_by_image

    @cached_property
    def candidates(self) -> dict[PatchClass, NDArray[np.int64]]:
        """Rows [K] that windows of a class are drawn from: lesion rows (malignant, benign) or image rows (others).

        An unplaced finding could lie in any window of its image, so that no window there has a certain class.
        """
        placed = ~self.unplaced
        labels = np.array(self.labels, dtype=object)
        certain = placed[self.image_of]
        with_lesions = np.array(sorted(self.lesions_by_image), dtype=np.int64)
        return {
            PatchClass.MALIGNANT: np.flatnonzero((labels == Pathology.MALIGNANT) & certain),
            PatchClass.BENIGN: np.flatnonzero((labels == Pathology.BENIGN) & certain),
            PatchClass.OUTSIDE: with_lesions[placed[with_lesions]],
            PatchClass.NEGATIVE: np.flatnonzero(self.negative & placed & (self.tissue.sum(axis=(1, 2)) > 0)),
        }

    def candidate_rows(self, patch_class: PatchClass) -> NDArray[np.int64]:
        """Candidate rows [K] of one class, as in candidates.

        Raises:
            MammoError: the class has no candidates.
        """
        rows = self.candidates[patch_class]
        if rows.size == 0:
            name = patch_class.name.lower()
            raise MammoError(f"no image can give a {name} patch: add such images or set quota.{name}=0")
        return rows

    @cached_property
    def _boxes(self) -> NDArray[np.float64]:
        """Box around the pixel centers of each lesion, [lesions, 2, 2]: (first, last) row, (first, last) column."""
        ends = [np.stack([pixels.min(axis=0), pixels.max(axis=0)], axis=1) for pixels in self.pixels]
        return np.array(ends).reshape(-1, 2, 2)

    def overlapped_pathologies(self, images: NDArray[np.int64], windows: NDArray[np.float64]) -> list[set[Pathology]]:
        """Pathologies of the lesions that each window overlaps by at least one pixel.

        Args:
            images: int64 [N], image row of each window.
            windows: float64 [N, 4], crop windows (row, col, side, angle), network frame.
        """
        found: list[set[Pathology]] = [set() for _ in range(len(images))]
        pairs = [
            (row, lesion)
            for row, image in enumerate(images.tolist())
            for lesion in self.lesions_by_image.get(image, ())
        ]
        if not pairs:
            return found
        rows, lesions = np.array(pairs).T
        centers, boxes = windows[rows, :2], self._boxes[lesions]
        distance = np.maximum(boxes[..., 0] - centers, centers - boxes[..., 1]).max(axis=1)
        for row, lesion in np.array(pairs)[distance <= windows[rows, 2] * HALF_DIAGONAL].tolist():
            if CropWindow(*windows[row].tolist()).contains(self.pixels[lesion]).any():
                found[row].add(self.labels[lesion])
        return found

    def tissue_fractions(self, images: NDArray[np.int64], windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fraction [N] of each window that lies on breast tissue, in [0, 1], from the grid; outside the frame it is 0.

        Args:
            images: int64 [N], image row of each window.
            windows: float64 [N, 4], crop windows (row, col, side, angle), network frame.
        """
        cells = np.floor(CropWindows(windows).to_frame(LATTICE[None]) / self.frame.cell_px).astype(np.int64)
        inside = np.asarray(((cells >= 0) & (cells < self.frame.grid)).all(axis=2))
        rows, cols = np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0)
        tissue = SHARES[self.tissue[images[:, None], rows, cols]].astype(np.float64)
        return np.asarray(np.where(inside, tissue, 0).sum(axis=1) / len(LATTICE))


def _extent(chain: FrameChain) -> tuple[tuple[float, float], ...]:
    """(first, last) row and (first, last) column that stored image and network window cover together, network px."""
    frame_px = (chain.frame.height, chain.frame.width)
    return tuple(
        (float(min(0, -start)), float(max(network_px, size - start)))
        for start, size, network_px in zip(chain.origin, chain.store_shape, frame_px, strict=True)
    )
