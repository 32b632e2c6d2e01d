"""Dataset that turns the rows of a plan into batches: dictionaries of tensors with the requested columns.

| column | tensor | content |
|---|---|---|
| image_row, lesion, repeat | int64 [B] | as in the plan |
| target | int64 [B / K] or [B / K, 2] | as in the plan, of each group of K windows |
| window | float64 [B, 4] | crop window (row, col, side, angle), network frame |
| patch | uint16 [B, 1, P, P] | pixels of the crop window, 0 to 4095 |
| image | uint16 [B, 1, H, W] | pixels of the network window, 0 to 4095 |
| saliency | float32 [U, 2, rows, cols] | S of the batch's U distinct images, malignant then benign, in [0, 1] |
| ipsi | float32 [U, 3, rows, cols] | maps of their other view (maps.other_views) |
| contra | float32 [U, 5, rows, cols] | maps of the other breast |
| map_row | int64 [B] | row of saliency, ipsi and contra that belongs to each row of the batch; comes with them |
| embedding | float32 [B, 32] | h of the patch |

K is 1 but in training on several windows per lesion (windows_per_lesion.train). In training with several processes, a
batch also has whole_target, the targets of its groups in all of them (data.loader).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.data.augmentation import IntensityAugmentation
from mammo.data.crops import CropRequests, crop, image_box, resize_to_frame
from mammo.data.plans import Plan
from mammo.geometry import FrameChain
from mammo.records import Batch, MammoError, Pixels
from mammo.store.image_store import ImageStore, ids_that_fit
from mammo.store.manifest import Manifest

Source = TypeVar("Source")
MEMORY_BYTES = 4 << 30
"""Default memory for decoded images."""
ImageMapSource = Callable[[Sequence[str]], NDArray[np.float32]]
"""A function from image ids to maps of these images [N, K, rows, cols]; K is 2 for S, malignant then benign."""
IMAGE_COLUMNS = ("saliency", "ipsi", "contra")
"""Batch columns that hold maps of each different image of the batch."""


@dataclass(frozen=True)
class Reader:
    """Reads the pixels of one split, by the rows of a plan.

    Attributes:
        store: image store to read from.
        ids: image id of each image row.
        chains: frame chain of each image row.
        patch_px: side of a patch, px.
    """

    store: ImageStore
    ids: Sequence[str]
    chains: Sequence[FrameChain]
    patch_px: int

    @classmethod
    def from_manifest(
        cls, root: Path, manifest: Manifest, patch_px: int, memory_bytes: float = MEMORY_BYTES
    ) -> "Reader":
        """A reader of the manifest's images in the store at root.

        Args:
            root: the store folder.
            manifest: tables of the store or of one split.
            patch_px: side of a patch, px.
            memory_bytes: memory for images that stay decoded after their first read; those with lesions come first.
        """
        ids = list(manifest.images.index)
        chains = [manifest.chain(image_id) for image_id in ids]
        outlined = set(manifest.lesions["image_id"])
        order = sorted(range(len(ids)), key=lambda row: ids[row] not in outlined)
        hot = ids_that_fit([(ids[row], chains[row].store_shape) for row in order], memory_bytes)
        return cls(ImageStore(root, hot), ids, chains, patch_px)

    def with_own_cache(self) -> "Reader":
        """The same reader with a separate cache of decoded images, which is freed with it."""
        return replace(self, store=ImageStore(self.store.root, self.store.hot))

    def patches(self, plan: Plan, out: Pixels | None = None) -> Pixels:
        """Patches [N, patch_px, patch_px] uint16 of the plan's windows, 0 to 4095, written to out if it is given."""
        return crop(self.store, self.requests(plan), self.patch_px, out)

    def requests(self, plan: Plan) -> CropRequests:
        """The plan's windows, moved to the store frame."""
        origins = np.array([self.chains[row].origin for row in plan.image.tolist()]).reshape(-1, 2)
        windows = plan.windows.copy()
        windows[:, :2] += origins
        return CropRequests([self.ids[row] for row in plan.image.tolist()], windows)

    def images(self, plan: Plan, out: Pixels) -> None:
        """Fill out [N, H, W] uint16, 0 to 4095, with the plan's whole images, resized to the network window [H, W]."""
        for number, row in enumerate(plan.image.tolist()):
            out[number] = self._image(row, plan.windows[number])

    def _image(self, row: int, image_window: NDArray[np.float64]) -> Pixels:
        chain = self.chains[row]
        pixels = self.store.read(self.ids[row], image_box(image_window, chain))
        return resize_to_frame(pixels, chain.frame)


EmbeddingSource = Callable[[Plan, Reader], NDArray[np.float32]]
"""A function from a plan and the reader of its patches to h of every row of the plan, float32 [N, 32]."""


class PixelMemory(Protocol):
    """Allocates the pixel arrays of batches."""

    def allocate(self, *shape: int) -> Pixels:
        """An uninitialized uint16 array [*shape]."""
        ...


class NewMemory:
    """Allocates a new array for every batch."""

    def allocate(self, *shape: int) -> Pixels:
        """An uninitialized uint16 array [*shape]."""
        return np.empty(shape, np.uint16)


@dataclass(frozen=True, eq=False)
class PlanDataset:
    """A plan and the sources of its columns; gives the batch of any rows.

    Attributes:
        plan: rows to read.
        columns: batch columns in addition to the plan's own.
        reader: source of patches and images.
        image_maps: source of each of the columns IMAGE_COLUMNS, by its name.
        dropped: by column of IMAGE_COLUMNS, whether each image row lacks its maps, as if an image were missing: all 0.
        embedding: h of every row of the plan, float32 [N, 32].
        intensity: intensity augmentation of training patches.
        seed: of the augmentation; row i uses (seed, i).
        group: K, number of the plan's rows that follow each other and are one row of the dataset.
    """

    plan: Plan
    columns: Sequence[str]
    reader: Reader
    image_maps: Mapping[str, ImageMapSource] = field(default_factory=dict)
    dropped: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    embedding: NDArray[np.float32] | None = None
    intensity: IntensityAugmentation | None = None
    seed: int = 0
    group: int = 1

    def __len__(self) -> int:
        return len(self.plan) // self.group

    @property
    def targets(self) -> NDArray[np.int64]:
        """The target of each row of the dataset, int64 [N] or [N, 2]."""
        return self.plan.target[:: self.group]

    @property
    def images(self) -> NDArray[np.int64]:
        """The image row of each row of the dataset, int64 [N]."""
        return self.plan.image[:: self.group]

    def take(self, rows: slice) -> "PlanDataset":
        """The dataset of these rows [M]; the augmentation of each window is by its new number."""
        of_plan = self._of_plan(range(len(self))[rows])
        h = None if self.embedding is None else self.embedding[of_plan]
        return replace(self, plan=self.plan.take(of_plan), embedding=h)

    def _of_plan(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """The rows of the plan [M * K] that these rows of the dataset [M] are."""
        return (np.asarray(rows, dtype=np.int64)[:, None] * self.group + np.arange(self.group)).ravel()

    def batch(self, rows: Sequence[int], memory: PixelMemory | None = None) -> Batch:
        """The batch of these rows [B / K], in this order; memory allocates its pixels, if given.

        Raises:
            MammoError: a column is unknown or has no source.
        """
        of_plan = self._of_plan(rows)
        plan, rows = self.plan.take(of_plan), of_plan.tolist()
        target = plan.target[:: self.group]
        own = {"image_row": plan.image, "lesion": plan.lesion, "repeat": plan.repeat, "target": target}
        single = [name for name in self.columns if name not in IMAGE_COLUMNS]
        extra = {name: self._column(name, plan, rows, memory or NewMemory()) for name in single}
        if len(single) < len(self.columns):
            extra |= self._image_maps(plan)
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in (own | extra).items()}

    def _image_maps(self, plan: Plan) -> dict[str, NDArray[np.generic]]:
        """The columns of maps of the plan's different images, and map_row."""
        images, row = np.unique(plan.image, return_inverse=True)
        ids = [self.reader.ids[image] for image in images]
        found: dict[str, NDArray[np.generic]] = {"map_row": row}
        for name in (name for name in self.columns if name in IMAGE_COLUMNS):
            maps = self._required(self.image_maps.get(name), name)(ids)
            if name in self.dropped:
                maps = np.where(self.dropped[name][images, None, None, None], np.float32(0), maps)
            found[name] = maps
        return found

    def _column(self, name: str, plan: Plan, rows: Sequence[int], memory: PixelMemory) -> NDArray[np.generic]:
        match name:
            case "window":
                return plan.windows
            case "patch":
                return self._patches(plan, rows, memory)
            case "image":
                frame = self.reader.chains[0].frame
                images = memory.allocate(len(plan), 1, frame.height, frame.width)
                self.reader.images(plan, images[:, 0])
                return images
            case "embedding":
                h: NDArray[np.float32] = self._required(self.embedding, name)[np.asarray(rows)]
                return h
        known = ", ".join(("window", "patch", "image", *IMAGE_COLUMNS, "embedding"))
        raise MammoError(f"unknown batch column {name!r}: choose from {known}")

    def _patches(self, plan: Plan, rows: Sequence[int], memory: PixelMemory) -> NDArray[np.generic]:
        patches = memory.allocate(len(plan), 1, self.reader.patch_px, self.reader.patch_px)
        self.reader.patches(plan, patches[:, 0])
        if self.intensity is not None:
            for patch, row in zip(patches[:, 0], rows, strict=True):
                patch[:] = self.intensity(patch, int(np.random.default_rng((self.seed, row)).integers(2**31)))
        return patches

    @staticmethod
    def _required(source: Source | None, column: str) -> Source:
        if source is None:
            raise MammoError(f"batch column {column!r} has no source: pass one to the datamodule")
        return source
