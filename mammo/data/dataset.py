"""From the rows of a plan to a batch: a dictionary of tensors, holding the columns that were asked for.

| column | tensor | what |
|---|---|---|
| image_row, lesion, repeat | int64 [B] | as in the plan |
| target | int64 [B] or [B, 2] | as in the plan |
| window | float64 [B, 4] | crop window (row, col, side, angle), network frame |
| patch | uint16 [B, 1, P, P] | the window's pixels, 0 to 4095 |
| image | uint16 [B, 1, H, W] | the whole network window, 0 to 4095 |
| saliency | float32 [U, 2, rows, cols] | S of the batch's U different images, malignant then benign, in [0, 1] |
| saliency_row | int64 [B] | which of these each row's is; comes with saliency |
| embedding | float32 [B, 32] | h of the patch |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.data.augmentation import Intensity
from mammo.data.crops import CropRequests, crop, image_box, resize_to_frame
from mammo.data.plans import Plan
from mammo.geometry import FrameChain
from mammo.records import Batch, MammoError
from mammo.store.image_store import ImageStore, affordable
from mammo.store.manifest import Manifest

Given = TypeVar("Given")
HOT_BYTES = 4 << 30
"""Memory for decoded images, unless told otherwise."""
SaliencySource = Callable[[Sequence[str]], NDArray[np.float32]]
"""One function from image ids to saliency maps [N, 2, rows, cols], malignant then benign, in [0, 1]."""


@dataclass(frozen=True)
class Reader:
    """Reads pixels of one split, by the rows of a plan.

    Attributes:
        store: where the pixels are.
        ids: image id of each image row.
        chains: frame chain of each image row.
        patch_px: side of a patch.
    """

    store: ImageStore
    ids: Sequence[str]
    chains: Sequence[FrameChain]
    patch_px: int

    @classmethod
    def of(cls, root: Path, manifest: Manifest, patch_px: int, hot_bytes: float = HOT_BYTES) -> "Reader":
        """A reader of the manifest's images in the store at root.

        Args:
            root: the store folder.
            manifest: its tables, or those of a split.
            patch_px: side of a patch.
            hot_bytes: memory for images that stay decoded once they were read; those with lesions come first.
        """
        ids = list(manifest.images.index)
        chains = [manifest.chain(image_id) for image_id in ids]
        outlined = set(manifest.lesions["image_id"])
        order = sorted(range(len(ids)), key=lambda row: ids[row] not in outlined)
        hot = affordable([(ids[row], chains[row].store_shape) for row in order], hot_bytes)
        return cls(ImageStore(root, hot), ids, chains, patch_px)

    def with_own_cache(self) -> "Reader":
        """The same, with decoded images of its own, which go when it goes."""
        return replace(self, store=ImageStore(self.store.root, self.store.hot))

    def patches(self, plan: Plan, out: NDArray[np.uint16] | None = None) -> NDArray[np.uint16]:
        """Patches [N, patch_px, patch_px], in out where it is given."""
        return crop(self.store, self.requests(plan), self.patch_px, out)

    def requests(self, plan: Plan) -> CropRequests:
        """The plan's windows in the frame of the store."""
        origins = np.array([self.chains[row].origin for row in plan.image.tolist()]).reshape(-1, 2)
        windows = plan.windows.copy()
        windows[:, :2] += origins
        return CropRequests([self.ids[row] for row in plan.image.tolist()], windows)

    def images(self, plan: Plan, out: NDArray[np.uint16]) -> None:
        """Fill out [N, H, W]: whole images through the plan's windows, each resampled to the network window's size."""
        for number, row in enumerate(plan.image.tolist()):
            out[number] = self._image(row, plan.windows[number])

    def _image(self, row: int, window: NDArray[np.float64]) -> NDArray[np.uint16]:
        chain = self.chains[row]
        box = image_box(window, chain)
        pixels = self.store.read(self.ids[row], box)
        return resize_to_frame(pixels, chain.frame)


class PixelMemory(Protocol):
    """Where the pixels of a batch go."""

    def take(self, *shape: int) -> NDArray[np.uint16]:
        """An array [shape] of any content."""
        ...


class FreshMemory:
    """A new array for every batch."""

    def take(self, *shape: int) -> NDArray[np.uint16]:
        """As PixelMemory."""
        return np.empty(shape, np.uint16)


@dataclass(frozen=True, eq=False)
class PlanDataset:
    """A plan and where its columns come from; row numbers give a batch.

    Attributes:
        plan: the rows.
        columns: names of the columns beside the plan's own.
        reader: source of patches and images.
        saliency: source of saliency maps.
        embedding: h of every row of the plan, float32 [N, 32].
        intensity: changes of grey value, for training.
        seed: of the changes; row i uses (seed, i).
    """

    plan: Plan
    columns: Sequence[str]
    reader: Reader
    saliency: SaliencySource | None = None
    embedding: NDArray[np.float32] | None = None
    intensity: Intensity | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.plan)

    def batch(self, rows: Sequence[int], memory: PixelMemory | None = None) -> Batch:
        """The batch of these rows, in this order; its pixels lie in memory, if any is given."""
        plan = self.plan.take(np.asarray(rows, dtype=np.int64))
        own = {"image_row": plan.image, "lesion": plan.lesion, "repeat": plan.repeat, "target": plan.target}
        single = [name for name in self.columns if name != "saliency"]
        asked = {name: self._column(name, plan, rows, memory or FreshMemory()) for name in single}
        if "saliency" in self.columns:
            asked |= self._maps(plan)
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in (own | asked).items()}

    def _maps(self, plan: Plan) -> dict[str, NDArray[np.generic]]:
        images, row = np.unique(plan.image, return_inverse=True)
        maps = self._given(self.saliency, "saliency")([self.reader.ids[i] for i in images])
        return {"saliency": maps, "saliency_row": row}

    def _column(self, name: str, plan: Plan, rows: Sequence[int], memory: PixelMemory) -> NDArray[np.generic]:
        match name:
            case "window":
                return plan.windows
            case "patch":
                return self._patches(plan, rows, memory)
            case "image":
                frame = self.reader.chains[0].frame
                images = memory.take(len(plan), 1, frame.height, frame.width)
                self.reader.images(plan, images[:, 0])
                return images
            case "embedding":
                h: NDArray[np.float32] = self._given(self.embedding, name)[np.asarray(rows)]
                return h
        raise MammoError(f"a batch was asked for its {name} column, which there is not: see mammo.data.dataset")

    def _patches(self, plan: Plan, rows: Sequence[int], memory: PixelMemory) -> NDArray[np.generic]:
        patches = memory.take(len(plan), 1, self.reader.patch_px, self.reader.patch_px)
        self.reader.patches(plan, patches[:, 0])
        if self.intensity is not None:
            for patch, row in zip(patches[:, 0], rows, strict=True):
                patch[:] = self.intensity(patch, int(np.random.default_rng((self.seed, row)).integers(2**31)))
        return patches

    @staticmethod
    def _given(source: Given | None, column: str) -> Given:
        if source is None:
            raise MammoError(f"a batch was asked for its {column} column, but data.{column} names no source")
        return source
