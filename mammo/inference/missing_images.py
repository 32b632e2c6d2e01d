"""The warning about other images of an exam that a score was made without."""

from mammo.data.datamodule import MammoDataModule
from mammo.maps.view_sources import KINDS

WORDS = {"ipsi": "the other view of the breast", "contra": "the other breast"}
"""The other images, in words."""


def missing_images(data: MammoDataModule, image_id: str) -> list[str]:
    """A sentence on the other images without which the lesions of an image were scored; none if nothing is missing.

    Args:
        data: that served the lesions, after Scorer.score.
        image_id: the image.
    """
    sources = {kind: data.image_maps[kind] for kind in KINDS if kind in data.image_maps}
    missing = [WORDS[kind] for kind, source in sources.items() if not source([image_id])[0, -1].any()]
    if not missing:
        return []
    return [
        f"Scored without {' and without '.join(missing)}, which the networks read where an exam has them: no such "
        "image was given, or the nipple was not found."
    ]
