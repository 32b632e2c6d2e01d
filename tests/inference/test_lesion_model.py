"""One lesion from Python has the score of the same lesion in a store, whichever way image and outline are given."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from skimage.draw import disk

import mammo
from mammo.inference.ensemble import Ensemble
from mammo.inference.scorer import Scorer
from mammo.inference.store_scores import StoreScores, score_store
from mammo.intake.presentation import presentation
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.training.results import read_run
from tests.quick_training import rewrite_result

ROUNDING = 1e-8
"""How far scores differ by the last bits of S, which depend on whether images pass the network alone or together."""


@pytest.fixture(scope="module")
def model(fagg: Path) -> mammo.LesionModel:
    return mammo.load(fagg)


@pytest.fixture(scope="module")
def scores(fagg: Path, trained_root: Path) -> StoreScores:
    return score_store(Ensemble.load(fagg), trained_root / "store", 100)


class Known:
    """A lesion of the store, with its file, its outline over the whole file, and its score there."""

    def __init__(self, root: Path, scores: StoreScores, number: int) -> None:
        row = scores.table.iloc[number]
        manifest = Manifest.load(root / "store")
        self.score, self.sd = row["score"], row["score_sd"]
        self.windows = scores.windows(row["lesion_id"])
        self.laterality, self.view = row["laterality"], row["view"]
        self.path = root / "dicom" / read_own_ids(root / "store")[row["lesion_id"]].path
        self.chain = manifest.chain(row["image_id"])
        mask, self.box = manifest.outline(row["lesion_id"])
        self.mask = np.zeros(self.chain.stored_shape, dtype=np.bool_)
        self.mask[self.box.row0 : self.box.row1, self.box.col0 : self.box.col1] = mask


@pytest.fixture(scope="module", params=[0, 12], ids=["first", "another"])
def known(request: pytest.FixtureRequest, trained_root: Path, scores: StoreScores) -> Known:
    return Known(trained_root, scores, request.param)


@pytest.fixture(scope="module")
def first(trained_root: Path, scores: StoreScores) -> Known:
    return Known(trained_root, scores, 0)


def shown(path: Path) -> NDArray[np.uint16]:
    """The gray values of a DICOM file as a viewer shows them."""
    return presentation(pydicom.dcmread(path)).values


def test_the_score_is_that_of_the_store(model: mammo.LesionModel, known: Known, tmp_path: Path) -> None:
    sides: dict[str, Any] = {"laterality": known.laterality, "view": known.view}
    png = tmp_path / "image.png"
    cv2.imwrite(str(png), shown(known.path))
    found = [
        model.score(known.path, known.mask),
        model.score(str(known.path), known.mask, **sides),
        model.score(pydicom.dcmread(known.path), known.mask),
        model.score(shown(known.path), known.mask, **sides),
        model.score(png, known.mask, **sides),
    ]
    for one in found:
        assert (one.score, one.score_sd) == pytest.approx((known.score, known.sd), abs=ROUNDING)
        assert (one.score, one.score_sd) == (found[0].score, found[0].score_sd)
        assert known.windows is not None
        assert np.array_equal(one.windows, known.windows.windows)
        assert one.window_scores.mean() == pytest.approx(one.score, abs=1e-12)
        assert one.saliency is not None
        assert one.saliency.shape == (2, 46, 30)
        assert np.array_equal(one.saliency, found[0].saliency)


def test_equivalent_outlines_have_the_same_score(model: mammo.LesionModel, first: Known) -> None:
    box, mask = first.box, np.zeros_like(first.mask)
    mask[box.row0 : box.row1, box.col0 : box.col1] = True
    corners = [(box.row0, box.col0), (box.row0, box.col1), (box.row1, box.col1), (box.row1, box.col0)]
    scores = {model.score(first.path, each).score for each in (box, mask, corners, np.array(corners, dtype=float))}
    assert len(scores) == 1
    center, radius = ((box.row0 + box.row1) / 2, (box.col0 + box.col1) / 2), 9.0
    mask = np.zeros_like(first.mask)
    mask[disk((center[0] - 0.5, center[1] - 0.5), radius + 1e-6, shape=mask.shape)] = True
    round_ones = {model.score(first.path, each).score for each in (mammo.Circle(*center, radius), mask)}
    assert len(round_ones) == 1
    assert round_ones != scores


def test_windows_are_where_the_outline_is_in_the_file(model: mammo.LesionModel, known: Known) -> None:
    corners = model.score(known.path, known.mask).corners
    assert corners.shape == (100, 4, 2)
    low, high = corners.min(axis=1), corners.max(axis=1)
    rows, cols = np.nonzero(known.mask)
    inside = [
        ((rows + 1 > top) & (rows < bottom) & (cols + 1 > left) & (cols < right)).any()
        for (top, left), (bottom, right) in zip(low, high, strict=True)
    ]
    assert all(inside)


def test_several_lesions_of_an_image_cost_one_pass_of_the_context_network(
    model: mammo.LesionModel, first: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    whole = Scorer.saliency
    monkeypatch.setattr(Scorer, "saliency", lambda *arguments: passes.append(1) or whole(*arguments))  # type: ignore[func-returns-value]
    fresh = mammo.LesionModel(model.ensemble, model.placing)
    scores = [fresh.score(first.path, first.mask).score for _ in range(2)]
    fresh.score(first.path, first.box)
    assert len(passes) == 1
    assert scores == pytest.approx([first.score] * 2, abs=ROUNDING)


def test_what_makes_a_score_doubtful_is_said(model: mammo.LesionModel, first: Known) -> None:
    assert any("phantoms" in warning for warning in model.score(first.path, first.mask).warnings)
    rows, cols = first.chain.stored_shape
    beyond = mammo.Box(first.box.row0, rows + 50, first.box.col0, first.box.col1)
    assert any("beyond the image" in warning for warning in model.score(first.path, beyond).warnings)
    far = cols - 6 if first.laterality == "L" else 2
    in_air = model.score(first.path, mammo.Box(rows // 2, rows // 2 + 4, far, far + 4)).warnings
    assert "The outline lies outside the breast." in in_air, "also where it lies outside the network window"
    assert not any("outside the breast" in warning for warning in model.score(first.path, first.mask).warnings)
    flagged = model.score(4095 - shown(first.path), first.mask, first.laterality, first.view)
    assert flagged.score == pytest.approx(first.score, abs=ROUNDING), "an inverted image is turned around"
    assert any("inverted" in warning for warning in flagged.warnings)


def test_an_image_of_another_resolution_is_said_with_the_scale_that_fits(
    model: mammo.LesionModel, first: Known
) -> None:
    def doubts(image: NDArray[np.uint16], mask: NDArray[np.bool_]) -> list[str]:
        found = model.score(image, mask, first.laterality, first.view).warnings
        return [warning for warning in found if "resolution" in warning]

    finer = [np.repeat(np.repeat(array, 4, axis=0), 4, axis=1) for array in (shown(first.path), first.mask)]
    assert not doubts(shown(first.path), first.mask)
    (doubt,) = doubts(*finer)
    fitting = float(doubt.split("scale=")[1].split()[0])
    scaled = mammo.LesionModel(model.ensemble, replace(model.placing, scale=fitting))
    assert not any("resolution" in warning for warning in scaled.score(*finer, first.laterality, first.view).warnings)
    coarser = shown(first.path)[::3, ::3].copy(), first.mask[::3, ::3].copy()
    assert len(doubts(*coarser)) == 1


def test_wrong_images_and_outlines_are_errors(model: mammo.LesionModel, first: Known, tmp_path: Path) -> None:
    pixels, other = shown(first.path), {"L": "R", "R": "L"}[first.laterality]
    sides: dict[str, Any] = {"laterality": first.laterality, "view": first.view}
    blank = pydicom.dcmread(first.path)
    del blank.PixelData
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (first.path, first.mask, {"laterality": other}, rf"laterality={other}, but the header of the image states"),
        (pixels, first.mask, {"view": first.view}, r"pass laterality='L' or 'R'"),
        (pixels, first.mask, {"laterality": first.laterality}, r"pass view='CC' or 'MLO'"),
        (pixels[:, ::-1].copy(), first.mask, sides, r"on the side of the image where the other breast would be"),
        (pixels, first.mask, sides | {"laterality": other}, r"on the side of the image where the other breast"),
        (pixels.astype(float), first.mask, sides, r"array of float64 .*: give gray values uint16"),
        (pixels + np.uint16(4000), first.mask, sides, r"0 to 4095"),
        (7, first.mask, {}, r"^image: got int: give the path"),
        (tmp_path / "none.dcm", first.mask, {}, r"none\.dcm: no such file"),
        (tmp_path, first.mask, {}, r"is a folder: give the path of one DICOM, PNG or TIFF file"),
        (blank, first.mask, {}, r"^image: no pixel data"),
        (first.path, first.mask, {"laterality": "left"}, r"laterality='left'.*: give L or R"),
        (first.path, first.mask[1:], {}, r"the mask has shape .* but the image"),
        (first.path, np.zeros_like(first.mask), {}, r"covers no pixel"),
        (first.path, (1, 2, 3, 4), {}, r"is no outline: give mammo\.Box\(row0, row1, col0, col1\)"),
        (first.path, mammo.Circle(5, 5, -1), {}, r"Circle\(row=5, col=5, radius=-1\).*image as a viewer shows it"),
        (first.path, mammo.Box(99999, 100000, 0, 5), {}, r"mostly outside its image"),
        (first.path, mammo.Box(0, 99999, 0, 99999), {}, r"mostly outside its image"),
        (first.path, mammo.Box(0, 1, 0, 1), {}, r"are fractions of the image"),
        (first.path, np.ones_like(first.mask), {}, r"covers more than half of its image"),
    ]
    for image, outline, words, message in cases:
        with pytest.raises(mammo.MammoError, match=message):
            model.score(image, outline, **words)


def test_a_run_that_scores_no_lesions_is_an_error(trained_root: Path, tmp_path: Path) -> None:
    (context,) = trained_root.glob("runs/context-*")
    for folder in (context, tmp_path):
        with pytest.raises(mammo.MammoError, match="is not the folder of a finished f_agg or f_loc run"):
            mammo.load(folder)


def test_f_loc_scores_too_and_a_lesion_is_drawn(trained_root: Path, first: Known) -> None:
    (floc,) = trained_root.glob("runs/floc-*")
    model = mammo.load(floc)
    scores = score_store(model.ensemble, trained_root / "store", 100)
    found = model.score(first.path, first.mask)
    assert found.score == scores.table["score"][0]
    assert found.saliency is None
    figure = model.figure(first.path, first.mask)
    assert f"score {found.score:.3f}" in figure.get_suptitle(), "the score of all windows"


def test_a_figure_shows_the_image_as_a_viewer_shows_its_file(model: mammo.LesionModel, known: Known) -> None:
    whole, _, *patches = model.figure(known.path, known.mask).axes
    file = shown(known.path)
    (row, col), value = np.argwhere(known.mask).mean(axis=0).round().astype(int), whole.images[0].get_array()
    network = known.chain.stored_to_network(np.array([[row + 0.5, col + 0.5]]))[0]
    assert value[tuple(network.astype(int))] == pytest.approx(float(file[row, col]), abs=1)
    left, right = (whole.transData.transform((edge, 0))[0] for edge in (0, value.shape[1]))
    assert (left > right) == known.chain.mirrored
    assert all(axes.get_title().endswith(" mm") for axes in patches[:10])


def as_root(trained_root: Path, folder: Path, *scales: float | str) -> Path:
    """The f_agg run and those that it reads, beside a store header with sources of these scales; without any, none."""
    shutil.copytree(trained_root / "runs", folder / "runs")
    (run,) = folder.glob("runs/fagg-*")
    if scales:
        header = json.loads((trained_root / "store" / "store.json").read_text())
        header["sources"] = [{**header["sources"][0], "name": f"s{n}", "scale": s} for n, s in enumerate(scales)]
        header.pop("seal")
        (folder / "store").mkdir()
        (folder / "store" / "store.json").write_text(json.dumps(header))
        rewrite_result(run, scale=None)
    else:
        config = (run / "config.yaml").read_text()
        (run / "config.yaml").write_text(config.replace(str(trained_root / "store"), str(folder / "gone")))
        rewrite_result(run, scale=None)
    return run


def test_images_are_scaled_as_the_images_of_training_were(trained_root: Path, tmp_path: Path) -> None:
    model = mammo.load(as_root(trained_root, tmp_path / "one", 0.125))
    assert (model.placing.scale, model.placing.options.spacing_mm) == (0.125, None)
    model = mammo.load(as_root(trained_root, tmp_path / "auto", "auto, to 0.56 mm"))
    assert model.placing.options.spacing_mm == 0.56
    one_of_two = as_root(trained_root, tmp_path / "one of two", 0.914, "auto, to 0.56 mm")
    for scale in (None, "auto"):
        placing = mammo.load(one_of_two, scale=scale).placing
        assert (placing.options.spacing_mm, placing.scale) == (0.56, 1 / 8)
    mixed, gone = as_root(trained_root, tmp_path / "mixed", 1.0, 0.5), as_root(trained_root, tmp_path / "gone")
    with pytest.raises(mammo.MammoError, match=r"several scales \(s0: 1\.0, s1: 0\.5\): give scale="):
        mammo.load(mixed)
    with pytest.raises(mammo.MammoError, match=r"several scales \(s0: 1\.0, s1: 0\.5\): give scale="):
        mammo.load(mixed, scale="auto")
    with pytest.raises(mammo.MammoError, match=r"^scale='auto', but fagg-.* was trained on .*data\.scale=0\.125"):
        mammo.load(as_root(trained_root, tmp_path / "number", 0.125), scale="auto")
    two = as_root(trained_root, tmp_path / "two", "auto, to 0.56 mm", "auto, to 0.5 mm")
    with pytest.raises(mammo.MammoError, match=r"several scales \(s0: auto, to 0\.56 mm, s1: auto, to 0\.5 mm\)"):
        mammo.load(two, scale="auto")
    with pytest.raises(mammo.MammoError, match=r"no store at .*gone.*: give scale="):
        mammo.load(gone)
    for scale in (0.125, "auto, to 0.56 mm"):
        rewrite_result(gone, scale=scale)
        own = mammo.load(gone).placing
        assert (own.options.spacing_mm or own.scale) == (0.56 if isinstance(scale, str) else scale)
    assert mammo.load(gone, scale=0.5).placing.scale == 0.5
    with pytest.raises(mammo.MammoError, match=r"^scale=0: give a number from 0\.01 to 16"):
        mammo.load(gone, scale=0)


def test_a_run_keeps_the_scale_of_its_store(trained_root: Path) -> None:
    (run,) = trained_root.glob("runs/fagg-*")
    assert [source.scale for source in Manifest.load(trained_root / "store").sources] == [read_run(run).scale]


def test_an_image_without_a_spacing_is_scaled_by_the_one_that_is_given(
    trained_root: Path, tmp_path: Path, first: Known
) -> None:
    model = mammo.load(as_root(trained_root, tmp_path, "auto, to 0.56 mm"))
    pixels, sides = shown(first.path), {"laterality": first.laterality, "view": first.view}
    for spacing, scale in ((0.56, 1), (0.28, 0.5)):
        assert model.score(pixels, first.mask, n_windows=1, pixel_spacing=spacing, **sides).chain.scale == scale
    with pytest.raises(mammo.MammoError, match=r"^image: no pixel spacing .*: pass pixel_spacing="):
        model.score(pixels, first.mask, **sides)
    with pytest.raises(mammo.MammoError, match=r"^pixel_spacing=56: give mm, above 0 and at most 1"):
        model.score(pixels, first.mask, pixel_spacing=56, **sides)


def test_an_image_that_is_upside_down_by_its_header_gives_a_warning(model: mammo.LesionModel, first: Known) -> None:
    header = pydicom.dcmread(first.path)
    known = model.score(header, first.box, n_windows=1)
    rows, cols = header.PatientOrientation
    header.PatientOrientation = [rows, cols.translate(str.maketrans("FLR", "HRL"))]
    (warning,) = set(model.score(header, first.box, n_windows=1).warnings) - set(known.warnings)
    assert warning.startswith("The image is flagged upside_down: upside down by Patient Orientation (0020,0020)")
    assert model.score(header, first.box, n_windows=1).score == known.score, "outlines stay on the pixels of the file"


def test_an_outline_of_most_of_the_breast_gives_a_warning(model: mammo.LesionModel, first: Known) -> None:
    breast = first.chain.breast
    cols = (breast.col0, breast.col0 + breast.width // 2)
    if first.chain.mirrored:
        cols = (first.mask.shape[1] - cols[1], first.mask.shape[1] - cols[0])
    found = model.score(first.path, mammo.Box(breast.row0, breast.row1, *cols), n_windows=1)
    (warning,) = (warning for warning in found.warnings if "of the breast: check" in warning)
    assert 50 < int(warning.split("covers ")[1].split("%")[0]) < 90
    assert not any("of the breast: check" in each for each in model.score(first.path, first.mask, n_windows=1).warnings)


@pytest.mark.parametrize("n_windows", [0, -1, 1.5, "7", None, True, float("nan")])
def test_the_number_of_windows_is_a_whole_number(model: mammo.LesionModel, first: Known, n_windows: Any) -> None:
    with pytest.raises(mammo.MammoError, match=r"^n_windows=.*: give a whole number of at least 1"):
        model.score(first.path, first.box, n_windows=n_windows)
