"""The queue of a node: what it takes, how cases become complete, and what lies on the disk."""

import os
import time
from copy import deepcopy
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from mammo.inference.segment_cases import segments_on
from mammo.records import MammoError

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.serving.application_entity import Address
from mammo.serving.case_queue import CaseQueue, Limits, NoRoomError
from mammo.serving.node import QUIET_S, Node, NodeSettings
from tests.serving.cases import CANARY, SCORER, content, image, outlines


@pytest.fixture
def queue(tmp_path: Path) -> CaseQueue:
    made = CaseQueue(tmp_path / "queue", Limits(free_bytes=0))
    with made.held():
        pass
    return made


def receive(queue: CaseQueue, *datasets: Dataset) -> None:
    for dataset in datasets:
        queue.receive(content(dataset), dataset.SOPInstanceUID)


def files(queue: CaseQueue) -> dict[str, bytes]:
    found = sorted(path for path in queue.folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(queue.folder)): path.read_bytes() for path in found}


def test_a_case_is_complete_once_both_objects_are_there(queue: CaseQueue) -> None:
    receive(queue, outlines(1), image(2))
    assert queue.complete("b") == []
    receive(queue, image(1))
    (found,) = queue.complete("b")
    assert found.image.read_bytes() == content(image(1))
    assert found.outlines.read_bytes()[132:] != b""
    receive(queue, outlines(2))
    assert len(queue.complete("b")) == 2
    assert queue.complete("b")[0] == found  # in order of arrival of the outlines


def test_each_segmentation_of_an_image_is_a_case_and_another_bundle_has_cases_of_its_own(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1), outlines(1, row=6))
    first, second = queue.complete("b")
    assert first.image == second.image
    queue.fail(first.name, "no")
    assert queue.complete("b") == [second]
    assert len(queue.complete("c")) == 2
    assert queue.failures() == {first.name: "no"}


def test_the_same_object_again_changes_nothing(queue: CaseQueue) -> None:
    made = content(image(1))
    queue.receive(made, "1.2.3.1.1")
    before = files(queue)
    queue.receive(made, "1.2.3.1.1")
    assert files(queue) == before
    with pytest.raises(MammoError, match="another object of the same SOP Instance UID"):
        queue.receive(content(image(1, PatientID="other")), "1.2.3.1.1")
    assert files(queue) == before


def without_pixels() -> Dataset:
    made = image(1)
    del made.PixelData
    return made


REJECTED = {
    "truncated": (lambda: content(image(1))[:-500], "truncated"),
    "no DICOM": (lambda: b"\0" * 4000, "not a DICOM"),
    "empty": (lambda: b"", "empty"),
    "no pixels": (lambda: content(without_pixels()), "."),
    "claims 64 GB": (lambda: content(image(1, Rows=65535, Columns=65535)), "."),
    "tomosynthesis": (lambda: content(image(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3")), "tomosynthesis"),
    "no mammogram": (lambda: content(image(1, Modality="CT")), "mammogra"),
    "raw": (lambda: content(image(1, PresentationIntentType="FOR PROCESSING")), "."),
    "color": (lambda: content(image(1, PhotometricInterpretation="RGB")), "."),
    "another identifier": (lambda: content(image(2)), "not the one that was announced"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_cannot_be_scored_is_rejected_in_one_sentence_and_leaves_nothing(queue: CaseQueue, name: str) -> None:
    make, sentence = REJECTED[name]
    with pytest.raises(MammoError, match=sentence) as caught:
        queue.receive(make(), "1.2.3.1.1")
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(queue) == {}


def test_a_segmentation_without_an_image_is_rejected(queue: CaseQueue) -> None:
    made = deepcopy(outlines(1))
    for group in (*made.PerFrameFunctionalGroupsSequence, *made.SharedFunctionalGroupsSequence, made):
        for name in ("DerivationImageSequence", "ReferencedSeriesSequence", "SourceImageSequence"):
            if name in group:
                del group[name]
    with pytest.raises(MammoError, match="names no image"):
        receive(queue, made)


def test_limits(tmp_path: Path) -> None:
    limits = {
        "object": Limits(object_bytes=1000),
        "queue": Limits(queued=1, free_bytes=0),
        "disk": Limits(1 << 20, 9, 1 << 60),
    }
    for name, limit in limits.items():
        queue = CaseQueue(tmp_path / name, limit)
        with queue.held():
            if name == "object":
                with pytest.raises(MammoError, match=r"of which at most 1,000 are taken"):
                    receive(queue, image(1))
            else:
                with pytest.raises(NoRoomError, match="1 objects and cases wait" if name == "queue" else "bytes left"):
                    receive(queue, image(1), image(2))


def test_files_can_be_read_by_their_owner_only_and_their_names_say_nothing(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1))
    assert all((queue.folder / name).stat().st_mode & 0o77 == 0 for name in files(queue))
    assert not any(CANARY in name or "1.2.3" in name for name in files(queue))


def outlines_of_series(number: int) -> Dataset:
    """A segmentation that names its image only among those that the whole object refers to."""
    made = deepcopy(outlines(number))
    for group in (*made.PerFrameFunctionalGroupsSequence, *made.SharedFunctionalGroupsSequence):
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence
    return made


def test_outlines_name_their_image_as_predict_reads_it(queue: CaseQueue) -> None:
    made = outlines_of_series(1)
    receive(queue, image(1), image(2), made)
    (case,) = queue.complete("b")
    assert case.image.read_bytes() == content(image(1))
    uid, numbers = segments_on((case.image, case.outlines))
    assert (uid, bool(numbers)) == (image(1).SOPInstanceUID, True)


def made_old(queue: CaseQueue, folder: str) -> None:
    """Let the files of a folder be older than the limit."""
    past = time.time() - queue.limits.keep_s - 1
    for path in (queue.folder / folder).rglob("*.*"):
        os.utime(path, (past, past))


def test_changed_outlines_under_a_known_identifier_are_a_case_of_their_own(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1))
    (case,) = queue.complete("b")
    queue.keep_results(case.name, lambda folder: (folder / "1.dcm").write_bytes(b"x"))
    queue.mark_sent(case.name)
    made_old(queue, "received")
    assert queue.remove_old("b") == 2
    assert queue.status()["sent"] == 1
    receive(queue, image(1), outlines(1))
    assert queue.complete("b") == [], "the same objects again give nothing new"
    made_old(queue, "received/outlines")
    queue.remove_old("b")
    changed = deepcopy(outlines(1, row=6))
    changed.SOPInstanceUID = changed.file_meta.MediaStorageSOPInstanceUID = outlines(1).SOPInstanceUID
    receive(queue, changed)
    (other,) = queue.complete("b")
    assert other.name != case.name


def test_objects_stay_while_their_results_wait_for_the_peer(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1))
    (case,) = queue.complete("b")
    queue.keep_results(case.name, lambda folder: (folder / "1.dcm").write_bytes(b"x"))
    made_old(queue, "received")
    assert queue.remove_old("b") == 0
    flip(queue.results(case.name)[0])
    assert queue.drop_damaged_results(case.name)
    assert queue.complete("b") == [case], "they are made again"


def test_old_objects_that_wait_for_nothing_are_removed(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1), image(2), image(3), outlines(3))
    done = next(each for each in queue.complete("b") if each.image.read_bytes() == content(image(3)))
    queue.fail(done.name, "no")
    assert queue.remove_old("b") == 0
    past = time.time() - queue.limits.keep_s - 1
    for name in files(queue):
        os.utime(queue.folder / name, (past, past))
    assert queue.remove_old("b") == 4  # the image without outlines, and the failed case with its record
    assert len(queue.complete("b")) == 1


def test_a_second_node_is_turned_away(queue: CaseQueue) -> None:
    with queue.held(), pytest.raises(MammoError, match="another process holds"), CaseQueue(queue.folder).held():
        pass


def test_what_a_killed_node_left_is_removed(queue: CaseQueue) -> None:
    receive(queue, image(1), outlines(1))
    (case,) = queue.complete("b")
    queue.keep_results(case.name, lambda folder: (folder / "1.dcm").write_bytes(b"x"))
    (queue.folder / "scored" / ".x.partial").mkdir()
    (queue.folder / "received/images/.x.1.partial").write_bytes(b"x")
    (queue.folder / "sent" / f"{case.name}.json").write_text("{}")  # killed before the results were removed
    with queue.held():
        assert queue.status() == {
            "received/images": 1,
            "received/outlines": 1,
            "scored": 0,
            "sent": 1,
            "failed": 0,
        }
    assert not [name for name in files(queue) if "partial" in name]


def flip(path: Path) -> None:
    """Change a byte in the middle; size and times stay."""
    times, changed = path.stat(), bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def scoring_node(queue: CaseQueue) -> Node:
    """A node that is not on the network."""
    return Node(queue, SCORER, NodeSettings(Address("MAMMO", "127.0.0.1", 1), (), Address("PEER", "127.0.0.1", 2)))


@pytest.mark.parametrize("kind", ["images", "outlines"])
def test_a_case_with_an_object_that_the_disk_damaged_fails_until_it_is_sent_again(queue: CaseQueue, kind: str) -> None:
    receive(queue, image(1), outlines(1))
    (path,) = (queue.folder / "received" / kind).glob("*.dcm")
    flip(path)
    node = scoring_node(queue)
    assert node.score_next()
    (reason,) = queue.failures().values()
    assert f"{kind}/{path.name} was damaged on this disk: send it again" in reason
    assert not node.score_next()
    receive(queue, image(1), outlines(1))
    assert queue.failures() == {}
    assert node.score_next()
    assert queue.status()["scored"] == 1


def test_where_scores_depend_on_a_whole_study_its_images_are_waited_for_and_checked(tmp_path: Path) -> None:
    queue, past = CaseQueue(tmp_path / "queue", Limits(free_bytes=0), whole_studies=True), time.time() - QUIET_S - 1
    with queue.held():
        receive(queue, image(3), image(1), image(2, StudyInstanceUID="1.9"), image(4, PatientID="other"), outlines(1))
    (case,), node = queue.complete("b"), scoring_node(queue)
    (other,) = case.others
    assert other.read_bytes() == content(image(3))
    for path in (case.image, case.outlines):
        os.utime(path, (past, past))
    assert not node.score_next(), "more of the study may come"
    flip(other)
    os.utime(other, (past, past))
    assert queue.remove_old("b") == 0
    assert node.score_next()
    (reason,) = queue.failures().values()
    assert f"images/{other.name} was damaged on this disk: send it again" in reason
    receive(queue, image(3))
    os.utime(other, (past, past))
    assert node.score_next()
    assert queue.status()["scored"] == 1


def test_results_that_the_disk_damaged_are_made_again_and_not_sent(
    queue: CaseQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(queue, image(1), outlines(1))
    node, sent = scoring_node(queue), list[dict[str, list[Path]]]()

    def send(_: str, __: Address, cases: dict[str, list[Path]]) -> dict[str, str]:
        sent.append(cases)
        return dict.fromkeys(cases, "")

    monkeypatch.setattr("mammo.serving.node.send_cases", send)
    assert node.score_next()
    (case,) = queue.scored()
    before = [dcmread(path).SOPInstanceUID for path in queue.results(case)]
    flip(queue.results(case)[0])
    assert not node.send()
    assert not sent
    assert node.score_next()
    assert [dcmread(path).SOPInstanceUID for path in queue.results(case)] == before
    assert node.send()
    assert [len(files[case]) for files in sent] == [len(before)]
