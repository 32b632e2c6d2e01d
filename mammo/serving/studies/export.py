"""The answers of a study as tables: for people, for the software iMRMC, and for `mammo compare`.

- answers.csv: every answer, with times, label and the bundle's score
- probability.imrmc, decision.imrmc: for multi-reader multi-case analysis with iMRMC
- without/READER.csv, with/READER.csv: score tables of each reader, of the cases that the reader has answered
- bundle.csv: the score table of the bundle alone, of all cases

Patients and labels are those that the study recorded when it began: neither the store nor the bundle is needed.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mammo.io import atomic_write, make_folder
from mammo.records import MammoError
from mammo.scoring.score_file import COLUMNS
from mammo.scoring.score_tables import csv_text
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.journal import Entry, read_journal
from mammo.serving.studies.prepared import ANSWERS, Prepared, begun
from mammo.serving.studies.settings import Settings
from mammo.serving.studies.study import Decision, progress_of

TRUTH = "-1"
"""What iMRMC calls the reader of the truth."""

NAMED = 5
"""Most lesions that a warning names."""

ANSWER_COLUMNS = (
    *("reader", "session", "place", "condition", "lesion_id", "patient_id", "malignant", "probability", "decision"),
    *("seconds", "times_shown", "first_shown", "time", "score"),
)


class Exported(NamedTuple):
    """What an export is of."""

    answers: dict[str, tuple[int, int]]
    """By reader the number of answers, and of all that are asked."""
    n_cases: int
    n_malignant: int
    warning: str
    """What the store has otherwise now; empty where it is as it was when the study began."""


def export_study(settings: Settings, out: Path) -> Exported:
    """Write the tables into a new folder; the study may go on meanwhile.

    Args:
        settings: of the study.
        out: the folder, which must not exist, or be empty.

    Raises:
        MammoError: the folder has files or cannot be made, or the study has not begun, has changed or is damaged.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MammoError(f"{out} is not an empty folder: name a new or empty one: no earlier export is replaced")
    prepared, journal = begun(settings), settings.output / ANSWERS
    facts = case_table(prepared)
    progress = progress_of(prepared, read_journal(journal), str(journal))
    table = answer_table(facts, (entry for one in progress.values() for entry in one.answers))
    make_folder(out)
    _write(out / "answers.csv", csv_text(table))
    _write(out / "bundle.csv", csv_text(facts[list(COLUMNS)]))
    for name in ("probability", "decision"):
        _write(out / f"{name}.imrmc", imrmc_text(table, name, settings.name))
    for (condition, reader), own in table.groupby(["condition", "reader"]):
        (out / str(condition)).mkdir(exist_ok=True)
        _write(out / str(condition) / f"{reader}.csv", csv_text(score_table(own)))
    answers = {reader: (len(one.answers), len(one.steps)) for reader, one in progress.items()}
    n_malignant = int(facts["malignant"].sum())
    return Exported(answers, len(facts), n_malignant, _store_warning(prepared, settings.store))


def _store_warning(prepared: Prepared, path: Path) -> str:
    """A sentence on the cases that a store has otherwise than when the study began; empty where there are none."""
    kept = "the tables have what the study recorded when it began"
    try:
        now = StudyCases.listed(path, prepared.lesions).recorded
    except (MammoError, OSError) as error:
        return f"the cases cannot be compared with the store ({error}): {kept}"
    pairs = zip(prepared.cases, now, strict=True)
    changes = {case.lesion_id: changed for case, other in pairs if (changed := case.changed(other))}
    listed = ", ".join(f"{lesion} ({changed})" for lesion, changed in list(changes.items())[:NAMED])
    more = ", ..." if len(changes) > NAMED else ""
    return f"{path} has {len(changes)} cases otherwise now: {listed}{more}: {kept}" if changes else ""


def case_table(prepared: Prepared) -> pd.DataFrame:
    """The cases in order: lesion_id, patient_id, malignant (0 or 1), score (the bundle's)."""
    return pd.DataFrame(
        {
            "lesion_id": prepared.lesions,
            "patient_id": [case.patient_id for case in prepared.cases],
            "malignant": [case.malignant for case in prepared.cases],
            "score": [float(one["score"]) for one in prepared.shown],
        }
    )


def answer_table(facts: pd.DataFrame, answers: Iterable[Entry]) -> pd.DataFrame:
    """All answers with what is known of their cases, ANSWER_COLUMNS, in the order in which each reader gave them.

    Args:
        facts: of case_table.
        answers: lines of the journal.
    """
    names = [name for name in ANSWER_COLUMNS if name not in ("patient_id", "malignant", "score")]
    given = pd.DataFrame([[entry[name] for name in names] for entry in answers], columns=names)
    return given.merge(facts, on="lesion_id", how="left", validate="many_to_one")[list(ANSWER_COLUMNS)]


def score_table(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers of one reader under one condition as a score table: the probability as a share is the score."""
    return answers.assign(score=answers["probability"] / 100)[list(COLUMNS)].sort_values("lesion_id")


def imrmc_text(answers: pd.DataFrame, column: str, name: str) -> str:
    """An input file of iMRMC: after a header, the truth of every case that was read, and every answer.

    Args:
        answers: of answer_table.
        column: probability, 0 to 100, or decision, 1 for a biopsy and else 0.
        name: of the study.
    """
    cases = answers.drop_duplicates("lesion_id").sort_values("lesion_id")
    n_malignant = int(cases["malignant"].sum())
    counts = {"NR": answers["reader"].nunique(), "N0": len(cases) - n_malignant, "N1": n_malignant}
    counts["NM"] = answers["condition"].nunique()
    values = answers[column] if column == "probability" else (answers[column] == Decision.BIOPSY).astype(int)
    rows = [
        *zip([TRUTH] * len(cases), cases["lesion_id"], [0] * len(cases), cases["malignant"], strict=True),
        *zip(answers["reader"], answers["lesion_id"], answers["condition"], values, strict=True),
    ]
    title = name.replace(":", " ")  # iMRMC finds its counts by N0: and so on anywhere in a line
    head = [f"{column} by reader, lesion and condition, study {title}", ""]
    head += [*(f"{key}: {count}" for key, count in counts.items()), "", "BEGIN DATA:"]
    lines = [f"{reader},{case},{condition},{value!r}" for reader, case, condition, value in rows]
    return "\n".join([*head, *lines]) + "\n"


def _write(path: Path, text: str) -> None:
    with atomic_write(path, mode=0o600) as file:
        file.write_text(text, encoding="utf-8")
