"""DICOM results from the page: those of `mammo predict --dicom`, in the archive that is downloaded and at the peer."""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pydicom
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.dicom_out.results import written_results
from mammo.inference.case_list import read_cases
from mammo.inference.cases import CaseList, outlined
from mammo.inference.outlines import Circle
from mammo.inference.prediction_run import predict_cases
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec
from mammo.serving.application_entity import Address
from mammo.serving.page_extras import Extras
from tests.dicom_out.predictions import BUNDLE
from tests.serving.cases import counting_peer, free_port
from tests.serving.page_cases import FakePredictor, Reader, Served, fresh_fork_server, served

CANARY = "ZZCANARY^Zoë"
OUTLINE = {"circle": [180, 200, 12.5]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A mammogram whose patient's name has a letter beyond ASCII."""
    root = tmp_path_factory.mktemp("page")
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root / "all", processes=1)
    dataset = pydicom.dcmread(next(root.rglob("R-MLO.dcm")))
    dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", CANARY
    (root / "one").mkdir()
    dataset.save_as(root / "one" / "image.dcm", enforce_file_format=True)
    with fresh_fork_server():
        yield root / "one"


@pytest.fixture
def predicted(folder: Path, tmp_path: Path) -> dict[str, pydicom.Dataset]:
    """What `mammo predict --dicom` writes for the outline with the same scores, by name."""
    (case,) = read_cases([folder / "image.dcm"]).cases
    asked = CaseList([outlined(case, [Circle(*OUTLINE["circle"])])], [], [], [])
    out = tmp_path / "out"
    found = predict_cases(FakePredictor(), asked, out, [written_results(out, BUNDLE)])  # type: ignore[arg-type]
    assert not found.errors
    return {path.name: pydicom.dcmread(path) for path in out.rglob("*.dcm")}


def scored(server: Served, content: bytes, query: str = "") -> tuple[Reader, str, str]:
    """A reader who has scored the outline on an upload, the image's key, and why it has no DICOM results."""
    reader = Reader(server)
    opened = reader.open(content, query).json
    assert reader.score(opened["key"], OUTLINE).status == 200
    return reader, opened["key"], opened["no_results"]


def test_the_archive_holds_what_predict_writes(
    capsys: pytest.CaptureFixture[str], folder: Path, predicted: dict[str, pydicom.Dataset]
) -> None:
    with served(capsys) as server:
        reader, key, no_results = scored(server, (folder / "image.dcm").read_bytes())
        assert no_results == ""
        answer = reader.send("GET", f"/api/images/{key}/results.zip")
        sha256 = hashlib.sha256((folder / "image.dcm").read_bytes()).hexdigest()
        assert answer.headers["content-disposition"] == f'attachment; filename="mammo-{sha256[:8]}-score-0001.zip"'
        assert CANARY[:8] not in server.log
    with ZipFile(BytesIO(answer.body)) as archive:
        found = {name: pydicom.dcmread(BytesIO(archive.read(name))) for name in archive.namelist()}
    assert set(found) == set(predicted) == {"report.dcm", "outlines.dcm", "picture-1.dcm"}
    for name, one in found.items():
        expected = predicted[name]
        for made in (one, expected):  # the time of writing is the only difference
            for keyword in ("ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime"):
                del made[keyword]
        assert one.SOPInstanceUID == expected.SOPInstanceUID
        assert one.PatientName == CANARY
        assert without_times(one) == without_times(expected), name


def without_times(dataset: pydicom.Dataset) -> str:
    """A data set as text, without the lines that state when it was written."""
    return "\n".join(line for line in str(dataset).splitlines() if "Date" not in line and "Time" not in line)


def test_the_peer_gets_the_same_objects(
    capsys: pytest.CaptureFixture[str], folder: Path, predicted: dict[str, pydicom.Dataset], tmp_path: Path
) -> None:
    with (
        counting_peer(tmp_path / "log") as peer,
        served(capsys, extras=Extras(peer=peer.address)) as server,
    ):
        reader, key, _ = scored(server, (folder / "image.dcm").read_bytes())
        assert reader.send("GET", "/api/bundle").json["peer"] == str(peer.address)
        for _ in range(2):  # a repeat sends the same objects
            answer = reader.send("POST", f"/api/images/{key}/send")
            assert answer.json == {"sent": f"Sent: {peer.address} has confirmed report, outlines, picture-1."}
        uids = [uid for uid, _ in peer.objects()]
    assert sorted(uids) == sorted(2 * [str(one.SOPInstanceUID) for one in predicted.values()])


def test_results_of_a_score_are_never_those_of_a_later_one(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    with counting_peer(tmp_path / "log") as peer, served(capsys, extras=Extras(peer=peer.address)) as server:
        reader, key, _ = scored(server, (folder / "image.dcm").read_bytes())
        assert reader.score(key, {"circle": [180, 200, 12]}).json["number"] == 2
        for method, name in (("GET", "results.zip"), ("POST", "send")):
            late = reader.send(method, f"/api/images/{key}/{name}?score=1")
            assert (late.status, "Another outline was scored" in late.detail) == (422, True)
        assert peer.objects() == []
        assert reader.send("POST", f"/api/images/{key}/send?score=2").status == 200


def test_a_peer_that_is_away_is_a_sentence(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    peer = Address("AWAY", "127.0.0.1", free_port())
    with served(capsys, extras=Extras(peer=peer)) as server:
        reader, key, _ = scored(server, (folder / "image.dcm").read_bytes())
        answer = reader.send("POST", f"/api/images/{key}/send")
        assert f"results were not sent to {peer}" in server.log
        assert CANARY[:8] not in server.log
    assert answer.status == 422
    assert answer.detail == f"Not sent: {peer} accepts no association: check its address, and that it knows MAMMO."


def test_what_can_have_no_results_says_why(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, file = pydicom.dcmread(folder / "image.dcm"), BytesIO()
    png = cv2.imencode(".png", dataset.pixel_array.astype(np.uint16) * 16)[1].tobytes()
    del dataset.SeriesInstanceUID
    dataset.save_as(file, enforce_file_format=True)
    with served(capsys) as server:
        for content, query, sentence in (
            (png, "laterality=R&view=MLO", "this file is none: open the DICOM image."),
            (file.getvalue(), "", "The image has no SeriesInstanceUID"),
        ):
            reader, key, no_results = scored(server, content, query)
            assert sentence.lower() in no_results.lower()
            answer = reader.send("GET", f"/api/images/{key}/results.zip")
            assert (answer.status, answer.detail) == (422, no_results)
        assert "sends to no DICOM peer" in reader.send("POST", f"/api/images/{key}/send").detail
        monkeypatch.setattr("mammo.dicom_out.results.find_spec", lambda _: None)
        assert "installed without them" in scored(server, (folder / "image.dcm").read_bytes())[2]


def test_nothing_is_made_of_an_image_without_a_score(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    with served(capsys) as server:
        reader = Reader(server)
        key = reader.open(folder / "image.dcm").json["key"]
        assert "Nothing was scored" in reader.send("GET", f"/api/images/{key}/results.zip").detail
