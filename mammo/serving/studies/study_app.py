"""The application of a reader study: what a reader is asked next, its image, and the answers.

Nothing that it sends says what a case is: no id, label, patient or file name, and a case's number is its place in the
reader's own order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mammo.inference.lesion_model import PHANTOMS
from mammo.inference.prediction import RESEARCH_USE
from mammo.limits import parse_json
from mammo.records import MammoError, is_whole
from mammo.serving.api_schema import Call, add_routes
from mammo.serving.page_guard import SESSION, STEP_AT
from mammo.serving.static_files import application_with
from mammo.serving.studies.cases import ShownCase, StudyCases
from mammo.serving.studies.journal import Entry
from mammo.serving.studies.order import Condition, Step
from mammo.serving.studies.settings import Design
from mammo.serving.studies.study import AnsweredError, Study, parse_answer
from mammo.serving.studies.study_schema import STUDY_API
from mammo.serving.worker import Worker
from mammo.text import print_event

KEPT_CASES = 4
"""Cases that stay decoded: a sequential design shows each twice."""

CONFLICT, NOT_SHOWN, NOT_KEPT = 409, 500, 507
"""HTTP statuses: the step is not the reader's next one; its image cannot be read; the disk cannot keep the answer."""

ELSEWHERE = "This case was answered already, perhaps in another window: the next one is shown."
NOT_YET = "This case is not reached yet: answer those before it first."
NOT_NOW = "No case is to be read now: load the page again."
OTHER_READER = "The link of another reader was opened in this browser, and nothing was kept: open your own link again."
DAMAGED = "This case cannot be shown: inform the person who runs the study."


class StudyPage:
    """What the page of a study can ask for.

    Args:
        study: that goes on.
        cases: its cases.
    """

    def __init__(self, study: Study, cases: StudyCases) -> None:
        self.study, self._worker = study, Worker()
        self._shown = lru_cache(maxsize=KEPT_CASES)(cases.shown)

    async def progress(self, request: Request) -> dict[str, Any]:
        """How far the reader of this browser has come, and whether another step can be shown."""
        return self._progress(_session(request))

    async def step(self, request: Request) -> dict[str, Any]:
        """The reader's next step, which is noted as shown."""
        reader = _reader(request)
        with _disk_errors():
            step = self.study.show(reader)
        if step is None:
            raise HTTPException(CONFLICT, NOT_NOW)
        return await self._step(step, self.study.readers[reader].answers)

    async def pixels(self, request: Request) -> Response:
        """Presentation values of the image of the reader's next step, uint16 [rows, cols], compressed by gzip."""
        reader = _reader(request)
        progress = self.study.readers[reader]
        step = progress.next
        number = request.path_params["number"]
        if step is None or number != len(progress.answers):
            raise HTTPException(CONFLICT, _why_not(number, len(progress.answers)))
        if self.study.opens(reader):
            raise HTTPException(CONFLICT, NOT_NOW)
        with _case_errors():
            content = await self._worker.run(lambda: self._shown(step.case).packed())
        return Response(content, media_type="application/octet-stream", headers={"content-encoding": "gzip"})

    async def answer(self, request: Request) -> dict[str, Any]:
        """Keep an answer to the reader's next step; returns the progress."""
        reader = _reader(request)
        try:
            content = parse_json((await request.body()).decode())
        except ValueError:
            content = None
        if not isinstance(content, dict) or not is_whole(content.get("step")):
            raise MammoError("The answer is not JSON of a step: load the page again.")
        with _disk_errors():
            try:
                self.study.answer(reader, content["step"], parse_answer(content))
            except AnsweredError:
                n_answers = len(self.study.readers[reader].answers)
                raise HTTPException(CONFLICT, _why_not(content["step"], n_answers)) from None
        progress = self.study.readers[reader]
        print_event(f"reader {reader}: {len(progress.answers)} of {len(progress.steps)} answers")
        return self._progress(reader)

    def _progress(self, reader: str) -> dict[str, Any]:
        prepared, progress = self.study.prepared, self.study.readers[reader]
        opens = self.study.opens(reader)
        return {
            "study": prepared.settings.name,
            "use": RESEARCH_USE,
            "phantoms": PHANTOMS if prepared.on_phantoms else "",
            "reader": reader,
            "answered": len(progress.answers),
            "total": len(progress.steps),
            "session": progress.next.session if progress.next else None,
            "n_sessions": progress.steps[-1].session,
            "opens": None if opens is None else _whole_minute(opens).isoformat(timespec="minutes"),
        }

    async def _step(self, step: Step, answers: list[Entry]) -> dict[str, Any]:
        """What is shown of the step after these answers: its case by place, never by id."""
        prepared, number = self.study.prepared, len(answers)
        is_second = prepared.settings.design is Design.SEQUENTIAL and step.condition is Condition.WITH
        before = {name: answers[-1][name] for name in ("probability", "decision")} if is_second else None
        with _case_errors():
            shown: ShownCase = await self._worker.run(self._shown, step.case)
        rows, cols = shown.values.shape
        return {
            "number": number,
            "session": step.session,
            "place": step.place,
            "n_cases": len(prepared.lesions),
            "condition": step.condition,
            "score": prepared.shown[step.case] if step.condition is Condition.WITH else None,
            "before": before,
            **{"rows": rows, "cols": cols, "spacing_mm": shown.spacing_mm},
            **{"laterality": shown.laterality, "view": shown.view, "faces_left": shown.faces_left},
            "outline": shown.outline,
        }


def _why_not(number: int, n_answers: int) -> str:
    """Why the step of a number, from 0, is not the next one of a reader who has given so many answers."""
    return ELSEWHERE if number < n_answers else NOT_NOW if number == n_answers else NOT_YET


def _whole_minute(time: datetime) -> datetime:
    """A time rounded up to the minute, so that a session is open when it is said to be."""
    return time + timedelta(seconds=-time.timestamp() % 60)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Answer errors of the disk with a sentence for the reader, and print why."""
    try:
        yield
    except OSError as error:
        print_event(f"the journal cannot be written ({error.strerror}): make room on its disk")
        raise HTTPException(NOT_KEPT, "The server cannot keep answers: inform the person who runs the study.") from None


@contextmanager
def _case_errors() -> Iterator[None]:
    """Answer errors of the store, whose texts hold ids and paths, with a sentence for the reader, and print why."""
    try:
        yield
    except (MammoError, OSError) as error:
        print_event(f"a case cannot be shown: {error}")
        raise HTTPException(NOT_SHOWN, DAMAGED) from None


def _reader(request: Request) -> str:
    """The reader of this browser, whom the query names, too: a window can be of one whose link was opened before."""
    reader = _session(request)
    if request.query_params.get("reader") != reader:
        raise HTTPException(CONFLICT, OTHER_READER)
    return reader


def _session(request: Request) -> str:
    """The reader whose link was opened last in this browser."""
    reader: str = request.scope[SESSION].reader
    return reader


def study_application(page: StudyPage) -> FastAPI:
    """The application; /openapi.json describes its addresses."""
    app = application_with("study.html")
    calls: dict[str, Call] = {
        "GET /api/study": page.progress,
        f"POST {STEP_AT}": page.step,
        "POST /api/study/answers": page.answer,
        "GET /api/study/steps/{number:int}/pixels": page.pixels,
    }
    add_routes(app, STUDY_API, calls)
    return app
