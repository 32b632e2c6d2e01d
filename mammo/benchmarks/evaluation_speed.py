"""Benchmarks of evaluation: the windows of a lesion, and the confidence interval of an AUC.

Windows: 100 upright windows around one lesion, cut from one read of an image in memory. The limit resizes pixels that
stay in the CPU cache. The baseline decodes the whole 16-bit PNG once per lesion and converts every patch to the
network's input, float32 in three channels; ours leaves that to the network's device. All are bilinear; the variant
`antialias` is ours as used in evaluation.

Interval: the 95 % patient-bootstrap interval, 2,000 resamples of 600 lesions. The baseline is what most published code
does: resample the patients in a loop and compute each AUC with scikit-learn. The limit only draws how often each
patient occurs.
"""

from collections.abc import Mapping
from importlib.util import find_spec

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.benchmarks import baselines
from mammo.benchmarks.timing import Method, time_methods
from mammo.benchmarks.workload import FULL_SHAPE, PATCH_PX, SIDE_PX, crop_method, image_workload, split_requests
from mammo.data.crops import CropRequests
from mammo.geometry import Box
from mammo.records import FULL_SCALE, MammoError, Pixels
from mammo.scoring.intervals import N_RESAMPLES, auc_interval

LESION_PX = 80
"""Side of a lesion at full size, px: about the median of the paper's lesions."""

N_LESIONS, N_PATIENTS, MALIGNANT_SHARE = 600, 260, 136 / 600
"""The paper's test set (Model performance)."""

LOOP_RESAMPLES = 100
"""Resamples per round of the loop; all resamples cost the same."""


def measure_lesion_windows(
    rounds: int, shape: tuple[int, int] = FULL_SHAPE, n_lesions: int = 8, n_windows: int = 100
) -> dict[str, object]:
    """CPU seconds per window.

    Args:
        rounds: how often each method is timed.
        shape: (rows, cols) of the images.
        n_lesions: number of lesions, each on its own image; the baseline reads the PNG of the first.
        n_windows: windows per lesion.

    Returns:
        As mammo.benchmarks.timing.time_methods, with limit_ratio_antialias, limit_share (the limit over ours) and
        images ("real" or "made").
    """
    with image_workload(n_lesions, shape, in_memory=True) as workload:
        requests = lesion_windows(workload.pixels, n_windows)
        first = split_requests(requests, n_windows)[0]
        methods = {
            "ours": crop_method(workload.store, requests, antialias=False, batch_size=n_windows),
            "antialias": crop_method(workload.store, requests, antialias=True, batch_size=n_windows),
            "resize": cached_resize(requests, workload.first),
            "imread_per_lesion": _imread_per_lesion(baselines.png(workload.folder, workload.pixels), first),
        }
        result = time_methods("lesion", methods, limit="resize", rounds=rounds, variants=("antialias",))
    ratio = result["limit_ratio"]
    assert isinstance(ratio, float)
    return {**result, "limit_share": round(1 / ratio, 2), "images": workload.kind}


def lesion_windows(images: Mapping[str, Pixels], n_windows: int) -> CropRequests:
    """Windows on whole pixels, each holding a random pixel of the lesion in the middle of its image's breast.

    Args:
        images: uint16 [H, W], 0 to 4095, by id.
        n_windows: windows per image.
    """
    rng, ids, windows = np.random.default_rng(0), [], []
    for image_id, pixels in images.items():
        breast = Box.around(pixels > 0)
        lesion = np.array([(breast.row0 + breast.row1) // 2, (breast.col0 + breast.col1) // 2])
        for _ in range(n_windows):
            side = int(rng.integers(*SIDE_PX, endpoint=True))
            corner = lesion + rng.integers(-LESION_PX // 2, LESION_PX // 2, 2) - rng.integers(0, side, 2)
            ids.append(image_id)
            windows.append((*(corner + side / 2), side, 0.0))
    return CropRequests(ids, np.array(windows))


def cached_resize(requests: CropRequests, pixels: Pixels) -> Method:
    """The limit: one bilinear cv2.resize per window on part of pixels [H, W] uint16 that stays in the CPU cache."""
    source = np.ascontiguousarray(pixels[: SIDE_PX[1], : SIDE_PX[1]])
    sides = requests.windows[:, 2].astype(int).tolist()
    out = np.empty((PATCH_PX, PATCH_PX), np.uint16)

    def work() -> None:
        for side in sides:
            cv2.resize(source[:side, :side], (PATCH_PX, PATCH_PX), dst=out)

    return Method(work, len(requests))


def _imread_per_lesion(read: baselines.ImageReader, requests: CropRequests) -> Method:
    """The baseline: one PNG per lesion, Crop and Resize by albumentations per window, float32 in three channels."""
    import albumentations as alb

    def work() -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """The patches of one lesion, float32 [3, P, P] in [0, 1]."""
        image, patches = read(requests.image_ids[0]), []
        for row, col, side, _ in requests.windows.tolist():
            top, left = int(row - side / 2), int(col - side / 2)
            steps = [
                alb.Crop(left, top, left + int(side), top + int(side), pad_if_needed=True),
                alb.Resize(PATCH_PX, PATCH_PX, interpolation=cv2.INTER_LINEAR),
            ]
            patch = alb.Compose(steps)(image=image)["image"].astype(np.float32) / FULL_SCALE
            patches.append(np.stack([patch] * 3))
        return patches

    return Method(work, len(requests))


def measure_interval(rounds: int) -> dict[str, object]:
    """CPU seconds per interval of 2,000 resamples.

    Args:
        rounds: how often each method is timed.

    Returns:
        As mammo.benchmarks.timing.time_methods.

    Raises:
        MammoError: scikit-learn, which only the baseline needs, is not installed.
    """
    if find_spec("sklearn") is None:
        raise MammoError("the baseline, scikit-learn, is not installed: install mammo with its dev extra")
    rng = np.random.default_rng(0)
    patients = rng.integers(0, N_PATIENTS, N_LESIONS)
    malignant = (rng.random(N_LESIONS) < MALIGNANT_SHARE).astype(np.int64)
    scores = np.clip(rng.normal(0.4 + 0.2 * malignant, 0.2), 0, 1)
    methods = {
        "ours": Method(lambda: auc_interval(malignant, scores, patients), 1),
        "scikit-learn loop": Method(
            lambda: loop_interval(malignant, scores, patients, LOOP_RESAMPLES), LOOP_RESAMPLES / N_RESAMPLES
        ),
        "draws only": Method(lambda: patient_counts(patients), 1),
    }
    return time_methods("evaluate", methods, limit="draws only", rounds=rounds)


def loop_interval(
    malignant: NDArray[np.int64], scores: NDArray[np.float64], patients: NDArray[np.int64], n_resamples: int
) -> tuple[float, float]:
    """Lower and upper bound of the interval, by a loop over resamples.

    Args:
        malignant: int64 [N], 1 for malignant lesions, 0 for benign.
        scores: float64 [N], in [0, 1].
        patients: int64 [N], patient of each lesion.
        n_resamples: number of resamples.
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    lesions_of = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    aucs = []
    for _ in range(n_resamples):
        rows = np.concatenate([lesions_of[i] for i in rng.integers(0, len(lesions_of), len(lesions_of))])
        aucs.append(roc_auc_score(malignant[rows], scores[rows]))
    low, high = np.quantile(aucs, [0.025, 0.975])
    return float(low), float(high)


def patient_counts(patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each patient occurs in each resample, int64 [N_RESAMPLES, n], for lesions of patients [N]."""
    n = np.unique(patients).size
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_RESAMPLES)
