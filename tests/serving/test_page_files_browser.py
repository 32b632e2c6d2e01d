"""Buttons that open files in a real browser: an image beside its prior, and outlines of a file.

Left out of make test; make test-browser runs it and needs Chromium.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from pydicom import dcmread
from pydicom.uid import generate_uid

from mammo.intake.gate import presentation_values
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from tests.intake.segmentation_object import write_segmentation
from tests.reporting.browser import Tab
from tests.serving.page_cases import Served, fresh_fork_server
from tests.serving.page_tab import (
    STATE,
    area_means,
    canvas_of,
    choose_files,
    drag,
    fitted,
    on_screen,
    open_exam,
    open_file,
    place_of,
    press,
    press_score,
    settle,
)

pytestmark = pytest.mark.browser

CURRENT, PRIOR = "PHANTOM-0001/R-MLO.dcm", "earlier/R-MLO.dcm"
BOX = (150, 180, 170, 190)
"""First and behind last row and column of the outline that files have."""

ABOUT = "document.getElementById('outline-about').textContent"
MESSAGE = "document.getElementById('message').textContent"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A phantom patient, and an earlier exam with one image, which is upside down to be known by its pixels."""
    root = tmp_path_factory.mktemp("page")
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root, processes=1)
    dataset = dcmread(root / CURRENT)
    dataset.StudyInstanceUID, dataset.StudyDate = generate_uid(), "20190101"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PixelData = dataset.pixel_array[::-1].tobytes()
    (root / PRIOR).parent.mkdir()
    dataset.save_as(root / PRIOR)
    with fresh_fork_server():
        yield root


def is_shown(tab: Tab, values: Any, pane: int) -> bool:
    """Whether a pane shows these values, fitted with the chest wall on its right."""
    shown = canvas_of(tab, pane)
    scale, row, col = fitted(values.shape, shown.shape[1], shown.shape[0], "right")
    expected = np.nan_to_num(area_means(values, (row, col), scale, shown.shape))
    return bool(np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.99)


def test_an_image_opens_beside_its_prior(tab: Tab, folder: Path, server: Served) -> None:
    """The prior on the left, the image on the right and active; what was open is closed."""
    open_exam(tab, CURRENT)
    assert len(server.page.images._images) == 4
    tab.run("document.getElementById('prior').click()")
    tab.wait("[...document.querySelectorAll('.pane .label')].map((one) => one.textContent).join() === 'R MLO,R MLO'")
    tab.wait("!document.getElementById('about').textContent.startsWith('Opening')")
    for pane, name in enumerate((PRIOR, CURRENT)):
        assert is_shown(tab, presentation_values(folder, name), pane), name
    assert not is_shown(tab, presentation_values(folder, CURRENT), 0)
    panes = "[...document.querySelectorAll('.pane')]"
    assert tab.run(f"{panes}.map((one) => one.classList.contains('active'))") == [False, True]
    assert len(server.page.images._images) == 2
    left, top, width, height = place_of(tab, 1)
    tab.run("document.querySelector('[data-tool=box]').click()")
    drag(tab, (left + width * 0.7, top + height * 0.4), (left + width * 0.8, top + height * 0.5))
    press_score(tab)
    assert tab.run(f"{panes}.map((one) => one.querySelectorAll('.outline').length)") == [0, 1]
    scored = {image.name: image.last.number if image.last else 0 for image in server.page.images._images.values()}
    assert scored == {PRIOR: 0, CURRENT: 1}


def test_a_file_of_another_exam_opens_alone_and_what_is_drawn_is_asked_for(
    tab: Tab, folder: Path, server: Served
) -> None:
    """The exam and its outline stay where the reader keeps them; every image has its name."""
    open_exam(tab, CURRENT)
    files = "[...document.querySelectorAll('.pane .file')].map((one) => one.textContent)"
    assert tab.run(files) == [f"PHANTOM-0001/{name}.dcm" for name in ("R-CC", "L-CC", "R-MLO", "L-MLO")]
    marked = "[...document.getElementById('files').options].filter((one) => one.text.startsWith('\u25b6')).length"
    assert tab.run(marked) == 4
    assert CURRENT in tab.run("document.getElementById('files').selectedOptions[0].text")
    left, top, width, height = place_of(tab, 2)
    tab.run("document.querySelector('[data-tool=box]').click()")
    drag(tab, (left + width * 0.7, top + height * 0.4), (left + width * 0.8, top + height * 0.5))
    press_score(tab)
    for answer, names in (("keep", None), ("go-on", ["R-MLO.dcm"])):
        choose_files(tab, "file", [folder / PRIOR])
        tab.wait("document.getElementById('ask').open")
        assert CURRENT in tab.run("document.getElementById('ask-text').textContent")
        tab.run(f"document.getElementById('ask-{answer}').click()")
        tab.wait("!/^Opening/.test(document.getElementById('about').textContent)")
        settle(tab)
        n_left = tab.run("document.querySelectorAll('.pane .outline').length")
        assert (len(tab.run(files)), n_left) == ((4, 1) if names is None else (1, 0))
    assert tab.run(files) == names
    assert is_shown(tab, presentation_values(folder, PRIOR), 0) is False  # one image alone is centered
    assert tab.run(marked) == 0
    tab.wait("true")
    assert len(server.page.images._images) == 1


def test_an_image_without_a_prior_has_no_button_for_it(tab: Tab) -> None:
    for name, is_disabled in ((PRIOR, True), ("PHANTOM-0001/L-CC", True), (CURRENT, False)):
        open_file(tab, name)
        assert tab.run("document.getElementById('prior').disabled") is is_disabled, name


def write_outlines(path: Path, shape: tuple[int, int], uid: str) -> None:
    """Write BOX on the image CURRENT to a table, a COCO file or a segmentation, by the suffix."""
    row0, row1, col0, col1 = BOX
    if path.suffix == ".csv":
        path.write_text(f"image,lesion_id,row0,row1,col0,col1\n{CURRENT},lesion a,{row0},{row1},{col0},{col1}\n")
    elif path.suffix == ".json":
        image = {"id": 1, "file_name": CURRENT, "width": shape[1], "height": shape[0]}
        annotation = {"id": 7, "image_id": 1, "bbox": [col0, row0, col1 - col0, row1 - row0]}
        path.write_text(json.dumps({"images": [image], "annotations": [annotation]}))
    else:
        mask = np.zeros((1, *shape), np.bool_)
        mask[0, row0:row1, col0:col1] = True
        write_segmentation(path, mask, [uid], [1])


def drawn_box(tab: Tab, shape: tuple[int, int]) -> list[float]:
    """First and last row and column of the outline on the screen, px of the image."""
    path = tab.run("document.querySelector('.pane .outline').getAttribute('d')")
    left, top, _, _ = place_of(tab)
    at = on_screen(tab, shape)
    numbers = [float(one) for one in re.findall(r"-?[\d.]+", path)]
    points = np.array([at(x + left, y + top) for x, y in zip(numbers[::2], numbers[1::2], strict=True)])
    low, high = points.min(axis=0), points.max(axis=0)
    return [low[0], high[0], low[1], high[1]]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".dcm"])
@pytest.mark.parametrize("is_listed", [True, False])
def test_outlines_of_a_file_are_shown_where_they_lie_and_scored(
    tab: Tab, folder: Path, tmp_path: Path, suffix: str, is_listed: bool
) -> None:
    shape = presentation_values(folder, CURRENT).shape
    write_outlines(tmp_path / f"mine{suffix}", shape, str(dcmread(folder / CURRENT).SOPInstanceUID))
    assert tab.run("document.getElementById('outlines').disabled")
    if is_listed:
        open_file(tab, CURRENT)
    else:
        choose_files(tab, "file", [folder / CURRENT])
        tab.wait(f"/true pixels/.test({STATE})")
    n_known = tab.run("document.getElementById('known-list').options.length - 1") if is_listed else 0
    choose_files(tab, "outlines", [tmp_path / f"mine{suffix}"])
    tab.wait(f"/as in its file/.test({ABOUT})")
    settle(tab)
    assert drawn_box(tab, shape) == pytest.approx(BOX, abs=0.5 / fitted(shape, *place_of(tab)[2:])[0])
    chosen = "document.getElementById('known-list').selectedOptions[0].text"
    assert tab.run(ABOUT).startswith(tab.run(chosen))
    assert press_score(tab)["outline"] == {"known": n_known}
    assert "600 pixels lie inside the outline" in tab.run("document.getElementById('answer-text').innerText")
    tab.run("document.querySelector('.pane').focus()")
    press(tab, "z")
    settle(tab)
    assert tab.run("document.querySelectorAll('.outline').length") == 0
    assert tab.run(chosen) == "choose"


def test_a_file_that_has_no_outline_of_the_image_is_a_sentence_and_another_can_be_loaded(
    tab: Tab, folder: Path, tmp_path: Path
) -> None:
    file, shape = tmp_path / "mine.csv", presentation_values(folder, CURRENT).shape
    file.write_text("image,row0,row1,col0,col1\nother.dcm,1,9,1,9\n")
    open_file(tab, CURRENT)
    choose_files(tab, "outlines", [file])
    tab.wait(f"/names no image/.test({MESSAGE})")
    assert tab.run(ABOUT).startswith("None yet")
    write_outlines(file, shape, "")
    choose_files(tab, "outlines", [file])  # the same name again
    tab.wait(f"/as in its file/.test({ABOUT})")
    assert tab.run("document.getElementById('message').hidden")
    tab.errors.clear()  # Chromium logs every answer of status 422


def state_breast_and_view(tab: Tab, laterality: str, view: str) -> None:
    tab.run(f"document.getElementById('laterality').value = '{laterality}'")
    tab.run(f"document.getElementById('view').value = '{view}'")


def test_a_stated_breast_holds_for_one_file_or_for_several_only_where_the_reader_says_so(
    tab: Tab, folder: Path, tmp_path: Path, server: Served
) -> None:
    """A file whose header states another breast is not opened in any case."""
    picture = tmp_path / "a.png"
    values = presentation_values(folder, "PHANTOM-0001/L-CC.dcm")
    Image.fromarray((values * 16).astype(np.uint16)).save(picture)
    files = "[...document.querySelectorAll('.pane .file')].map((one) => one.textContent).filter(Boolean)"
    chosen = "['laterality', 'view', 'spacing'].map((id) => document.getElementById(id).value)"
    state_breast_and_view(tab, "L", "CC")
    choose_files(tab, "file", [picture, folder / CURRENT])
    tab.wait("document.getElementById('ask').open")
    assert "the left breast and CC, but opened 2 files" in tab.run("document.getElementById('ask-text').textContent")
    tab.run("document.getElementById('ask-keep').click()")
    tab.wait("!document.getElementById('ask').open")
    settle(tab)
    assert (tab.run(files), server.page.images._images) == ([], {})
    choose_files(tab, "file", [picture, folder / CURRENT])
    tab.wait("document.getElementById('ask').open")
    tab.run("document.getElementById('ask-go-on').click()")
    tab.wait(f"/R-MLO.dcm: .*ou chose the breast L, but the header of the file states R/.test({MESSAGE})")
    (image,) = (one.image for one in server.page.images._images.values())
    assert (image.laterality, image.view) == ("L", "CC")
    assert tab.run(chosen) == ["L", "CC", ""], "what could not be opened can be corrected"
    choose_files(tab, "file", [picture])
    tab.wait(f"document.getElementById('message').hidden && {chosen}.join('') === ''")
    choose_files(tab, "file", [picture])
    tab.wait(f"/a.png: .*does not state the breast/.test({MESSAGE})")
    tab.errors.clear()  # Chromium logs every answer of status 422
