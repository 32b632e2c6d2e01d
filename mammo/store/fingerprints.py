"""Image fingerprints and near-duplicate search."""

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

STEP = 4
"""Fingerprints use every 4th row and column of the pixels."""

THUMBNAIL_PX = 32

SIMILAR = 0.98
"""Correlation of two thumbnails without their coarse parts above which they show the same exposure."""

COARSE_PX = 2.0
N_BANDS, BAND_BITS = 24, 16
"""Thumbnails that agree in any band of signs are compared: of pairs at SIMILAR one in 30,000 is missed."""

Pair = tuple[str, str]
"""Ids of two images."""


@dataclass(frozen=True)
class Fingerprint:
    """The fingerprint of one image.

    Attributes:
        key: digest of the pixels; equal for two images of equal pixels.
        thumbnail: THUMBNAIL_PX ** 2 bytes, the store pixels at that size, 0 to 255.
    """

    key: str
    thumbnail: bytes

    @classmethod
    def of(cls, pixels: NDArray[np.uint16]) -> "Fingerprint":
        """The fingerprint of store pixels [H, W] uint16, 0 to 4095."""
        sampled = np.ascontiguousarray(pixels[::STEP, ::STEP])
        key = blake2b(sampled.tobytes() + str(pixels.shape).encode(), digest_size=16).hexdigest()
        small = cv2.resize(sampled, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        return cls(key, bytes((np.asarray(small, dtype=np.uint16) >> 4).astype(np.uint8).tobytes()))


def read_fingerprints(store: Path, image_ids: Iterable[str]) -> Iterator[tuple[str, Fingerprint]]:
    """Yield id and fingerprint from the notes that ingest wrote with the images; images without one are skipped."""
    images = ImageStore(store)
    for image_id in image_ids:
        _, _, text = images.note(image_id).partition(" ")
        if text:
            note = json.loads(text)
            yield image_id, Fingerprint(note["key"], bytes.fromhex(note["thumbnail"]))


def similar_pairs(fingerprints: Mapping[str, Fingerprint]) -> list[Pair]:
    """Pairs of images with equal pixels, and of images whose thumbnails show the same details."""
    first: dict[str, str] = {}
    equal = [(first[one.key], key) for key, one in fingerprints.items() if first.setdefault(one.key, key) != key]
    keys = list(first.values())
    joined = np.frombuffer(b"".join(fingerprints[key].thumbnail for key in keys), np.uint8)
    return equal + _similar(keys, joined.astype(np.float32).reshape(len(keys), THUMBNAIL_PX**2))


def _similar(keys: Sequence[str], thumbnails: NDArray[np.float32]) -> list[Pair]:
    """Pairs of thumbnails [N, THUMBNAIL_PX ** 2] that show the same details; uniform thumbnails are left out."""
    used = np.flatnonzero(np.ptp(thumbnails, axis=1) > 0)
    if len(used) < 2:
        return []
    details = _details(thumbnails[used])
    planes = np.random.default_rng(0).standard_normal((details.shape[1], N_BANDS * BAND_BITS)).astype(np.float32)
    bands = np.packbits(details @ planes > 0, axis=1).reshape(len(used), N_BANDS, BAND_BITS // 8)
    found: set[tuple[int, int]] = set()
    for band in range(N_BANDS):
        for rows in _buckets(bands[:, band]):
            similar = np.argwhere(np.triu(details[rows] @ details[rows].T > SIMILAR, 1))
            found.update((int(used[rows[one]]), int(used[rows[other]])) for one, other in similar)
    return [(keys[one], keys[other]) for one, other in sorted(found)]


def _details(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thumbnails [N, THUMBNAIL_PX ** 2] without their coarse parts, each of length 1."""
    images = thumbnails.reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX)
    coarse = gaussian(images, sigma=(0, COARSE_PX, COARSE_PX), preserve_range=True)  # type: ignore[no-untyped-call]
    fine = (images - coarse).reshape(len(thumbnails), -1)
    return np.asarray(fine / np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _buckets(codes: NDArray[np.uint8]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each code [N, bytes] that occurs at least twice."""
    _, inverse = np.unique(codes, axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1):
        if len(rows) > 1:
            yield rows
