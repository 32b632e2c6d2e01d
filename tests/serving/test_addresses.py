"""Addresses of DICOM applications, and the pauses between tries."""

import pytest

from mammo.records import MammoError
from mammo.serving.application_entity import Address, ae_title


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ORTHANC@127.0.0.1:4242", Address("ORTHANC", "127.0.0.1", 4242)),
        ("A B@pacs.example:104", Address("A B", "pacs.example", 104)),
        ("X@[::1]:11112", Address("X", "::1", 11112)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert Address.parse(text) == expected


@pytest.mark.parametrize("text", ["", "X", "X@", "X@host", "X@host:", "X@host:0", "X@host:65536", "X@:104", "X@h:1a"])
def test_what_names_no_address(text: str) -> None:
    with pytest.raises(MammoError, match="is not an address: give AET@HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["", " A", "A ", "A" * 17, "A\\B", "Ä", "A\n"])
def test_what_is_no_title(text: str) -> None:
    with pytest.raises(MammoError, match="is not an AE title"):
        ae_title(text)


def test_pauses_grow_up_to_a_limit_and_end_with_success() -> None:
    peer = pytest.importorskip("mammo.serving.peer", reason="the extra dicom is not installed")
    pauses, now, lengths = peer.Pauses(), 0.0, []
    assert pauses.ready("a", now)
    for _ in range(12):
        lengths.append(pauses.failed("a", now))
        assert not pauses.ready("a", now + lengths[-1] - 0.01)
        now += lengths[-1]
        assert pauses.ready("a", now)
    assert lengths == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    pauses.succeeded("a")
    assert pauses.ready("a", now)
    assert pauses.failed("a", now) == 1
