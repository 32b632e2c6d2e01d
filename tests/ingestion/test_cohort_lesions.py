"""Repeated lesions count once, outlines in air are left out, and outlines and images get their gray levels and labels.

Images of outlines that are left out keep the label and are not negative.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.ingestion.cohort_lesions import (
    ImageLabels,
    finding_type,
    mean_gray,
    pathology_type,
    unique_lesions,
    unique_on_copies,
)
from mammo.ingestion.run import IngestResult, ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.table import read
from mammo.intake.rejections import Code, left_out
from mammo.records import (
    Cohort,
    Finding,
    ImageRecord,
    LabelSource,
    Laterality,
    LesionRecord,
    MammoError,
    Pathology,
    View,
)
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import FindingType, PathologyType

FRAME = Frame(368, 240, 8)

LESION = LesionRecord(
    "k", "a.dcm", Pathology.BENIGN, LabelSource.BIOPSY, Box(3, 5, 7, 10), np.ones((2, 3), dtype=np.bool_)
)
OTHER = replace(LESION, lesion_key="other", path="b.dcm")

ROWS, COLS = np.mgrid[:300, :200]
INSIDE = np.hypot((ROWS - 150) / 130, COLS / 120) < 1
PLACES = {"inside": (130, 170, 30, 80), "skin": (130, 170, 90, 130), "air": (20, 40, 150, 180)}
"""Half-open boxes of lesions, (row0, row1, col0, col1)."""

IMAGES = tuple(
    ImageRecord(f"{side}-{view}", "p", "e", side, view) for side in Laterality for view in (View.CC, View.MLO)
)
IMAGE_OF = {image.path: image.path.lower() for image in IMAGES}


def test_equal_lesions_of_one_key_are_one() -> None:
    assert unique_lesions([LESION, OTHER, replace(LESION, mask=LESION.mask.copy())]) == (LESION, OTHER)


@pytest.mark.parametrize(
    "other",
    [
        replace(LESION, path="b.dcm"),
        replace(LESION, label=Pathology.MALIGNANT),
        replace(LESION, box=Box(3, 5, 8, 11)),
        replace(LESION, mask=np.eye(2, 3, dtype=np.bool_)),
        replace(LESION, high_risk=True),
    ],
)
def test_unequal_lesions_of_one_key_are_an_error_that_names_both(other: LesionRecord) -> None:
    with pytest.raises(MammoError, match=r"lesion_id 'k' occurs twice, benign on a\.dcm \(rows 3 to 4, .*, and "):
        unique_lesions([LESION, OTHER, other])


def test_a_lesion_outlined_on_two_copies_of_an_image_is_one() -> None:
    copies = {"a.dcm": "image", "b.dcm": "image"}
    other_place = replace(OTHER, lesion_key="third", box=Box(4, 6, 7, 10))
    assert unique_on_copies([LESION, OTHER, other_place], copies) == (LESION, other_place)
    assert unique_on_copies([LESION, OTHER], {"a.dcm": "image", "b.dcm": "another"}) == (LESION, OTHER)


def test_copies_that_contradict_each_other_are_an_error_that_names_both() -> None:
    copies = {"a.dcm": "image", "b.dcm": "image"}
    with pytest.raises(MammoError, match=r"different labels: benign on a\.dcm .*, and malignant on b\.dcm"):
        unique_on_copies([LESION, replace(OTHER, label=Pathology.MALIGNANT)], copies)
    with pytest.raises(
        MammoError, match=r"different finding ids, 'f' and 'g': benign on a\.dcm .*, and benign on b\.dcm"
    ):
        unique_on_copies([replace(LESION, finding_key="f"), replace(OTHER, finding_key="g")], copies)


@pytest.mark.parametrize("keys", [("f", ""), ("", "f"), ("f", "f")])
def test_a_lesion_has_the_finding_that_either_copy_of_its_image_gives(keys: tuple[str, str]) -> None:
    copies = {"a.dcm": "image", "b.dcm": "image"}
    lesions = [replace(one, finding_key=key) for one, key in zip((LESION, OTHER), keys, strict=True)]
    (found,) = unique_on_copies(lesions, copies)
    assert (found.lesion_key, found.path, found.finding_key) == ("k", "a.dcm", "f")


def ingested(folder: Path, background: int, place: str) -> IngestResult:
    """Ingest one left image with a benign lesion."""
    noise = np.random.default_rng(1).normal(0, 8, ROWS.shape)
    pixels = np.where(INSIDE, 1500 + 5 * ROWS, background + (noise if background else 0))
    (folder / "source").mkdir()
    cv2.imwrite(str(folder / "source" / "a.png"), np.clip(pixels, 0, 4095).astype(np.uint16))
    (folder / "source" / "images.csv").write_text("image,patient,exam,laterality,view\na.png,p,e,L,CC\n")
    edges = ",".join(map(str, PLACES[place]))
    (folder / "source" / "lesions.csv").write_text(f"image,label,row0,row1,col0,col1\na.png,benign,{edges}\n")
    recipe = Recipe(folder / "source", folder / "store", FRAME, 1)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mass", "mass"),
        ("Spiculated MASS, seen by Dr. Miller", "mass"),
        ("Suspicious Calcification, Mass", "mass"),
        ("CALCIFICATION-PLEOMORPHIC", "calcification"),
        ("calc", "calcification"),
        ("micro-calcifications", "calcification"),
        ("Architectural Distortion", "distortion"),
        ("focal_asymmetry", "asymmetry"),
        ("Assymetry", "asymmetry"),
        ("Skin Thickening", "other"),
        ("massive nothing", "other"),
        ("Ms. Jones, 12 March", "other"),
        ("", ""),
        (" N/A ", ""),
        ("unknown", ""),
    ],
)
def test_free_text_becomes_one_of_a_closed_list(text: str, expected: str) -> None:
    assert finding_type(text) == expected
    assert expected in {"", *FindingType}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IDC", "IDC"),
        ("Invasive ductal carcinoma with DCIS, grade 2", "IDC"),
        ("non-invasive ductal carcinoma", "in situ"),
        ("infiltrating lobular carcinoma", "ILC"),
        ("ductal carcinoma in situ", "DCIS"),
        ("lobular in-situ", "LCIS"),
        ("in situ", "in situ"),
        ("invasive", "invasive"),
        ("Luminal A", "luminal A"),
        ("Luminal B", "luminal B"),
        ("HER2-enriched", "HER2-enriched"),
        ("triple negative", "triple negative"),
        ("Fibroadenoma, Dr. Miller", "fibroadenoma"),
        ("ADH", "atypia"),
        ("Ms. Jones", "other"),
        ("N/A", ""),
        ("", ""),
    ],
)
def test_a_type_of_pathology_becomes_one_of_a_closed_list(text: str, expected: str) -> None:
    assert pathology_type(text) == expected
    assert expected in {"", *PathologyType}
    if expected:
        assert pathology_type(expected) == expected


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("origin", [(-40, -3), (12, 5)])
def test_the_gray_level_is_the_mean_of_the_pixels_inside(
    mirrored: bool, origin: tuple[int, int], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    stored, mask, box = rng.integers(0, 4096, (200, 160)), rng.random((30, 20)) < 0.6, Box(60, 90, 70, 90)
    chain = FrameChain((200, 160), mirrored, Box(10, 180, 0, 150), 1.0, origin, FRAME)
    facing_right = stored[:, ::-1] if mirrored else stored
    store = ImageStore(tmp_path)
    store.write("a", facing_right[10:180, 0:150].astype(np.uint16))
    assert mean_gray(store, "a", chain, mask, box) == pytest.approx(stored[60:90, 70:90][mask].mean())


def test_an_ingested_lesion_has_its_gray_level(small_root: Path) -> None:
    manifest, store = Manifest.load(small_root / "store"), ImageStore(small_root / "store")
    assert len(manifest.lesions)
    for lesion_id, row in manifest.lesions.iterrows():
        mask, box = manifest.network_outline(str(lesion_id))
        pixels = store.network(row["image_id"], manifest.chain(row["image_id"]))
        assert row["gray"] == pytest.approx(pixels[box.row0 : box.row1, box.col0 : box.col1][mask].mean())


def columns(cohort: Cohort) -> dict[str, list[str]]:
    """The images for which each column is true."""
    labels = ImageLabels.of(cohort, IMAGE_OF)
    rows = {image.path: labels.columns(image, IMAGE_OF[image.path]) for image in cohort.images}
    return {name: [path for path, row in rows.items() if row[name]] for name in rows[IMAGES[0].path]}


def test_a_finding_without_an_outline_labels_its_image_and_leaves_its_place_open() -> None:
    findings = (
        Finding("L-CC", Pathology.MALIGNANT, LabelSource.BIOPSY),
        Finding("L-CC", Pathology.BENIGN, LabelSource.UNKNOWN),
    )
    assert columns(Cohort(IMAGES, (), findings=findings)) == {
        "malignant": ["L-CC"],
        "benign": ["L-CC"],
        "breast_malignant": ["L-CC", "L-MLO"],
        "breast_benign": ["L-CC", "L-MLO"],
        "unplaced": ["L-CC"],
        "positive": ["L-CC", "L-MLO"],
    }


def test_a_lesion_with_an_unusable_outline_keeps_its_label() -> None:
    lost = left_out("mask.png", Code.OUTLINE_EMPTY, "R-MLO", Pathology.MALIGNANT)
    found = columns(Cohort(IMAGES, (), left_out=(lost,)))
    assert (found["malignant"], found["unplaced"], found["positive"]) == (["R-MLO"], ["R-MLO"], ["R-CC", "R-MLO"])


def test_an_unlabeled_finding_is_neither_class_and_not_negative() -> None:
    found = columns(Cohort(IMAGES, (), findings=(Finding("L-CC", Pathology.NONE, LabelSource.NONE),)))
    assert {name: paths for name, paths in found.items() if paths} == {
        "unplaced": ["L-CC"],
        "positive": ["L-CC", "L-MLO"],
    }


def test_the_label_of_a_breast_is_of_its_exam_and_counts_rejected_images() -> None:
    """A lesion outlined on a rejected image: the accepted view of the breast shows it by its breast alone."""
    later = tuple(replace(image, path=f"{image.path} later", exam_key="later") for image in IMAGES)
    lesion = replace(LESION, path="L-CC", label=Pathology.MALIGNANT)
    cohort = Cohort((*IMAGES, *later), (lesion,))
    accepted = {path: path for path in ("L-MLO", "R-CC", *(image.path for image in later))}
    labels = ImageLabels.of(cohort, accepted)
    rows = {image.path: labels.columns(image, image.path) for image in cohort.images if image.path in accepted}
    assert not any(row["malignant"] or row["breast_benign"] for row in rows.values())
    assert [path for path, row in rows.items() if row["breast_malignant"]] == ["L-MLO"]
    assert [path for path, row in rows.items() if row["positive"]] == ["L-MLO", "L-CC later", "L-MLO later"]


def test_a_breast_with_a_finding_is_positive_in_all_exams_of_the_patient() -> None:
    earlier = tuple(replace(image, path=f"{image.path} earlier", exam_key="earlier") for image in IMAGES)
    labels = ImageLabels.of(
        Cohort((*IMAGES, *earlier), (), findings=(Finding("L-CC", Pathology.BENIGN, LabelSource.BIOPSY),)), IMAGE_OF
    )
    assert [image.path for image in earlier if labels.columns(image, "")["positive"]] == [
        image.path for image in earlier if image.laterality is Laterality.LEFT
    ]


def test_a_finding_on_an_image_of_unknown_side_makes_both_breasts_positive() -> None:
    unknown = replace(IMAGES[0], laterality=None)
    cohort = Cohort((unknown, *IMAGES[1:]), (), findings=(Finding("L-CC", Pathology.BENIGN, LabelSource.BIOPSY),))
    labels = ImageLabels.of(cohort, IMAGE_OF)
    assert all(labels.columns(image, "")["positive"] for image in IMAGES)


def test_the_labels_of_a_duplicate_count_for_the_image_that_is_kept() -> None:
    finding = Finding("L-CC", Pathology.MALIGNANT, LabelSource.BIOPSY)
    labels = ImageLabels.of(Cohort(IMAGES, (), findings=(finding,)), IMAGE_OF | {"L-CC": "r-cc"})
    assert labels.malignant == labels.unplaced == {"r-cc"}
