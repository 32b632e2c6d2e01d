"""An imitation of mini-MIAS in Info.txt's own form, and the real films where MAMMO_MINI_MIAS names their folder."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Frame
from mammo.intake.adapters.mias import read
from mammo.intake.frames import place
from mammo.intake.rejections import Code
from mammo.intake.stored_shape import stored_values
from mammo.records import Cohort, Finding, LabelSource, Laterality, MammoError, Pathology, View

ROWS = """\
This is the list of films.  mdb322 is the last one.
\t5th,6th columns: x,y image-coordinates of an abnormality.

mdb001 G CIRC B 30 20 10
mdb002 G NORM
mdb003 D CALC M *NOTE 3*\x20
mdb004 D NORM
mdb005 F MISC B 70 90 12
mdb005 F SPIC M 75 5 8
mdb006 F NORM
mdb007 F NORM
"""

SHAPE = (100, 80)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six films of 100 x 80 px; the seventh of the list is missing."""
    (tmp_path / "Info.txt").write_text(ROWS, encoding="latin-1", newline="\r\n")
    for number in range(1, 7):
        cv2.imwrite(str(tmp_path / f"mdb{number:03d}.pgm"), np.full(SHAPE, 100 + number, np.uint8))
    return tmp_path


def test_odd_films_are_left_breasts_and_successive_films_one_patient(films: Path) -> None:
    cohort = read(films)
    assert [(image.path, image.patient_key, image.laterality) for image in cohort.images] == [
        ("mdb001.pgm", "001", Laterality.LEFT),
        ("mdb002.pgm", "001", Laterality.RIGHT),
        ("mdb003.pgm", "002", Laterality.LEFT),
        ("mdb004.pgm", "002", Laterality.RIGHT),
        ("mdb005.pgm", "003", Laterality.LEFT),
        ("mdb006.pgm", "003", Laterality.RIGHT),
        ("mdb007.pgm", "004", Laterality.LEFT),
    ]
    assert {image.view for image in cohort.images} == {View.MLO}
    assert cohort.images[-1].code == Code.MISSING


def test_a_circle_counts_y_from_the_bottom_and_is_clipped_to_its_film(films: Path) -> None:
    lesions = {lesion.lesion_key: lesion for lesion in read(films).lesions}
    first, inside, clipped = (lesions[key] for key in ("mdb001_1", "mdb005_1", "mdb005_2"))
    # y 20 from the bottom of 100 rows is row 79, whose center is at 79.5
    assert (first.box.row0 + first.box.row1, first.box.col0 + first.box.col1) == (159, 61)
    assert first.mask.sum() == pytest.approx(np.pi * 10**2, rel=0.02)
    assert (inside.label, clipped.label) == (Pathology.BENIGN, Pathology.MALIGNANT)
    assert (clipped.box.row1, clipped.box.col1) == SHAPE
    assert {lesion.label_source for lesion in lesions.values()} == {LabelSource.UNKNOWN}


def test_only_normal_films_are_negative_and_a_finding_without_a_place_keeps_its_label(films: Path) -> None:
    cohort = read(films)
    assert [image.path for image in cohort.images if image.negative] == [
        "mdb002.pgm",
        "mdb004.pgm",
        "mdb006.pgm",
        "mdb007.pgm",
    ]
    assert cohort.findings == (Finding("mdb003.pgm", Pathology.MALIGNANT, LabelSource.UNKNOWN),)


@pytest.mark.parametrize("row", ["mdb008 G LUMP B 3 4 5", "mdb008 G CIRC B 3 4", "mdb008 X NORM"])
def test_a_row_of_another_form_is_named(films: Path, row: str) -> None:
    (films / "Info.txt").write_text(f"{ROWS}{row}\n", encoding="latin-1")
    with pytest.raises(MammoError, match=rf"Info\.txt: '{row}' is not a row as in mdb001 G CIRC B 535 425 197"):
        read(films)


def test_a_film_without_a_row_is_rejected_and_a_folder_without_films_named(films: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(films / "mdb300.pgm"), np.full(SHAPE, 90, np.uint8))
    assert [image.code for image in read(films).images if image.path == "mdb300.pgm"] == [Code.NOT_DESCRIBED]
    other = tmp_path / "other"
    other.mkdir()
    (other / "Info.txt").write_text(ROWS, encoding="latin-1")
    with pytest.raises(MammoError, match=r"contains no film mdb001\.pgm to mdb322\.pgm: set data\.source"):
        read(other)


@pytest.fixture(scope="module")
def real() -> tuple[Path, Cohort]:
    """The real films."""
    folder = os.environ.get("MAMMO_MINI_MIAS")
    if not folder:
        pytest.skip("MAMMO_MINI_MIAS names no folder of real films")
    return Path(folder), read(Path(folder))


def test_the_real_list_has_the_published_numbers(real: tuple[Path, Cohort]) -> None:
    _, cohort = real
    found = {count.what: (count.found, count.published) for count in cohort.counts}
    described = [image for image in cohort.images if image.code != Code.MISSING]
    assert found["films"] == (len(described), 322)
    assert len(cohort.images) == 322
    assert {image.path for image in cohort.images if image.path in {f.path for f in cohort.findings}} <= {
        f"mdb{number:03d}.pgm" for number in (59, 216, 233, 245)
    }


def test_real_circles_lie_on_tissue_only_if_y_counts_from_the_bottom(real: tuple[Path, Cohort]) -> None:
    root, cohort = real
    inside, mirrored = [], []
    for lesion in cohort.lesions[:40]:
        film = stored_values(root, lesion.path)
        rows, box = lesion.mask.shape[0], lesion.box
        inside.append(film[box.row0 : box.row1, box.col0 : box.col1][lesion.mask].mean())
        top = film.shape[0] - box.row1
        mirrored.append(film[top : top + rows, box.col0 : box.col1][lesion.mask].mean())
    assert np.mean(inside) > np.mean(mirrored) + 20


def test_real_films_that_show_a_side_face_as_the_list_says(real: tuple[Path, Cohort]) -> None:
    root, cohort = real
    for image in [image for image in cohort.images if not image.code][:24]:
        assert image.laterality
        assert image.view
        values = (stored_values(root, image.path).astype(np.uint16) * 16).astype(np.uint16)
        chain = place(values, image.laterality, image.view, Frame(1472, 960, 32), 1.0, check_side=False).chain
        assert chain.mirrored == image.faces_left
