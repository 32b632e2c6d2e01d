"""Changes of grey value for training patches, drawn by albumentations; geometry is the crop window's business.

The paper names none, so the paper's configuration has none; small cohorts gain from a little.
"""

from dataclasses import dataclass
from functools import cached_property
from threading import local
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.records import FULL_SCALE, MammoError, is_number

if TYPE_CHECKING:
    import albumentations as alb


@dataclass(frozen=True)
class Intensity:
    """How strongly grey values may change.

    Attributes:
        brightness: largest shift, as a share of the full scale.
        contrast: largest relative change of contrast.
        noise: largest standard deviation of added noise, as a share of the full scale.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "noise"):
            share = getattr(self, name)
            if not is_number(share) or not 0 <= share <= 1:
                raise MammoError(f"intensity.{name}={share}: give a share between 0 and 1")

    @cached_property
    def _of_thread(self) -> local:
        return local()

    @property
    def _pipeline(self) -> "alb.Compose":
        """The thread's own pipeline: it holds the state of its random numbers."""
        if not hasattr(self._of_thread, "pipeline"):
            self._of_thread.pipeline = self._composed()
        pipeline: alb.Compose = self._of_thread.pipeline
        return pipeline

    def _composed(self) -> "alb.Compose":
        import albumentations as alb  # heavy: only where grey values change

        changes = alb.RandomBrightnessContrast(
            brightness_limit=self.brightness, contrast_limit=self.contrast, brightness_by_max=True, p=1.0
        )
        return alb.Compose([changes, alb.GaussNoise(std_range=(0.0, self.noise), p=1.0)])

    def __call__(self, patch: NDArray[np.uint16], seed: int) -> NDArray[np.uint16]:
        """The patch [H, W] with other grey values; the same seed always gives the same change."""
        pipeline = self._pipeline
        pipeline.set_random_seed(seed)
        changed = pipeline(image=patch.astype(np.float32) / FULL_SCALE)["image"]
        grey: NDArray[np.uint16] = np.clip(np.rint(changed * FULL_SCALE), 0, FULL_SCALE).astype(np.uint16)
        return grey
