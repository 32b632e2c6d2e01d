"""Intensity pipelines shared by several tests."""

import albumentations as alb

from mammo.data.augmentation import IntensityAugmentation


def gray_changes(brightness: float = 0.0, contrast: float = 0.0, noise: float = 0.0) -> IntensityAugmentation:
    """Changes by at most these fractions of the full scale (contrast: relative), as conf/intensity/standard.yaml."""
    changes = alb.RandomBrightnessContrast(brightness, contrast, brightness_by_max=True, p=1.0)
    return IntensityAugmentation(alb.Compose([changes, alb.GaussNoise(std_range=(0.0, noise), p=1.0)]))
