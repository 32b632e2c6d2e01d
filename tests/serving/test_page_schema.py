"""/openapi.json of the page: it describes what requests and answers really are."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.serving.json_schema import answer_schema, body_schema, problems, undescribed
from tests.serving.page_cases import Reader, Served

IMAGE = "/api/images/{key}"


@pytest.fixture
def reader(server: Served) -> Reader:
    return Reader(server)


@pytest.fixture
def document(reader: Reader) -> Any:
    return reader.send("GET", "/openapi.json").json


def test_every_field_of_every_request_and_answer_is_described(document: Any) -> None:
    assert list(undescribed(document)) == []
    posts = {path for path, methods in document["paths"].items() if "post" in methods}
    assert posts == {"/api/images", *(f"{IMAGE}/{name}" for name in ("outlines", "score", "send"))}
    assert set(body_schema(document, f"{IMAGE}/score")["properties"]) == {"polygon", "box", "circle", "known"}


def test_answers_are_as_described(reader: Reader, document: Any, folder: Path) -> None:
    opened = reader.open(next(folder.rglob("R-MLO.dcm"))).json
    key = opened["key"]
    assert list(problems(opened, answer_schema(document, "post", "/api/images"), document)) == []
    for path in ("/api/bundle", "/api/files"):
        assert list(problems(reader.send("GET", path).json, answer_schema(document, "get", path), document)) == []
    outline = {"circle": [180, 200, 10]}
    assert list(problems(outline, body_schema(document, f"{IMAGE}/score"), document)) == []
    scored = reader.score(key, outline).json
    assert list(problems(scored, answer_schema(document, "post", f"{IMAGE}/score"), document)) == []
    assert scored["prediction"]["thresholds"], "or thresholds were not checked"
    file = reader.send("GET", f"/api/images/{key}/prediction.json").json
    assert list(problems(file, answer_schema(document, "get", f"{IMAGE}/prediction.json"), document)) == []
    rejected = reader.send("POST", f"/api/images/{key}/send")
    assert rejected.status == 422
    assert list(problems(rejected.json, answer_schema(document, "post", f"{IMAGE}/send", 422), document)) == []


@pytest.mark.parametrize(
    ("outline", "is_valid"),
    [
        ({"polygon": [[100, 100], [100, 150], [150, 100]]}, True),
        ({"box": [100, 120, 100, 130]}, True),
        ({"circle": [180.5, 200, 10]}, True),
        ({"polygon": [[100, 100], [100, 150]]}, False),
        ({"polygon": [[100, 100], [100, 150], [150]]}, False),
        ({"box": [100, 120, 100]}, False),
        ({"circle": [180, 200, "10"]}, False),
        ({"circle": [180, 200, True]}, False),
        ({"known": -1}, False),
        ({"known": 0.5}, False),
        ({"circle": [180, 200, 10], "known": 0}, False),
        ({"ellipse": [1, 2, 3, 4]}, False),
        ({}, False),
        ([], False),
    ],
)
def test_a_body_is_valid_by_its_description_as_by_the_server(
    reader: Reader, document: Any, folder: Path, outline: Any, is_valid: bool
) -> None:
    assert (not list(problems(outline, body_schema(document, f"{IMAGE}/score"), document))) is is_valid
    key = reader.open(next(folder.rglob("R-MLO.dcm"))).json["key"]
    assert (reader.send("POST", f"/api/images/{key}/score", json.dumps(outline)).status == 200) is is_valid
