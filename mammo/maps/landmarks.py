"""The landmarks of a store's images, by which they are compared with one another."""

from mammo.geometry import Frame
from mammo.maps.nipple import find_nipple
from mammo.maps.other_views import Landmarks
from mammo.records import View
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_of, tissue_of


def landmarks(manifest: Manifest) -> dict[str, Landmarks]:
    """The landmarks of every image, by image_id."""
    rows = manifest.images.to_dict("records")
    return {key: landmarks_of(row, manifest.frame) for key, row in zip(manifest.images.index, rows, strict=True)}


def landmarks_of(row: Row, frame: Frame) -> Landmarks:
    """The landmarks of a row of images.parquet.

    Args:
        row: columns as in schema.IMAGES.
        frame: of the store.
    """
    chain = chain_of(row, frame)
    row0, col0 = -chain.origin[0], -chain.origin[1]
    return Landmarks(
        nipple=find_nipple(tissue_of(row, frame), View(row["view"]), frame),
        top_left=(row0, col0),
        bottom_right=(row0 + chain.breast.height * chain.scale, col0 + chain.breast.width * chain.scale),
        px_mm=row["spacing_mm"] / chain.scale or None,
    )
