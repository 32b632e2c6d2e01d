"""Options of a source that decide how pixels are read: bits, eight_bit, and the spacing that images are brought to."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class PixelOptions:
    """How the gray values of PNG, TIFF, JPEG and PGM files are read, and how all images are scaled.

    Attributes:
        bits: bits per pixel that the files use, whatever their container holds; None if it is found in the values.
        eight_bit: whether files with 8 bits per pixel are accepted.
        spacing_mm: spacing of store pixels, mm, that every image is brought to; None if all have the same scale.
    """

    bits: int | None = None
    eight_bit: bool = False
    spacing_mm: float | None = None

    @classmethod
    def split(cls, options: Mapping[str, Any]) -> "tuple[PixelOptions, dict[str, Any]]":
        """Return the pixel options among data.options, and the others, which are the adapter's."""
        names = {field.name for field in fields(cls)}
        own = cls(**{name: value for name, value in options.items() if name in names})
        return own, {name: value for name, value in options.items() if name not in names}
