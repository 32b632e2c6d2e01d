"""What the samplers stand on: which rows belong to which patch class, where lesions and breast tissue lie.

Everything here is in the network frame, (row, col), and comes from the manifest alone: no pixel is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.geometry import CropWindow, CropWindows, Frame, FrameChain
from mammo.records import MammoError, PatchClass, Pathology, View
from mammo.store.manifest import Manifest
from mammo.store.schema import SHARES

LATTICE = np.stack(np.meshgrid(*[np.linspace(-0.45, 0.45, 7)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
"""Window coordinates at which tissue is looked up: a 7 x 7 lattice."""

HALF_DIAGONAL = 0.7072
"""No point of a window is farther from its centre, in sides."""


@dataclass(frozen=True, eq=False)
class SamplingIndex:
    """A manifest, laid out for sampling. Images and lesions are named by their row numbers in its tables.

    Attributes:
        frame: the network window and its grid.
        pixels: for each lesion row, the centres [P, 2] of the pixels inside its outline.
        labels: pathology of each lesion row.
        image_of: image row of each lesion row.
        negative: whether each image row shows a breast without any outlined lesion.
        extents: rows and columns [images, 2, 2] (axis, first and last) that image and network window cover together.
        mlo: whether each image row is an MLO view.
        tissue: bytes that stand for the share of each grid cell covered by breast tissue, [images, rows, cols]: of a
            million images they take 1.4 GB; store.rows.SHARES tells what each means.
    """

    frame: Frame
    pixels: Sequence[NDArray[np.float64]]
    labels: Sequence[Pathology]
    image_of: NDArray[np.int64]
    negative: NDArray[np.bool_]
    extents: NDArray[np.float64]
    mlo: NDArray[np.bool_]
    tissue: NDArray[np.uint8]

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> "SamplingIndex":
        """Lay out the manifest's images and lesions."""
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
            extents=np.array([_extent(manifest.chain(key)) for key in manifest.images.index]).reshape(-1, 2, 2),
            mlo=(manifest.images["view"] == View.MLO.value).to_numpy(dtype=bool),
            tissue=np.frombuffer(b"".join(manifest.images["tissue"]), np.uint8).reshape(-1, *manifest.frame.grid),
        )

    @cached_property
    def lesions_by_image(self) -> dict[int, list[int]]:
        """Lesion rows by image row, for images that show any."""
        found: dict[int, list[int]] = {}
        for lesion, image in enumerate(self.image_of):
            found.setdefault(int(image), []).append(lesion)
        return found

    @cached_property
    def candidates(self) -> dict[PatchClass, NDArray[np.int64]]:
        """Rows a window of each class is drawn from: lesion rows (malignant, benign) or image rows (the others)."""
        rows = np.arange(len(self.labels))
        return {
            PatchClass.MALIGNANT: rows[[label == Pathology.MALIGNANT for label in self.labels]],
            PatchClass.BENIGN: rows[[label == Pathology.BENIGN for label in self.labels]],
            PatchClass.OUTSIDE: np.array(sorted(self.lesions_by_image), dtype=np.int64),
            PatchClass.NEGATIVE: np.flatnonzero(self.negative & (self.tissue.sum(axis=(1, 2)) > 0)),
        }

    def candidate_rows(self, patch_class: PatchClass) -> NDArray[np.int64]:
        """The candidates of one class; MammoError when there are none."""
        rows = self.candidates[patch_class]
        if rows.size == 0:
            name = patch_class.name.lower()
            raise MammoError(f"no image can give a {name} patch: add such images or set quota.{name}=0")
        return rows

    @cached_property
    def _boxes(self) -> NDArray[np.float64]:
        """The box around the pixel centres of each lesion, [lesions, 2, 2]: (first, last) row, (first, last) column."""
        ends = [np.stack([pixels.min(axis=0), pixels.max(axis=0)], axis=1) for pixels in self.pixels]
        return np.array(ends).reshape(-1, 2, 2)

    def overlapped_pathologies(self, images: NDArray[np.int64], windows: NDArray[np.float64]) -> list[set[Pathology]]:
        """Pathologies of the lesions of which each window [N, 4] on images [N] holds at least one pixel."""
        found: list[set[Pathology]] = [set() for _ in range(len(images))]
        pairs = [
            (row, lesion)
            for row, image in enumerate(images.tolist())
            for lesion in self.lesions_by_image.get(image, ())
        ]
        if not pairs:
            return found
        rows, lesions = np.array(pairs).T
        centres, boxes = windows[rows, :2], self._boxes[lesions]
        beyond = np.maximum(boxes[..., 0] - centres, centres - boxes[..., 1]).max(axis=1)
        for row, lesion in np.array(pairs)[beyond <= windows[rows, 2] * HALF_DIAGONAL].tolist():
            if CropWindow(*windows[row].tolist()).contains(self.pixels[lesion]).any():
                found[row].add(self.labels[lesion])
        return found

    def tissue_fractions(self, images: NDArray[np.int64], windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of each window [N, 4] that lies on breast tissue, from the grid; cells outside the frame hold none."""
        cells = np.floor(CropWindows(windows).to_frame(LATTICE[None]) / self.frame.cell_px).astype(np.int64)
        inside = np.asarray(((cells >= 0) & (cells < self.frame.grid)).all(axis=2))
        rows, cols = np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0)
        tissue = SHARES[self.tissue[images[:, None], rows, cols]].astype(np.float64)
        return np.asarray(np.where(inside, tissue, 0).sum(axis=1) / len(LATTICE))


def _extent(chain: FrameChain) -> tuple[tuple[float, float], ...]:
    """(first, last) row and column, in the network frame, that the stored image and the network window cover."""
    frame_px = (chain.frame.height, chain.frame.width)
    return tuple(
        (float(min(0, -start)), float(max(window, size - start)))
        for start, size, window in zip(chain.origin, chain.store_shape, frame_px, strict=True)
    )
