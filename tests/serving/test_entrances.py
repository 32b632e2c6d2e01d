"""One exam through every entrance: one score with the other images, and one without them, absent or masked."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

import mammo
from mammo import predict
from mammo.dicom_out.results import dicom_results
from mammo.geometry import Frame
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.store_scores import score_store
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters import read_cohort
from mammo.intake.gate import presentation_values
from mammo.serving.bundle_scorer import bundle_scorer
from mammo.serving.case_queue import CaseQueue, Limits
from mammo.serving.page_files import ListedFiles
from tests.dicom_out.predictions import BUNDLE, case, lesion
from tests.inference.conftest import trained_root, views_bundle, views_run  # noqa: F401  (fixtures)
from tests.serving.page_cases import Reader, served

N_WINDOWS = 20
BOX = mammo.Box(130, 165, 60, 100)
OWN, OTHER_VIEW, OTHER_BREAST = "L-CC", "L-MLO", "R-CC"
"""Names of the images of an exam, without their suffix."""
FLAGGED, SPARE = "A", "Z"
"""Two more images of the place of OTHER_VIEW: the first by name is flagged, the last is not."""


@pytest.fixture(scope="module")
def folder(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exam of five images with a table of one lesion."""
    folder = tmp_path_factory.mktemp("exam")
    patients = sorted(path for path in (small_root / "dicom").iterdir() if path.is_dir())
    for name in (OWN, OTHER_VIEW, OTHER_BREAST):
        (folder / f"{name}.dcm").write_bytes((patients[0] / f"{name}.dcm").read_bytes())
    same = pydicom.dcmread(patients[0] / f"{OTHER_VIEW}.dcm")
    for number, (name, partial) in enumerate([(FLAGGED, "YES"), (SPARE, "NO")], 1):
        spare = pydicom.dcmread(patients[number] / f"{OTHER_VIEW}.dcm")
        spare.PatientID, spare.StudyInstanceUID, spare.PartialView = same.PatientID, same.StudyInstanceUID, partial
        flipped = np.flipud(spare.pixel_array)  # far from the others
        spare.PixelData, spare.file_meta.TransferSyntaxUID = flipped.tobytes(), ExplicitVRLittleEndian
        spare.save_as(folder / f"{name}.dcm")
    return write_table(folder)


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image with the lesion alone."""
    alone = tmp_path_factory.mktemp("alone")
    own = image(folder, OWN)
    (alone / own.name).write_bytes(own.read_bytes())
    return write_table(alone)


def image(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f"{name}.*")
    return found


def write_table(folder: Path) -> Path:
    row = f"{image(folder, OWN).name},lesion,benign,{BOX.row0},{BOX.row1},{BOX.col0},{BOX.col1}"
    (folder / "lesions.csv").write_text(f"image,lesion_id,label,row0,row1,col0,col1\n{row}\n")
    return folder


def write_rasters(folder: Path, images: Mapping[str, NDArray[np.uint16]]) -> Path:
    """A folder of PNG files of one exam, which a table of images describes."""
    folder.mkdir()
    for name, values in images.items():
        cv2.imwrite(str(folder / f"{name}.png"), values)
    rows = [f"{name}.png,P1,2026,{','.join(name.split('-'))}" for name in images]
    (folder / "images.csv").write_text("\n".join(["image,patient,exam,laterality,view", *rows]))
    return write_table(folder)


@pytest.fixture(scope="module")
def predictor(views_bundle: Path) -> Predictor:  # noqa: F811
    return Predictor.load(views_bundle, PredictOptions(N_WINDOWS, changes=False))


Score = Callable[[Predictor, Path, Path, Any], float]
"""The score of the lesion of a folder, by a predictor, with an empty folder and pytest's capsys."""


def by_store(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    ingest_cohort(Recipe(folder, empty / "store", Frame(368, 240, 8), 1.0), read_cohort("table", folder), 1)
    return float(score_store(predictor.ensemble, empty / "store", N_WINDOWS).table["score"].item())


def by_predict(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    assert predictor.ensemble.bundle is not None
    return predicted_score(predictor, empty / "out", str(folder))


def by_predict_one(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    words = [str(image(folder, OWN)), "--box", f"{BOX.row0},{BOX.row1},{BOX.col0},{BOX.col1}"]
    for option, name in (("--other-view", OTHER_VIEW), ("--other-breast", OTHER_BREAST)):
        words += [f"{option}={path}" for path in folder.glob(f"{name}.*")]
    if image(folder, OWN).suffix == ".png":
        words += ["--laterality", "L", "--view", "CC"]
    return predicted_score(predictor, empty / "one", *words)


def predicted_score(predictor: Predictor, out: Path, *words: str) -> float:
    assert predictor.ensemble.bundle is not None
    options = ("--windows", str(N_WINDOWS), "--no-changes", "--no-pictures", "-o", str(out))
    assert predict.main([str(predictor.ensemble.bundle.path), *words, *options]) == 0
    (found,) = json.loads((out / "predictions.json").read_text())["cases"]
    return float(found["lesions"][0]["score"])


def by_python(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    return by_python_with(predictor, folder, OTHER_VIEW)


def by_python_with(predictor: Predictor, folder: Path, other_view: str) -> float:
    model = mammo.LesionModel(predictor.ensemble, predictor.placing)
    names = {"other_view": other_view, "other_breast": OTHER_BREAST}
    others = {name: image(folder, file) for name, file in names.items() if list(folder.glob(f"{file}.*"))}
    return model.score(image(folder, OWN), BOX, "L", "CC", N_WINDOWS, **others).score


def by_listed_page(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    files = ListedFiles.of(folder, kinds=predictor.other_images)
    number = [each.path for each in files.cases].index(image(folder, OWN).name)
    with served(capture, predictor, files) as server:
        reader = Reader(server)
        return page_score(reader, reader.send("POST", f"/api/images?file={number}").json["key"])


def by_uploads(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    with served(capture, predictor) as server:
        reader = Reader(server)
        keys = {path.stem: reader.open(path).json["key"] for path in sorted(folder.glob("*.dcm"))}
        return page_score(reader, keys[OWN])


def page_score(reader: Reader, key: str) -> float:
    answer = reader.score(key, {"box": [BOX.row0, BOX.row1, BOX.col0, BOX.col1]})
    assert answer.status == 200, answer.body
    return float(answer.json["prediction"]["score"])


def by_node(predictor: Predictor, folder: Path, empty: Path, capture: Any) -> float:
    queue = CaseQueue(empty / "queue", Limits(free_bytes=0), whole_studies=True)
    own = pydicom.dcmread(image(folder, OWN))
    mask = np.zeros((own.Rows, own.Columns), np.bool_)
    mask[BOX.row0 : BOX.row1, BOX.col0 : BOX.col1] = True
    dicom_results(case(lesion(mask, 0, 0)), own, BUNDLE)["outlines.dcm"].save_as(
        empty / "outlines.dcm", enforce_file_format=True
    )
    with queue.held():
        for path in (*sorted(folder.glob("*.dcm")), empty / "outlines.dcm"):
            queue.receive(path.read_bytes(), pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        (found,) = queue.complete("digest")
    return bundle_scorer(predictor).score(found).case.lesions[0].score


ENTRANCES: tuple[Score, ...] = (
    by_store,
    by_predict,
    by_predict_one,
    by_python,
    by_listed_page,
    by_uploads,
    by_node,
)


def test_all_entrances_give_one_score_with_the_other_images(
    predictor: Predictor,
    folder: Path,
    alone: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the other images another one, which is that of an exam whose other images have no nipple, too."""
    found: dict[str, dict[str, float]] = {"whole": {}, "absent": {}, "masked": {}}
    for name, images in (("whole", folder), ("absent", alone), ("masked", folder)):
        if name == "masked":
            monkeypatch.setattr("mammo.maps.landmarks.find_nipple", lambda *_: None)
        for entrance in ENTRANCES:
            empty = tmp_path / f"{name}-{entrance.__name__}"
            empty.mkdir()
            found[name][entrance.__name__] = entrance(predictor, images, empty, capsys)
    monkeypatch.undo()
    for scores in found.values():
        assert list(scores.values()) == pytest.approx([scores["by_store"]] * len(scores), abs=1e-6)
    assert found["masked"]["by_store"] == pytest.approx(found["absent"]["by_store"], abs=1e-6)
    assert abs(found["whole"]["by_store"] - found["absent"]["by_store"]) > 1e-4
    for name in (FLAGGED, SPARE):
        assert abs(found["whole"]["by_store"] - by_python_with(predictor, folder, name)) > 1e-5, "the choice counts"


def phantom_exam(small_root: Path) -> dict[str, NDArray[np.uint16]]:
    folder = min(path for path in (small_root / "dicom").iterdir() if path.is_dir() and path.name != "outlines")
    return {name: presentation_values(folder, f"{name}.dcm") for name in (OWN, OTHER_VIEW, OTHER_BREAST)}


def real_exam(small_root: Path) -> dict[str, NDArray[np.uint16]]:
    folder = Path(os.environ["MAMMO_REAL_EXAM"]) / "images"
    whole = {
        name: cv2.imread(str(folder / f"0_{name}.png"), cv2.IMREAD_UNCHANGED)
        for name in (OWN, OTHER_VIEW, OTHER_BREAST)
    }
    return {
        name: cv2.resize(one, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA) for name, one in whole.items()
    }


REAL = pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM is not set")


@pytest.mark.parametrize("exam", [phantom_exam, pytest.param(real_exam, marks=REAL)])
def test_files_without_a_header_are_one_exam_by_their_table(
    predictor: Predictor,
    small_root: Path,
    exam: Callable[[Path], dict[str, NDArray[np.uint16]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images = exam(small_root)
    whole = write_rasters(tmp_path / "whole", images)
    alone = write_rasters(tmp_path / "alone", {OWN: images[OWN]})
    scores = []
    for entrance in (by_store, by_predict, by_predict_one, by_python, by_listed_page):
        empty = tmp_path / entrance.__name__
        empty.mkdir()
        scores.append(entrance(predictor, whole, empty, capsys))
    assert scores == pytest.approx([scores[0]] * len(scores), abs=1e-6)
    assert abs(by_python(predictor, alone, tmp_path, capsys) - scores[0]) > 1e-4
