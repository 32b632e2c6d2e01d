"""The study folder: what a study was begun with, which must not change while it goes on.

- study.json: settings, bundle, cases with their labels, and the scores that are shown
- answers.jsonl: the journal
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mammo.inference.bundle_facts import BundleName
from mammo.io import atomic_write, make_folder
from mammo.limits import read_json
from mammo.records import MammoError
from mammo.serving.studies.cases import Recorded, StudyCases
from mammo.serving.studies.journal import CHECK, begin_journal, check_of
from mammo.serving.studies.settings import Settings

STUDY, ANSWERS, LOCK = "study.json", "answers.jsonl", ".lock"
FORMAT = 3
TABLE_BYTES = 1 << 28


@dataclass(frozen=True)
class Scoring:
    """What gives the scores of a study.

    Attributes:
        bundle: that makes them.
        on_phantoms: whether its training images were synthetic.
        windows: per lesion.
        prevalence: as PredictOptions.
    """

    bundle: BundleName
    on_phantoms: bool
    windows: int
    prevalence: float | None


@dataclass(frozen=True)
class Prepared:
    """A study that has begun.

    Attributes:
        settings: its own.
        cases: in order, what the study records of each when it begins (cases.Recorded).
        shown: by case, the score that is shown (scores.score_cases).
        bundle: the JSON values of its BundleName.
        on_phantoms: whether its training images were synthetic.
    """

    settings: Settings
    cases: tuple[Recorded, ...]
    shown: tuple[Mapping[str, Any], ...]
    bundle: Mapping[str, Any]
    on_phantoms: bool

    @property
    def lesions(self) -> tuple[str, ...]:
        """Ids of the cases, in order."""
        return tuple(case.lesion_id for case in self.cases)


Score = Callable[[], list[dict[str, Any]]]
"""Scores the cases (scores.score_cases)."""


def prepare(settings: Settings, cases: StudyCases, scoring: Scoring, score: Score) -> Prepared:
    """Begin a study, or check that it goes on as it began; readers may join at the end of their list.

    Args:
        settings: of the study.
        cases: its cases.
        scoring: what gives the scores.
        score: called where the study has not begun.

    Raises:
        MammoError: the folder holds another study, or something has changed since it began.
    """
    make_folder(settings.output)
    now = _content(settings, cases, scoring)
    path = settings.output / STUDY
    if not path.exists():
        _check_empty(settings.output)
        content = now | {"shown": score()}
        begin_journal(settings.output / ANSWERS)  # first: a study without its journal has lost answers
        _write(path, content)
        return _prepared(settings, content)
    content = _read(settings)
    _check_same(path, content["settings"], now["settings"])
    _check_same(path, _options(content["scoring"]), _options(now["scoring"]))
    _check_cases(path, settings.store, _recorded(content), cases.recorded)
    _check_readers(path, content["readers"], now["readers"])
    if content["readers"] != now["readers"]:
        content["readers"] = now["readers"]
        _write(path, content)
    return _prepared(settings, content)


def begun(settings: Settings) -> Prepared:
    """A study that has begun, without the store and the bundle.

    Raises:
        MammoError: the study has not begun, its file is damaged, or it began with other settings or readers.
    """
    content = _read(settings)
    path = settings.output / STUDY
    _check_same(path, content["settings"], settings.fixed())
    _check_readers(path, content["readers"], list(settings.readers))
    return _prepared(settings, content)


def _read(settings: Settings) -> dict[str, Any]:
    """The content of study.json; MammoError where there is none, or it is damaged."""
    path = settings.output / STUDY
    if not path.is_file():
        raise MammoError(f"{settings.output} has no {STUDY}: begin the study with mammo serve BUNDLE --study FILE")
    try:
        content = read_json(path, TABLE_BYTES)
        if content["format"] != FORMAT:
            raise MammoError(f"{path} is of format {content['format']}, not {FORMAT}: use the version that wrote it")
        if content.pop(CHECK) != check_of("", content):
            raise ValueError("it was changed")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MammoError(f"{path} is damaged ({type(error).__name__}): restore it from a backup") from None
    return dict(content)


def _content(settings: Settings, cases: StudyCases, scoring: Scoring) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "settings": settings.fixed(),
        "readers": list(settings.readers),
        "scoring": asdict(scoring),
        "cases": [case._asdict() for case in cases.recorded],
    }


def _options(scoring: Mapping[str, Any]) -> dict[str, Any]:
    """What must stay the same of a Scoring, for people."""
    bundle = scoring["bundle"]
    return {"bundle": f"{bundle['name']} ({bundle['digest'][:12]})"} | {
        key: scoring[key] for key in ("windows", "prevalence")
    }


def _prepared(settings: Settings, content: Mapping[str, Any]) -> Prepared:
    scoring = content["scoring"]
    return Prepared(settings, _recorded(content), tuple(content["shown"]), scoring["bundle"], scoring["on_phantoms"])


def _recorded(content: Mapping[str, Any]) -> tuple[Recorded, ...]:
    return tuple(Recorded(**case) for case in content["cases"])


def _check_empty(folder: Path) -> None:
    """MammoError where a folder has answers without the study that they belong to, or other files."""
    journal = folder / ANSWERS
    if journal.exists() and journal.stat().st_size:  # an empty one is left where a begin was interrupted
        raise MammoError(f"{folder} has {ANSWERS}, but no {STUDY}: restore it, or name another output")
    if others := sorted(path.name for path in folder.iterdir() if path != journal and path.name[0] != "."):
        raise MammoError(f"{folder} has other files, such as {others[0]}: name a new or empty folder as output")


def _check_same(path: Path, began: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in sorted(began.keys() | now.keys()):
        if began.get(key) != now.get(key):
            old, new = (str(one.get(key))[:100] for one in (began, now))
            raise MammoError(
                f"{path}: {key} was {old} when the study began, and is {new} now: restore it, or name another output"
            )


def _check_readers(path: Path, began: list[str], now: list[str]) -> None:
    """MammoError where the readers are not those that a study began with, but for new ones at the end."""
    if began != now[: len(began)]:
        raise MammoError(
            f"{path}: the study began with readers {', '.join(began)}: restore this list, and add new readers at "
            "its end"
        )


def _check_cases(path: Path, store: Path, began: Sequence[Recorded], now: Sequence[Recorded]) -> None:
    """MammoError where the cases are not those that a study began with."""
    if len(began) != len(now):
        raise MammoError(
            f"{path}: {store} had {len(began)} cases when the study began, and has {len(now)} now: restore the store, "
            "or name another output"
        )
    for number, (one, other) in enumerate(zip(began, now, strict=True), 1):
        if changed := one.changed(other):
            raise MammoError(
                f"{path}: the {changed} of case {number}, lesion {one.lesion_id}, is not in {store} as it was when the "
                "study began: restore the store, or name another output"
            )


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps({**content, CHECK: check_of("", content)}, indent=1, allow_nan=False)
    with atomic_write(path, mode=0o600) as file:
        file.write_text(text + "\n", encoding="utf-8")
