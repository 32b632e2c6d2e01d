"""Patients of an exam list come from a table of exams and patients; until then every exam counts as one patient."""

import pickle
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo import ingest, split
from mammo.intake.patients import patients_file, with_patients
from mammo.records import Cohort, ImageRecord, Laterality, MammoError, Split, View
from mammo.store.manifest import Manifest

COHORT = Cohort(
    tuple(ImageRecord(f"{exam}.png", exam, exam, Laterality.LEFT, View.CC) for exam in ("0", "1", "2", "2b")),
    (),
    knows_patients=False,
)
TABLE = pd.DataFrame({"study": ["0", "1", "2", "2b"], "patient_id": ["a", "b", "a", "c"]})


@pytest.mark.parametrize("suffix", ["csv", "tsv", "xlsx", "parquet"])
def test_exams_get_the_patients_of_the_table(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"women.{suffix}"
    {
        "csv": lambda: TABLE.to_csv(file, index=False),
        "tsv": lambda: TABLE.to_csv(file, index=False, sep="\t"),
        "xlsx": lambda: TABLE.to_excel(file, index=False),
        "parquet": lambda: TABLE.to_parquet(file),
    }[suffix]()
    cohort = with_patients(COHORT, patients_file(tmp_path, file.name))
    assert [(image.exam_key, image.patient_key) for image in cohort.images] == list(TABLE.itertuples(False, None))
    assert cohort.knows_patients
    assert cohort.notes == (f"patients by women.{suffix}: 3 of 4 exams",)


def test_every_wrong_row_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text("exam,patient\n0,a\n7,a\n1,\n,c\n0,b\n2,c\n2b,c\n")
    with pytest.raises(MammoError) as raised:
        with_patients(COHORT, file)
    lines = str(raised.value).splitlines()
    assert lines[0] == "4 rows are wrong:"
    expected = [
        "row 3: exam '7': not an exam of the source (they are 0, 1, 2, ...)",
        "row 4: patient is empty: must be given",
        "row 5: exam is empty: must be given",
        "row 6: patient 'b': but 'a' in row 2, of the same exam",
    ]
    assert [end in line for line, end in zip(lines[1:], expected, strict=True)] == [True] * 4


def test_an_exam_without_a_row_a_missing_column_and_a_source_that_knows_are_named(tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text("exam,patient\n0,a\n1,a\n2b,c\n")
    with pytest.raises(MammoError, match=r"patients\.csv has no row for 1 of the source's exams \(the first: 2\)"):
        with_patients(COHORT, file)
    with pytest.raises(MammoError, match=r"data\.patients is for sources that do not state patients"):
        with_patients(replace(COHORT, knows_patients=True), file)
    file.write_text("exam,woman\n0,a\n")
    with pytest.raises(MammoError, match=r"patients\.csv lacks the column patient: add it \(the table has exam, woman"):
        patients_file(tmp_path, "patients.csv")
    with pytest.raises(MammoError, match=r"data\.patients=gone\.csv is a file neither in .*: patients\.csv"):
        patients_file(tmp_path, "gone.csv")


def test_a_patient_in_two_official_splits_goes_to_the_later_one(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("exam,patient\n0,a\n1,b\n2,a\n2b,c\n")
    splits = (Split.TRAIN, Split.TRAIN, Split.TEST, None)
    images = tuple(replace(image, split=part) for image, part in zip(COHORT.images, splits, strict=True))
    cohort = with_patients(replace(COHORT, images=images), tmp_path / "patients.csv")
    assert [image.split for image in cohort.images] == [Split.TEST, Split.TRAIN, Split.TEST, None]
    assert "1 patients are in both of the official splits" in cohort.notes[-1]


def exam_list(root: Path, n_exams: int) -> None:
    """Exams of a left breast each; the first has a biopsied lesion, with a mask."""
    rows, cols = np.mgrid[:200, :120]
    (root / "images").mkdir(parents=True)
    (root / "segmentation").mkdir()
    for exam in range(n_exams):
        texture = np.random.default_rng(exam).integers(1500, 2000, rows.shape)
        pixels = np.where(((rows - 95.5) / 80) ** 2 + (cols / 90) ** 2 < 1, texture, 0)
        cv2.imwrite(str(root / "images" / f"{exam}.png"), pixels.astype(np.uint16))
    disc = np.hypot(rows - 100, cols - 40) < 10
    cv2.imwrite(str(root / "segmentation" / "0_malignant.png"), disc.astype(np.uint8) * 255)
    exams = [{"horizontal_flip": "NO", "L-CC": [str(exam)]} for exam in range(n_exams)]
    (root / "exam_list_before_cropping.pkl").write_bytes(pickle.dumps(exams))


def test_ingest_and_split_say_at_the_top_that_patients_are_unknown_until_a_table_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def printed(command: object, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mammo", f"root={tmp_path}/run", *words])
        command.main()  # type: ignore[attr-defined]
        return capfd.readouterr().out

    caution = "caution: nyu cannot distinguish patients: every exam counts as one patient"
    exam_list(tmp_path / "source", 4)
    data = ("data=nyu", f"data.source={tmp_path}/source", "frame=eighth", "data.scale=1", "processes=1")
    assert printed(ingest, *data).startswith(caution)
    assert Manifest.load(tmp_path / "run" / "store").images["negative"].tolist() == [False, True, True, True]
    assert printed(split, "fractions=[0.5,0.25,0.25]", "allow_empty=true").startswith(caution)

    (tmp_path / "source" / "patients.csv").write_text("exam,patient\n0,a\n1,b\n2,a\n3,b\n")
    assert "cannot distinguish patients" not in printed(ingest, *data, "data.patients=patients.csv")
    images = Manifest.load(tmp_path / "run" / "store").images
    assert images["negative"].tolist() == [False, True, False, True]  # exam 2 is of the biopsied patient
    assert images["patient_id"].nunique() == 2
    assert "cannot distinguish patients" not in printed(split, "fractions=[0.5,0.25,0.25]", "allow_empty=true")
