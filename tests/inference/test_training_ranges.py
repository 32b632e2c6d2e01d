"""Ranges of training lesions against values by hand, and the sentences on what lies outside."""

import numpy as np
import pytest

from mammo.inference.training_ranges import LesionFacts, TrainingRanges
from mammo.records import MammoError
from mammo.store.manifest import Manifest

RANGES = TrainingRanges(("ge", "hologic"), (0.07, 0.1), (1000.0, 3000.0), (7.0, 40.0), (100.0, 400.0))
INSIDE = LesionFacts("ge", 0.07, 1000.0, 40.0, 900.0)


def test_ranges_are_those_of_the_outlined_lesions(small_root) -> None:  # noqa: ANN001
    manifest = Manifest.load(small_root / "store")
    found = TrainingRanges.of(manifest)
    lesions, images = manifest.lesions, manifest.images
    sides = [
        max(row.row1 - row.row0, row.col1 - row.col0) * images.at[row.image_id, "scale"] / manifest.frame.fineness
        for row in lesions.itertuples()
    ]
    assert found.size_px == (min(sides), max(sides))
    in_mm = [
        max(row.row1 - row.row0, row.col1 - row.col0) * images.at[row.image_id, "spacing_mm"]
        for row in lesions.itertuples()
    ]
    assert found.size_mm == pytest.approx((min(in_mm), max(in_mm)))
    assert found.gray == (lesions["gray"].min(), lesions["gray"].max())
    spacings = images.loc[lesions["image_id"], "spacing_mm"]
    assert found.spacing_mm == (spacings.min(), spacings.max())
    assert spacings.min() > 0, "phantoms state a spacing"
    assert set(found.vendors) == set(images["vendor"])


@pytest.mark.parametrize(
    ("lesion", "words"),
    [
        (INSIDE, []),
        (LesionFacts("siemens", 0.08, 2000.0, 20.0, 200.0), ["(siemens; trained on ge, hologic)"]),
        (LesionFacts("", 0.08, 2000.0, 20.0, 200.0), ["vendor of the unit is unknown"]),
        (LesionFacts("ge", 0.2, 2000.0, 20.0, 200.0), ["pixel spacing is 0.200 mm", "0.070 to 0.100"]),
        (LesionFacts("ge", 0.0, 2000.0, 0.0, 200.0), ["The pixel spacing is unknown"]),
        (
            LesionFacts("ge", 0.0, 999.0, 0.0, 401.0),
            [
                "gray level inside the outline is 999 of 4095",
                "side of the outline is 401 px of the paper's 2944 x 1920 frame, outside of what the model was trained "
                "on (100 to 400)",
            ],
        ),
        (LesionFacts("ge", 0.07, 2000.0, 6.94, 200.0), ["is 6.9 mm, outside of what the model", "(7.0 to 40.0)"]),
    ],
)
def test_what_lies_outside_is_said(lesion: LesionFacts, words: list[str]) -> None:
    found = list(RANGES.warnings(lesion))
    text = " ".join(found)
    assert all(word in text for word in words), text
    assert bool(found) == bool(words)


def test_unknown_ranges_say_nothing_and_broken_ones_are_errors() -> None:
    assert not list(TrainingRanges((), None, None, None, None).warnings(LesionFacts("ge", 9.0, np.nan, 9, 1e9)))
    with pytest.raises(MammoError, match="not a range of two numbers"):
        TrainingRanges.parse({"vendors": [], "spacing_mm": [1], "gray": None, "size_mm": None, "size_px": None})
