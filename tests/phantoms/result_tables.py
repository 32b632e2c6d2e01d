"""Prints the tables of the cohorts that tests.phantoms.result_cohorts has run, as Markdown."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.scoring.findings import per_finding
from mammo.scoring.intervals import Interval, auc_interval, percentile_interval
from mammo.scoring.metrics import auc
from mammo.scoring.model_comparison import auc_differences
from mammo.training.results import Run, read_runs
from tests.phantoms.result_cohorts import COHORTS, N_SEEDS, STEADY, WITHOUT

Row = tuple[str, str]
"""Maps joined by +, and the source of a control or empty."""

EMB, SAL, SAL_EMB, IPSI, CONTRA, EVERY = (
    (maps, "") for maps in ("emb", "sal", "sal+emb", "sal+ipsi+emb", "sal+contra+emb", "sal+ipsi+contra+emb")
)
NO_SAL, NO_IPSI, NO_CONTRA = ("sal+emb", "shuffled"), (IPSI[0], "shuffled-ipsi"), (CONTRA[0], "shuffled-contra")
DIFFERENCES = (
    (SAL_EMB, EMB), (EVERY, SAL_EMB), (IPSI, SAL_EMB), (CONTRA, SAL_EMB),
    (NO_SAL, EMB), (NO_IPSI, SAL_EMB), (NO_CONTRA, SAL_EMB),
)  # fmt: skip

Scores = Mapping[Row, pd.DataFrame]
"""Lesion score tables, sorted by lesion_id."""


def main() -> None:
    root = Path(sys.argv[1])
    runs = {cohort: _runs(root / str(cohort)) for cohort in COHORTS}
    scores = {cohort: found for cohort, each in runs.items() if EVERY in (found := _scores(each, 10 * cohort))}
    findings = {cohort: {row: per_finding(table) for row, table in found.items()} for cohort, found in scores.items()}
    tables = cohort_lines(scores), pooled_lines(scores), pooled_lines(findings), seed_lines(runs), dial_lines(root)
    for lines in tables:
        print(*lines, sep="\n", end="\n\n")


def cohort_lines(cohorts: Mapping[int, Scores]) -> Iterator[str]:
    """Yield the table of the cohorts: AUCs, and the differences that saliency and the other images make."""
    shown = (EMB, SAL, SAL_EMB, EVERY)
    yield from _header(
        "cohort", "lesions", *map(_name, shown), *(f"{_name(a)} minus {_name(b)}" for a, b in DIFFERENCES[:2])
    )
    for cohort, scores in cohorts.items():
        values = [f"{_auc(scores[row]):.3f}" for row in shown]
        gains = [percentile_interval(*_difference(scores[a], scores[b], cohort)) for a, b in DIFFERENCES[:2]]
        yield _line(cohort, len(scores[EMB]), *values, *map(_text, gains))


def pooled_lines(cohorts: Mapping[int, Scores]) -> Iterator[str]:
    """Yield the table of the differences over all cohorts that have both: the mean, whose patients are drawn apart."""
    yield from _header("difference", "cohorts", "mean", "SD over cohorts", "lower bounds above 0")
    for first, second in DIFFERENCES:
        found = [
            _difference(scores[first], scores[second], cohort)
            for cohort, scores in cohorts.items()
            if {first, second} <= scores.keys()
        ]
        if len(found) > 1:
            values, draws = [value for value, _ in found], [drawn for _, drawn in found]
            mean = percentile_interval(float(np.mean(values)), np.mean(draws, axis=0))
            above = sum(percentile_interval(*each).low > 0 for each in found)
            name = f"{_name(first)} minus {_name(second)}"
            yield _line(name, len(found), _text(mean), f"{np.std(values, ddof=1):.3f}", above)


def seed_lines(runs: Mapping[int, Sequence[Run]]) -> Iterator[str]:
    """Yield the table of sal by the seed of the context network, and with the earlier settings."""
    yield from _header("cohort", "AUC of sal by seed", "mean", "SD", "earlier settings")
    for cohort in STEADY:
        found = [_scores(runs[cohort], 10 * cohort + k).get(SAL) for k in range(N_SEEDS + 1)]
        *values, earlier = [float("nan") if each is None else _auc(each) for each in found]
        listed = ", ".join(f"{value:.3f}" for value in values)
        yield _line(cohort, listed, f"{np.mean(values):.3f}", f"{np.std(values, ddof=1):.3f}", f"{earlier:.3f}")


def dial_lines(root: Path) -> Iterator[str]:
    """Yield the AUCs of the cohorts with a dial at 0."""
    yield from _header("cohort", "network", "AUC")
    for dial, cohort in WITHOUT.items():
        for run in _runs(root / f"{dial}-0", ("floc", "fagg")):
            table = run.lesions()
            found = auc_interval(table["malignant"], table["score"], table["patient_id"])
            yield _line(
                f"{cohort}, dials.{dial}=0", run.title, f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
            )
        scores = _scores(_runs(root / f"{dial}-0"), 10 * cohort)
        if {EMB, SAL_EMB} <= scores.keys():
            gain = percentile_interval(*_difference(scores[SAL_EMB], scores[EMB], cohort))
            yield _line(f"{cohort}, dials.{dial}=0", "sal+emb minus emb", _text(gain))


def _difference(first: pd.DataFrame, second: pd.DataFrame, seed: int) -> tuple[float, Floats]:
    """AUC of the first minus that of the second table of the same lesions, and in each resample of patients [R]."""
    drawn = auc_differences(first["malignant"], first["score"], second["score"], first["patient_id"], seed)
    return _auc(first) - _auc(second), drawn


def _runs(root: Path, models: Sequence[str] = ("fagg",)) -> list[Run]:
    folder = root / "table3"
    return [run for run in read_runs(folder) if run.model in models] if folder.exists() else []


def _scores(runs: Sequence[Run], seed: int) -> Scores:
    return {
        (run.maps, run.context if run.is_control else ""): run.lesions().sort_values("lesion_id", ignore_index=True)
        for run in runs
        if run.seed == seed
    }


def _name(row: Row) -> str:
    return f"{row[0]} {row[1]}".strip()


def _auc(table: pd.DataFrame) -> float:
    return auc(table["malignant"], table["score"])


def _text(found: Interval) -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _header(*names: str) -> Iterator[str]:
    yield _line(*names)
    yield _line(*["---"] * len(names))


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
