"""Objects whose every attribute is a canary, through a node: what is printed, recorded, named and sent holds few."""

import json
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.records import MammoError
from mammo.serving.application_entity import Address
from mammo.serving.case_queue import CaseQueue, Limits
from mammo.serving.node import Node, NodeSettings
from tests.faults.canaries import Canaries, hits_in
from tests.serving.cases import SCORER, content, free_port, image, outlines

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # written on purpose
REPEATED = {
    *("PatientName", "PatientID", "PatientBirthDate", "IssuerOfPatientID", "PatientAge"),
    *("StudyDate", "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "StudyInstanceUID"),
    "SeriesInstanceUID",
}
"""Attributes by which an archive files results, and by which they refer to their image."""


def marked(number: int, canaries: Canaries) -> tuple[Dataset, Dataset]:
    """A mammogram of canaries, and the segmentation that names it."""
    made, uid = image(number), image(number).SOPInstanceUID
    canaries.header(made)
    made.PatientID = canaries.new()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = uid
    return made, outlines(number)


def test_a_node_repeats_what_files_results_and_no_other_attribute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """13 is rejected by the scorer, 17 meets a defect, 18 is scored; no peer answers; one object is cut."""
    canaries, queue = Canaries(), CaseQueue(tmp_path / "queue", Limits(free_bytes=0))
    peer = Address("PEER", "127.0.0.1", free_port())
    node = Node(queue, SCORER, NodeSettings(Address("MAMMO", "127.0.0.1", 11112), ("SENDER",), peer))
    with queue.held():
        for number in (13, 17, 18):
            for made in marked(number, canaries):
                queue.receive(content(made), str(made.SOPInstanceUID))
        with pytest.raises(MammoError) as cut:
            queue.receive(content(marked(19, canaries)[0])[:2000], "1.2.3.19.1")
        while node.score_next():
            pass
        node.send()
    assert queue.status()["scored"] == 1
    assert queue.status()["failed"] == 2
    printed = "".join(capsys.readouterr())
    names = "\n".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    for text in (printed, names, str(cut.value), json.dumps(queue.failures()), json.dumps(queue.status())):
        assert list(hits_in(text.encode())) == []
    for path in queue.folder.rglob("*"):
        if path.is_file() and path.parent.name not in ("images", "outlines") and path.suffix != ".dcm":
            assert list(hits_in(path.read_bytes())) == [], path
    results = queue.results(queue.scored()[0])
    assert len(results) == 4
    found = {keyword for path in results for keyword in holding(pydicom.dcmread(path))}
    assert found == REPEATED, found ^ REPEATED


def holding(dataset: Dataset) -> list[str]:
    """The keywords of the attributes of an object, nested ones too, that hold canaries."""
    return [
        element.keyword or str(element.tag)
        for element in dataset.iterall()
        if element.VR != "SQ" and element.keyword != "PixelData" and list(hits_in(str(element.value).encode()))
    ]
