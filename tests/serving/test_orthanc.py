"""A node between a real archive (Orthanc with DICOMweb) and the programs of dcmtk: values come back equal."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.serving.application_entity import Address
from mammo.serving.case_queue import CaseQueue
from tests.dicom_out.predictions import asymmetric, segment_mask
from tests.serving.cases import (
    content,
    expected_results,
    expected_uids,
    free_port,
    image,
    outlines,
    reachable,
    serving,
    until,
)

pytestmark = pytest.mark.dicom
PLUGIN = "libOrthancDicomWeb.so"
PLACES = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc"), Path("/usr/local/share/orthanc/plugins"))


@dataclass(frozen=True)
class Archive:
    """An Orthanc.

    Attributes:
        address: of its DICOM side.
        http: port of its web side.
    """

    address: Address
    http: int

    def ask(self, path: str, content: bytes | None = None, accept: str = "application/json") -> bytes:
        """The answer to a GET, or to a POST of a content."""
        request = Request(f"http://127.0.0.1:{self.http}{path}", content, {"Accept": accept})
        with urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def json(self, path: str, content: bytes | None = None) -> Any:
        """The answer as JSON."""
        return json.loads(self.ask(path, content))

    def instances(self) -> dict[str, str]:
        """Orthanc's own name of every object, by SOP Instance UID."""
        found = self.json("/instances?expand")
        return {each["MainDicomTags"]["SOPInstanceUID"]: each["ID"] for each in found}

    def retrieved(self, study: str, series: str, uid: str) -> Dataset:
        """An object by WADO-RS."""
        path = f"/dicom-web/studies/{study}/series/{series}/instances/{uid}"
        whole = self.ask(path, accept='multipart/related; type="application/dicom"')
        start = whole.index(b"\r\n\r\n") + 4
        return pydicom.dcmread(BytesIO(whole[start : whole.rindex(b"\r\n--")]))


@contextmanager
def orthanc(folder: Path, node: Address) -> Iterator[Archive]:
    """Run an Orthanc that knows a node, with an archive of its own."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin")
    plugins = [str(place / PLUGIN) for place in PLACES if (place / PLUGIN).exists()][:1]
    if program is None or not plugins:
        pytest.skip("Orthanc or its DICOMweb plugin is not installed: apt-get install orthanc orthanc-dicomweb")
    archive = Archive(Address("ORTHANC", "127.0.0.1", free_port()), free_port())
    settings = {
        "StorageDirectory": str(folder / "archive"),
        "IndexDirectory": str(folder / "archive"),
        "HttpPort": archive.http,
        "DicomPort": archive.address.port,
        "DicomAet": archive.address.title,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "Plugins": plugins,
        "DicomModalities": {"mammo": [node.title, node.host, node.port]},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    log = (folder / "orthanc.log").open("w")
    with log, subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log) as process:
        try:
            until(lambda: reachable(archive.address) and reachable(Address("", "127.0.0.1", archive.http)), 60)
            yield archive
        finally:
            process.terminate()


def dcmtk(program: str, peer: Address, *arguments: str) -> str:
    """Output of a program of dcmtk that speaks to a peer."""
    command = [program, "-aec", peer.title, peer.host, str(peer.port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def written(folder: Path, *datasets: Dataset) -> list[str]:
    folder.mkdir(exist_ok=True)
    for made in datasets:
        (folder / f"{made.SOPInstanceUID}.dcm").write_bytes(content(made))
    return [str(folder / f"{made.SOPInstanceUID}.dcm") for made in datasets]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Path]]:
    """An archive with a mammogram, its outlines, and the results of a node that the archive forwarded both to."""
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    with orthanc(folder, Address("MAMMO", "127.0.0.1", port)) as archive:
        with serving(folder / "queue", archive.address, ("ORTHANC", "STORESCU"), port=port) as node:
            dcmtk("echoscu", node, "-aet", "STORESCU")
            dcmtk("storescu", archive.address, "-R", *written(folder / "sent", image(1), outlines(1)))
            archive.json("/modalities/mammo/store", json.dumps(list(archive.instances().values())).encode())
            until(lambda: len(archive.instances()) == 6)
            dcmtk("storescu", node, "-R", "-aet", "STORESCU", *written(folder / "sent", image(2), outlines(2)))
            until(lambda: len(archive.instances()) == 10)
            dcmtk("storescu", node, "-R", "-aet", "STORESCU", *written(folder / "sent", image(2), outlines(2)))
            until(lambda: CaseQueue(folder / "queue").status()["sent"] == 2)
        yield archive, folder


def test_the_archive_has_every_result_once(place: tuple[Archive, Path]) -> None:
    archive, _ = place
    sent = [image(1).SOPInstanceUID, outlines(1).SOPInstanceUID]
    assert sorted(archive.instances()) == sorted([*sent, *expected_uids(1), *expected_uids(2)])


def test_the_study_is_found_by_qido_and_by_c_find(place: tuple[Archive, Path]) -> None:
    archive, _ = place
    series = archive.json("/dicom-web/studies/1.2.3/series")
    found = sorted(each["00080060"]["Value"][0] for each in series)
    assert found == ["MG", "OT", "OT", "SEG", "SEG", "SEG", "SR", "SR"]
    query = ["-S", "-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID=1.2.3", "-k", "Modality"]
    answers = dcmtk("findscu", archive.address, *query)
    assert sorted(re.findall(r"\(0008,0060\) CS \[(\w+) *\]", answers))[-8:] == found


@pytest.mark.parametrize("number", [1, 2])
def test_results_read_back_equal(place: tuple[Archive, Path], number: int) -> None:
    archive, _ = place
    for name, made in expected_results(number).items():
        found = without_dates(archive.retrieved("1.2.3", *uids(number, name)))
        assert found.to_json_dict() == without_dates(pydicom.dcmread(BytesIO(content(made)))).to_json_dict(), name
    report = archive.retrieved("1.2.3", *uids(number, "report.dcm"))
    probability = [each for each in report.iterall() if each.keyword == "FloatingPointValue"]
    assert [each.value for each in probability if each.value > 1] == [100 * 0.171234567] * 2
    whole = np.zeros((40, 30), np.bool_)
    whole[5:25, 3:13] = asymmetric(20, 10)
    assert np.array_equal(segment_mask(archive.retrieved("1.2.3", *uids(number, "outlines.dcm")), 1), whole)
    picture = archive.retrieved("1.2.3", *uids(number, "picture-1.dcm"))
    assert (picture.pixel_array == round(255 * number / 1000)).all()


DATES = ("ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime")
DATES += ("ContributionDateTime", "DateOfSecondaryCapture", "TimeOfSecondaryCapture")


def without_dates(dataset: Dataset) -> Dataset:
    for part in [dataset, *dataset.get("ContributingEquipmentSequence", [])]:
        for name in DATES:
            if name in part:
                del part[name]
    return dataset


def uids(number: int, name: str) -> tuple[str, str]:
    made = expected_results(number)[name]
    return made.SeriesInstanceUID, made.SOPInstanceUID


def test_results_are_retrieved_by_c_get(place: tuple[Archive, Path], tmp_path: Path) -> None:
    archive, _ = place
    keys = ["-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID=1.2.3"]
    for name in ("report.dcm", "outlines.dcm", "picture-1.dcm"):
        key = f"SeriesInstanceUID={uids(1, name)[0]}"
        dcmtk("getscu", archive.address, "-S", "-od", str(tmp_path), *keys, "-k", key)
    found = {pydicom.dcmread(path).SOPInstanceUID for path in tmp_path.iterdir()}
    assert found == set(expected_uids(1))


def test_the_report_is_readable_text(place: tuple[Archive, Path], tmp_path: Path) -> None:
    archive, _ = place
    archive.retrieved("1.2.3", *uids(1, "report.dcm")).save_as(tmp_path / "report.dcm", enforce_file_format=True)
    done = subprocess.run(["dsrdump", str(tmp_path / "report.dcm")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert '"Probability of cancer")="17.1234567' in done.stdout
