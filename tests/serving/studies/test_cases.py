"""Cases of a study: which lesions, and pixels and outline as they lie in the file."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.records import MammoError
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.settings import Settings
from mammo.store.image_store import ImageStore
from tests.serving.studies.study_cases import BREAST, MASK, OUTLINE, SHAPE, write_store, write_study


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("cases") / "store", 9, n_patients=4)


def cases_of(folder: Path, store: Path, /, **changes: object) -> StudyCases:
    return StudyCases.of(Settings.read(write_study(folder, store, **changes)))


@pytest.mark.parametrize("case", [0, 1])
def test_pixels_and_outline_lie_as_in_the_file(tmp_path: Path, store: Path, case: int) -> None:
    """The second case is of a right breast, which the store holds mirrored."""
    shown = cases_of(tmp_path, store).shown(case)
    stored = ImageStore(store).read(f"zzimage{case}", Box(0, BREAST.height, 0, BREAST.width))
    file = np.zeros(SHAPE, np.uint16)  # mirrored, where it is
    file[BREAST.row0 : BREAST.row1, BREAST.col0 : BREAST.col1] = stored
    file = file[:, ::-1] if case else file
    col0 = SHAPE[1] - BREAST.col1 if case else BREAST.col0
    assert np.array_equal(shown.values, file[BREAST.row0 : BREAST.row1, col0 : col0 + BREAST.width])
    packed = np.frombuffer(gzip.decompress(shown.packed()), "<u2").reshape(shown.values.shape)
    assert np.array_equal(packed, shown.values)
    corners = np.array(shown.outline) + np.array([BREAST.row0, col0])
    low, high = corners.min(axis=0), corners.max(axis=0)
    assert [*low, *high] == pytest.approx([OUTLINE.row0, OUTLINE.col0, OUTLINE.row1, OUTLINE.col1], abs=0.51)
    (rows, cols), (next_rows, next_cols) = corners.T, np.roll(corners, -1, axis=0).T
    assert abs((rows * next_cols - next_rows * cols).sum()) / 2 == pytest.approx(MASK.sum(), rel=0.05)
    assert (shown.laterality, shown.view, shown.faces_left) == ("LR"[case], ("CC", "MLO")[case], bool(case))
    assert shown.spacing_mm == 0.5


def test_cases_are_all_labeled_lesions_or_one_of_each_patient(tmp_path: Path, store: Path) -> None:
    assert cases_of(tmp_path, store).lesions == tuple(f"zzlesion{k}" for k in range(9))
    found = cases_of(tmp_path, store, cases=4)
    assert len({found.patient(lesion) for lesion in found.lesions}) == 4
    assert cases_of(tmp_path, store, split=None, lesions="[zzlesion3, zzlesion0]").lesions == ("zzlesion3", "zzlesion0")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cases": 5}, "labeled lesions of 4 patients there: give a smaller number"),
        ({"split": "val"}, "fewer than two labeled lesions: give another"),
        ({"split": None, "lesions": "[zzlesion0, other]"}, "lesion 'other' of the study is not in"),
        ({"store": "nowhere"}, "nowhere"),
    ],
)
def test_cases_that_are_not_there_are_one_sentence(
    tmp_path: Path, store: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MammoError) as error:
        cases_of(tmp_path, store, **changes)
    assert sentence in str(error.value)


def test_digests_are_of_image_and_outline_alone(tmp_path: Path, store: Path) -> None:
    before = cases_of(tmp_path, store).digests
    assert len(set(before)) == 9
    other = write_store(tmp_path / "other", 9)
    assert cases_of(tmp_path, other).digests == before
