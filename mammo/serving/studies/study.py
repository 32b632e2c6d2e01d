"""A reader study that goes on: what each reader is asked next, and the answers so far, which the journal holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from mammo.records import MammoError, is_number
from mammo.serving.studies.journal import Entry, Journal
from mammo.serving.studies.order import Step, steps_of
from mammo.serving.studies.prepared import Prepared

LONGEST_S = 7 * 86400.0
"""Most seconds that an answer can take."""


class Decision(StrEnum):
    """What a reader decides for a lesion."""

    BIOPSY = "biopsy"
    NO_BIOPSY = "no biopsy"


class Answer(NamedTuple):
    """A reader's answer to one step."""

    probability: float
    """Of malignancy, 0 to 100."""
    decision: Decision
    seconds: float
    """From the case's last showing to the answer, in the reader's browser."""


class AnsweredError(Exception):
    """The step was answered already, or is not the reader's next one."""


@dataclass
class Progress:
    """A reader's answers so far.

    Attributes:
        steps: all that the reader is asked, in order.
        answers: lines of the journal, one for each step that was answered.
        first_shown: when the next step was first shown, in ISO 8601; empty where it was not.
        times_shown: how often it was.
    """

    steps: tuple[Step, ...]
    answers: list[Entry] = field(default_factory=list)
    first_shown: str = ""
    times_shown: int = 0

    @property
    def next(self) -> Step | None:
        """The first step without an answer; None at the end."""
        return self.steps[len(self.answers)] if len(self.answers) < len(self.steps) else None

    def note_shown(self, time: str) -> None:
        """Count that the next step was shown at a time."""
        self.first_shown = self.first_shown or time
        self.times_shown += 1

    def note_answer(self, entry: Entry) -> None:
        """Add the answer to the next step; the one after it was not shown yet."""
        self.answers.append(entry)
        self.first_shown, self.times_shown = "", 0


class Study:
    """The progress of all readers.

    Args:
        prepared: the study.
        journal: opened.
        now: a clock, in UTC.

    Raises:
        MammoError: the journal holds an answer that this study did not ask for.
    """

    def __init__(
        self, prepared: Prepared, journal: Journal, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.prepared, self._journal, self.now = prepared, journal, now
        self.readers = progress_of(prepared, journal.entries, str(journal.path))

    def opens(self, reader: str) -> datetime | None:
        """When the reader's next session opens; None where one is open or all is answered."""
        progress = self.readers[reader]
        step, answers = progress.next, progress.answers
        if step is None or not answers or progress.steps[len(answers) - 1].session == step.session:
            return None
        opens = datetime.fromisoformat(answers[-1]["time"]) + timedelta(days=self.prepared.settings.days)
        return opens if self.now() < opens else None

    def show(self, reader: str) -> Step | None:
        """The reader's next step; None where there is none now.

        The journal notes when it is first shown. Later times, as after a reload, are counted in memory, so that
        requests without an end do not fill the disk; a new start of the server loses this count, but not the first.
        """
        progress = self.readers[reader]
        if progress.next is None or self.opens(reader):
            return None
        time = self._time()
        if not progress.first_shown:
            entry = {"event": "shown", "reader": reader, "step": len(progress.answers), "time": time}
            self._journal.append(entry, durable=False)
        progress.note_shown(time)
        return progress.next

    def answer(self, reader: str, number: int, answer: Answer) -> None:
        """Keep the answer to the reader's next step; it is on the disk when this returns.

        Args:
            reader: code.
            number: of the step, from 0.
            answer: to be kept.

        Raises:
            AnsweredError: the step is not the reader's next one, so that nothing is kept.
            OSError: the disk is full or fails.
        """
        progress = self.readers[reader]
        step = progress.next
        if step is None or number != len(progress.answers) or self.opens(reader):
            raise AnsweredError
        entry = {
            "event": "answer",
            "reader": reader,
            "step": number,
            "session": step.session,
            "place": step.place,
            "lesion_id": self.prepared.lesions[step.case],
            "condition": step.condition,
            "probability": answer.probability,
            "decision": answer.decision,
            "seconds": answer.seconds,
            "times_shown": progress.times_shown,
            "first_shown": progress.first_shown,
            "time": self._time(),
        }
        self._journal.append(entry)
        progress.note_answer(entry)

    def _time(self) -> str:
        return self.now().isoformat(timespec="milliseconds")


def progress_of(prepared: Prepared, entries: list[Entry], where: str) -> dict[str, Progress]:
    """The progress of every reader by code, from the lines of a journal.

    Raises:
        MammoError: an answer is not to the step that its reader was asked then.
    """
    settings, n = prepared.settings, len(prepared.lesions)
    found = {
        reader: Progress(steps_of(settings.design, settings.seed, settings.readers, reader, n))
        for reader in settings.readers
    }
    for number, entry in enumerate(entries, 1):
        progress = found.get(str(entry.get("reader")))
        if progress is None or not _fits(progress, prepared, entry):
            raise MammoError(f"{where}, line {number} is not of this study: restore the file from a backup")
        if entry["event"] == "answer":
            progress.note_answer(entry)
        else:
            progress.note_shown(str(entry["time"]))
    return found


def _fits(progress: Progress, prepared: Prepared, entry: Entry) -> bool:
    """Whether a line is about the reader's next step."""
    step = progress.next
    if step is None or entry.get("step") != len(progress.answers) or "time" not in entry:
        return False
    if entry.get("event") == "shown":
        return True
    asked = {"event": "answer", "lesion_id": prepared.lesions[step.case], "condition": step.condition}
    return all(entry.get(name) == value for name, value in asked.items())


def parse_answer(content: Mapping[str, Any]) -> Answer:
    """The answer of JSON values.

    Raises:
        MammoError: a value is missing or wrong.
    """
    probability = _number(content.get("probability"), 100)
    if probability is None:
        raise MammoError("The probability is a number from 0 to 100: enter one.")
    if content.get("decision") not in tuple(Decision):
        raise MammoError("The decision is biopsy or no biopsy: choose one.")
    seconds = _number(content.get("seconds"), LONGEST_S)
    if seconds is None:
        raise MammoError("The time of the answer is wrong: load the page again.")
    return Answer(probability, Decision(content["decision"]), round(seconds, 3))


def _number(value: object, most: float) -> float | None:
    """A number from 0 to most; None where a value is none."""
    if not is_number(value) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return float(value)
