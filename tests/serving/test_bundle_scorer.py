"""The node's scores are those of `mammo predict`, from a real bundle."""

from pathlib import Path

import cv2
import pandas as pd
import pydicom
import pytest

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.bundle import main as bundle_runs
from mammo.dicom_out.results import dicom_results
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.predict import main as predict
from mammo.records import MammoError
from mammo.serving.bundle_scorer import bundle_scorer
from tests.dicom_out.predictions import BUNDLE, case, lesion
from tests.inference.conftest import fagg, trained_root  # noqa: F401  (fixtures)

pytestmark = pytest.mark.dicom


@pytest.fixture(scope="module")
def bundle(fagg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    path = tmp_path_factory.mktemp("bundle") / "my.bundle"
    assert bundle_runs([str(fagg), "-o", str(path), "--sensitivity-lesions", "3"]) == 0
    return path


def test_a_node_scores_as_predict_does(bundle: Path, trained_root: Path, tmp_path: Path) -> None:  # noqa: F811
    rows = pd.read_csv(trained_root / "dicom" / "lesions.csv")
    row = next(each for _, each in rows.iterrows() if "/R-" in each["image"])
    source = pydicom.dcmread(trained_root / "dicom" / row["image"])
    mask = cv2.imread(str(trained_root / "dicom" / row["mask"]), cv2.IMREAD_UNCHANGED) > 0
    whole = case(lesion(mask, 0, 0))
    folder = tmp_path / "case"
    folder.mkdir()
    source.save_as(folder / "image.dcm")
    dicom_results(whole, source, BUNDLE)["outlines.dcm"].save_as(folder / "outlines.dcm", enforce_file_format=True)
    assert predict([str(bundle), str(folder), "-o", str(tmp_path / "out"), "--no-changes", "--no-pictures"]) == 0
    expected = pd.read_csv(tmp_path / "out" / "predictions.csv")
    scorer = bundle_scorer(Predictor.load(bundle, PredictOptions(changes=False)))
    found, pictures = scorer.score(folder / "image.dcm", folder / "outlines.dcm")
    assert [each.score for each in found.lesions] == expected["score"].tolist()
    assert [each.probability for each in found.lesions] == expected["probability"].tolist()
    assert [picture.shape[1:] for picture in pictures] == [(1000, 3)]
    assert pictures[0].std() > 10
    results = dicom_results(found, source, scorer.bundle, pictures)
    assert sorted(results) == ["outlines.dcm", "picture-1.dcm", "report.dcm"]
    other = dicom_results(whole, source, BUNDLE)["outlines.dcm"]
    source.SOPInstanceUID = "1.2.3"
    source.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    source.save_as(folder / "other.dcm")
    other.save_as(folder / "again.dcm", enforce_file_format=True)
    with pytest.raises(MammoError, match="no segment on this image"):
        scorer.score(folder / "other.dcm", folder / "again.dcm")
