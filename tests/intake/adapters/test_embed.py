"""An imitation of EMBED; quoted comments are the published facts that it reproduces."""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters.embed import read
from mammo.intake.gate import admit
from mammo.intake.outcomes import Verdict
from mammo.intake.rejections import Code
from mammo.records import Cohort, Density, LabelSource, Laterality, Pathology, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

IMAGES = (
    "empi_anon,acc_anon,anon_dicom_path,FinalImageType,ImageLateralityFinal,ViewPosition,spot_mag,num_roi,ROI_coords,"
    "match_level"
)
FINDINGS = (
    "empi_anon,acc_anon,study_date_anon,desc,asses,numfind,side,total_L_find,total_R_find,bside,path_severity,"
    "age_at_study,tissueden"
)
LEFT, RIGHT = "((20, 5, 30, 15),)", "[[[20, 5, 30, 15]]]"
"""A box near the chest wall, in a right-facing image; "ymin, xmin, ymax, xmax"; two of the three syntaxes."""
EXAM = 1234567890123450
"""acc_anon has 16 digits: "loses precision as float"."""


@pytest.fixture
def embed(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Callable[..., Cohort]:
    """A function (images, findings, extra header) that writes the folder and reads it.

    An image is (exam, side, view, kind, spot_mag, boxes); a finding (exam, date, desc, asses, numfind, side, total of
    L, total of R, bside, path_severity). The patient is the exam's number without its last digit.
    """

    def make(images: list[tuple[object, ...]], findings: list[tuple[object, ...]], header: str = "") -> Cohort:
        write_embed(tmp_path, write, breast, images, findings, header)
        return read(tmp_path)

    return make


def write_embed(
    folder: Path,
    write: Callable[..., None],
    breast: NDArray[np.uint16],
    images: list[tuple[object, ...]],
    findings: list[tuple[object, ...]],
    header: str = "",
) -> None:
    rows = []
    for number, (exam, side, view, kind, spot, boxes, *rest) in enumerate(images):
        # "start with `./images/cohort_1/...` or an absolute Emory path prefix"
        prefix = "./images" if number % 2 else "/mnt/NAS/Emory"
        path = f"cohort_1/{exam // 10}/1.2.{exam}/1.3.{number}/1.4.{number}.dcm"
        pixels = breast if side != "R" else breast[:, ::-1]
        orientation = ["A", "R"] if side != "R" else ["P", "L"]
        write(folder / "images" / path, np.ascontiguousarray(pixels), PatientOrientation=orientation)
        cells = [exam // 10, exam, f"{prefix}/{path}", kind, side, view, spot, 1, f'"{boxes}"', "[1]", *rest]
        rows.append(",".join(map(str, cells)))
    clinical = [",".join(map(str, (exam // 10, exam, *rest, 55, "2.0"))) for exam, *rest in findings]
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables" / "EMBED_OpenData_metadata.csv").write_text("\n".join([IMAGES + header, *rows]))
    (folder / "tables" / "EMBED_OpenData_clinical.csv").write_text("\n".join([FINDINGS, *clinical]))


def finding(
    exam: int, side: str, severity: object, n: int = 1, numfind: int = 1, **changes: object
) -> tuple[object, ...]:
    values = {
        "date": "2015-01-01",
        "desc": "MG Diagnostic Bilateral",
        "asses": "S",
        "numfind": numfind,
        "side": side,
        "left": n if side == "L" else 0,
        "right": n if side == "R" else 0,
        "bside": side,
        "severity": severity,
    } | changes
    return (exam, *values.values())


@pytest.mark.parametrize(
    ("severity", "label", "source", "high_risk"),
    [
        ("0.0", Pathology.MALIGNANT, LabelSource.BIOPSY, False),
        (1, Pathology.MALIGNANT, LabelSource.BIOPSY, False),
        (2, Pathology.BENIGN, LabelSource.BIOPSY, True),
        (3, Pathology.BENIGN, LabelSource.BIOPSY, True),
        (4, Pathology.BENIGN, LabelSource.BIOPSY, False),
        (5, Pathology.NONE, LabelSource.NONE, False),  # "5 and 6 conflict"
        (6, Pathology.NONE, LabelSource.NONE, False),
        ("", Pathology.NONE, LabelSource.NONE, False),  # "NaN = never biopsied"
    ],
)
def test_the_only_finding_is_labeled_by_its_severity(
    embed: Callable[..., Cohort], severity: object, label: Pathology, source: LabelSource, high_risk: bool
) -> None:
    cohort = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], [finding(EXAM, "L", severity)])
    (lesion,) = cohort.lesions
    assert (lesion.label, lesion.label_source, lesion.high_risk) == (label, source, high_risk)
    assert lesion.pathology_type == {"0.0": "invasive", 1: "in situ"}.get(severity, "")  # type: ignore[call-overload]
    assert lesion.box == Box(20, 30, 5, 15)
    assert lesion.finding_key
    assert lesion.birads == "4"
    assert cohort.images[0].exam_key == str(EXAM)


@pytest.mark.parametrize(
    "findings",
    [
        [
            finding(EXAM, "L", 0, n=2),
            finding(EXAM, "L", 4, n=2, numfind=2),
        ],  # "unless that side has exactly one finding"
        [finding(EXAM, "L", 0, n=2)],
        [finding(EXAM, "L", 0, bside="R")],  # "bside compatible"
        [finding(EXAM, "R", 0)],
        [],
    ],
)
def test_a_box_without_exactly_one_finding_has_no_label(
    embed: Callable[..., Cohort], findings: list[tuple[object, ...]]
) -> None:
    (lesion,) = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], findings).lesions
    assert (lesion.label, lesion.label_source, lesion.birads) == (Pathology.NONE, LabelSource.NONE, None)


def test_two_boxes_have_no_label(embed: Callable[..., Cohort]) -> None:
    boxes = "((20, 5, 30, 15), (40, 2, 50, 9))"
    cohort = embed([(EXAM, "L", "MLO", "2D", "", boxes)], [finding(EXAM, "L", 0)])
    assert [(x.label, x.box) for x in cohort.lesions] == [
        (Pathology.NONE, Box(20, 30, 5, 15)),
        (Pathology.NONE, Box(40, 50, 2, 9)),
    ]


def test_boxes_of_flipped_pictures_are_brought_to_the_stored_frame(embed: Callable[..., Cohort]) -> None:
    # "horizontally flipped so that all breasts face right when PatientOrientation[0] == 'P'"
    cohort = embed([(EXAM, "R", "CC", "2D", 0, RIGHT)], [finding(EXAM, "R", 4)])
    assert [lesion.box for lesion in cohort.lesions] == [Box(20, 30, 33, 43)]
    # "use DCM_ROI_coords if the column exists"
    column = ",DCM_ROI_coords"
    cohort = embed([(EXAM, "R", "CC", "2D", 0, RIGHT, '"((20, 33, 30, 43),)"')], [finding(EXAM, "R", 4)], column)
    assert [lesion.box for lesion in cohort.lesions] == [Box(20, 30, 33, 43)]
    # "if it lies on background try the other orientation and else drop"
    cohort = embed([(EXAM, "L", "CC", "2D", 0, "((28, 42, 36, 48),)")], [])
    assert [lesion.box for lesion in cohort.lesions] == [Box(28, 36, 0, 6)]
    cohort = embed([(EXAM, "L", "CC", "2D", 0, "((0, 20, 3, 28),)")], [])
    assert [lesion.code for lesion in cohort.left_out] == [Code.OUTLINE_OFF_BREAST]


def test_a_damaged_box_is_left_out_with_the_label_of_its_breast(embed: Callable[..., Cohort]) -> None:
    cohort = embed([(EXAM, "L", "MLO", "2D", "", "((20, 5, 30),)")], [finding(EXAM, "L", 0)])
    assert not cohort.lesions
    (lost,) = cohort.left_out
    assert (lost.code, lost.label, lost.image) == (Code.OUTLINE_BROKEN, Pathology.MALIGNANT, cohort.images[0].path)


def follow_up(days: int, *findings: tuple[object, ...]) -> tuple[tuple[object, ...], ...]:
    """Findings of the patient's diagnostic exam this many days after 2015-01-01."""
    day = (date(2015, 1, 1) + timedelta(days)).isoformat()
    return tuple((EXAM + 1, day, *finding[2:]) for finding in findings)


SCREENED = "MG Screen Bilateral"
CALLED = finding(EXAM, "L", "", desc=SCREENED, asses="A")
"""The only finding of a left breast at screening, without pathology."""


@pytest.mark.parametrize(
    ("findings", "label"),
    [
        # "Pathology of a screen exam is sometimes only on the later diagnostic exam: attribute back within a date
        # window (Emory's notebook uses diagnostic within 0-90 days of the screen"
        ((CALLED, *follow_up(0, finding(EXAM, "L", 0))), Pathology.MALIGNANT),
        ((CALLED, *follow_up(90, finding(EXAM, "L", 4))), Pathology.BENIGN),
        ((CALLED, *follow_up(91, finding(EXAM, "L", 0))), Pathology.NONE),
        ((CALLED, *follow_up(-1, finding(EXAM, "L", 0))), Pathology.NONE),
        ((CALLED, *follow_up(9, finding(EXAM, "R", 0))), Pathology.NONE),
        ((CALLED, *follow_up(9, finding(EXAM, "L", 4), finding(EXAM, "R", 0))), Pathology.BENIGN),
        ((CALLED, *follow_up(9, finding(EXAM, "L", 0, n=2), finding(EXAM, "L", 4, n=2, numfind=2))), Pathology.NONE),
        ((CALLED, *follow_up(9, finding(EXAM, "L", 0, desc=SCREENED))), Pathology.NONE),
        ((CALLED, *follow_up(9, finding(EXAM, "L", 5))), Pathology.NONE),
        ((finding(EXAM, "L", "", asses="A"), *follow_up(9, finding(EXAM, "L", 0))), Pathology.NONE),  # no screening
        ((finding(EXAM, "L", "", n=2, desc=SCREENED), *follow_up(9, finding(EXAM, "L", 0))), Pathology.NONE),
        ((finding(EXAM, "L", 4, desc=SCREENED), *follow_up(9, finding(EXAM, "L", 0))), Pathology.BENIGN),  # its own
    ],
)
def test_pathology_is_carried_back_to_the_screening(
    embed: Callable[..., Cohort], findings: tuple[tuple[object, ...], ...], label: Pathology
) -> None:
    (lesion,) = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], list(findings)).lesions
    assert lesion.label is label
    assert lesion.label_source is (LabelSource.NONE if label is Pathology.NONE else LabelSource.BIOPSY)


def test_an_ingest_run_lists_every_rejected_file_with_a_remedy(embed: Callable[..., Cohort], tmp_path: Path) -> None:
    images = [
        (EXAM, "L", "CC", "2D", "", LEFT),
        (EXAM, "L", "MLO", "cview", "", LEFT),
        (EXAM, "R", "CC", "2D", 1, RIGHT),
        (EXAM, "R", "MLO", "3D", "", "()"),
        (EXAM, "R", "CC", "2D", "", "((0, 20, 3, 28),)"),
    ]
    cohort = embed(images, [])
    outcomes = ingest_cohort(Recipe(tmp_path, tmp_path / "store", Frame(92, 60, 2), 1), cohort, 1).outcomes
    assert sorted("+".join(outcome.codes) for outcome in outcomes) == [
        *("", "", "spot_or_magnification", "synthetic", "wrong_modality")
    ]
    rows = list(csv.DictReader((tmp_path / "store" / "quarantine.csv").open(newline="")))
    assert sorted(row["code"] for row in rows if row["remedy"] and row["reason"]) == [
        *("outline_off_breast", "outline_unlinked", "outline_unlinked"),
        *("spot_or_magnification", "synthetic", "wrong_modality"),
    ]
    # "2D, cview in open data": accepted on request, and flagged
    cohort = read(tmp_path, synthetic=True)
    outcomes = ingest_cohort(Recipe(tmp_path, tmp_path / "all", Frame(92, 60, 2), 1), cohort, 1).outcomes
    assert [outcome.codes for outcome in outcomes if outcome.verdict is Verdict.FLAGGED] == [("synthetic",)]


def test_an_image_repeated_in_a_joined_table_is_read_once(embed: Callable[..., Cohort], tmp_path: Path) -> None:
    cohort = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], [finding(EXAM, "L", 0)])
    table = tmp_path / "tables" / "EMBED_OpenData_metadata.csv"
    table.write_text(table.read_text() + "\n" + table.read_text().splitlines()[-1])
    joined = read(tmp_path)
    assert joined.images == cohort.images
    assert len(joined.lesions) == 1


def test_every_image_is_accepted_or_rejected_with_a_reason(embed: Callable[..., Cohort], tmp_path: Path) -> None:
    images = [
        (EXAM, "L", "CC", "2D", "", "()"),
        (EXAM, "L", "MLO", "cview", "", "()"),
        (EXAM, "R", "CC", "2D", "1.0", "()"),
        (EXAM, "R", "XCCL", "2D", "", "()"),
        (EXAM, "B", "CC", "2D", "", "()"),
    ]
    cohort = embed(images, [])
    assert [(i.laterality, i.view, i.code) for i in cohort.images] == [
        (None, View.CC, Code.NO_LATERALITY),
        (Laterality.LEFT, View.CC, ""),
        (Laterality.LEFT, View.MLO, Code.SYNTHETIC),
        (Laterality.RIGHT, None, Code.OTHER_VIEW),
        (Laterality.RIGHT, View.CC, Code.SPOT_OR_MAGNIFICATION),
    ]
    (accepted,) = [image for image in cohort.images if not image.code]
    assert not admit(tmp_path, accepted, Frame(92, 60, 2), 1).chain.mirrored
    (tmp_path / accepted.path).unlink()
    assert read(tmp_path).images[1].code == Code.MISSING


def screen(exam: int, side: str, asses: str, date: str, severity: object = "") -> tuple[object, ...]:
    return finding(exam, side, severity, date=date, desc="MG Screen Bilateral", asses=asses)


def test_negative_images_are_confirmed_and_never_biopsied(embed: Callable[..., Cohort]) -> None:
    images = [(EXAM, side, "CC", "2D", "", "()") for side in "LR"]

    def negatives(*findings: tuple[object, ...]) -> list[bool | None]:
        return [image.negative for image in embed(images, list(findings)).images]

    later = screen(EXAM + 1, "B", "N", "2016-02-01")
    assert negatives(screen(EXAM, "B", "N", "2015-01-01"), later) == [True, True]
    # "Bilateral exams with a one-sided finding have NO row for the other breast"
    assert negatives(screen(EXAM, "L", "A", "2015-01-01"), later) == [False, True]
    assert negatives(screen(EXAM, "B", "N", "2015-01-01")) == [False, False]
    assert negatives(screen(EXAM, "B", "N", "2015-01-01"), screen(EXAM + 1, "B", "N", "2015-06-01")) == [False, False]
    assert negatives(screen(EXAM, "B", "N", "2015-01-01"), later, finding(EXAM + 2, "L", 4)) == [False, False]


def test_density_is_read_only_if_all_findings_of_an_exam_agree(embed: Callable[..., Cohort], tmp_path: Path) -> None:
    other = EXAM + 10
    images = [(EXAM, "L", "CC", "2D", "", LEFT), (other, "L", "CC", "2D", "", LEFT)]
    assert [image.density for image in embed(images, [finding(EXAM, "L", 4)]).images] == [Density.B, None]
    table = tmp_path / "tables" / "EMBED_OpenData_clinical.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[1].replace(",2.0", ",3.0")]))
    assert [image.density for image in read(tmp_path).images] == [None, None]


def test_only_the_boxes_of_bombs_are_left_out(
    tmp_path: Path, embed: Callable[..., Cohort], read_bombs: ReadBombs
) -> None:
    embed([(EXAM, "L", "CC", "2D", "", LEFT), (EXAM, "R", "CC", "2D", "", "()")], [finding(EXAM, "L", 0)])
    cohort = read_bombs(read, tmp_path)
    assert [lesion.code for lesion in cohort.left_out] == [Code.TOO_LARGE]


def test_files_are_found_with_any_suffix(
    tmp_path: Path, embed: Callable[..., Cohort], rename_files: RenameFiles
) -> None:
    embed([(EXAM, side, "MLO", "2D", "", LEFT) for side in "LR"], [finding(EXAM, "L", 0)])
    rename_files(read, tmp_path)


def test_boxes_of_a_breasts_only_finding_are_joined_across_views(embed: Callable[..., Cohort]) -> None:
    two = "((20, 5, 30, 15), (32, 5, 40, 15))"
    images = [(EXAM, "L", "CC", "2D", "", LEFT), (EXAM, "L", "MLO", "2D", "", LEFT), (EXAM, "R", "CC", "2D", "", two)]
    images += [(EXAM, "R", "MLO", "2D", "", RIGHT), (EXAM + 1, "L", "CC", "2D", "", LEFT)]
    later = [finding(EXAM + 1, "L", 0, n=2), finding(EXAM + 1, "L", 0, n=2, numfind=2)]
    cohort = embed(images, [finding(EXAM, "L", 0), finding(EXAM, "R", 4), *later])
    of_breast = {(image.path): (image.exam_key, image.laterality, image.view) for image in cohort.images}
    found = {(*of_breast[lesion.path], lesion.lesion_key[-1]): lesion.finding_key for lesion in cohort.lesions}
    exam, right, left = str(EXAM), Laterality.RIGHT, Laterality.LEFT
    assert found[exam, left, View.CC, "1"] == found[exam, left, View.MLO, "1"] != ""
    assert found[exam, right, View.MLO, "1"] not in ("", found[exam, left, View.CC, "1"])
    assert (
        found[exam, right, View.CC, "1"] == found[exam, right, View.CC, "2"] == ""
    )  # which of the two it is, is unknown
    assert found[str(EXAM + 1), left, View.CC, "1"] == ""  # "It is not possible to match a finding to a given ROI"
