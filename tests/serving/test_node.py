"""A node over the network: what senders and the peer see, and what is printed."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from pynetdicom import AE, Association
from pynetdicom.sop_class import CTImageStorage, Verification

from mammo.serving.application_entity import Address
from mammo.serving.case_queue import CaseQueue, Limits
from tests.serving import cases
from tests.serving.cases import CANARY, CountingPeer, counting_peer, expected_uids, free_port, image, outlines, until

SENDER = "SENDER"


def serving(folder: Path, peer: Address, limits: Limits | None = None) -> AbstractContextManager[Address]:
    return cases.serving(folder, peer, (SENDER,), limits)


def associate(node: Address, title: str = SENDER, called: str = "MAMMO", *classes: str) -> Association:
    entity = AE(ae_title=title)
    for name in classes or (image(1).SOPClassUID, outlines(1).SOPClassUID, Verification):
        entity.add_requested_context(name)
    return entity.associate(node.host, node.port, ae_title=called)


def store(node: Address, *datasets: Dataset) -> list[int]:
    """The status of each object; -1 where the node ended the association."""
    association = associate(node)
    assert association.is_established
    answers = [association.send_c_store(each).get("Status", -1) for each in datasets]
    association.release()
    return answers


@pytest.fixture(scope="module")
def running_peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingPeer]:
    with counting_peer(tmp_path_factory.mktemp("peer") / "peer.log") as found:
        yield found


@pytest.fixture
def peer(running_peer: CountingPeer) -> CountingPeer:
    running_peer.log.write_text("", encoding="utf-8")
    return running_peer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammo.serving.node.IDLE_S", 0.05)


def test_results_of_complete_cases_reach_the_peer(
    tmp_path: Path, peer: CountingPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path / "queue", peer.address) as node:
        association = associate(node)
        assert association.send_c_echo().Status == 0
        association.release()
        assert store(node, outlines(1), image(2), image(1), outlines(3)) == [0, 0, 0, 0]
        until(lambda: len(peer.objects()) >= 4)
        assert store(node, image(1), outlines(1)) == [0, 0]  # again: nothing new
        assert store(node, outlines(2)) == [0]
        until(lambda: len(peer.objects()) >= 8)
        time.sleep(0.3)
    assert sorted(uid for uid, _ in peer.objects()) == sorted(expected_uids(1) + expected_uids(2))
    assert CaseQueue(tmp_path / "queue").status()["sent"] == 2
    printed = "".join(capsys.readouterr())
    assert CANARY not in printed
    assert "1.2.3." not in printed


def test_a_case_that_fails_stops_no_other(
    tmp_path: Path, peer: CountingPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    """13 is rejected by the scorer, and 17 meets a defect whose text names the patient."""
    with serving(tmp_path / "queue", peer.address) as node:
        assert store(node, *(make(n) for n in (13, 17, 18) for make in (image, outlines))) == [0] * 6
        until(lambda: len(peer.objects()) >= 4)
        until(lambda: CaseQueue(tmp_path / "queue").status()["sent"] == 1)
    assert sorted(uid for uid, _ in peer.objects()) == expected_uids(18)
    assert sorted(CaseQueue(tmp_path / "queue").failures().values()) == [
        "a defect of the program (KeyError): please report it",
        "the image is unlucky: choose another",
    ]
    assert CANARY not in "".join(capsys.readouterr())


def test_results_wait_for_a_peer_that_is_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with serving(tmp_path / "queue", Address("PEER", "127.0.0.1", port)) as node:
        assert store(node, image(1), outlines(1)) == [0, 0]
        until(lambda: CaseQueue(tmp_path / "queue").status()["scored"] == 1)
        with counting_peer(tmp_path / "peer.log", port) as peer:
            until(lambda: CaseQueue(tmp_path / "queue").status()["sent"] == 1)
            assert sorted(uid for uid, _ in peer.objects()) == expected_uids(1)
    assert "accepts no association" in capsys.readouterr().out


@pytest.mark.parametrize(("title", "called"), [("STRANGER", "MAMMO"), (SENDER, "OTHER")])
def test_a_wrong_title_is_rejected(
    tmp_path: Path, peer: CountingPeer, capsys: pytest.CaptureFixture[str], title: str, called: str
) -> None:
    with serving(tmp_path / "queue", peer.address) as node:
        assert not associate(node, title, called).is_established
        assert store(node, image(1)) == [0]
    assert f"association of {title} with {called} rejected" in capsys.readouterr().out


def test_other_objects_are_not_taken(tmp_path: Path, peer: CountingPeer, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path / "queue", peer.address) as node:
        association = associate(node, SENDER, "MAMMO", Verification, CTImageStorage)
        assert [context.abstract_syntax for context in association.accepted_contexts] == [Verification]
        association.release()
        assert store(node, image(1, Modality="CT"), image(2)) == [0xC000, 0]
        until(lambda: CaseQueue(tmp_path / "queue").status()["received/images"] == 1)
    printed = capsys.readouterr().out
    assert "not taken from SENDER: CT Image Storage" in printed
    assert "object rejected: " in printed


def test_a_full_queue_asks_to_try_again(tmp_path: Path, peer: CountingPeer) -> None:
    with serving(tmp_path / "queue", peer.address, Limits(queued=1, free_bytes=0)) as node:
        assert store(node, image(1), image(2)) == [0, 0xA700]


def test_an_object_that_is_too_large_ends_its_association_before_it_is_in_memory(
    tmp_path: Path, peer: CountingPeer, capsys: pytest.CaptureFixture[str]
) -> None:
    large = image(1)
    large.PixelData = bytes(5_000_000)
    with serving(tmp_path / "queue", peer.address, Limits(object_bytes=100_000, free_bytes=0)) as node:
        assert store(node, large) == [-1]
        assert store(node, image(2)) == [0]
    assert "an object has more than 100,000 bytes" in capsys.readouterr().out


HALF = {
    "nothing": b"",
    "half a header": b"\x01\x00\x00",
    "an association that claims 4 GiB": b"\x01\x00" + struct.pack(">I", 2**32 - 1) + bytes(100_000),
    "half an association": b"\x01\x00" + struct.pack(">I", 200) + bytes(50),
    "an unknown message": b"\x77\x00" + struct.pack(">I", 4) + bytes(4),
    "a web request": b"GET / HTTP/1.1\r\n\r\n",
}


def ended(connection: socket.socket) -> bool:
    """Whether the other side ends a connection, with or without a last message."""
    try:
        while connection.recv(100):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_half_an_association_stops_nothing(tmp_path: Path, peer: CountingPeer) -> None:
    with serving(tmp_path / "queue", peer.address) as node:
        claim = socket.create_connection((node.host, node.port), timeout=10)
        claim.sendall(HALF["an association that claims 4 GiB"])
        assert ended(claim)
        open_ends = [claim]
        for sent in HALF.values():
            connection = socket.create_connection((node.host, node.port))
            connection.sendall(sent)
            open_ends.append(connection)
        half = open_ends.pop()
        half.close()
        assert store(node, image(1), outlines(1)) == [0, 0]
        until(lambda: len(peer.objects()) == 4)
        for connection in open_ends:
            connection.close()
    assert {path.name for path in tmp_path.iterdir()} == {"queue"}
