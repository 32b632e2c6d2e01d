import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from mammo.phantoms import findings
from mammo.phantoms.cohort import LESION_COLUMNS, CohortSummary, rows_of_breast, write_cohort
from mammo.phantoms.findings import Finding
from mammo.phantoms.image import draw_image, plan_image
from mammo.phantoms.spec import CohortSpec, Dials
from mammo.records import Laterality, MammoError, View

SPEC = CohortSpec(seed=1, n_patients=4, dials=Dials(ipsi=0.5))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CohortSummary]:
    out = tmp_path_factory.mktemp("one") / "dicom"
    return out, write_cohort(SPEC, out, processes=1)


def test_files_do_not_depend_on_the_number_of_processes(cohort: tuple[Path, CohortSummary], tmp_path: Path) -> None:
    write_cohort(SPEC, tmp_path / "dicom", processes=2)
    assert digests(tmp_path / "dicom") == digests(cohort[0])


def test_tables_agree_with_images_and_outlines(cohort: tuple[Path, CohortSummary]) -> None:
    out, summary = cohort
    lesions, truth, shown = (rows(out / f"{name}.csv") for name in ("lesions", "truth", "images_truth"))
    assert summary.n_images == 16 == len(list(out.rglob("*.dcm")))
    assert summary.n_lesions == len(lesions) == len(truth) == len(list((out / "outlines").iterdir()))
    assert summary.n_malignant == sum(row["label"] == "malignant" for row in lesions)
    assert [row["lesion_id"] for row in lesions] == [row["lesion_id"] for row in truth]
    for row in lesions:
        dataset = pydicom.dcmread(out / row["image"], stop_before_pixels=True)
        mask = cv2.imread(str(out / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (dataset.Rows, dataset.Columns)
        assert mask.any()
        assert row["label_source"] == "biopsy"
        assert row["finding"] in list(Finding)
    assert all(0 < float(row["v"]) < 1 for row in truth)
    for row, latents in zip(rows(out / "images.csv"), shown, strict=True):
        dataset = pydicom.dcmread(out / row["image"], stop_before_pixels=True)
        assert (row["patient"], row["laterality"], row["view"]) == (
            dataset.PatientID,
            dataset.ImageLaterality,
            dataset.ViewPosition,
        )
        patient = int(row["patient"].removeprefix("PHANTOM-"))
        plan = plan_image(SPEC, patient, Laterality(row["laterality"]), View(row["view"]))
        assert row["density"] == "ABCD"[plan.breast.density]
        assert latents["image"] == row["image"]
        assert float(latents["c"]) == pytest.approx(plan.breast.context, abs=1e-6)
        assert float(latents["shown"]) == pytest.approx(plan.shown, abs=1e-6)
        assert (float(latents["nipple_row"]), float(latents["nipple_col"])) == pytest.approx(plan.nipple, abs=1e-6)


def test_a_finding_id_joins_the_two_views_of_a_finding(cohort: tuple[Path, CohortSummary]) -> None:
    out, _ = cohort
    latents = {row["lesion_id"]: row["v"] for row in rows(out / "truth.csv")}
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows(out / "lesions.csv"):
        found.setdefault(row["finding_id"], []).append(row)
    alone = found.pop("")
    assert alone
    assert len({latents[row["lesion_id"]] for row in alone}) == len(alone)
    for views in found.values():
        assert len({row["image"] for row in views}) == len(views) == 2
        assert len({row["image"].rpartition("-")[0] for row in views}) == 1  # patient and breast
        assert len({(latents[row["lesion_id"]], row["label"], row["finding"]) for row in views}) == 1


def test_a_finding_without_room_in_the_other_view_has_no_finding_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "place_again", lambda rng, sites, shape, other: [None, *sites[1:]])
    spec, seen = CohortSpec(seed=1, dials=Dials(ipsi=1.0)), 0
    for patient in range(1, 8):
        cc, mlo = rows_of_breast([plan_image(spec, patient, Laterality.LEFT, view) for view in (View.CC, View.MLO)])
        alone, *joined = [row[LESION_COLUMNS.index("finding_id")] for row in cc.lesions] or [""]
        assert alone == ""
        assert joined == [row[LESION_COLUMNS.index("finding_id")] for row in mlo.lesions]
        assert all(joined)
        seen += len(joined)
    assert seen > 1


def test_written_outlines_are_the_drawn_ones(cohort: tuple[Path, CohortSummary]) -> None:
    plans = [plan_image(SPEC, p, side, view) for p in range(1, 5) for side in Laterality for view in View]
    plan = next(p for p in plans if p.lesions)
    name = f"PHANTOM-{plan.key.patient:04d}_{plan.key.laterality}-{plan.key.view}_1.png"
    mask = cv2.imread(str(cohort[0] / "outlines" / name), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask > 0, draw_image(plan).masks[0])


def test_an_interrupted_run_resumes_and_keeps_finished_images(
    cohort: tuple[Path, CohortSummary], tmp_path: Path
) -> None:
    write_cohort(SPEC, tmp_path, processes=1)
    kept, lost = tmp_path / "PHANTOM-0001" / "L-CC.dcm", tmp_path / "PHANTOM-0003" / "R-CC.dcm"
    before = kept.stat().st_mtime_ns
    lost.unlink()
    (tmp_path / "lesions.csv").unlink()
    write_cohort(SPEC, tmp_path, processes=1)
    assert kept.stat().st_mtime_ns == before
    assert digests(tmp_path) == digests(cohort[0])


def test_another_recipe_in_the_same_folder_is_rejected(cohort: tuple[Path, CohortSummary]) -> None:
    with pytest.raises(MammoError, match=r"dials\.json .* another root, or delete"):
        write_cohort(replace(SPEC, dials=Dials(local=2.0)), cohort[0], processes=1)


def test_zero_processes_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="processes must be a whole number >= 1, got 0"):
        write_cohort(SPEC, tmp_path, processes=0)
