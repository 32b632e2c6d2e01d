"""The requests of a reader study and their answers, as /openapi.json describes them: readers see no other keys."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from mammo.serving.api_schema import BINARY, PIXELS, Described, Problem, file_answer, json_answer, json_body, parameter
from mammo.serving.studies.study import LONGEST_S


class StudyProgress(Described):
    """How far the reader of this browser has come."""

    study: str
    """Name of the study."""
    use: str
    """What scores are for."""
    phantoms: str
    """A warning where the networks were trained on synthetic images; else empty."""
    reader: str
    """Code of the reader whose link was opened last in this browser."""
    answered: int
    """Steps that the reader has answered."""
    total: int
    """All steps that the reader is asked."""
    session: int | None
    """Session of the next step, from 1; null at the end."""
    n_sessions: int
    """Sessions of the study: 1 or 2."""
    opens: str | None
    """When that session opens, in ISO 8601; null where it is open."""


class ShownThreshold(Described):
    """A threshold, and on which side of it a case lies."""

    threshold: float
    """A case with a lower score lies below it."""
    below: bool
    """Whether the case does."""
    meaning: str
    """What the threshold did on validation lesions, in words."""


class ShownScore(Described):
    """The score of a case."""

    score: float
    """From 0 to 1; not a probability."""
    score_sd: float
    """Its standard deviation over the crop windows."""
    probability: float
    """Calibrated, of malignancy."""
    prevalence: float
    """Share of cancers that the probability holds for, which is not that of the cases."""
    thresholds: list[ShownThreshold]
    """Ascending."""


class AnswerBefore(Described):
    """What the reader has answered without the score."""

    probability: float
    """From 0 to 100."""
    decision: Literal["biopsy", "no biopsy"]
    """The decision."""


class ShownStep(Described):
    """The next step: a case by its place in the reader's order."""

    number: int
    """Of the step, from 0."""
    session: int
    """From 1."""
    place: int
    """Of the case in the session, from 1."""
    n_cases: int
    """Cases of a session."""
    condition: Literal["without", "with"]
    """Whether the case is read with the score."""
    score: ShownScore | None
    """Null without the score."""
    before: AnswerBefore | None
    """In a sequential design with the score; else null."""
    rows: int
    """Height of the image, px."""
    cols: int
    """Width of the image, px."""
    spacing_mm: float
    """Between pixels; 0 if unknown."""
    laterality: str
    """The breast, L or R."""
    view: str
    """The view, CC or MLO."""
    faces_left: bool
    """Whether the chest wall is at the right edge."""
    outline: list[tuple[float, float]]
    """Corners of the polygon around the lesion, (row, col), px."""


class StepAnswer(Described):
    """A reader's answer to a step."""

    step: int = Field(ge=0)
    """Number of the step, from 0, which must be the next one."""
    probability: float = Field(ge=0, le=100)
    """Of malignancy, from 0 to 100."""
    decision: Literal["biopsy", "no biopsy"]
    """The decision."""
    seconds: float = Field(ge=0, le=LONGEST_S)
    """From the moment the case was drawn to the answer."""


READER = parameter("reader", "code of the reader, who must be that of this browser; needed")
NUMBER = parameter("number", "number of the next step", {"type": "integer", "minimum": 0}, "path")
CONFLICT = {409: {"model": Problem, "description": "not the reader's next step, or of another reader"}}


def _of_step(route: dict[str, Any]) -> dict[str, Any]:
    return route | {"responses": route["responses"] | CONFLICT}


STUDY_API: Mapping[str, Mapping[str, Any]] = {
    "GET /api/study": json_answer(StudyProgress),
    "POST /api/study/step": _of_step(json_answer(ShownStep, READER)),
    "POST /api/study/answers": _of_step(json_answer(StudyProgress, READER, body=json_body(StepAnswer))),
    "GET /api/study/steps/{number:int}/pixels": _of_step(file_answer(BINARY, PIXELS, NUMBER, READER)),
}
"""By method and address the arguments of add_api_route."""
