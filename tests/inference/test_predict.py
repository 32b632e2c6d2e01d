"""mammo predict: the run's own scores from files without labels, however an outline is given; bad cases are listed."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
import tifffile
from PIL import Image

from mammo import bundle as bundle_command
from mammo import predict
from mammo.inference.bundle import Bundle
from mammo.inference.bundle_facts import BundleFacts
from mammo.inference.case_list import read_cases
from mammo.inference.case_pictures import case_pictures
from mammo.inference.outline_changes import CHANGES
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CASE_FIELDS, LESION_FIELDS, CasePrediction
from mammo.inference.prediction_run import predict_cases
from mammo.inference.predictor import PredictOptions, Predictor
from mammo.inference.result_files import JOURNAL
from mammo.inference.training_images import SEEN
from mammo.intake.adapters._table_columns import FIELDS
from mammo.intake.adapters.table import read as read_own_tables
from mammo.intake.presentation import presentation
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.training.results import read_run
from tests.intake.segmentation_object import write_segmentation

N = "20"
"""Windows of each lesion, fewer than usual."""


@pytest.fixture(scope="module")
def bundle(fagg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "my.bundle"
    assert bundle_command.main([str(fagg), "-o", str(path), "--sensitivity-lesions", "0"]) == 0
    return path


@pytest.fixture(scope="module")
def cases(trained_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user: DICOM files and outlines of the store's first four images with lesions, without labels."""
    folder, source = tmp_path_factory.mktemp("cases"), trained_root / "dicom"
    table = pd.read_csv(source / "lesions.csv")
    chosen = table[table["image"].isin(table["image"].unique()[:4])]
    for path in {*chosen["image"], *chosen["mask"]}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path, folder / path)
    chosen[["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    return folder


def predicted(bundle: Path, *words: object, status: int = 0) -> dict[str, Any]:
    """The content of predictions.json; -o is the last but one word of the command line."""
    assert predict.main([str(bundle), *map(str, words)]) == status
    out = Path(str(words[list(words).index("-o") + 1]))
    content: dict[str, Any] = json.loads((out / "predictions.json").read_text())
    return content


def scores(content: dict[str, Any]) -> list[float]:
    return [lesion["score"] for case in content["cases"] for lesion in case["lesions"]]


def test_scores_are_those_of_the_run_itself(bundle: Path, fagg: Path, trained_root: Path, tmp_path: Path) -> None:
    """All test lesions, from their DICOM files, without labels, in 32-true."""
    run, own = read_run(fagg).lesions(), read_own_ids(trained_root / "store")
    known = {own[row.lesion_id].id: row.score for row in run.itertuples()}
    table = pd.read_csv(trained_root / "dicom" / "lesions.csv")
    folder = tmp_path / "cases"
    shutil.copytree(trained_root / "dicom", folder)
    chosen = table[table["lesion_id"].isin(known)]
    chosen[["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    content = predicted(bundle, folder, "-o", tmp_path / "out", "--no-changes", "--no-pictures")
    found = {lesion["lesion_id"]: lesion["score"] for case in content["cases"] for lesion in case["lesions"]}
    assert found == pytest.approx(known, abs=1e-8), "as far as the last bits of S, of one image or of several at once"
    for name in ("predictions.json", "predictions.csv"):
        assert (tmp_path / "out" / name).stat().st_mode & 0o077 == 0


def test_every_field_follows_from_the_bundle(bundle: Path, cases: Path, tmp_path: Path) -> None:
    content, facts = predicted(bundle, cases, "-o", tmp_path, "--windows", N), BundleFacts.of(Bundle.open(bundle))
    assert content["bundle"]["digest"] == Bundle.open(bundle).digest
    assert content["bundle"]["trained_on"] == ["phantom"]
    assert all(list(case) == list(CASE_FIELDS) for case in content["cases"])
    lesions = [lesion for case in content["cases"] for lesion in case["lesions"]]
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert len(lesions) == len(table) > 3
    for lesion, row in zip(lesions, table.to_dict("records"), strict=True):
        assert lesion["probability"] == facts.calibration.probability([lesion["score"]])[0]
        assert lesion["score_sd_seeds"] is None
        assert 0 <= lesion["score_without_context"] <= 1
        assert lesion["score_without_context"] != lesion["score"]
        assert [each["below"] for each in lesion["thresholds"]] == [
            lesion["score"] < each.threshold for each in facts.thresholds
        ]
        assert list(lesion["outline_sensitivity"]) == list(CHANGES)
        assert any("phantoms" in warning for warning in lesion["warnings"])
        assert (row["lesion_id"], row["score"]) == (lesion["lesion_id"], pytest.approx(lesion["score"], abs=1e-12))
        assert set(LESION_FIELDS) - {"dicom"} == set(lesion)
        assert (tmp_path / lesion["picture"]).is_file()
        assert row["picture"] == lesion["picture"]
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert len(pictures) == len(lesions)
    assert Image.open(tmp_path / "pictures" / pictures[0]).size[0] == 1000
    assert not (tmp_path / JOURNAL).exists()


def test_the_changes_are_scores_of_the_changed_outlines(bundle: Path, cases: Path, tmp_path: Path) -> None:
    row = pd.read_csv(cases / "lesions.csv").iloc[0]
    image, mask = cases / row["image"], cv2.imread(str(cases / row["mask"]), cv2.IMREAD_UNCHANGED)
    step = round(5 / pydicom.dcmread(image).ImagerPixelSpacing[0])
    moved = np.roll(mask, (step, 0), axis=(0, 1))
    cv2.imwrite(str(tmp_path / "own.png"), mask)
    cv2.imwrite(str(tmp_path / "moved.png"), moved)
    words = ("-o", tmp_path / "out", "--windows", N, "--no-pictures")
    content = predicted(bundle, image, "--mask", tmp_path / "own.png", "--mask", tmp_path / "moved.png", *words)
    own, other = (lesion for lesion in content["cases"][0]["lesions"])
    assert own["outline_sensitivity"]["down_5_mm"] == pytest.approx(other["score"] - own["score"], abs=1e-6)


def test_equivalent_forms_have_equal_scores(bundle: Path, cases: Path, tmp_path: Path) -> None:
    """Box, polygon, mask, DICOM SEG, COCO, own table and PNG of one outline."""
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    header = pydicom.dcmread(image)
    shape, (r0, r1, c0, c1) = (int(header.Rows), int(header.Columns)), (150, 180, 40, 70)
    if header.ImageLaterality == "R":
        c0, c1 = shape[1] - c1, shape[1] - c0
    mask = np.zeros(shape, np.uint8)
    mask[r0:r1, c0:c1] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cv2.imwrite(str(tmp_path / "image.png"), presentation(header).values)
    box = f"{r0},{r1},{c0},{c1}"
    side = ("--laterality", header.ImageLaterality, "--view", header.ViewPosition)
    folder = tmp_path / "coco"
    folder.mkdir()
    shutil.copy(image, folder / "a.dcm")
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [c0, r0, c1 - c0, r1 - r0]}
    coco = {"images": [{"id": 1, "file_name": "a.dcm", "height": shape[0], "width": shape[1]}]}
    (folder / "coco.json").write_text(json.dumps(coco | {"annotations": [annotation], "categories": []}))
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(image, own / "a.dcm")
    (own / "list.csv").write_text(f"file,row0,row1,col0,col1\na.dcm,{r0},{r1},{c0},{c1}\n")
    seg = tmp_path / "seg"
    seg.mkdir()
    shutil.copy(image, seg / "a.dcm")
    write_segmentation(seg / "outlines.dcm", mask[None] > 0, [header.SOPInstanceUID], [3])
    forms: dict[str, tuple[object, ...]] = {
        "folder with segments": (seg,),
        "segments": (image, "--mask", seg / "outlines.dcm"),
        "box": (image, "--box", box),
        "polygon": (image, "--polygon", f"{r0},{c0};{r0},{c1};{r1},{c1};{r1},{c0}"),
        "mask": (image, "--mask", tmp_path / "mask.png"),
        "png": (tmp_path / "image.png", "--box", box, *side),
        "coco folder": (folder,),
        "coco file": (folder / "coco.json",),
        "table": (own / "list.csv",),
    }
    found = {
        name: scores(predicted(bundle, *words, "-o", tmp_path / f"out {name}", "--windows", N, "--no-changes"))
        for name, words in forms.items()
    }
    assert len({tuple(each) for each in found.values()}) == 1, found
    assert len(found["box"]) == 1


def test_bad_cases_are_listed_and_stop_nothing(
    bundle: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cases"
    shutil.copytree(cases, folder)
    good = pd.read_csv(cases / "lesions.csv")
    first = folder / good["image"][0]
    content = first.read_bytes()
    (folder / "cut.dcm").write_bytes(content[: len(content) // 2])
    (folder / "text.dcm").write_text("no image")
    cv2.imwrite(str(folder / "color.png"), np.full((400, 300, 3), (10, 200, 90), np.uint8))
    cv2.imwrite(str(folder / "small.png"), np.full((20, 20), 255, np.uint8))
    cv2.imwrite(str(folder / "empty.png"), np.zeros((20, 20), np.uint8))
    tomo = pydicom.dcmread(first)
    tomo.SOPClassUID = tomo.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.13.1.3"
    tomo.save_as(folder / "tomo.dcm")
    os.mkfifo(folder / "pipe.dcm")
    rows = [
        *(
            (name, f"bad-{name}", "10", "20", "10", "20", "")
            for name in ("cut.dcm", "text.dcm", "color.png", "tomo.dcm")
        ),
        ("nowhere.dcm", "bad-nowhere", "10", "20", "10", "20", ""),
        ("pipe.dcm", "bad-pipe", "10", "20", "10", "20", ""),
        (good["image"][0], "bad-size", "", "", "", "", "small.png"),
        (good["image"][0], "bad-empty", "", "", "", "", "empty.png"),
        (good["image"][0], "bad-place", "5000", "6000", "10", "20", ""),
        (good["image"][0], "bad-number", "a", "b", "c", "d", ""),
        (good["image"][0], good["lesion_id"][0], "10", "20", "10", "20", ""),
    ]
    bad = pd.DataFrame(rows, columns=["image", "lesion_id", "row0", "row1", "col0", "col1", "mask"])
    pd.concat([good, bad]).to_csv(folder / "lesions.csv", index=False)
    found = predicted(bundle, folder, "-o", tmp_path / "out", "--windows", N, "--no-changes", "--no-pictures", status=3)
    alone = predicted(bundle, cases, "-o", tmp_path / "alone", "--windows", N, "--no-changes", "--no-pictures")
    assert scores(found) == scores(alone), "the good ones are scored as without them"
    errors = [case["error"] for case in found["cases"] if case["error"]]
    assert len(errors) == len(rows)
    assert all(len(error) > 20 and "\n" not in error and "Traceback" not in error for error in errors)
    printed = capsys.readouterr()
    assert printed.out.count("left out: ") == len(rows)
    assert pd.read_csv(tmp_path / "out" / "predictions.csv")["error"].notna().sum() == len(rows)


def test_wrong_use_is_one_sentence(
    bundle: Path, cases: Path, fagg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, out = cases / pd.read_csv(cases / "lesions.csv")["image"][0], tmp_path / "out"
    done = tmp_path / "done"
    done.mkdir()
    (done / "predictions.json").write_text("{}")
    os.mkfifo(pipe := tmp_path / "pipe.dcm")
    none, linked = tmp_path / "none.csv", tmp_path / "linked"
    header = pydicom.dcmread(image)
    header.ViewPosition = "CC" if header.ViewPosition == "MLO" else "MLO"
    header.save_as(view := tmp_path / "view.dcm")
    none.write_text("image,row0,row1,col0,col1\n")
    linked.mkdir()
    (linked / JOURNAL).symlink_to(tmp_path / "elsewhere")
    empty, other = tmp_path / "empty", tmp_path / "other"
    for folder in (empty, other):
        folder.mkdir()
    shutil.copy(image, other / "a.dcm")
    (other / "findings.csv").write_text("Picture,Upper\na.dcm,5\n")
    for words, message in (
        ((bundle, tmp_path / "none", "-o", out), "does not exist"),
        ((tmp_path / "none", image, "-o", out), "does not exist"),
        ((fagg, image, "--box", "1,2,3,4", "-o", out), "is the folder of a run: make a bundle"),
        ((bundle, cases, "--box", "1,2,3,4", "-o", out), "outlines on the command line are for a single image"),
        (
            (bundle, cases, "--laterality", "L", "-o", out),
            "--laterality on the command line is for a single image: put those of several into lesions.csv\n",
        ),
        (
            (bundle, cases, "--other-view", image, "-o", out),
            "--other-view on the command line is for a single image: put the other images into the folder, with their "
            "rows in images.csv if they are not DICOM files\n",
        ),
        (
            (bundle, image, image, "--box", "1,2,3,4", "--other-breast", image, "--other-view", image, "-o", out),
            "outlines, --other-view, --other-breast on the command line are for a single image: put those of several "
            "into lesions.csv; put the other images into the folder",
        ),
        (
            (bundle, image, "--box", "1,2,3,4", "--other-breast", pipe, "-o", out),
            f"--other-breast: {pipe} is not a file: give an image",
        ),
        ((bundle, image, "--box", "1,2,3,4", "--other-view", image, "-o", out), "shows breast"),
        ((bundle, image, "--box", "1,2,3,4", "--other-view", view, "-o", out), "--other-view: these networks have no"),
        ((bundle, image, "--box", "9,2,3,4", "-o", out), "--box: empty box"),
        ((bundle, image, "--box", "1,2", "-o", out), "give 4 numbers"),
        ((bundle, image, "--polygon", "1,2;3,4", "-o", out), "at least 3 corners"),
        ((bundle, image, "--box", "1,2,3,4", "--prevalence", "1.5", "-o", out), "give a share between"),
        ((bundle, image, "--box", "1,2,3,4", "-o", done), "has predictions already"),
        ((bundle, image, "--box", "1,inf,3,4", "-o", out), "--box: "),
        ((bundle, image, "--box", "1,2,3,4", "--windows", "9" * 20, "-o", out), "give at most 10,000 windows"),
        ((bundle, image, "--box", "1,2,3,4", "--prevalence", "5e-324", "-o", out), "give a share between"),
        ((bundle, image, "--mask", pipe, "-o", out), "is not a regular file"),
        ((bundle, image, "--box", "1,2,3,4", "-o", image), "cannot be made"),
        ((bundle, cases, "-o", cases / "out"), "lies in"),
        ((bundle, none, "-o", out), "has no outline of a lesion: nothing is to be scored"),
        ((bundle, image, "--box", "1,2,3,4", "-o", linked), "is a link, through which"),
        ((bundle, empty, "-o", out), "contains no image"),
        ((bundle, other, "-o", out), "its tables are: findings.csv: name your table of lesions, as in "),
        ((bundle, other / "findings.csv", "-o", out), "lacks the column image and outline (or mask, or row0, row1"),
        ((bundle, other / "findings.csv", "-o", out, "--columns", "image:Picture"), "--columns image:Picture: give"),
        ((bundle, image, "--box", "1,2,3,4"), "-o/--out"),
    ):
        with pytest.MonkeyPatch.context():
            try:
                status = predict.main([str(word) for word in words])
            except SystemExit as left:
                status = int(left.code or 0)
        assert status == 2, words
        assert message in capsys.readouterr().err, words
    assert (done / "predictions.json").read_text() == "{}"
    assert not out.exists()


def test_images_that_no_table_lists_and_own_column_names(
    bundle: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    for name in ("a.dcm", "b.dcm"):
        shutil.copy(image, tmp_path / name)
    table = tmp_path / "findings.tsv"
    table.write_text("Picture\trow0\trow1\tcol0\tcol1\na.dcm\t150\t180\t40\t70\n")
    words = ("--columns", "image=Picture", "--windows", "2", "--no-changes", "--no-pictures")
    found = predicted(bundle, table, "-o", tmp_path / "out", *words)
    assert len(scores(found)) == 1
    assert found["without_outline"] == ["b.dcm"]
    assert "1 image has no outline and was not scored: b.dcm\n" in capsys.readouterr().out
    assert [(case["other_view"], case["other_breast"]) for case in found["cases"]] == [(None, None)]


def test_a_mask_that_cannot_be_read_is_named_and_the_others_are_scored(
    bundle: Path, cases: Path, tmp_path: Path
) -> None:
    row = pd.read_csv(cases / "lesions.csv").iloc[0]
    image, good = cases / row["image"], cases / row["mask"]
    mask = cv2.imread(str(good), cv2.IMREAD_UNCHANGED)
    tifffile.imwrite(tmp_path / "doubles.tif", mask / 255.0)
    tifffile.imwrite(tmp_path / "complex.tif", mask.astype(np.complex64))
    masks = [word for file in (tmp_path / "complex.tif", tmp_path / "doubles.tif", good) for word in ("--mask", file)]
    words = ("--windows", "2", "--no-changes", "--no-pictures")
    scored, wrong = predicted(bundle, image, *masks, "-o", tmp_path / "out", *words, status=3)["cases"]
    assert wrong["error"].startswith(
        f"{tmp_path / 'complex.tif'}: the outline is a mask with values of the type complex64"
    )
    one, other = scored["lesions"]
    assert (one["lesion_id"], other["lesion_id"], one["score"]) == ("lesion-2", "lesion-3", other["score"])


def test_no_outline_is_a_case_with_its_reason(bundle: Path, cases: Path, tmp_path: Path) -> None:
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    found = predicted(bundle, image, "-o", tmp_path / "out", status=3)
    assert "it has no outline of a lesion" in found["cases"][0]["error"]


def test_prevalence_moves_the_probability_and_nothing_else(bundle: Path, cases: Path, tmp_path: Path) -> None:
    words = ("--windows", N, "--no-changes", "--no-pictures")
    one = predicted(bundle, cases, "-o", tmp_path / "one", *words)["cases"]
    rare = predicted(bundle, cases, "-o", tmp_path / "rare", "--prevalence", "0.01", *words)["cases"]
    for before, after in zip(one, rare, strict=True):
        for each, other in zip(before["lesions"], after["lesions"], strict=True):
            assert other.pop("probability") < each.pop("probability")
            assert other.pop("prevalence") == 0.01 < each.pop("prevalence")
            assert each == other


def test_a_run_that_was_interrupted_goes_on_and_gives_the_same_bytes(
    bundle: Path, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    words = ("--windows", N, "--no-changes")
    predicted(bundle, cases, "-o", tmp_path / "whole", *words)
    scored: list[int] = []
    whole = Predictor.predict

    def stopping(self: Predictor, *arguments: Any) -> Any:
        scored.append(1)
        if len(scored) == 3:
            raise KeyboardInterrupt
        return whole(self, *arguments)

    monkeypatch.setattr(Predictor, "predict", stopping)
    with pytest.raises(KeyboardInterrupt):
        predict.main([str(bundle), str(cases), "-o", str(tmp_path / "out"), *words])
    assert not (tmp_path / "out" / "predictions.json").exists()
    n_before = len(scored)
    predicted(bundle, cases, "-o", tmp_path / "out", *words)
    n_images = pd.read_csv(cases / "lesions.csv")["image"].nunique()
    assert len(scored) - n_before == n_images - 2, "two cases were done"
    for name in ("predictions.json", "predictions.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    pictures = sorted(path.name for path in (tmp_path / "whole" / "pictures").iterdir())
    for name in pictures:
        assert (tmp_path / "out/pictures" / name).read_bytes() == (tmp_path / "whole/pictures" / name).read_bytes()


FIELD_VALUES = {
    "image": "b.dcm",
    "lesion_id": "another",
    "lesion": "7",
    "laterality": "other",
    "view": "other",
    "pixel_spacing": "0.3",
    "mask": "mask.png",
    "segment": "2",
    "outline": "100,240;100,270;140,270",
}
"""A value of each field that a prediction depends on, which changes it or contradicts the header."""


def table_case(field: str, cases: Path, folder: Path) -> tuple[dict[str, str], str]:
    """A folder with two copies of an image and a mask; a row of a table, and a value of the field for it."""
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    header = pydicom.dcmread(image)
    assert header.ImageLaterality == "R", "the outlines lie at the right edge, on the breast"
    folder.mkdir()
    for name in ("a.dcm", "b.dcm"):
        shutil.copy(image, folder / name)
    mask = np.zeros((int(header.Rows), int(header.Columns)), np.uint8)
    mask[150:170, 60:80] = 1
    cv2.imwrite(str(folder / "mask.png"), mask)
    row = {"image": "a.dcm", "row0": "150", "row1": "180", "col0": "40", "col1": "70"}
    if field in ("mask", "segment", "outline"):
        others = {
            "mask": {"mask": "none"},
            "segment": {"mask": "mask.png"},
            "outline": {"outline": "150,240;150,270;180,270"},
        }
        row = {"image": "a.dcm", **others[field]}
    stated = {"laterality": header.ImageLaterality, "view": header.ViewPosition}
    other = {"L": "R", "R": "L", "CC": "MLO", "MLO": "CC"}
    return row, other[stated[field]] if field in stated else FIELD_VALUES.get(field, "x")


def by_table(bundle: Path, folder: Path, out: Path, row: dict[str, str]) -> dict[str, Any]:
    pd.DataFrame([row]).to_csv(folder / "lesions.csv", index=False)
    words = ("--windows", "2", "--no-changes", "--no-pictures")
    assert predict.main([str(bundle), str(folder), "-o", str(out), *words]) in (0, 3)
    content: dict[str, Any] = json.loads((out / "predictions.json").read_text())
    return content


@pytest.mark.parametrize("field", FIELD_VALUES)
def test_a_field_that_is_used_changes_the_result_or_is_rejected(
    field: str, bundle: Path, cases: Path, tmp_path: Path
) -> None:
    row, value = table_case(field, cases, tmp_path / "cases")
    before, after = (
        by_table(bundle, tmp_path / "cases", tmp_path / name, changed)
        for name, changed in (("before", row), ("after", row | {field: value}))
    )
    assert after["not_used"] == []
    if field == "pixel_spacing":
        assert after["cases"][0]["error"].endswith(
            "a.dcm: pixel_spacing=0.3, but the header of the image states 0.512: leave pixel_spacing out, or view the "
            "image and correct its header"
        )
    else:
        assert before["cases"] != after["cases"]


def test_all_other_fields_are_said_not_to_be_used(bundle: Path, cases: Path, tmp_path: Path) -> None:
    """No input is ignored in silence: every other field that own tables may have, and one that they may not."""
    row, _ = table_case("", cases, tmp_path / "cases")
    others = [field for field in (*FIELDS, "shoe_size") if field not in FIELD_VALUES] + ["radius", "cy", "x2", "left"]
    before = by_table(bundle, tmp_path / "cases", tmp_path / "before", row)
    after = by_table(bundle, tmp_path / "cases", tmp_path / "after", row | dict.fromkeys(others, "x"))
    assert before["cases"] == after["cases"]
    assert after["not_used"] == [f"{field} (lesions.csv)" for field in others]


def by_coco(bundle: Path, folder: Path, out: Path, content: dict[str, Any]) -> dict[str, Any]:
    (folder / "coco.json").write_text(json.dumps(content))
    words = ("--windows", "2", "--no-changes", "--no-pictures")
    assert predict.main([str(bundle), str(folder / "coco.json"), "-o", str(out), *words]) in (0, 3)
    found: dict[str, Any] = json.loads((out / "predictions.json").read_text())
    return found


def coco_of(folder: Path, annotation: dict[str, Any]) -> dict[str, Any]:
    """A COCO file with a box on a.dcm, and further keys of its annotation."""
    header = pydicom.dcmread(folder / "a.dcm")
    image = {"id": 1, "file_name": "a.dcm", "height": int(header.Rows), "width": int(header.Columns)}
    box = {"id": 1, "image_id": 1, "bbox": [40, 150, 30, 30]}
    return {"images": [image], "annotations": [box | annotation]}


@pytest.mark.parametrize("nested", [False, True], ids=["own", "attributes"])
@pytest.mark.parametrize("field", ["lesion_id", "lesion", "laterality", "view", "pixel_spacing"])
def test_a_field_of_a_coco_file_that_is_used_changes_the_result_or_is_rejected(
    field: str, nested: bool, bundle: Path, cases: Path, tmp_path: Path
) -> None:
    _, value = table_case(field, cases, tmp_path / "cases")
    value = FIELD_VALUES[field] if value == "x" else value
    added = {"attributes": {field: value}} if nested else {field: value}
    before, after = (
        by_coco(bundle, tmp_path / "cases", tmp_path / name, coco_of(tmp_path / "cases", more))
        for name, more in (("before", {}), ("after", added))
    )
    assert before["not_used"] == after["not_used"] == []
    assert before["cases"] != after["cases"]


def test_all_other_keys_of_a_coco_file_are_said_not_to_be_used(bundle: Path, cases: Path, tmp_path: Path) -> None:
    """At every level: what the format has besides places, fields of own tables, and unknown keys."""
    table_case("", cases, tmp_path / "cases")
    before = by_coco(bundle, tmp_path / "cases", tmp_path / "before", coco_of(tmp_path / "cases", {}))
    others = [field for field in (*FIELDS, "shoe_size") if field not in FIELD_VALUES] + ["radius", "cy", "x2", "left"]
    own = {"category_id": 1, "iscrowd": 0, "mask": "mask.png", "laterality": ["L"], **dict.fromkeys(others, "x")}
    attributes = [{"name": "occluded", "value": False, "unit": 1}, {"name": "view", "value": ["CC"]}]
    content = coco_of(tmp_path / "cases", own | {"attributes": attributes})
    content["images"][0] |= {"license": 1, "laterality": "R"}
    after = by_coco(bundle, tmp_path / "cases", tmp_path / "after", content | {"info": {}, "categories": []})
    assert before["cases"] == after["cases"]
    keys = ["info", "categories", "images.license", "images.laterality", *(f"annotations.{key}" for key in own)]
    keys += [f"annotations.attributes.{key}" for key in ("occluded", "unit", "view")]
    assert after["not_used"] == [f"{key} (coco.json)" for key in keys]


@pytest.mark.parametrize("form", ["box", "circle", "polygon", "mask", "value of a mask", "segment", "bbox", "rle"])
def test_an_outline_of_most_of_its_image_is_rejected_as_by_an_ingest(
    form: str, bundle: Path, cases: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cases"
    table_case("", cases, folder)
    (folder / "b.dcm").unlink()
    header = pydicom.dcmread(folder / "a.dcm")
    rows, cols = int(header.Rows), int(header.Columns)
    most = np.zeros((rows, cols), np.uint8)
    most[: round(0.7 * rows)] = 1
    row = {
        "box": {"row0": 0, "row1": round(0.7 * rows), "col0": 0, "col1": cols},
        "circle": {"row": rows / 2, "col": cols / 2, "radius": rows / 2},
        "polygon": {"outline": f"0,0;0,{cols};{0.7 * rows},{cols};{0.7 * rows},0"},
        "mask": {"mask": "most.png"},
        "value of a mask": {"mask": "most.png", "segment": 1},
        "segment": {"mask": "most.dcm"},
    }
    cv2.imwrite(str(folder / "most.png"), most)
    write_segmentation(folder / "most.dcm", most[None] > 0, [header.SOPInstanceUID], [1])
    if form in row:
        (folder / "lesions.csv").write_text(pd.DataFrame([{"image": "a.dcm", "label": "M"} | row[form]]).to_csv())
    else:
        n_rows = round(0.7 * rows)
        outline = {"bbox": [0, 0, cols, n_rows]}
        if form == "rle":
            counts = [0, *[n_rows, rows - n_rows] * cols]
            outline |= {"segmentation": {"size": [rows, cols], "counts": counts}}  # type: ignore[dict-item]
        content = coco_of(folder, {"category_id": 1} | outline)
        (folder / "lesions.json").write_text(json.dumps(content | {"categories": [{"id": 1, "name": "malignant"}]}))
    with pytest.raises(MammoError, match=r"covers (the whole image|(more than half|70 %) of its image)"):
        read_own_tables(folder)
    content = predicted(bundle, folder, "-o", tmp_path / "out", status=3)
    assert scores(content) == []
    assert re.search(r"covers (the whole image|(more than half|70 %) of its image)", content["cases"][0]["error"])


def test_each_picture_is_drawn_once_for_all_outputs(
    bundle: Path, cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, seen = [], []

    def draw(*arguments: Any) -> Any:
        drawn.append(overlay_pixels(*arguments))
        return drawn[-1]

    def output(_: int, __: object, prediction: CasePrediction, pictures: Any) -> list[dict[str, str]]:
        seen.extend(pictures)
        return [{} for _ in prediction.lesions]

    monkeypatch.setattr("mammo.inference.prediction_run.overlay_pixels", draw)
    predictor = Predictor.load(bundle, PredictOptions(2, changes=False))
    found = predict_cases(predictor, read_cases([cases]), tmp_path, [case_pictures(tmp_path), output])
    files = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "pictures").iterdir())]
    assert len(drawn) == len(seen) == len(files) == found.n_lesions > 3
    assert all(one is other for one, other in zip(drawn, seen, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(drawn, files, strict=True))


def test_images_that_were_trained_on_have_a_warning(bundle: Path, trained_root: Path, tmp_path: Path) -> None:
    own, images = read_own_ids(trained_root / "store"), Manifest.load(trained_root / "store").images
    folder = tmp_path / "cases"
    shutil.copytree(trained_root / "dicom", folder)
    table = pd.read_csv(folder / "lesions.csv")
    split = {own[str(image)].path: row["split"] for image, row in images.iterrows()}
    chosen = pd.concat([table[table["image"].map(split) == name].head(2) for name in ("train", "val", "test")])
    chosen[["image", "mask"]].to_csv(folder / "lesions.csv", index=False)
    words = ("--windows", "2", "--no-changes", "--no-pictures")
    content = predicted(bundle, folder, "-o", tmp_path / "out", *words)
    seen = {
        Path(case["image"]).relative_to(folder).as_posix(): [SEEN in lesion["warnings"] for lesion in case["lesions"]]
        for case in content["cases"]
    }
    assert {image: set(each) for image, each in seen.items()} == {
        image: {split[image] in ("train", "val")} for image in chosen["image"]
    }


def test_a_folder_that_cannot_be_written_is_one_sentence(
    bundle: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    assert predict.main([str(bundle), str(image), "--box", "150,180,40,70", "-o", str(tmp_path / "file" / "out")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "file" in error


def test_a_header_that_claims_64_gb_is_one_sentence(bundle: Path, cases: Path, tmp_path: Path) -> None:
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    huge = pydicom.dcmread(image)
    huge.Rows, huge.Columns, huge.NumberOfFrames = 65535, 65535, 8
    huge.save_as(tmp_path / "huge.dcm")
    found = predicted(bundle, tmp_path / "huge.dcm", "--box", "150,180,40,70", "-o", tmp_path / "out", status=3)
    assert found["cases"][0]["lesions"] == []
    assert len(found["cases"][0]["error"]) > 20


def test_segments_of_another_image_are_not_drawn_on_this_one(
    bundle: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    header = pydicom.dcmread(image)
    shutil.copy(image, tmp_path / "a.dcm")
    mask = np.zeros((1, int(header.Rows), int(header.Columns)), bool)
    mask[:, 150:170, 60:80] = True
    write_segmentation(tmp_path / "seg.dcm", mask, ["1.2.3.4"], [1])
    other = pydicom.dcmread(tmp_path / "seg.dcm")
    del other.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    instance, series = pydicom.Dataset(), pydicom.Dataset()
    instance.ReferencedSOPInstanceUID, series.SeriesInstanceUID = "1.2.3.4", "1.2.3"
    series.ReferencedInstanceSequence = [instance]
    other.ReferencedSeriesSequence = [series]
    for number, segmentation in enumerate((pydicom.dcmread(tmp_path / "seg.dcm"), other)):
        segmentation.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
        words = ("--no-changes", "--no-pictures", "--windows", "2")
        out = tmp_path.parent / f"{tmp_path.name}-{number}"
        content = predicted(bundle, image, "--mask", tmp_path / "seg.dcm", "-o", out, *words, status=3)
        assert scores(content) == []
        content = predicted(bundle, tmp_path, "-o", Path(f"{out}-folder"), *words, status=3)
        assert scores(content) == []
        assert "names no image of the folder" in capsys.readouterr().out


def test_two_runs_into_one_folder_do_not_replace_one_another(
    bundle: Path, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mammo.io import file_lock

    with file_lock(tmp_path / ".lock", "another run"):
        assert predict.main([str(bundle), str(cases), "-o", str(tmp_path)]) == 2
    assert "another process holds" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_overwrite_removes_the_old_results_and_nothing_else(bundle: Path, cases: Path, tmp_path: Path) -> None:
    words = ("--windows", "2", "--no-changes")
    predicted(bundle, cases, "-o", tmp_path, *words)
    (tmp_path / "pictures" / "mine.png").write_text("kept")
    image = cases / pd.read_csv(cases / "lesions.csv")["image"][0]
    predicted(bundle, image, "--box", "150,180,40,70", "-o", tmp_path, "--overwrite", *words)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["case-0001-lesion-1.png", "mine.png"]
