"""A bundle whose networks read other images: the scores of its run from DICOM files, and warnings without them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom
import pytest

import mammo
from mammo import predict
from mammo.inference.bundle import Bundle
from mammo.inference.case_image import CaseImage
from mammo.inference.ensemble import Ensemble
from mammo.inference.missing_images import missing_of_store
from mammo.inference.predictor import Predictor
from mammo.inference.store_scores import score_store
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.training.results import Run

BOTH = (
    "Scored without the other view of the breast and without the other breast, which the networks read where an exam "
    "has them: no usable image of them was given."
)


@pytest.fixture(scope="module")
def tested(views_run: Run) -> dict[str, float]:
    """The score of each test lesion by the user's own id."""
    own = read_own_ids(views_run.folder.parents[1] / "store")
    return {own[row.lesion_id].id: row.score for row in views_run.lesions().itertuples()}


def predicted(bundle: Path, out: Path, *words: object) -> list[dict[str, Any]]:
    """The lesions of predictions.json."""
    options = ("--no-changes", "--no-pictures", "-o", out)
    assert predict.main([str(bundle), *map(str, (*words, *options))]) == 0
    cases = json.loads((out / "predictions.json").read_text())["cases"]
    return [lesion for case in cases for lesion in case["lesions"]]


def test_the_model_card_names_the_other_images(views_bundle: Path) -> None:
    card = Bundle.open(views_bundle).card()
    also = "; where an exam has them, also the other view of the breast and the other breast; window of"
    assert f"one mammogram (CC or MLO) and the outline of one lesion{also}" in card
    assert "those of the same breast's other view" in card
    assert "of the score of 1 validation lesion:" in card


def test_scoring_the_store_gives_the_scores_of_the_test(views_run: Run, views_bundle: Path) -> None:
    for path in (views_run.folder, views_bundle):
        table = score_store(Ensemble.load(path), views_run.folder.parents[1] / "store", n_windows=100).table
        found = table.set_index("lesion_id")["score"]
        own = views_run.lesions().set_index("lesion_id")["score"]
        assert (found[own.index] - own).abs().max() < 1e-6


def test_lesions_of_a_store_without_other_images_are_counted(views_run: Run, tmp_path: Path) -> None:
    source, store = views_run.folder.parents[1] / "store", tmp_path / "store"
    shutil.copytree(source, store)
    whole = Manifest.load(source)
    view = whole.lesions["image_id"].map(whole.images["view"])
    n_cc = int((view == "CC").sum())
    images = whole.images[whole.images["view"] == "CC"]  # as a source of one view
    replace(whole, images=images, lesions=whole.lesions[view == "CC"]).save(store)
    counts = [score_store(Ensemble.load(views_run.folder), each, n_windows=2).without for each in (source, store)]
    assert counts == [{"ipsi": 0, "contra": 0}, {"ipsi": n_cc, "contra": 0}]
    assert missing_of_store(counts[:1], len(view)) == []
    assert missing_of_store([*counts, {"contra": 2}], 90) == [
        f"Of 90 lesions the networks scored {n_cc} without the other view of the breast and 2 without the other "
        "breast, which they read where an exam has them: the store has no such image, or a nipple was not found."
    ]
    assert missing_of_store([{"ipsi": 0, "contra": 1}], 1) == [
        "Of 1 lesion the networks scored 1 without the other breast, which they read where an exam has it: the store "
        "has no such image, or a nipple was not found."
    ]


def test_a_folder_gives_the_runs_own_scores(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    folder = tmp_path / "cases"
    shutil.copytree(views_run.folder.parents[1] / "dicom", folder)
    table = pd.read_csv(folder / "lesions.csv")
    table[table["lesion_id"].isin(tested)][["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    found = predicted(views_bundle, tmp_path / "out", folder)
    assert {lesion["lesion_id"]: lesion["score"] for lesion in found} == pytest.approx(tested, abs=1e-6)
    assert not any("Scored without" in warning for lesion in found for warning in lesion["warnings"])


def test_a_single_image_is_scored_with_a_warning(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    source = views_run.folder.parents[1] / "dicom"
    table = pd.read_csv(source / "lesions.csv").set_index("lesion_id")
    differences = []
    for lesion_id, score in list(tested.items())[:3]:
        image, mask = (source / table.loc[lesion_id, name] for name in ("image", "mask"))
        (found,) = predicted(views_bundle, tmp_path / lesion_id, image, "--mask", mask)
        assert found["warnings"][0] == BOTH
        differences.append(abs(found["score"] - score))
    assert max(differences) > 1e-4
    scored = mammo.load(views_bundle).score(image, mammo.Box(100, 140, 60, 100))
    assert scored.warnings[0] == BOTH


def test_another_image_that_cannot_be_read_is_named(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    """A file with a whole header and cut pixels."""
    folder, source = tmp_path / "cases", views_run.folder.parents[1] / "dicom"
    table = pd.read_csv(source / "lesions.csv")
    chosen = table[table["lesion_id"] == next(iter(tested))]
    (image,) = chosen["image"]
    shutil.copytree(source, folder, ignore=lambda _, names: [name for name in names if name.endswith(".csv")])
    chosen[["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    view = Path(image).stem
    other = (folder / image).with_stem(view.replace("CC", "MLO") if "CC" in view else view.replace("MLO", "CC"))
    other.write_bytes(other.read_bytes()[:-3000])
    (lesion,) = predicted(views_bundle, tmp_path / "out", folder)
    assert lesion["warnings"][0].startswith(f"Not used as another image of the exam: {other}: ")
    assert lesion["warnings"][1] == (
        "Scored without the other view of the breast, which the networks read where an exam has it: no usable image of "
        "it was given."
    )


def exam_folder(source: Path, folder: Path) -> None:
    """Copy an exam with boxes on both CC images, a flagged second left MLO, A.dcm, and far.dcm of another exam."""
    own, far, *_ = sorted(path for path in source.iterdir() if (path / "L-MLO.dcm").is_file())
    shutil.copytree(own, folder)
    shutil.copy(far / "R-MLO.dcm", folder / "far.dcm")
    spare = pydicom.dcmread(folder / "L-MLO.dcm")
    spare.SOPInstanceUID += ".1"
    spare.PatientOrientation = ["A", "H"]  # upside down
    spare.save_as(folder / "A.dcm")
    right = pydicom.dcmread(folder / "R-CC.dcm").Columns - 70
    rows = [
        "image,lesion_id,row0,row1,col0,col1",
        "L-CC.dcm,1,150,180,40,70",
        f"R-CC.dcm,2,150,180,{right},{right + 30}",
    ]
    (folder / "lesions.csv").write_text("\n".join(rows))


def test_the_files_that_were_used_are_named_and_no_others(
    views_run: Run,
    views_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, out = tmp_path / "cases", tmp_path / "out"
    exam_folder(views_run.folder.parents[1] / "dicom", folder)
    predicted(views_bundle, out, folder, "--windows", 2)
    content = json.loads((out / "predictions.json").read_text())
    used = [tuple(case[name] for name in ("image", "other_view", "other_breast")) for case in content["cases"]]
    names = ("L-CC", "L-MLO", "R-CC"), ("R-CC", "R-MLO", "L-CC")
    assert used == [tuple(str(folder / f"{name}.dcm") for name in each) for each in names]
    assert content["without_outline"] == ["A.dcm", "far.dcm"]
    line = "2 images have no outline and were neither scored nor used as another image of an exam: A.dcm, far.dcm\n"
    assert line in capsys.readouterr().out
    whole = Predictor.predict

    def stopping(self: Predictor, image: CaseImage, *arguments: Any) -> Any:
        if image.laterality == "R":
            raise KeyboardInterrupt
        return whole(self, image, *arguments)

    monkeypatch.setattr(Predictor, "predict", stopping)
    words = (views_bundle, folder, "--windows", 2, "--no-changes", "--no-pictures", "-o", tmp_path / "resumed")
    with pytest.raises(KeyboardInterrupt):
        predict.main([str(word) for word in words])
    monkeypatch.undo()
    (folder / "L-MLO.dcm").rename(folder / "B.dcm")
    predicted(views_bundle, tmp_path / "resumed", folder, "--windows", 2)
    expected = (out / "predictions.json").read_text().replace("L-MLO.dcm", "B.dcm")
    assert (tmp_path / "resumed" / "predictions.json").read_text() == expected
