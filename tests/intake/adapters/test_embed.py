"""An imitation of EMBED; the quoted lines are the published facts that it imitates."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.adapters.embed import read
from mammo.intake.gate import admit
from mammo.intake.refusals import Code
from mammo.records import Cohort, LabelSource, Laterality, Pathology, View

IMAGES = (
    "empi_anon,acc_anon,anon_dicom_path,FinalImageType,ImageLateralityFinal,ViewPosition,spot_mag,num_roi,ROI_coords,"
    "match_level"
)
FINDINGS = (
    "empi_anon,acc_anon,study_date_anon,desc,asses,numfind,side,total_L_find,total_R_find,bside,path_severity,"
    "age_at_study"
)
LEFT, RIGHT = "((20, 5, 30, 15),)", "[[[20, 5, 30, 15]]]"
"""A box beside the chest wall, of a picture that faces right; "ymin, xmin, ymax, xmax"; two of the three syntaxes."""
EXAM = 1234567890123450
"""acc_anon has 16 digits: "loses precision as float"."""


@pytest.fixture
def embed(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Callable[..., Cohort]:
    """A function (images, findings, extra header) that writes the folder and reads it.

    An image is (exam, side, view, kind, spot_mag, boxes); a finding (exam, date, desc, asses, numfind, side, total of
    L, total of R, bside, path_severity). The patient is the exam's number without its last digit.
    """

    def make(images: list[tuple[object, ...]], findings: list[tuple[object, ...]], header: str = "") -> Cohort:
        rows = []
        for number, (exam, side, view, kind, spot, boxes, *rest) in enumerate(images):
            # "start with `./images/cohort_1/...` or an absolute Emory path prefix"
            prefix = "./images" if number % 2 else "/mnt/NAS/Emory"
            path = f"cohort_1/{exam // 10}/1.2.{exam}/1.3.{number}/1.4.{number}.dcm"
            pixels = breast if side != "R" else breast[:, ::-1]
            towards = ["A", "R"] if side != "R" else ["P", "L"]
            write(tmp_path / "images" / path, np.ascontiguousarray(pixels), PatientOrientation=towards)
            cells = [exam // 10, exam, f"{prefix}/{path}", kind, side, view, spot, 1, f'"{boxes}"', "[1]", *rest]
            rows.append(",".join(map(str, cells)))
        told = [",".join(map(str, (exam // 10, exam, *rest, 55))) for exam, *rest in findings]
        (tmp_path / "tables").mkdir(exist_ok=True)
        (tmp_path / "tables" / "EMBED_OpenData_metadata.csv").write_text("\n".join([IMAGES + header, *rows]))
        (tmp_path / "tables" / "EMBED_OpenData_clinical.csv").write_text("\n".join([FINDINGS, *told]))
        return read(tmp_path)

    return make


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
def test_severity_is_the_label_of_the_only_finding(
    embed: Callable[..., Cohort], severity: object, label: Pathology, source: LabelSource, high_risk: bool
) -> None:
    cohort = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], [finding(EXAM, "L", severity)])
    (lesion,) = cohort.lesions
    assert (lesion.label, lesion.label_source, lesion.high_risk) == (label, source, high_risk)
    assert lesion.box == Box(20, 30, 5, 15)
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
def test_a_box_that_belongs_to_no_one_finding_has_no_label(
    embed: Callable[..., Cohort], findings: list[tuple[object, ...]]
) -> None:
    (lesion,) = embed([(EXAM, "L", "MLO", "2D", "", LEFT)], findings).lesions
    assert (lesion.label, lesion.label_source) == (Pathology.NONE, LabelSource.NONE)


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


def test_every_image_is_accepted_or_refused_with_a_reason(embed: Callable[..., Cohort], tmp_path: Path) -> None:
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


def test_negatives_are_screened_followed_and_never_biopsied(embed: Callable[..., Cohort]) -> None:
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
