"""A study that goes on: every answer once and in order, sessions apart, and nothing changed since it began."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mammo.records import MammoError
from mammo.serving.studies.journal import opened_journal
from mammo.serving.studies.prepared import ANSWERS, STUDY, begun, prepare
from mammo.serving.studies.settings import Settings
from mammo.serving.studies.study import Answer, AnsweredError, Decision, parse_answer
from mammo.store.manifest import Manifest
from tests.serving.studies.study_cases import SCORING, Clock, opened, prepared_study, scores, write_store, write_study

YES = Answer(80.0, Decision.BIOPSY, 3.5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("study") / "store", 6)


def test_answers_are_kept_in_order_and_a_study_goes_on_where_it_was(tmp_path: Path, store: Path) -> None:
    path = write_study(tmp_path, store)
    with opened(path) as study:
        steps = study.readers["R1"].steps
        for number in range(5):
            assert study.show("R1") == steps[number]
            study.answer("R1", number, YES._replace(probability=number))
        study.show("R1")
        study.show("R1")
        assert study.show("R2") == study.readers["R2"].steps[0]
    with opened(path) as study:
        progress = study.readers["R1"]
        assert progress.steps == steps
        assert [entry["probability"] for entry in progress.answers] == [0, 1, 2, 3, 4]
        assert progress.next == steps[5]
        study.show("R1")
        study.answer("R1", 5, YES)
        assert progress.answers[5]["times_shown"] == 2, "once in the journal, once since the new start"
        assert study.readers["R2"].answers == []
        lesions = [study.prepared.lesions[step.case] for step in steps]
        assert [entry["lesion_id"] for entry in progress.answers] == lesions[:6]


def test_the_journal_grows_by_what_readers_do_not_by_how_often_they_ask(tmp_path: Path, store: Path) -> None:
    path, journal = write_study(tmp_path, store), tmp_path / "study" / ANSWERS
    with opened(path) as study:
        study.show("R1")
        first = journal.read_bytes()
        for _ in range(50):
            study.show("R1")
        assert journal.read_bytes() == first
        study.answer("R1", 0, YES)
        assert study.readers["R1"].answers[0]["times_shown"] == 51
        study.show("R1")
    assert journal.read_bytes().count(b"\n") == 3


def test_a_step_is_answered_once(tmp_path: Path, store: Path) -> None:
    with opened(write_study(tmp_path, store)) as study:
        for number in (1, -1, 99):
            with pytest.raises(AnsweredError):
                study.answer("R1", number, YES)
        study.answer("R1", 0, YES)
        with pytest.raises(AnsweredError):
            study.answer("R1", 0, YES)
        for number in range(1, 12):
            study.answer("R1", number, YES)
        assert study.show("R1") is None
        with pytest.raises(AnsweredError):
            study.answer("R1", 12, YES)
        assert len(study.readers["R1"].answers) == 12


def test_the_second_session_opens_days_after_the_last_answer_of_the_first(tmp_path: Path, store: Path) -> None:
    path, clock = write_study(tmp_path, store, design="independent", days=28), Clock()
    with opened(path, clock) as study:
        for number in range(6):
            study.answer("R1", number, YES)
        opens = study.opens("R1")
        assert opens is not None
        assert (opens - clock()).days == 28
        clock.wait(27.99)
        assert study.show("R1") is None
        with pytest.raises(AnsweredError):
            study.answer("R1", 6, YES)
        assert study.show("R2") is not None
    clock.wait(0.01)
    with opened(path, clock) as study:
        step = study.show("R1")
        assert step is not None
        assert (step.session, step.place) == (2, 1)
        study.answer("R1", 6, YES)
        assert study.opens("R1") is None


@pytest.mark.parametrize(
    "line",
    [
        {"event": "answer", "reader": "R3", "step": 0, "time": ""},
        {"event": "answer", "reader": "R1", "step": 1, "time": ""},
        {"event": "answer", "reader": "R1", "step": 0, "lesion_id": "other", "condition": "without", "time": ""},
        {"event": "shown", "reader": "R1", "step": 5, "time": ""},
        {"event": "shown", "reader": "R1", "step": 0},
        {},
    ],
)
def test_a_journal_of_another_study_is_an_error(tmp_path: Path, store: Path, line: dict[str, Any]) -> None:
    path = write_study(tmp_path, store)
    prepared_study(path)
    with opened_journal(tmp_path / "study" / ANSWERS) as journal:
        journal.append(line)
    with pytest.raises(MammoError, match="line 1 is not of this study"), opened(path):
        pass


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 8}, "seed was 7 when the study began, and is 8 now"),
        ({"name": "other"}, "name was phantoms"),
        ({"design": "independent", "days": 1}, "days was 0.0"),
        ({"split": None, "lesions": "[zzlesion1, zzlesion2]"}, "lesions was []"),
        ({"readers": "[R2, R1]"}, "began with readers R1, R2"),
        ({"readers": "[R1]"}, "began with readers R1, R2"),
    ],
)
def test_what_has_changed_since_the_study_began_is_named(
    tmp_path: Path, store: Path, changes: dict[str, Any], sentence: str
) -> None:
    prepared_study(write_study(tmp_path, store))
    before = (tmp_path / "study" / STUDY).read_bytes()
    with pytest.raises(MammoError) as error:
        prepared_study(write_study(tmp_path, store, **changes))
    assert sentence in str(error.value)
    assert (tmp_path / "study" / STUDY).read_bytes() == before


def test_another_bundle_and_another_store_are_named(tmp_path: Path, store: Path) -> None:
    path = write_study(tmp_path, store)
    prepared, cases = prepared_study(path)
    other = replace(SCORING, bundle=replace(SCORING.bundle, digest="cd" * 32))
    for scoring, word in ((other, "bundle was"), (replace(SCORING, windows=10), "windows was 100")):
        with pytest.raises(MammoError, match=word):
            prepare(prepared.settings, cases, scoring, lambda: scores(cases))
    smaller = write_store(tmp_path / "smaller", 5)
    with pytest.raises(MammoError, match="6 cases when the study began, and has 5"):
        prepared_study(write_study(tmp_path, smaller))


@pytest.mark.parametrize(
    ("column", "value", "what"), [("label", "benign", "label"), ("lesion_id", "zzother", "lesion")]
)
def test_a_study_does_not_go_on_with_cases_that_have_changed(
    tmp_path: Path, column: str, value: str, what: str
) -> None:
    store = write_store(tmp_path / "store", 4)
    path = write_study(tmp_path, store)
    prepared_study(path)
    manifest = Manifest.load(store)
    lesions = manifest.lesions.reset_index()
    lesions.loc[0, column] = value
    replace(manifest, lesions=lesions.set_index("lesion_id")).save(store)
    with pytest.raises(MammoError, match=f"the {what} of case 1, lesion zzlesion0, is not in .* as it was"):
        prepared_study(path)


def test_readers_may_join_and_scores_stay(tmp_path: Path, store: Path) -> None:
    first, cases = prepared_study(write_study(tmp_path, store))
    settings = Settings.read(write_study(tmp_path, store, readers="[R1, R2, R3]"))
    joined = prepare(settings, cases, SCORING, lambda: pytest.fail("the scores are there already"))
    assert joined.shown == first.shown
    assert prepared_study(write_study(tmp_path, store, readers="[R1, R2, R3]"))[0].settings.readers[-1] == "R3"


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1}', "[1]", '{"format": 3, "cases": [1], "shown": []}'])
def test_a_damaged_study_is_one_sentence(tmp_path: Path, store: Path, content: str) -> None:
    path = write_study(tmp_path, store)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / STUDY).write_text(content)
    with pytest.raises(MammoError, match=STUDY):
        prepared_study(path)


def test_a_changed_score_is_an_error(tmp_path: Path, store: Path) -> None:
    path = write_study(tmp_path, store)
    prepared_study(path)
    file = tmp_path / "study" / STUDY
    before = file.read_text()
    file.write_text(before.replace('"score": 0.03', '"score": 0.93'))
    assert file.read_text() != before
    for work in (lambda: prepared_study(path), lambda: begun(Settings.read(path))):
        with pytest.raises(MammoError, match=r"is damaged.*: restore it from a backup"):
            work()


def test_answers_without_a_study_are_never_taken_over(tmp_path: Path, store: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / ANSWERS).write_text("{}\n")
    with pytest.raises(MammoError, match="restore it, or name another output"):
        prepared_study(write_study(tmp_path, store))


def test_a_folder_with_other_files_is_no_output_of_a_study(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", 2)
    before = sorted(store.rglob("*"))
    with pytest.raises(MammoError, match=r"has other files, such as .*: name a new or empty folder"):
        prepared_study(write_study(tmp_path, store, output="store"))
    assert sorted(store.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_an_output_that_cannot_be_made_is_one_sentence(tmp_path: Path, store: Path) -> None:
    with pytest.raises(MammoError, match=r"/proc/x cannot be made, .*: name another"):
        prepared_study(write_study(tmp_path, store, output="/proc/x"))


def test_a_begin_that_was_interrupted_is_made_again(tmp_path: Path, store: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / ANSWERS).touch()
    with opened(write_study(tmp_path, store)) as study:
        assert study.readers["R1"].answers == []


def test_a_study_whose_answers_are_gone_does_not_begin_anew(tmp_path: Path, store: Path) -> None:
    path = write_study(tmp_path, store)
    with opened(path) as study:
        study.answer("R1", 0, YES)
    (tmp_path / "study" / ANSWERS).unlink()
    with pytest.raises(MammoError, match=r"answers\.jsonl is missing.*backup"), opened(path):
        pass


GOOD = {"probability": 37.5, "decision": "biopsy", "seconds": 12.3456}


def test_answers_are_numbers_and_known_words() -> None:
    assert parse_answer(GOOD) == (37.5, "biopsy", 12.346)
    for name, values in {
        "probability": [None, "37", True, -0.1, 100.1, float("nan"), float("inf"), 10**400],
        "decision": [None, "", "Biopsy", ["biopsy"], 1],
        "seconds": [None, -1, 1e9, float("nan"), "1"],
    }.items():
        for value in values:
            with pytest.raises(MammoError, match=r"probability|decision|time"):
                parse_answer(GOOD | {name: value})
