"""Scores the cases of `mammo predict` one after the other; a run that was interrupted goes on where it stopped.

What is done is kept in a file of the output folder until all is: a case is not scored again where its image, its
outlines, the bundle and the options are the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.inference.case_reading import PRELOAD, ReadCase, read_all
from mammo.inference.cases import Case, CaseList
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction, write_case_predictions
from mammo.inference.predictor import Predictor
from mammo.inference.result_files import JOURNAL, LOCK, make_out
from mammo.intake.sandbox import Workers
from mammo.io import file_lock, remove_partials
from mammo.limits import limited_lines, parse_json
from mammo.progress import track

After = Callable[[int, Case, CasePrediction, Sequence[NDArray[np.uint8]]], Sequence[Mapping[str, str]]]
"""What is done with a scored case besides the tables, by its number from 1 and the picture [H, W, 3] of each lesion:
picture files, DICOM objects. Returns what each lesion's object in predictions.json says about them."""


@dataclass(frozen=True)
class Outcome:
    """Counts of a run: lesions with a score, and the sentences on what could not be scored."""

    n_lesions: int
    errors: tuple[str, ...]


def predict_cases(predictor: Predictor, asked: CaseList, out: Path, outputs: Sequence[After]) -> Outcome:
    """Score the cases, and write predictions.json and predictions.csv into a folder, which is made.

    Args:
        predictor: the networks of a bundle.
        asked: the cases, in order.
        out: the folder.
        outputs: called for each case with a scored lesion.
    """
    make_out(out)
    with file_lock(out / LOCK, f"the predictions in {out}", wait=False):
        return _predict_cases(predictor, asked, out, outputs)


def _predict_cases(predictor: Predictor, asked: CaseList, out: Path, outputs: Sequence[After]) -> Outcome:
    cases = asked.cases
    remove_partials(out)
    journal = out / JOURNAL
    done, found = dict(_finished(journal)), list[dict[str, Any]]()
    read = read_all(cases, predictor.placing, Workers(preload=PRELOAD))
    pairs: Iterable[tuple[Case, ReadCase]] = zip(cases, read, strict=True)
    if len(cases) > 1:  # the work of a single case reports its own parts
        pairs = track(pairs, "cases", len(cases), "cases")
    with journal.open("a", encoding="utf-8") as lines:
        journal.chmod(0o600)
        for number, (case, content) in enumerate(pairs, start=1):
            key = _key(predictor, number, case, content, [output.__qualname__ for output in outputs])
            if key not in done:
                done[key] = _predicted(predictor, number, case, content, outputs)
                lines.write(json.dumps([_line_digest(key, done[key]), key, done[key]], allow_nan=False) + "\n")
                lines.flush()
            found += done.pop(key)
    said = {"options": asdict(predictor.options), "not_used": asked.not_used, "without_outline": asked.without_outline}
    write_case_predictions(predictor.facts.name, said, found, out)
    journal.unlink()
    n_lesions = sum(len(case["lesions"]) for case in found)
    return Outcome(n_lesions, tuple(case["error"] for case in found if case["error"]))


def _predicted(
    predictor: Predictor, number: int, case: Case, content: ReadCase, outputs: Sequence[After]
) -> list[dict[str, Any]]:
    """The case, as JSON values: its scored lesions, and one more for each of its errors."""
    found = []
    if content.image is not None and content.requests:
        prediction = CasePrediction(case.name, lesions=predictor.predict(content.image, content.requests))
        found.append(prediction.as_json())
        drawn = prediction.lesions if outputs else ()
        pictures = [overlay_pixels(lesion, content.image, predictor.facts.name) for lesion in drawn]
        for output in outputs:
            files = output(number, case, prediction, pictures)
            for lesion, added in zip(found[0]["lesions"], files, strict=True):
                lesion.update(added)
    return found + [CasePrediction(case.name, error).as_json() for error in content.errors]


def _finished(journal: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the finished cases of an earlier run by their keys; a line that was cut or damaged is left out."""
    if not journal.is_file():
        return
    with journal.open(encoding="utf-8", errors="replace") as stream:
        for line in limited_lines(stream):
            try:
                digest, key, case = parse_json(line)
            except (ValueError, TypeError):
                continue
            if digest == _line_digest(key, case):
                yield key, case


def _line_digest(key: str, case: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of a finished case and its key: one changed byte of the file would otherwise change a score."""
    return hashlib.sha256(json.dumps([key, case]).encode()).hexdigest()


def _key(predictor: Predictor, number: int, case: Case, content: ReadCase, outputs: Sequence[str]) -> str:
    """SHA-256 of everything that the prediction for a case depends on, of its place in the list, and its outputs."""
    facts: list[object] = [predictor.facts.name.digest, asdict(predictor.options), number, case.name]
    facts += [case.laterality, case.view, case.spacing_mm, content.errors, outputs]
    digest = hashlib.sha256(json.dumps(facts, default=str).encode())
    if content.image is not None:
        digest.update(content.image.sha256.encode())
    for request in content.requests:
        outline = request.outline
        digest.update(repr((request.lesion_id, outline.box, outline.clipped)).encode() + outline.mask.tobytes())
    return digest.hexdigest()
