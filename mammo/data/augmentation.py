"""Intensity augmentation of training patches by an albumentations pipeline.

Only gray values change, because crop windows carry the geometry. The paper has no such augmentation; small cohorts gain
from a little.
"""

import copy
from collections.abc import Iterator
from threading import local
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.records import FULL_SCALE, MammoError

if TYPE_CHECKING:
    import albumentations as alb

PROBES = 8
"""Seeds that a new pipeline is tried with: transforms with a probability may fail only now and then."""


class IntensityAugmentation:
    """Applies a pipeline to patches; a change is a pure function of the patch and the seed.

    The pipeline gets float32 images [H, W] in [0, 1] and must return the same shape.

    Args:
        pipeline: a transform, or a composition of transforms.

    Raises:
        MammoError: a transform changes the geometry, or cannot change a float32 image.
    """

    def __init__(self, pipeline: "alb.BasicTransform | alb.BaseCompose") -> None:
        import albumentations as alb  # heavy: only where it is configured

        for transform in _transforms(pipeline):
            if not isinstance(transform, alb.ImageOnlyTransform):
                raise MammoError(
                    f"intensity: {type(transform).__name__} is rejected, because it may move or remove pixels and crop "
                    "windows carry the geometry: choose transforms that only change gray values (ImageOnlyTransform)"
                )
        self.pipeline = pipeline if isinstance(pipeline, alb.Compose) else alb.Compose([pipeline])
        self._of_thread = local()
        self._probe()

    def __call__(self, patch: NDArray[np.uint16], seed: int) -> NDArray[np.uint16]:
        """The patch uint16 [H, W], 0 to 4095, with other gray values in the same range; one seed gives one change."""
        if not hasattr(self._of_thread, "pipeline"):  # a pipeline holds the state of its random numbers
            self._of_thread.pipeline = copy.deepcopy(self.pipeline)
        self._of_thread.pipeline.set_random_seed(seed)
        changed = self._of_thread.pipeline(image=patch.astype(np.float32) / FULL_SCALE)["image"]
        gray: NDArray[np.uint16] = np.clip(np.rint(changed * FULL_SCALE), 0, FULL_SCALE).astype(np.uint16)
        return gray

    def _probe(self) -> None:
        """Try the pipeline on a gray wedge."""
        wedge = np.linspace(0, FULL_SCALE, 64 * 64).reshape(64, 64).astype(np.uint16)
        for seed in range(PROBES):
            try:
                with np.errstate(invalid="raise"):
                    changed = self(wedge, seed)
            except Exception as error:  # every transform has errors of its own
                message = " ".join(str(error).split())[:200]
                raise MammoError(
                    f"intensity: the pipeline fails on a float32 patch [64, 64] in [0, 1] ({type(error).__name__}: "
                    f"{message}): choose transforms that take such images"
                ) from error
            if changed.shape != wedge.shape:
                raise MammoError(f"intensity: a patch [64, 64] becomes {list(changed.shape)}: the shape must stay")


def _transforms(pipeline: "alb.BasicTransform | alb.BaseCompose") -> "Iterator[alb.BasicTransform]":
    """The single transforms of a pipeline."""
    if hasattr(pipeline, "transforms"):
        for each in pipeline.transforms:
            yield from _transforms(each)
    else:
        yield pipeline
