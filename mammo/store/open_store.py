"""A store as Python objects: its images and lesions, read when they are asked for.

for image in open_store("runs/demo/store").images:
    print(image.id, image.flags, image.pixels().shape, [lesion.label for lesion in image.lesions])
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.records import Laterality, Pathology, Pixels, View
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.notebook_html import picture_html, table_html

N_LISTED = 10
"""Images that a notebook's table lists."""


@dataclass(frozen=True, eq=False)
class StoreLesion:
    """One outlined lesion, in the store frame: that of its image's pixels.

    Attributes:
        id: pseudonym.
        label: malignant, benign or none.
        box: half-open box of the outline, (row, col), px; it can extend beyond the pixels.
        mask: [box.height, box.width] bool, True inside the outline.
    """

    id: str
    label: Pathology
    box: Box
    mask: NDArray[np.bool_]

    def __eq__(self, other: object) -> bool:
        """Whether it is the same lesion with the same outline and label."""
        if not isinstance(other, StoreLesion):
            return NotImplemented
        same = (self.id, self.label, self.box) == (other.id, other.label, other.box)
        return same and np.array_equal(self.mask, other.mask)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        """Id, label and box."""
        rows, cols = f"{self.box.row0}:{self.box.row1}", f"{self.box.col0}:{self.box.col1}"
        return f"<lesion {self.id}: {self.label}, [{rows}, {cols}]>"


@dataclass(frozen=True, eq=False)
class StoreImage:
    """One image of a store; its pixels and outlines are read at every call.

    Attributes:
        id: pseudonym.
        flags: why it is kept out of training (intake.outcomes.Flag), empty for most images.
        laterality: L or R.
        view: CC or MLO.
        split: train, val, test or empty.
        chain: the frames from the pixels of its file to the network window.
    """

    id: str
    flags: tuple[str, ...]
    laterality: Laterality
    view: View
    split: str
    chain: FrameChain
    _store: "OpenStore"

    def pixels(self) -> Pixels:
        """Gray values uint16 [H, W], 0 to 4095, store frame: mirrored to face right, the breast box, scaled.

        Raises:
            MammoError: the pixels are damaged.
        """
        height, width = self.chain.store_shape
        return ImageStore(self._store.path).read(self.id, Box(0, height, 0, width))

    @property
    def lesions(self) -> tuple[StoreLesion, ...]:
        """The outlined lesions, in the order of the store."""
        return tuple(self._store.lesions_on(self.id, self.chain))

    def __eq__(self, other: object) -> bool:
        """Whether it is the same image of the same store folder."""
        if not isinstance(other, StoreImage):
            return NotImplemented
        return (self.id, self._store.path) == (other.id, other._store.path)

    def __hash__(self) -> int:
        return hash((self.id, self._store.path))

    def _repr_html_(self) -> str:
        """The image with its outlines, for notebooks."""
        return picture_html(
            self.pixels(), [(lesion.label, lesion.mask, lesion.box) for lesion in self.lesions], repr(self)
        )

    def __repr__(self) -> str:
        """Id, side, view, size and flags."""
        height, width = self.chain.store_shape
        flags = f", {'+'.join(self.flags)}" if self.flags else ""
        return f"<image {self.id}: {self.laterality} {self.view}, {height} x {width}{flags}>"


class OpenStore:
    """An image store that was opened for reading; open_store returns it.

    Args:
        path: the store folder.

    Attributes:
        path: the store folder.
        manifest: its tables, as pandas data frames.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.manifest = path, Manifest.load(path)

    @cached_property
    def images(self) -> "StoreImages":
        """The images, a sequence in the order of the store."""
        return StoreImages(self)

    @cached_property
    def _lesion_ids(self) -> Mapping[str, Sequence[str]]:
        """Ids of the lesions by image id."""
        found: dict[str, list[str]] = {}
        for lesion_id, image_id in self.manifest.lesions["image_id"].items():
            found.setdefault(str(image_id), []).append(str(lesion_id))
        return found

    def lesions_on(self, image_id: str, chain: FrameChain) -> Iterator[StoreLesion]:
        """Yield the lesions of one image, whose frame chain is given."""
        for lesion_id in self._lesion_ids.get(image_id, ()):
            mask, box = chain.mask_to_network(*self.manifest.outline(lesion_id))
            label = Pathology(str(self.manifest.lesions.at[lesion_id, "label"]))
            yield StoreLesion(lesion_id, label, box.shifted(*chain.origin), mask)

    def __repr__(self) -> str:
        """Path and counts."""
        n_images, n_lesions = len(self.manifest.images), len(self.manifest.lesions)
        return f"<store {self.path}: {n_images} images, {n_lesions} lesions, {self.manifest.frame}>"


class StoreImages(Sequence[StoreImage]):
    """The images of a store by number or slice; each object is made when it is asked for.

    Args:
        store: the store.
    """

    def __init__(self, store: OpenStore) -> None:
        self._store = store

    def __len__(self) -> int:
        return len(self._store.manifest.images)

    @overload
    def __getitem__(self, number: int) -> StoreImage: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[StoreImage, ...]: ...

    def __getitem__(self, number: int | slice) -> StoreImage | tuple[StoreImage, ...]:
        """The image of this number, or a tuple of the images of a slice; IndexError beyond the last."""
        if isinstance(number, slice):
            return tuple(self[each] for each in range(*number.indices(len(self))))
        row = self._store.manifest.images.iloc[number]
        image_id = str(row.name)
        return StoreImage(
            id=image_id,
            flags=tuple(filter(None, row["flags"].split("+"))),
            laterality=Laterality(row["laterality"]),
            view=View(row["view"]),
            split=str(row["split"]),
            chain=self._store.manifest.chain(image_id),
            _store=self._store,
        )

    def _repr_html_(self) -> str:
        """A table of the first N_LISTED images, for notebooks."""
        rows = [
            (number, image.id, image.laterality, image.view, image.split, "+".join(image.flags), len(image.lesions))
            for number, image in enumerate(self[:N_LISTED])
        ]
        header = ("", "id", "laterality", "view", "split", "flags", "lesions")
        return table_html(header, rows, f"{len(rows)} of {len(self)} images of {self._store.path}")

    def __repr__(self) -> str:
        """The number of images."""
        return f"<{len(self)} images of {self._store.path}>"


def open_store(path: str | Path) -> OpenStore:
    """Open an image store for reading.

    Args:
        path: the store folder, for example runs/demo/store.

    Raises:
        MammoError: there is no store, it is of another format, or its tables are contradictory.
    """
    return OpenStore(Path(path))
