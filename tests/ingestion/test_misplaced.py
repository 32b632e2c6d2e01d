"""Outlines in air are left out with their reason; their images keep the label and are not negative."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Frame
from mammo.ingestion.run import IngestResult, ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read

ROWS, COLS = np.mgrid[:300, :200]
INSIDE = np.hypot((ROWS - 150) / 130, COLS / 120) < 1
PLACES = {"inside": (130, 170, 30, 80), "skin": (130, 170, 90, 130), "air": (20, 40, 150, 180)}
"""Half-open boxes of lesions, (row0, row1, col0, col1)."""


def ingested(folder: Path, background: int, place: str) -> IngestResult:
    """Ingest one left image with a benign lesion."""
    noise = np.random.default_rng(1).normal(0, 8, ROWS.shape)
    pixels = np.where(INSIDE, 1500 + 5 * ROWS, background + (noise if background else 0))
    (folder / "source").mkdir()
    cv2.imwrite(str(folder / "source" / "a.png"), np.clip(pixels, 0, 4095).astype(np.uint16))
    (folder / "source" / "images.csv").write_text("image,patient,exam,laterality,view\na.png,p,e,L,CC\n")
    edges = ",".join(map(str, PLACES[place]))
    (folder / "source" / "lesions.csv").write_text(f"image,label,row0,row1,col0,col1\na.png,benign,{edges}\n")
    recipe = Recipe(folder / "source", folder / "store", Frame(368, 240, 8), 1)
    return ingest_cohort(recipe, read(folder / "source"), 1)


@pytest.mark.parametrize("background", [0, 150])
def test_an_outline_in_air_is_left_out_and_its_image_keeps_the_label(tmp_path: Path, background: int) -> None:
    result = ingested(tmp_path, background, "air")
    (image,) = result.manifest.images.to_dict("records")
    assert image["notes"] == ("film" if background else "")
    assert (image["negative"], image["benign"], image["unplaced"]) == (False, True, True)
    assert (len(result.manifest.lesions), result.misplaced, result.lost_lesions) == (0, 1, 0)
    (row,) = pd.read_csv(tmp_path / "store" / "quarantine.csv").to_dict("records")
    assert (row["code"], row["path"]) == ("outline_off_breast", "a.png")
    assert row["remedy"]


@pytest.mark.parametrize("background", [0, 150])
@pytest.mark.parametrize("place", ["inside", "skin"])
def test_outlines_on_the_breast_and_across_its_skin_are_kept(tmp_path: Path, background: int, place: str) -> None:
    result = ingested(tmp_path, background, place)
    assert (len(result.manifest.lesions), result.misplaced) == (1, 0)
