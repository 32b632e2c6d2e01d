"""Weight files: code in them is never run, and no file is overwritten."""

import pickle
from pathlib import Path

import pytest
import torch

from mammo.models.weight_files import read_weights, write_weights
from mammo.records import MammoError


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("legacy", [False, True])
def test_weights_read_back_as_written(tmp_path: Path, legacy: bool) -> None:
    write_weights({"a": torch.arange(3)}, tmp_path / "new" / "w.p", legacy)
    assert torch.equal(read_weights(tmp_path / "new" / "w.p")["a"], torch.arange(3))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["w.p"]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_with_code_is_rejected_and_not_run(tmp_path: Path, legacy: bool) -> None:
    content = {"a": torch.zeros(2), "b": Trap(tmp_path / "sprung")}
    torch.save(content, tmp_path / "w.p", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(MammoError, match=r"w\.p: refusing to unpickle, not a plain state dict") as rejected:
        read_weights(tmp_path / "w.p")
    assert "\n" not in str(rejected.value)
    assert not (tmp_path / "sprung").exists()


def test_a_bare_pickle_is_rejected_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "w.p").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(MammoError, match=r"w\.p"):
        read_weights(tmp_path / "w.p")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 half an archive"])
def test_a_file_without_weights_is_rejected_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.p").write_bytes(content)
    with pytest.raises(MammoError, match=r"w\.p"):
        read_weights(tmp_path / "w.p")


def test_content_that_is_not_a_dictionary_is_rejected(tmp_path: Path) -> None:
    torch.save(torch.zeros(2), tmp_path / "w.p")
    with pytest.raises(MammoError, match="holds Tensor, not a dictionary"):
        read_weights(tmp_path / "w.p")


def test_missing_and_existing_files_are_rejected_by_name(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"w\.p: no such weight file"):
        read_weights(tmp_path / "w.p")
    write_weights({}, tmp_path / "w.p")
    with pytest.raises(MammoError, match=r"w\.p already exists"):
        write_weights({}, tmp_path / "w.p")
