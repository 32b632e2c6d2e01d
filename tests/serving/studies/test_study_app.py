"""The server of a study: blinded, one answer for each step whatever windows are open, readers apart."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.serving import sessions
from mammo.serving.studies.journal import read_journal
from mammo.serving.studies.prepared import ANSWERS
from mammo.serving.studies.study_app import ELSEWHERE, NOT_YET
from tests.serving.studies.served_study import ServedStudy, served_study
from tests.serving.studies.study_cases import SECRETS, Clock, write_store, write_study
from tests.serving.studies.study_reader import StudyReader


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("app") / "store", 6)


@pytest.fixture
def study(capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path) -> Iterator[ServedStudy]:
    with served_study(capsys, write_study(tmp_path, store)) as found:
        yield found


def test_a_reader_sees_every_case_without_and_then_with_the_score(study: ServedStudy) -> None:
    reader = StudyReader(study, "R1")
    steps = study.page.study.readers["R1"].steps
    assert reader.send("GET", "/api/study").json | {"use": ""} == {
        **{"study": "phantoms", "use": "", "reader": "R1", "answered": 0, "total": 12, "session": 1, "n_sessions": 1},
        "phantoms": reader.send("GET", "/api/study").json["phantoms"],
        "opens": None,
    }
    for number, step in enumerate(steps):
        shown = reader.step()
        assert (shown["number"], shown["place"], shown["condition"]) == (number, step.place, step.condition)
        assert shown["score"] == (study.page.study.prepared.shown[step.case] if step.condition == "with" else None)
        before = {"probability": 20.0 + number - 1, "decision": "no biopsy"}
        assert shown["before"] == (before if step.condition == "with" else None)
        values = np.frombuffer(gzip.decompress(reader.pixels(number).body), "<u2")
        expected = study.page._shown(step.case)
        assert np.array_equal(values.reshape(shown["rows"], shown["cols"]), expected.values)
        assert shown["outline"] == expected.outline
        assert reader.answer(number).json["answered"] == number + 1
    assert reader.send("GET", "/api/study").json["session"] is None
    assert reader.ask().status == 409


def test_nothing_that_a_reader_gets_says_what_a_case_is(study: ServedStudy, tmp_path: Path) -> None:
    reader = StudyReader(study, "R1")
    paths = ["/", "/study.js", "/api/study", "/openapi.json"]
    got = [reader.send("GET", path) for path in paths]
    for number in range(12):
        got += [reader.send("GET", "/api/study"), reader.ask(), reader.pixels(number)]
        got += [reader.answer(number), reader.answer(number), reader.answer(99), reader.answer(number + 1, decision=1)]
    got += [reader.send("GET", path) for path in ("/main.js", "/api/files", "/api/bundle", "/api/images/x/pixels")]
    sent = "".join(answer.body.decode("latin-1") + str(answer.headers) for answer in got)
    pixels = sent.encode("latin-1")
    for secret in (*SECRETS[:4], tmp_path.name, "lesions.parquet"):
        assert secret not in sent
        assert secret.encode() not in pixels
    cases = "".join(answer.body.decode("latin-1") for answer in got[4:] if answer.body[:1] == b"{")
    for label in SECRETS[4:]:
        assert label not in cases
    assert [answer.status for answer in got[-3:]] == [404] * 3
    assert not any(secret in study.log for secret in SECRETS)


def test_a_step_is_answered_once_from_two_windows(study: ServedStudy, tmp_path: Path) -> None:
    one, other = StudyReader(study, "R1"), StudyReader(study, "R1")
    assert one.step() == other.step()
    found: list[int] = []

    def send(reader: StudyReader, value: int) -> None:
        found.append(reader.answer(0, probability=value).status)

    threads = [threading.Thread(target=send, args=(reader, value)) for value, reader in enumerate((one, other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 409, 409]
    late = other.answer(0)
    assert (late.status, "answered already" in late.detail) == (409, True)
    assert other.step()["number"] == 1
    answers = [entry for entry in read_journal(tmp_path / "study" / ANSWERS) if entry["event"] == "answer"]
    assert len(answers) == 1
    assert one.pixels(0).status == 409


def test_readers_at_once_have_orders_and_answers_of_their_own(study: ServedStudy, tmp_path: Path) -> None:
    readers = {code: StudyReader(study, code) for code in ("R1", "R2")}

    def read(code: str, base: int) -> None:
        for number in range(12):
            assert readers[code].step()["number"] == number
            assert readers[code].answer(number, probability=base + number).status == 200

    threads = [threading.Thread(target=read, args=words) for words in (("R1", 10), ("R2", 50))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [entry for entry in read_journal(tmp_path / "study" / ANSWERS) if entry["event"] == "answer"]
    for code, base in (("R1", 10), ("R2", 50)):
        own = [entry for entry in answers if entry["reader"] == code]
        assert [entry["probability"] for entry in own] == [base + number for number in range(12)]
    orders = [[step.case for step in study.page.study.readers[code].steps] for code in ("R1", "R2")]
    assert orders[0] != orders[1]


def test_a_window_of_a_reader_answers_for_no_other_whose_link_was_opened_in_the_browser(study: ServedStudy) -> None:
    """Otherwise R1's answer would count as R2's, to another case: both are at step 0."""
    window = StudyReader(study, "R1")
    window.step()
    window.cookie = StudyReader(study, "R2").cookie  # a browser has one cookie for all its windows
    for found in (window.answer(0, probability=99), window.ask(), window.pixels(0)):
        assert (found.status, "another reader" in found.detail) == (409, True)
    assert window.send("POST", "/api/study/answers", json.dumps({"step": 0})).status == 409
    assert [one.answers for one in study.page.study.readers.values()] == [[], []]
    assert window.send("GET", "/api/study").json["reader"] == "R2"


def test_no_case_of_the_second_session_is_seen_before_it_opens(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    clock = Clock()
    with served_study(capsys, write_study(tmp_path, store, design="independent", days=14), clock) as study:
        reader = StudyReader(study, "R1")
        for number in range(6):
            reader.step()
            reader.answer(number)
        assert [reader.ask().status, reader.pixels(6).status, reader.answer(6).status] == [409] * 3
        clock.wait(14)
        assert [reader.ask().status, reader.pixels(6).status] == [200, 200]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 1000)])
def test_a_damaged_store_shows_readers_no_id_and_no_path(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    store = write_store(tmp_path / "store-of-malignant", 3)
    for path in [path for path in (store / "images").rglob("*") if path.is_file()]:
        damage(path)
    with served_study(capsys, write_study(tmp_path, store)) as study:
        reader = StudyReader(study, "R1")
        for found in (reader.ask(), reader.pixels(0)):
            assert (found.status, found.detail.startswith("This case cannot be shown")) == (500, True)
            assert not any(secret in found.detail for secret in (*SECRETS, "store"))
        assert "a case cannot be shown" in study.log


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"step": "0"}', b'{"step": true}', b'{"step": 0, "probability": 101}']
)
def test_a_wrong_answer_is_one_sentence_and_not_kept(study: ServedStudy, content: bytes) -> None:
    reader = StudyReader(study, "R1")
    answer = reader.send("POST", "/api/study/answers?reader=R1", content)
    assert (answer.status, answer.detail.count("\n")) == (422, 0)
    assert study.page.study.readers["R1"].answers == []


def test_a_full_disk_keeps_no_answer_and_says_so(study: ServedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = StudyReader(study, "R1")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        answer = reader.answer(0)
        assert (answer.status, "cannot keep answers" in answer.detail) == (507, True)
    assert "the journal cannot be written (No space left on device)" in study.log
    assert reader.answer(0).json["answered"] == 1


def test_links_are_the_readers_own(study: ServedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    other = StudyReader(study, "R2")
    assert other.send("GET", "/api/study").json["reader"] == "R2"
    link = study.link("R1")
    reader = StudyReader(study, "R1")
    assert reader.send("GET", link).status == 200  # the browser that has used it
    assert other.send("GET", link).status == 403
    assert reader.send("GET", link, Cookie="").status == 403
    assert study.link("R1") != link


def test_the_rate_of_a_client_in_a_loop_is_limited(
    study: ServedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps and answers are counted apart: a reader asks for one before each of the other."""
    reader = StudyReader(study, "R1")
    monkeypatch.setattr(sessions, "PER_MINUTE", 3)
    assert [reader.ask().status for _ in range(4)] == [200, 200, 200, 429]
    assert [reader.answer(99, probability=1).status for _ in range(4)] == [409, 409, 409, 429]


def test_a_case_that_is_not_reached_yet_is_not_said_to_be_answered(study: ServedStudy) -> None:
    """A script, or a window of a study that was begun anew, can be ahead of its reader."""
    reader = StudyReader(study, "R1")
    reader.step()
    for found in (reader.answer(5), reader.pixels(5)):
        assert (found.status, found.detail) == (409, NOT_YET)
    reader.answer(0)
    assert reader.answer(0).detail == ELSEWHERE
    assert len(study.page.study.readers["R1"].answers) == 1


@pytest.mark.parametrize(("seconds", "expected"), [(0, "03:04"), (0.001, "03:05"), (59.999, "03:05")])
def test_a_session_is_open_at_the_minute_at_which_it_is_said_to_open(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path, seconds: float, expected: str
) -> None:
    clock = Clock(datetime(2026, 1, 2, 3, 4, tzinfo=UTC) + timedelta(seconds=seconds))
    path = write_study(tmp_path, store, design="independent", days=1)
    with served_study(capsys, path, clock) as study:
        reader = StudyReader(study, "R1")
        for number in range(6):
            reader.answer(number)
        opens = reader.send("GET", "/api/study").json["opens"]
        assert opens == f"2026-01-03T{expected}+00:00"
        clock.time = datetime.fromisoformat(opens)
        assert reader.send("GET", "/api/study").json["opens"] is None
        assert reader.step()["session"] == 2
