"""Sampling plans: which patches, images or lesion windows to read, as plain arrays.

f_loc and f_agg read patches and lesion windows. GMIC reads whole images: see image_plans.

The same (manifest, seed, epoch) always gives the same plan: row i of an epoch is a pure function of (seed, epoch, i),
window j of a lesion one of (seed, outline, j).
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes, evaluation_windows, training_windows
from mammo.geometry import CropWindow
from mammo.records import MammoError, PatchClass, Pathology

EPOCH_STREAM, LESION_STREAM, ORDER_STREAM, IMAGE_STREAM, SHARED_EPOCH_STREAM, SHARED_ORDER_STREAM = 1, 2, 3, 4, 5, 6
"""Second words of the seeds, so that different kinds of draws share no random numbers."""

LESION_CLASSES = {Pathology.MALIGNANT: PatchClass.MALIGNANT, Pathology.BENIGN: PatchClass.BENIGN}
"""Patch class of the windows of a lesion with this label."""

UNLABELED = -1
"""Target of the windows of a lesion without a label, which can only be scored."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Rows to read, in reading order; every array has N entries, one per row.

    Attributes:
        image: int64 [N], image row in the manifest's table.
        windows: float64 [N, 4], crop window (row, col, side, angle), network px and degrees; for whole images
            (row, col, height, width).
        target: int64 [N], patch class, UNLABELED for a lesion of neither class; for whole images int64 [N, 2] in
            {0, 1}, malignant and benign (SamplingIndex.image_labels).
        lesion: int64 [N], lesion row in the manifest's table, -1 for no lesion.
        repeat: int64 [N], number of the window among those of its lesion, 0 for a single window.
    """

    image: NDArray[np.int64]
    windows: NDArray[np.float64]
    target: NDArray[np.int64]
    lesion: NDArray[np.int64]
    repeat: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: NDArray[np.int64] | Sequence[int] | slice) -> "Plan":
        """The plan of these rows [M], in this order; a slice shares the arrays."""
        return Plan(*(getattr(self, field.name)[rows] for field in fields(self)))

    def read_only(self) -> "Plan":
        """The same rows in arrays that cannot be written."""
        views = [getattr(self, field.name).view() for field in fields(self)]
        for view in views:
            view.flags.writeable = False
        return Plan(*views)

    def window(self, row: int) -> CropWindow:
        """The crop window of one row."""
        return CropWindow(*(float(value) for value in self.windows[row]))

    def digest(self) -> str:
        """SHA-256 of all rows, as hex: equal digests mean equal plans."""
        digest = hashlib.sha256()
        for field in fields(self):
            digest.update(np.ascontiguousarray(getattr(self, field.name)).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Quota:
    """Patches per class in one epoch; the defaults are the paper's (Model training, para. 1).

    Attributes:
        malignant: windows that show a malignant lesion.
        benign: windows that show a benign lesion.
        outside: windows beside the lesions of images with lesions.
        negative: windows of images without a lesion.

    Raises:
        MammoError: a count is negative, or all are 0.
    """

    malignant: int = 20
    benign: int = 35
    outside: int = 5000
    negative: int = 4945

    def __post_init__(self) -> None:
        for patch_class, count in zip(PatchClass, self.counts, strict=True):
            if count < 0:
                raise MammoError(f"quota.{patch_class.name.lower()} must be >= 0, got {count}")
        if sum(self.counts) == 0:
            raise MammoError("quota: all counts are 0: set at least one of malignant, benign, outside, negative")

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Patches by PatchClass number."""
        return self.malignant, self.benign, self.outside, self.negative

    @property
    def class_shares(self) -> tuple[float, ...]:
        """Share of each class in an epoch, in [0, 1]."""
        return tuple(count / sum(self.counts) for count in self.counts)

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Loss weight of each class: the inverse of its share of the epoch; 0 for a class without patches."""
        return tuple(sum(self.counts) / count if count else 0.0 for count in self.counts)


def epoch_plan(
    index: SamplingIndex,
    quota: Quota,
    crops: CropSizes,
    seed: int,
    epoch: int,
    shared: bool = False,
    n_windows: int = 1,
) -> Plan:
    """The training patches of one epoch, in random order (paper, Model training).

    The windows of one row, of which `repeat` is the number, follow each other.

    Args:
        index: sampling index of the split.
        quota: patches per class.
        crops: sizes of windows and patches.
        seed: of windows and order.
        epoch: row i is a pure function of (seed, shared, epoch, i).
        shared: whether to draw from the random stream of windows that all trainings share (f_agg's), which has no
            window in common with the stream of f_loc, whatever the two seeds are.
        n_windows: windows per row, all of one lesion, or of one image for outside and negative rows (the paper: 1).
            The first ones are the same for any number.
    """
    windows_of, order_of = (SHARED_EPOCH_STREAM, SHARED_ORDER_STREAM) if shared else (EPOCH_STREAM, ORDER_STREAM)
    classes = np.repeat(np.arange(len(quota.counts)), quota.counts)
    np.random.default_rng((seed, order_of, epoch)).shuffle(classes)
    shape = len(classes), n_windows
    image, lesion, windows = np.empty(shape, np.int64), np.empty(shape, np.int64), np.empty((*shape, 4))
    for number in np.unique(classes).tolist():
        rows, first = np.flatnonzero(classes == number), None
        for repeat in range(n_windows):
            more = (repeat,) if repeat else ()
            rngs = [np.random.default_rng((seed, windows_of, epoch, row, *more)) for row in rows.tolist()]
            drawn = training_windows(rngs, index, PatchClass(number), crops, first)
            image[rows, repeat], windows[rows, repeat], lesion[rows, repeat] = drawn.image, drawn.windows, drawn.lesion
            first = first or drawn
    targets, repeats = np.repeat(classes.astype(np.int64), n_windows), np.tile(np.arange(n_windows), len(classes))
    return Plan(image.ravel(), windows.reshape(-1, 4), targets, lesion.ravel(), repeats.astype(np.int64))


def lesion_plan(
    index: SamplingIndex, crops: CropSizes, n_windows: int, seed: int, with_unlabeled: bool = False
) -> Plan:
    """The fixed windows of lesions (paper, Model evaluation): unrotated, sizes varying.

    The windows of a lesion depend only on its outline and the seed, so they are the same in any subset of the lesions,
    in a store that was rebuilt with other pseudonyms, with any label, and for any model.

    Args:
        index: sampling index of the lesions.
        crops: sizes of windows and patches.
        n_windows: windows per lesion.
        seed: of the windows.
        with_unlabeled: whether lesions of neither class are in the plan, beside the malignant and benign ones.
    """
    lesions = [row for row, label in enumerate(index.labels) if with_unlabeled or label in LESION_CLASSES]
    rows = np.repeat(np.array(lesions, dtype=np.int64), n_windows)
    windows = [np.empty((0, 4))]
    for pixels in (index.pixels[lesion] for lesion in lesions):
        rng = np.random.default_rng((seed, LESION_STREAM, zlib.crc32(pixels.tobytes())))
        windows.append(evaluation_windows(rng, pixels, n_windows, crops))
    targets = [LESION_CLASSES.get(index.labels[lesion], UNLABELED) for lesion in lesions]
    return Plan(
        image=index.image_of[rows],
        windows=np.concatenate(windows),
        target=np.repeat(np.array(targets, dtype=np.int64), n_windows),
        lesion=rows,
        repeat=np.tile(np.arange(n_windows, dtype=np.int64), len(lesions)),
    )
