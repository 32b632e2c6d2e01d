"""The other images of an exam that give an image context: the other view of its breast, and the other breast."""

from collections.abc import Sequence

import pandas as pd

from mammo.records import Laterality, View

OTHER_VIEW = {View.CC.value: View.MLO.value, View.MLO.value: View.CC.value}
OTHER_BREAST = {Laterality.LEFT.value: Laterality.RIGHT.value, Laterality.RIGHT.value: Laterality.LEFT.value}


def other_images(images: pd.DataFrame) -> pd.DataFrame:
    """Ids of the other images of every image: columns ipsi and contra by image_id, empty where an image is missing.

    ipsi shows the same breast in the other view, contra the other breast in the same view, both in the same exam of the
    same patient. Of several such images it is the first without flags, else the first, in the order of the table.

    Args:
        images: indexed by image_id; columns as in schema.IMAGES.
    """
    exams = list(zip(images["patient_id"], images["exam_id"], strict=True))
    sides, views = images["laterality"], images["view"]
    places = list(zip(exams, sides, views, strict=True))
    flagged = (images["flags"] != "").tolist()
    last_wins = sorted(zip(flagged, range(len(images)), places, images.index, strict=True), reverse=True)
    chosen = {place: image_id for _, _, place, image_id in last_wins}
    others = {
        "ipsi": zip(exams, sides, views.map(OTHER_VIEW), strict=True),
        "contra": zip(exams, sides.map(OTHER_BREAST), views, strict=True),
    }
    columns = {name: [chosen.get(place, "") for place in wanted] for name, wanted in others.items()}
    return pd.DataFrame(columns, index=images.index, dtype=object)


def with_others(images: pd.DataFrame, image_ids: Sequence[str], kinds: Sequence[str]) -> list[str]:
    """Ids of these images, and then of those of their other images that are not among them, each once.

    Args:
        images: as in other_images.
        image_ids: the images.
        kinds: which other images, ipsi and contra.
    """
    others = other_images(images).loc[list(image_ids), list(kinds)].to_numpy(dtype=object).ravel()
    return list(dict.fromkeys([*image_ids, *(str(other) for other in others if other)]))
