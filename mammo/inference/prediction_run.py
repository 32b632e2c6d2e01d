"""Scores the cases of `mammo predict` one after the other; a run that was interrupted goes on where it stopped.

What is done is kept in a file of the output folder until all is: a case is not scored again where its image, its
outlines, the bundle and the options are the same, and its files are as they were written.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.inference.case_reading import PRELOAD, OtherImages, ReadCase, read_all
from mammo.inference.cases import Case, CaseList
from mammo.inference.given_images import ARGUMENTS
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction, LesionPrediction, write_case_predictions
from mammo.inference.predictor import Predictor
from mammo.inference.result_files import (
    JOURNAL,
    LOCK,
    case_files,
    file_digests,
    keep_case_files,
    make_out,
    result_folders,
    start_results,
)
from mammo.intake.sandbox import Workers
from mammo.io import file_lock, remove_partials
from mammo.limits import limited_lines, parse_json
from mammo.progress import track
from mammo.records import MammoError

After = Callable[[int, Case, CasePrediction, Sequence[NDArray[np.uint8]]], Sequence[Mapping[str, str]]]
"""What is done with a scored case besides the tables, by its number from 1 and the picture [H, W, 3] of each lesion:
picture files, DICOM objects. Returns what each lesion's object in predictions.json says about them; MammoError where
they cannot be made, which becomes the error of the case."""


@dataclass(frozen=True)
class Outcome:
    """What a run has done.

    Attributes:
        n_lesions: number of lesions with a score.
        errors: sentences on what could not be scored.
        without_outline: images that were neither scored nor used as another image of an exam (CaseList).
    """

    n_lesions: int
    errors: tuple[str, ...]
    without_outline: tuple[str, ...]


@dataclass(frozen=True)
class FinishedCase:
    """What is kept of a case until the run has ended.

    Attributes:
        found: its objects in predictions.json.
        files: SHA-256 of its pictures and DICOM objects, by path below the folder.
    """

    found: Sequence[Mapping[str, Any]]
    files: Mapping[str, str]

    def line(self, key: str) -> str:
        """The case and its key, as a line of the journal."""
        return json.dumps([self.digest(key), key, self.found, self.files], allow_nan=False) + "\n"

    def digest(self, key: str) -> str:
        """SHA-256 of the case and its key: one changed byte of the journal would otherwise change a score."""
        return hashlib.sha256(json.dumps([key, self.found, self.files]).encode()).hexdigest()

    def is_whole(self, out: Path) -> bool:
        """Whether its files are in the folder, with the content that was written."""
        return file_digests(out, self.files) == self.files


def predict_cases(
    predictor: Predictor, asked: CaseList, out: Path, outputs: Sequence[After], overwrite: bool = False
) -> Outcome:
    """Score the cases, and write predictions.json and predictions.csv into a folder, which is made.

    When it returns, the pictures and DICOM objects in the folder are those that predictions.json names.

    Args:
        predictor: the networks of a bundle.
        asked: the cases, in order.
        out: the folder.
        outputs: called for each case with a scored lesion.
        overwrite: whether the results of a finished run are replaced.

    Raises:
        MammoError: there are results of a finished run, or another process works in the folder.
    """
    make_out(out)
    with file_lock(out / LOCK, f"the predictions in {out}", wait=False):
        start_results(out, overwrite)
        for folder in result_folders(out):
            remove_partials(folder)
        return _predict_cases(predictor, asked, out, outputs)


def _predict_cases(predictor: Predictor, asked: CaseList, out: Path, outputs: Sequence[After]) -> Outcome:
    cases, journal = asked.cases, out / JOURNAL
    done, found, files = dict(_finished(journal)), list[Mapping[str, Any]](), set[str]()
    read = read_all(cases, predictor.placing, Workers(preload=PRELOAD))
    pairs: Iterable[tuple[Case, ReadCase]] = zip(cases, read, strict=True)
    if len(cases) > 1:  # the work of a single case reports its own parts
        pairs = track(pairs, "cases", len(cases), "cases")
    with journal.open("a", encoding="utf-8") as lines:
        journal.chmod(0o600)
        for number, (case, content) in enumerate(pairs, start=1):
            key = _key(predictor, number, case, content, [output.__qualname__ for output in outputs])
            one = done.pop(key, None)
            if one is None or not one.is_whole(out):
                one = _finish(predictor, number, case, content, out, outputs)
                lines.write(one.line(key))
                lines.flush()
            found += one.found
            files.update(one.files)
    keep_case_files(out, files)
    bare = asked.without_outline({case[name] for case in found for name in ARGUMENTS.values()})
    said = {"options": asdict(predictor.options), "not_used": asked.not_used, "without_outline": bare}
    write_case_predictions(predictor.facts.name, said, found, out)
    journal.unlink()
    n_lesions = sum(len(case["lesions"]) for case in found)
    return Outcome(n_lesions, tuple(case["error"] for case in found if case["error"]), tuple(bare))


def _finish(
    predictor: Predictor, number: int, case: Case, content: ReadCase, out: Path, outputs: Sequence[After]
) -> FinishedCase:
    """Score a case and write its files, in place of those that an interrupted run left under its number."""
    for name in case_files(out, number):
        (out / name).unlink()
    try:
        found = _scored(predictor, number, case, content, outputs)
        files = file_digests(out, case_files(out, number))
    except MammoError as error:
        found, files = [_failed(case, f"{case.name}: {error}")], {}
    return FinishedCase(found + [_failed(case, error) for error in content.errors], files)


def _failed(case: Case, error: str) -> dict[str, Any]:
    return CasePrediction(case.name, error, others=dict.fromkeys(ARGUMENTS.values())).as_json()


def _scored(
    predictor: Predictor, number: int, case: Case, content: ReadCase, outputs: Sequence[After]
) -> list[dict[str, Any]]:
    """The scored lesions of a case, as JSON values; empty if it has none."""
    if content.image is None or not content.requests:
        return []
    lesions = predictor.predict(content.image, content.requests, content.others.images)
    lesions = tuple(replace(lesion, warnings=(*content.others.warnings, *lesion.warnings)) for lesion in lesions)
    prediction = CasePrediction(case.name, lesions=lesions, others=_used_files(content.others, lesions[0]))
    found = prediction.as_json()
    drawn = prediction.lesions if outputs else ()
    pictures = [overlay_pixels(lesion, content.image, predictor.facts.name) for lesion in drawn]
    for output in outputs:
        for lesion, added in zip(found["lesions"], output(number, case, prediction, pictures), strict=True):
            lesion.update(added)
    return [found]


def _used_files(others: OtherImages, lesion: LesionPrediction) -> dict[str, str | None]:
    """CasePrediction.others: all lesions of an image depend on the same other images."""
    names = {id(image): name for image, name in zip(others.images, others.names, strict=True)}
    used = {ARGUMENTS[other.place.kind]: names[id(other.image)] for other in lesion.others if other.is_used}
    return dict.fromkeys(ARGUMENTS.values()) | used


def _finished(journal: Path) -> Iterator[tuple[str, FinishedCase]]:
    """Yield the finished cases of an earlier run by their keys; a line that was cut or damaged is left out."""
    if not journal.is_file():
        return
    with journal.open(encoding="utf-8", errors="replace") as stream:
        for line in limited_lines(stream):
            try:
                digest, key, found, files = parse_json(line)
            except (ValueError, TypeError):
                continue
            one = FinishedCase(found, files)
            if digest == one.digest(key):
                yield key, one


def _key(predictor: Predictor, number: int, case: Case, content: ReadCase, outputs: Sequence[str]) -> str:
    """SHA-256 of everything that the prediction for a case depends on, of its place in the list, and its outputs."""
    facts: list[object] = [predictor.facts.name.digest, asdict(predictor.options), number, case.name]
    facts += [case.laterality, case.view, case.spacing_mm, content.errors, content.others.warnings, outputs]
    facts.append(content.others.names)
    digest = hashlib.sha256(json.dumps(facts, default=str).encode())
    for image in (content.image, *content.others.images):
        digest.update(f"{image.sha256} {image.laterality} {image.view}".encode() if image else b"")
    for request in content.requests:
        outline = request.outline
        digest.update(repr((request.lesion_id, outline.box, outline.clipped)).encode() + outline.mask.tobytes())
    return digest.hexdigest()
