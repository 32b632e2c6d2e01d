"""Augmentation of training patches by an albumentations pipeline: gray values, and tissue that is bent a little.

A patch stays where its crop window is, so that its class and the location indicator map remain right: a transform may
change gray values or displace pixels locally, but not turn, shift, mirror or crop the patch. The paper does not use it;
small cohorts benefit from a little.
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

LOCAL_DEFORMATIONS = ("ElasticTransform", "GridElasticDeform")
"""Transforms of albumentations that displace pixels by a random field, which has no preferred direction."""

PROBES = 8
"""Seeds that a new pipeline is tested with, because a transform with a probability fails only for some of them."""


class IntensityAugmentation:
    """Applies a pipeline to patches; the result is a pure function of the patch and the seed.

    The pipeline receives float32 images [H, W] in [0, 1] and must return the same shape.

    Args:
        pipeline: a transform, or a composition of transforms.

    Raises:
        MammoError: a transform moves the whole patch, or cannot change a float32 image.
    """

    def __init__(self, pipeline: "alb.BasicTransform | alb.BaseCompose") -> None:
        import albumentations as alb  # slow to import, so only if it is configured

        allowed = (alb.ImageOnlyTransform, *(getattr(alb, name) for name in LOCAL_DEFORMATIONS))
        for transform in _transforms(pipeline):
            if not isinstance(transform, allowed):
                name = type(transform).__name__
                raise MammoError(
                    f"intensity: {name} is rejected, because it can move or remove pixels and crop windows define the "
                    "geometry: choose transforms that only change gray values (ImageOnlyTransform) or bend tissue "
                    f"locally ({' or '.join(LOCAL_DEFORMATIONS)}); max_angle_deg turns the windows"
                )
        self.pipeline = pipeline if isinstance(pipeline, alb.Compose) else alb.Compose([pipeline])
        self._thread = local()
        self._probe()

    def __call__(self, patch: NDArray[np.uint16], seed: int) -> NDArray[np.uint16]:
        """The augmented patch of a patch, both [H, W] uint16, 0 to 4095; equal seeds give equal changes."""
        if not hasattr(self._thread, "pipeline"):  # a pipeline holds the state of its random generator
            self._thread.pipeline = copy.deepcopy(self.pipeline)
        self._thread.pipeline.set_random_seed(seed)
        changed = self._thread.pipeline(image=patch.astype(np.float32) / FULL_SCALE)["image"]
        gray: NDArray[np.uint16] = np.clip(np.rint(changed * FULL_SCALE), 0, FULL_SCALE).astype(np.uint16)
        return gray

    def _probe(self) -> None:
        """Test the pipeline on a gray wedge."""
        wedge = np.linspace(0, FULL_SCALE, 64 * 64).reshape(64, 64).astype(np.uint16)
        for seed in range(PROBES):
            try:
                with np.errstate(invalid="raise"):
                    changed = self(wedge, seed)
            except Exception as error:  # each transform raises its own types of errors
                message = " ".join(str(error).split())[:200]
                raise MammoError(
                    f"intensity: the pipeline fails on a float32 patch [64, 64] in [0, 1] ({type(error).__name__}: "
                    f"{message}): choose transforms that accept such images"
                ) from error
            if changed.shape != wedge.shape:
                raise MammoError(
                    f"intensity: a patch [64, 64] becomes {list(changed.shape)}: choose transforms that keep the shape"
                )


def _transforms(pipeline: "alb.BasicTransform | alb.BaseCompose") -> "Iterator[alb.BasicTransform]":
    """The single transforms of a pipeline."""
    if hasattr(pipeline, "transforms"):
        for each in pipeline.transforms:
            yield from _transforms(each)
    else:
        yield pipeline
