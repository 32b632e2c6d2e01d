"""Append-only record files: complete records are kept, whichever process wrote them and wherever it was interrupted."""

from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.store import record_files as module
from mammo.store.record_files import ENTRY, RecordFiles


def content(records: RecordFiles, key: str) -> bytes | None:
    record = records.find(key)
    return None if record is None else record.read(0, record.size)


def write_many(folder: Path, start: int) -> None:
    records = RecordFiles(folder)
    for number in range(start, start + 20):
        records.append(f"k{number}", f"record {number}".encode(), 3)


def test_the_newest_record_of_a_key_is_read(tmp_path: Path) -> None:
    records = RecordFiles(tmp_path / "new")
    assert records.find("a") is None
    records.append("a", b"first", 2)
    records.append("b", b"other", 5)
    assert content(records, "a") == b"first"
    records.append("a", b"second", 2)
    records.refresh()
    assert content(records, "a") == b"second"
    for seen in (records, RecordFiles(tmp_path / "new")):
        assert (content(seen, "a"), content(seen, "b")) == (b"second", b"other")
    record = records.find("b")
    assert record is not None
    assert (record.head, record.read(1, 3)) == (5, b"th")


@pytest.mark.parametrize("stop", range(1, 20))
def test_a_resumed_writer_makes_the_same_files(tmp_path: Path, stop: int) -> None:
    write_many(tmp_path / "whole", 0)
    first = RecordFiles(tmp_path / "stopped")
    for number in range(stop):
        first.append(f"k{number}", f"record {number}".encode(), 3)
    with (tmp_path / "stopped" / "000000.tiles").open("ab") as tiles:
        tiles.write(b"half a rec")
    with (tmp_path / "stopped" / "000000.index").open("ab") as index:
        index.write(b"k")
    second = RecordFiles(tmp_path / "stopped")
    for number in range(stop, 20):
        second.append(f"k{number}", f"record {number}".encode(), 3)
    for name in ("000000.tiles", "000000.index"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_record_written_later_by_another_is_found(tmp_path: Path) -> None:
    reader = RecordFiles(tmp_path)
    write_many(tmp_path, 0)
    assert content(reader, "k7") == b"record 7"


@pytest.mark.parametrize("lost", range(1, ENTRY.itemsize + 1))
def test_an_interrupted_entry_is_never_read_and_is_cut_off_by_the_next_writer(tmp_path: Path, lost: int) -> None:
    write_many(tmp_path, 0)
    (index,) = tmp_path.glob("*.index")
    index.write_bytes(index.read_bytes()[:-lost])
    records = RecordFiles(tmp_path)
    assert records.find("k19") is None
    records.append("k19", b"again", 1)
    assert content(records, "k19") == b"again"
    assert content(RecordFiles(tmp_path), "k18") == b"record 18"


def test_a_record_that_was_cut_off_is_missing(tmp_path: Path) -> None:
    write_many(tmp_path, 0)
    (tiles,) = tmp_path.glob("*.tiles")
    tiles.write_bytes(tiles.read_bytes()[:-1])
    assert RecordFiles(tmp_path).find("k19") is None
    assert content(RecordFiles(tmp_path), "k18") == b"record 18"


def test_full_files_get_successors_and_replaced_ones_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES", 50)
    records = RecordFiles(tmp_path)
    write_many(tmp_path, 0)
    assert len(list(tmp_path.glob("*.tiles"))) == 4
    write_many(tmp_path, 0)
    records.remove_replaced()
    assert len(list(tmp_path.glob("*.tiles"))) == len(list(tmp_path.glob("*.index"))) == 4
    for seen in (records, RecordFiles(tmp_path)):
        assert all(content(seen, f"k{number}") == f"record {number}".encode() for number in range(20))


def test_a_deleted_file_of_records_makes_them_missing(tmp_path: Path) -> None:
    write_many(tmp_path, 0)
    for path in tmp_path.glob("*.tiles"):
        path.unlink()
    assert RecordFiles(tmp_path).find("k3") is None


@pytest.mark.parametrize("what", ["*", "*.tiles"])
def test_a_folder_that_is_emptied_and_rewritten_is_read_again(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "old"
    for number in range(3):
        RecordFiles(tmp_path / "new").append(f"k{number}", b"other" * number, 1)
    known = RecordFiles(folder)
    write_many(folder, 0)
    record = known.find("k2")
    assert record is not None
    for path in folder.glob(what):
        path.unlink()
    assert record.deleted
    if what == "*":
        for number in range(3):
            known.append(f"k{number}", b"other" * number, 1)
        for path in (tmp_path / "new").iterdir():
            assert (folder / path.name).read_bytes() == path.read_bytes()
    else:
        RecordFiles(folder).append("k2", b"otherother", 1)
    assert content(known, "k2") == b"otherother"
    assert content(known, "k9") is None


@pytest.mark.parametrize("field", ["number", "offset", "size"])
@pytest.mark.parametrize("bit", range(0, 64, 7))
def test_a_changed_entry_is_noticed(tmp_path: Path, field: str, bit: int) -> None:
    write_many(tmp_path, 0)
    index = tmp_path / "000000.index"
    content = bytearray(index.read_bytes())
    content[7 * ENTRY.itemsize + ENTRY.fields[field][1] + bit // 8] ^= 1 << bit % 8
    index.write_bytes(content)
    with pytest.raises(MammoError, match=r"000000\.index is damaged .*: delete it and run .*ingest again"):
        RecordFiles(tmp_path)


def test_records_whose_index_was_lost_are_never_read_as_others(tmp_path: Path) -> None:
    write_many(tmp_path, 0)
    (tmp_path / "000000.index").unlink()
    write_many(tmp_path, 20)
    records = RecordFiles(tmp_path)
    assert content(records, "k0") is None
    assert all(content(records, f"k{number}") == f"record {number}".encode() for number in range(20, 40))
