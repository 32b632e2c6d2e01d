"""The journal: what was confirmed is kept, whatever a killed process or a full disk leaves at its end."""

import errno
import os
from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.serving.studies.journal import begin_journal, opened_journal, read_journal


def written(path: Path, n: int) -> bytes:
    begin_journal(path)
    with opened_journal(path) as journal:
        for number in range(n):
            journal.append({"step": number, "text": "ä\n"}, durable=number % 2 == 0)
    return path.read_bytes()


def test_lines_are_read_back_and_only_their_owner_can(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    written(path, 3)
    with opened_journal(path) as journal:
        assert [entry["step"] for entry in journal.entries] == [0, 1, 2]
        assert journal.torn == 0
    assert read_journal(path) == [{"step": number, "text": "ä\n"} for number in range(3)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_journal_is_an_error_and_an_existing_one_is_never_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    for work in (lambda: read_journal(path), lambda: opened_journal(path).__enter__()):
        with pytest.raises(MammoError, match=r"answers\.jsonl is missing"):
            work()
    assert not path.exists()
    before = written(path, 2)
    begin_journal(path)
    assert path.read_bytes() == before


def test_a_journal_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    whole = written(path, 3)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        n_whole = whole[:size].count(b"\n")
        assert len(read_journal(path)) == n_whole
        with opened_journal(path) as journal:
            assert len(journal.entries) == n_whole
            assert journal.torn == size - (whole[:size].rfind(b"\n") + 1)
            journal.append({"step": "next"})
        assert [entry["step"] for entry in read_journal(path)] == [*range(n_whole), "next"]


@pytest.mark.parametrize("end", [b"\0" * 20 + b"\n", b'{"step": 3}\xff\n', b"[1]\n", b"\n", b'{"step": 2}\n'])
def test_a_whole_line_at_the_end_that_was_not_written_is_damage_and_stays(tmp_path: Path, end: bytes) -> None:
    """It can be an answer that was confirmed, and that the disk has damaged since."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(written(path, 2) + end)
    for work in (lambda: read_journal(path), lambda: opened_journal(path).__enter__()):
        with pytest.raises(MammoError, match=r"answers\.jsonl, line 3 is damaged: restore the file from a backup"):
            work()
    assert path.read_bytes().endswith(end)


@pytest.mark.parametrize("end", [b'{"step": 3}', b"\xff", b"\0" * 4096])
def test_what_a_kill_or_a_loss_of_power_leaves_without_a_line_feed_is_removed(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(written(path, 2) + end)
    with opened_journal(path) as journal:
        assert (len(journal.entries), journal.torn) == (2, len(end))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_changed_answer_is_an_error(tmp_path: Path, number: int) -> None:
    """Each line stays JSON of known keys: only its check finds it."""
    path = tmp_path / "answers.jsonl"
    path.write_bytes(written(path, 3).replace(b'"step": %d' % number, b'"step": 7'))
    for work in (lambda: read_journal(path), lambda: opened_journal(path).__enter__()):
        with pytest.raises(MammoError, match=f"line {number + 1} is damaged: restore"):
            work()


@pytest.mark.parametrize("order", [[1, 2], [0, 2], [0, 0, 1, 2], [1, 0, 2]])
def test_a_line_that_is_missing_doubled_or_moved_is_an_error(tmp_path: Path, order: list[int]) -> None:
    path = tmp_path / "answers.jsonl"
    lines = written(path, 3).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in order))
    with pytest.raises(MammoError, match="is damaged: restore"):
        read_journal(path)


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    first, _, rest = written(path, 3).partition(b"\n")
    path.write_bytes(first[:-4] + b"\n" + rest)
    for work in (lambda: read_journal(path), lambda: opened_journal(path).__enter__()):
        with pytest.raises(MammoError, match="line 1 is damaged: restore"):
            work()


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answers.jsonl"
    before = written(path, 2)
    pwrite = os.pwrite

    def full(descriptor: int, line: bytes, place: int) -> int:
        pwrite(descriptor, line[:5], place)
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened_journal(path) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(OSError, match="No space left") as error:
                journal.append({"step": 2})
        assert error.value.filename == str(path)
        assert path.read_bytes() == before
        journal.append({"step": "later"})
    assert [entry["step"] for entry in read_journal(path)] == [0, 1, "later"]


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, line, place: pwrite(descriptor, line[:3], place))
    written(tmp_path / "answers.jsonl", 2)
    assert len(read_journal(tmp_path / "answers.jsonl")) == 2
