"""Append-only files of records: what was written counts, whoever wrote it and however it was interrupted."""

from pathlib import Path

import pytest

from mammo.store import record_files as module
from mammo.store.record_files import ENTRY, Shards


def content(shards: Shards, key: str) -> bytes | None:
    place = shards.find(key)
    return None if place is None else place.read(0, place.size)


def write_many(folder: Path, start: int) -> None:
    shards = Shards(folder)
    for number in range(start, start + 20):
        shards.append(f"k{number}", f"record {number}".encode(), 3)


def test_records_come_back_and_the_newest_counts(tmp_path: Path) -> None:
    shards = Shards(tmp_path / "new")
    assert shards.find("a") is None
    shards.append("a", b"first", 2)
    shards.append("b", b"other", 5)
    assert content(shards, "a") == b"first"
    shards.append("a", b"second", 2)
    shards.refresh()
    assert content(shards, "a") == b"second"
    for seen in (shards, Shards(tmp_path / "new")):
        assert (content(seen, "a"), content(seen, "b")) == (b"second", b"other")
    place = shards.find("b")
    assert place is not None
    assert (place.head, place.read(1, 3)) == (5, b"th")


@pytest.mark.parametrize("stop", range(1, 20))
def test_a_writer_that_goes_on_makes_the_same_files(tmp_path: Path, stop: int) -> None:
    write_many(tmp_path / "whole", 0)
    first = Shards(tmp_path / "stopped")
    for number in range(stop):
        first.append(f"k{number}", f"record {number}".encode(), 3)
    with (tmp_path / "stopped" / "000000.tiles").open("ab") as tiles:
        tiles.write(b"half a rec")
    with (tmp_path / "stopped" / "000000.index").open("ab") as index:
        index.write(b"k")
    second = Shards(tmp_path / "stopped")
    for number in range(stop, 20):
        second.append(f"k{number}", f"record {number}".encode(), 3)
    for name in ("000000.tiles", "000000.index"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_what_others_write_later_is_found(tmp_path: Path) -> None:
    reader = Shards(tmp_path)
    write_many(tmp_path, 0)
    assert content(reader, "k7") == b"record 7"


@pytest.mark.parametrize("lost", range(1, ENTRY.itemsize + 1))
def test_an_interrupted_entry_is_never_read_and_nobody_writes_behind_it(tmp_path: Path, lost: int) -> None:
    write_many(tmp_path, 0)
    (index,) = tmp_path.glob("*.index")
    index.write_bytes(index.read_bytes()[:-lost])
    shards = Shards(tmp_path)
    assert shards.find("k19") is None
    shards.append("k19", b"again", 1)
    assert content(shards, "k19") == b"again"
    assert content(Shards(tmp_path), "k18") == b"record 18"


def test_a_record_that_was_cut_off_is_missing(tmp_path: Path) -> None:
    write_many(tmp_path, 0)
    (tiles,) = tmp_path.glob("*.tiles")
    tiles.write_bytes(tiles.read_bytes()[:-1])
    assert Shards(tmp_path).find("k19") is None
    assert content(Shards(tmp_path), "k18") == b"record 18"


def test_full_files_are_followed_by_new_ones_and_dead_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_BYTES", 50)
    shards = Shards(tmp_path)
    write_many(tmp_path, 0)
    assert len(list(tmp_path.glob("*.tiles"))) == 4
    write_many(tmp_path, 0)
    shards.tidy()
    assert len(list(tmp_path.glob("*.tiles"))) == len(list(tmp_path.glob("*.index"))) == 4
    for seen in (shards, Shards(tmp_path)):
        assert all(content(seen, f"k{number}") == f"record {number}".encode() for number in range(20))


def test_a_deleted_file_of_records_makes_them_missing(tmp_path: Path) -> None:
    write_many(tmp_path, 0)
    for path in tmp_path.glob("*.tiles"):
        path.unlink()
    assert Shards(tmp_path).find("k3") is None


@pytest.mark.parametrize("what", ["*", "*.tiles"])
def test_a_folder_that_is_emptied_and_filled_anew_is_read_and_written_as_if_never_seen(
    tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "old"
    for number in range(3):
        Shards(tmp_path / "new").append(f"k{number}", b"other" * number, 1)
    known = Shards(folder)
    write_many(folder, 0)
    place = known.find("k2")
    assert place is not None
    for path in folder.glob(what):
        path.unlink()
    assert place.deleted
    if what == "*":
        for number in range(3):
            known.append(f"k{number}", b"other" * number, 1)
        for path in (tmp_path / "new").iterdir():
            assert (folder / path.name).read_bytes() == path.read_bytes()
    else:
        Shards(folder).append("k2", b"otherother", 1)
    assert content(known, "k2") == b"otherother"
    assert content(known, "k9") is None
