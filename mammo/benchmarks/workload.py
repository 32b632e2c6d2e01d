"""What benchmarks of patches have in common: images in a store of their own, and ours, which cuts windows of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mammo.benchmarks.sample_images import Pixels, images
from mammo.benchmarks.timing import Way, one_thread
from mammo.benchmarks.windows import AT_ONCE, PATCH_PX, batches
from mammo.data.crops import Requests, crop
from mammo.store.image_store import ImageStore


@dataclass(frozen=True)
class Setting:
    """Images and where they lie.

    Attributes:
        pixels: uint16 [H, W] of each, 0 to 4095, by id.
        kind: which images they are, "real" or "made".
        folder: a folder for this benchmark alone.
        store: the images in that folder.
    """

    pixels: Mapping[str, Pixels]
    kind: str
    folder: Path
    store: ImageStore

    @property
    def first(self) -> Pixels:
        """One of the images, for limits whose pixels never leave the cache."""
        return next(iter(self.pixels.values()))


@contextmanager
def setting(n_images: int, shape: tuple[int, int], hot: bool) -> Iterator[Setting]:
    """Images of a shape in a store, all hot or none, while the benchmark lasts; libraries keep to one thread."""
    one_thread()
    pixels, kind = images(n_images, shape)
    with TemporaryDirectory() as folder:
        yield Setting(pixels, kind, Path(folder), stored(Path(folder), pixels, hot))


def stored(folder: Path, pixels: Mapping[str, Pixels], hot: bool) -> ImageStore:
    """A store of the images below folder, all hot or none."""
    store = ImageStore(folder, frozenset(pixels) if hot else frozenset())
    for image_id, whole in pixels.items():
        store.write(image_id, whole)
    return store


def cutting(store: ImageStore, requests: Requests, antialias: bool, at_once: int = AT_ONCE) -> Way:
    """Ours: so many windows at a time into the same memory, as the loader does it."""
    out = np.empty((at_once, PATCH_PX, PATCH_PX), np.uint16)
    parts = batches(requests, at_once)

    def work() -> None:
        for part in parts:
            crop(store, part, PATCH_PX, out[: len(part)], antialias)

    return Way(work, len(requests))
