"""What tells a stored image from every other, a digest of its pixels and a thumbnail; and which of them are alike."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import gaussian

from mammo.store.image_store import ImageStore

SAMPLED = 4
"""Every so manyth row and column of the pixels makes a print."""

THUMBNAIL_PX = 32

ALIKE = 0.98
"""Correlation of two thumbnails without their coarse parts, for pictures of one exposure."""

COARSE_PX = 2.0
N_BANDS, BAND_BITS = 24, 16
"""Thumbnails that agree in any band of signs are compared: of pairs at ALIKE one in 30,000 is overlooked."""

Pair = tuple[str, str]
"""Ids of two images."""


@dataclass(frozen=True)
class Print:
    """The print of one image.

    Attributes:
        key: equal for two images of equal pixels.
        thumbnail: THUMBNAIL_PX ** 2 bytes, the store pixels at that size, 0 to 255.
    """

    key: str
    thumbnail: bytes

    @classmethod
    def of(cls, pixels: NDArray[np.uint16]) -> "Print":
        """The print of store pixels [H, W], 0 to 4095."""
        sampled = np.ascontiguousarray(pixels[::SAMPLED, ::SAMPLED])
        key = blake2b(sampled.tobytes() + str(pixels.shape).encode(), digest_size=16).hexdigest()
        small = cv2.resize(sampled, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        return cls(key, bytes((np.asarray(small, dtype=np.uint16) >> 4).astype(np.uint8).tobytes()))


def read_prints(store: Path, image_ids: Iterable[str]) -> Iterator[tuple[str, Print]]:
    """The prints that ingest noted with the images; images without one are passed over."""
    pixels = ImageStore(store)
    for image_id in image_ids:
        _, _, kept = pixels.note(image_id).partition(" ")
        if kept:
            facts = json.loads(kept)
            yield image_id, Print(facts["key"], bytes.fromhex(facts["thumbnail"]))


def alike_pairs(prints: Mapping[str, Print]) -> list[Pair]:
    """Pairs of images of equal pixels, and of images whose thumbnails show the same details."""
    first: dict[str, str] = {}
    equal = [(first[one.key], key) for key, one in prints.items() if first.setdefault(one.key, key) != key]
    keys = list(first.values())
    joined = np.frombuffer(b"".join(prints[key].thumbnail for key in keys), np.uint8)
    return equal + _alike(keys, joined.astype(np.float32).reshape(len(keys), THUMBNAIL_PX**2))


def _alike(keys: Sequence[str], thumbnails: NDArray[np.float32]) -> list[Pair]:
    """Pairs of thumbnails [N, THUMBNAIL_PX ** 2] that show the same details; pictures without any are left out."""
    seen = np.flatnonzero(np.ptp(thumbnails, axis=1) > 0)
    if len(seen) < 2:
        return []
    fine = _fine(thumbnails[seen])
    planes = np.random.default_rng(0).standard_normal((fine.shape[1], N_BANDS * BAND_BITS)).astype(np.float32)
    bands = np.packbits(fine @ planes > 0, axis=1).reshape(len(seen), N_BANDS, BAND_BITS // 8)
    found: set[tuple[int, int]] = set()
    for band in range(N_BANDS):
        for rows in _buckets(bands[:, band]):
            near = np.argwhere(np.triu(fine[rows] @ fine[rows].T > ALIKE, 1))
            found.update((int(seen[rows[one]]), int(seen[rows[other]])) for one, other in near)
    return [(keys[one], keys[other]) for one, other in sorted(found)]


def _fine(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thumbnails without their coarse parts, of length 1."""
    pictures = thumbnails.reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX)
    coarse = gaussian(pictures, sigma=(0, COARSE_PX, COARSE_PX), preserve_range=True)  # type: ignore[no-untyped-call]
    fine = (pictures - coarse).reshape(len(thumbnails), -1)
    return np.asarray(fine / np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _buckets(codes: NDArray[np.uint8]) -> Iterator[NDArray[np.intp]]:
    """Rows of equal codes [N, bytes], where there are at least two."""
    _, inverse = np.unique(codes, axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1):
        if len(rows) > 1:
            yield rows
