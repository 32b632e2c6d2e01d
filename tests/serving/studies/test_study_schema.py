"""/openapi.json of a study: it describes what readers get and send, and nothing that it describes unblinds them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.serving.json_schema import answer_schema, body_schema, problems, undescribed
from tests.serving.studies.served_study import ServedStudy, served_study
from tests.serving.studies.study_cases import write_store, write_study
from tests.serving.studies.study_reader import StudyReader


@pytest.fixture
def study(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[ServedStudy]:
    with served_study(capsys, write_study(tmp_path, write_store(tmp_path / "store", 3))) as found:
        yield found


def test_every_field_of_every_request_and_answer_is_described(study: ServedStudy) -> None:
    document = StudyReader(study, "R1").send("GET", "/openapi.json").json
    assert list(undescribed(document)) == []
    fields = {name for schema in document["components"]["schemas"].values() for name in schema["properties"]}
    assert not {name for name in fields if any(word in name for word in ("malignant", "label", "lesion", "patient"))}


def test_answers_are_as_described(study: ServedStudy) -> None:
    reader = StudyReader(study, "R1")
    document = reader.send("GET", "/openapi.json").json
    progress = answer_schema(document, "get", "/api/study")
    for number in range(6):
        assert list(problems(reader.send("GET", "/api/study").json, progress, document)) == []
        assert list(problems(reader.step(), answer_schema(document, "post", "/api/study/step"), document)) == []
        assert list(problems(reader.answer(number).json, progress, document)) == []
    late = reader.answer(0)
    assert list(problems(late.json, answer_schema(document, "post", "/api/study/answers", 409), document)) == []
    assert late.status == 409


GOOD = {"step": 0, "probability": 37.5, "decision": "biopsy", "seconds": 3.0}


@pytest.mark.parametrize(
    ("changes", "is_valid"),
    [
        ({}, True),
        ({"probability": 0}, True),
        ({"probability": 100, "decision": "no biopsy", "seconds": 7 * 86400}, True),
        ({"probability": -0.1}, False),
        ({"probability": 100.1}, False),
        ({"probability": "37"}, False),
        ({"probability": None}, False),
        ({"decision": "Biopsy"}, False),
        ({"decision": 1}, False),
        ({"seconds": -1}, False),
        ({"seconds": 7 * 86400 + 1}, False),
        ({"step": "0"}, False),
        ({"step": True}, False),
    ],
)
def test_a_body_is_valid_by_its_description_as_by_the_server(
    study: ServedStudy, changes: dict[str, Any], is_valid: bool
) -> None:
    reader = StudyReader(study, "R1")
    document, content = reader.send("GET", "/openapi.json").json, GOOD | changes
    assert (not list(problems(content, body_schema(document, "/api/study/answers"), document))) is is_valid
    status = reader.send("POST", "/api/study/answers?reader=R1", json.dumps(content)).status
    assert status == (200 if is_valid else 422)
