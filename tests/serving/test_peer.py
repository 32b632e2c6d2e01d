"""What a peer's answers mean: which objects it has, and what is tried again."""

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.serving.application_entity import Address
from mammo.serving.peer import send_cases
from tests.serving.cases import content, image


class Answering:
    """An association whose peer answers every object alike; an exception is raised instead."""

    def __init__(self, answer: int | Exception | None) -> None:
        self.answer, self.is_established, self.sent = answer, True, 0

    def send_c_store(self, _: Dataset) -> Dataset:
        self.sent += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        found = Dataset()
        if self.answer is not None:
            found.Status = self.answer
        return found

    def release(self) -> None:
        self.is_established = False


@pytest.mark.parametrize(
    ("answer", "expected", "n_sent"),
    [
        (0x0000, "", 2),
        (0x0111, "", 2),  # it has an object of this identifier, which stands for the same content
        (0xB000, "", 2),
        (0xB007, "", 2),
        (0xA700, "the peer answered a with status 0xA700", 1),
        (0xC000, "the peer answered a with status 0xC000", 1),
        (0x0122, "the peer answered a with status 0x0122", 1),
        (None, "the peer did not answer", 1),
        (ValueError("no context"), "the peer does not accept a", 1),
        (RuntimeError("ended"), "the peer does not accept a", 1),
    ],
)
def test_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, expected: str, n_sent: int) -> None:
    files = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for path in files:
        path.write_bytes(content(image(1)))
    association = Answering(answer)
    monkeypatch.setattr("mammo.serving.peer.AE.associate", lambda *_, **__: association)
    assert send_cases("MAMMO", Address("P", "127.0.0.1", 104), {"case": files}) == {"case": expected}
    assert association.sent == n_sent
    assert not association.is_established
