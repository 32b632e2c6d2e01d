"""Similar lesions in the page: never those of the patient of the image, by whatever the image shows whose it is."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from mammo.inference.neighbors import Neighbors
from mammo.intake.gate import presentation_values
from mammo.records import MammoError
from mammo.serving.page_extras import Extras
from mammo.serving.page_neighbors import LEFT_OUT, NOT_IN_STORE, SIDE_PX, UNKNOWN, PageNeighbors
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.store.store_header import DataSet, StoreHeader
from tests.serving.page_cases import FakePredictor, Reader, fresh_fork_server, served


class Seen:
    """Training images of which the networks know one."""

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256

    def knows(self, sha256: str) -> bool:
        return sha256 == self.sha256


@pytest.fixture(scope="module", autouse=True)
def own_fork_server() -> Iterator[None]:
    with fresh_fork_server():
        yield


@pytest.fixture
def made(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> PageNeighbors:
    """All labeled lesions of the small store, with h and scores by their row."""
    store = small_root / "store"

    def of_store(_: object, path: Path) -> Neighbors:
        manifest = Manifest.load(path)
        labeled = manifest.lesions[manifest.lesions["label"] != "none"]
        part = Manifest(manifest.frame, manifest.images, labeled, manifest.sources)
        return Neighbors.of_lesions(path, part, np.random.default_rng(0).normal(size=(len(labeled), 2)))

    def scores(_: object, __: object, rows: Sequence[int], ___: int) -> list[float]:
        return [row / 1000 for row in rows]

    monkeypatch.setattr(Neighbors, "of_store", of_store)
    monkeypatch.setattr(Neighbors, "scores", scores)
    predictor: Any = FakePredictor()
    images = Manifest.load(store).images
    monkeypatch.setattr(predictor.facts, "images", Seen(images["sha256"].iloc[0]), raising=False)
    monkeypatch.setattr(predictor.ensemble, "run", object(), raising=False)
    monkeypatch.setattr("mammo.serving.page_neighbors.scale_warning", lambda *_: "")
    return PageNeighbors.of_store(predictor, store, None)


def asked(reader: Reader, content: bytes, query: str = "") -> Any:
    """What the page shows beside the score of an outline on an upload."""
    opened = reader.open(content, query)
    assert opened.status == 200, opened.body
    key, rows, cols = (opened.json[name] for name in ("key", "rows", "cols"))
    assert reader.score(key, {"circle": [rows / 2, cols / 2, 9]}).status == 200
    return reader.send("GET", f"/api/images/{key}/neighbors").json


def another(path: Path, patient: str = "") -> bytes:
    """A DICOM file with other pixels than one, of the same patient or of another one."""
    dataset, file = pydicom.dcmread(path), BytesIO()
    dataset.PixelData = (dataset.pixel_array + 1).tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PatientID = patient or dataset.PatientID
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_lesions_of_the_own_patient_never_appear(
    made: PageNeighbors, small_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file itself, the same patient id in another file, and the same pixels without a header."""
    images, own = Manifest.load(small_root / "store").images, read_own_ids(small_root / "store")
    lesions = made.neighbors.manifest.lesions
    patients = images.loc[lesions["image_id"], "patient_id"].tolist()
    chosen = images[images.index.isin(lesions["image_id"])].drop_duplicates("patient_id")
    with served(capsys, extras=Extras(neighbors=made)) as server:
        for image_id, row in list(chosen.iterrows())[:4]:
            path = small_root / "dicom" / own[str(image_id)].path
            pixels = presentation_values(small_root / "dicom", own[str(image_id)].path)
            png = cv2.imencode(".png", pixels)[1].tobytes()
            said = f"laterality={row['laterality']}&view={row['view']}"
            for content, query in ((path.read_bytes(), ""), (another(path), ""), (png, said)):
                found = asked(Reader(server), content, query)
                assert LEFT_OUT in found["about"]
                shown = [patients[one["number"]] for one in found["lesions"]]
                assert shown
                assert row["patient_id"] not in shown
                assert len(set(shown)) == len(shown)


def test_what_is_said_of_them_is_what_the_store_says(
    made: PageNeighbors, small_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = another(next((small_root / "dicom").rglob("*.dcm")), "SOMEBODY-ELSE")
    with served(capsys, extras=Extras(neighbors=made)) as server:
        reader = Reader(server)
        found = asked(reader, other)
        key = reader.open(other).json["key"]
        assert "Nothing was scored" in reader.send("GET", f"/api/images/{key}/neighbors").detail
    assert NOT_IN_STORE in found["about"]
    assert "labeled lesions of phantom (drawn by mammo)" in found["about"][0]
    manifest = made.neighbors.manifest
    for one in found["lesions"]:
        lesion = manifest.lesions.iloc[one["number"]]
        image = manifest.images.loc[lesion["image_id"]]
        assert [one[name] for name in ("label", "label_source")] == [lesion["label"], lesion["label_source"]]
        assert [one[name] for name in ("split", "laterality", "view")] == [
            image["split"],
            image["laterality"],
            image["view"],
        ]
        assert one["score"] == one["number"] / 1000
        assert one["is_seen"] == (image["sha256"] == manifest.images["sha256"].iloc[0])


def test_without_key_and_header_the_page_says_that_it_does_not_know(made: PageNeighbors, small_root: Path) -> None:
    image: Any = type("Image", (), {})()
    image.header, image.image = None, type("Case", (), {"sha256": "0", "admitted": None})()
    image.image.admitted = type("Admitted", (), {"pixels": np.zeros((64, 64), np.uint16)})()
    assert made._patients_of(image) == (set(), UNKNOWN)
    image.header = pydicom.Dataset()
    image.header.PatientID = "X"
    made.pseudonyms[:] = []  # type: ignore[index]
    assert made._patients_of(image) == (set(), UNKNOWN)


@pytest.mark.parametrize("laterality", ["L", "R"])
def test_a_picture_shows_the_lesion_as_a_viewer_does(made: PageNeighbors, small_root: Path, laterality: str) -> None:
    """Against the presentation values of the file, cut around the outline there; mirrored images too."""
    manifest, own = made.neighbors.manifest, read_own_ids(small_root / "store")
    lesions = manifest.lesions[manifest.images.loc[manifest.lesions["image_id"], "laterality"].values == laterality]
    number = manifest.lesions.index.get_loc(lesions.index[0])
    picture = cv2.imdecode(np.frombuffer(made.picture(number), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (SIDE_PX, SIDE_PX, 3)
    lesion = lesions.iloc[0]
    values = presentation_values(small_root / "dicom", own[str(lesion["image_id"])].path)
    side = max(round(1.6 * max(lesion["row1"] - lesion["row0"], lesion["col1"] - lesion["col0"])), 30)
    row = (lesion["row0"] + lesion["row1"] - side) // 2
    padded = np.pad(values, side)
    best = min(  # a mirrored box of odd size can lie a pixel aside
        gray_difference(picture, padded[row + side : row + 2 * side, col + side : col + 2 * side])
        for col in ((lesion["col0"] + lesion["col1"] - side) // 2 + step for step in (0, 1))
    )
    assert best < 2


def gray_difference(picture: np.ndarray, values: np.ndarray) -> float:
    """Median difference in gray levels of a picture and presentation values, but for the outline."""
    expected = cv2.resize((values / 4095 * 255).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    is_gray = np.ptp(picture.astype(int), axis=2) == 0
    assert is_gray.mean() > 0.5
    return float(np.median(np.abs(picture[..., 0] - expected)[is_gray]))


def test_pictures_of_others_need_a_license(
    made: PageNeighbors, small_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, predictor = small_root / "store", made.predictor
    header = StoreHeader(made.neighbors.manifest.frame, (DataSet("embed", "embed", "eighth"),))
    monkeypatch.setattr("mammo.serving.page_neighbors.read_store_header", lambda _: header)
    with pytest.raises(MammoError, match="shows pictures of embed to the readers of the page: state the license"):
        PageNeighbors.of_store(predictor, store, None)
    assert PageNeighbors.of_store(predictor, store, "own data, CC BY 4.0").terms == "own data, CC BY 4.0"


def test_a_page_without_a_store_and_a_wrong_number_are_sentences(
    made: PageNeighbors, capsys: pytest.CaptureFixture[str], small_root: Path
) -> None:
    with served(capsys, extras=Extras(neighbors=made)) as server:
        reader = Reader(server)
        assert reader.send("GET", "/api/bundle").json["has_neighbors"]
        assert "no similar lesion of number 99999" in reader.send("GET", "/api/neighbors/99999.png").detail
        assert reader.send("GET", "/api/neighbors/0.png").headers["content-type"] == "image/png"
        assert reader.send("GET", "/api/neighbors/-1.png").status == 404
    with served(capsys) as server:
        assert "has no store of similar lesions" in Reader(server).send("GET", "/api/neighbors/0.png").detail
