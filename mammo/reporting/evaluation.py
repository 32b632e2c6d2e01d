"""The evaluation of finished runs: their scores of the same lesions, tables, comparisons and warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import BEST, LOCAL, MAPS
from mammo.records import Floats, Ints, MammoError, Pathology
from mammo.reporting.evaluation_warnings import (
    evaluation_warnings,
    origin_warnings,
    reject_selection_on_test,
    reject_shared_patients,
    seed_warnings,
)
from mammo.reporting.paper_tables import auc_row, context_table, figure6, table2, table3
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.performance import Performance, Subgroup, performance, subgroups
from mammo.scoring.score_tables import LESION_COLUMNS, size_group
from mammo.scoring.thresholds import FNRS, threshold_at_fnr
from mammo.training.results import Run

SUBGROUP_COLUMNS = ("finding", "view", "laterality", "vendor", "density", "size", "label_source", "source")
"""Columns whose values make the report's subgroups of lesions."""

SHARED_COLUMNS = [column for column in LESION_COLUMNS if column not in ("lesion_id", "score", "score_sd", "n_windows")]
"""Columns of the lesion score table that must agree between runs."""


@dataclass(frozen=True, eq=False)
class SharedLesions:
    """The malignant and benign lesions that several runs scored, in the order of the first run, with every run's score.

    Attributes:
        lesions: N rows with lesion_id and SHARED_COLUMNS.
        scores: run name to lesion scores, float [N] in [0, 1].
    """

    lesions: pd.DataFrame
    scores: Mapping[str, Floats]

    @property
    def malignant(self) -> Ints:
        """Whether each lesion is malignant, [N] in {0, 1}."""
        return self.lesions["malignant"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> NDArray[np.object_]:
        """The patient of each lesion, [N]."""
        return self.lesions["patient_id"].to_numpy(dtype=object)


def share_lesions(tables: Mapping[str, pd.DataFrame]) -> SharedLesions:
    """Align the lesion score tables of several runs. Lesions labeled none are left out.

    Args:
        tables: run name to lesion score table; at least one.

    Raises:
        MammoError: two runs did not score the same lesions, or their tables differ in one of SHARED_COLUMNS.
    """
    labeled = {name: _labeled(table) for name, table in tables.items()}
    first, lesions = next((name, table[["lesion_id", *SHARED_COLUMNS]]) for name, table in labeled.items())
    scores = {}
    for name, table in labeled.items():
        unshared = set(table["lesion_id"]) ^ set(lesions["lesion_id"])
        if unshared:
            raise MammoError(
                f"runs {first} and {name} did not score the same lesions: {len(unshared)} are in only one of them, "
                f"for example {min(unshared)}; score both on the same store and split"
            )
        aligned = table.set_index("lesion_id").loc[lesions["lesion_id"]].reset_index()
        differs = (aligned[SHARED_COLUMNS] != lesions[SHARED_COLUMNS]).any(axis=1)
        if differs.any():
            lesion = lesions["lesion_id"][differs].iloc[0]
            raise MammoError(f"runs {first} and {name} disagree on lesion {lesion}; score both on the same store")
        scores[name] = aligned["score"].to_numpy(np.float64)
    return SharedLesions(lesions, scores)


def _labeled(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of finished runs on their test lesions.

    Attributes:
        runs: all runs, context networks included.
        main: the combination of maps whose results the report opens with: sal+emb if it was run.
        lesions: N rows, as SharedLesions.lesions, and each lesion's size group.
        malignant: [N] in {0, 1}.
        mean_scores: maps joined by + to the seed-mean lesion score [N].
        validation: validation lesions of the runs of `main` and their seed-mean score; None if a run has none.
        performance: of the seed-mean score of `main`.
        table2: as paper_tables.table2, for `main`.
        table3: as paper_tables.table3.
        missing: combinations of Table 3 without a run.
        floc: paper_tables.auc_row of f_loc alone; None unless all f_loc runs have one backbone and initialization.
        figure6: as paper_tables.figure6.
        difference: sal+emb compared with emb, seed-mean scores; None if either has no run.
        shuffled_gain: sal+emb with another image's saliency maps compared with emb, a control that shows whether
            context is used; None without such a run.
        gain_over_shuffled: sal+emb compared with that control: true gain minus shuffled gain.
        images: as paper_tables.context_table; empty without a context network.
        subgroups: of the seed-mean score of `main`.
        warnings: weaknesses of the evaluation, in sentences (evaluation_warnings).
    """

    runs: Sequence[Run]
    main: str
    lesions: pd.DataFrame
    malignant: Ints
    mean_scores: Mapping[str, Floats]
    validation: tuple[pd.DataFrame, Floats] | None
    performance: Performance
    table2: pd.DataFrame
    table3: pd.DataFrame
    missing: Sequence[str]
    floc: Mapping[str, float | int] | None
    figure6: pd.DataFrame
    difference: Comparison | None
    shuffled_gain: Comparison | None
    gain_over_shuffled: Comparison | None
    images: pd.DataFrame
    subgroups: Sequence[Subgroup]
    warnings: Sequence[str]

    @property
    def undefined(self) -> str:
        """Why no metric is defined for these labels; empty if metrics are defined."""
        return self.performance.undefined

    @property
    def data(self) -> str:
        """Name of the data set, empty if unknown; "phantom" if any run was trained on phantoms."""
        names = sorted({run.data for run in self.runs} - {""})
        return "phantom" if "phantom" in names else (names or [""])[0]


def evaluate(runs: Sequence[Run]) -> Evaluation:
    """Read the score tables of the runs and compute everything that the report shows.

    Raises:
        MammoError: no run is an f_agg run, a score table is invalid, the runs scored different lesions, or their
            lesions are not all of the test split or were used for selection.
    """
    scored = [run for run in runs if run.model in ("floc", "fagg")]
    fagg = [run for run in scored if run.model == "fagg" and not run.is_control]
    if not fagg:
        raise MammoError("no finished f_agg run (model fagg) to report: train one with python -m mammo.train")
    reject_selection_on_test(runs)
    shared = share_lesions({run.name: run.lesions() for run in scored})
    stacks = {
        maps: np.stack([shared.scores[run.name] for run in fagg if run.maps == maps])
        for maps in MAPS
        if any(run.maps == maps for run in fagg)
    }
    malignant, patients = shared.malignant, shared.patients
    means = {maps: stack.mean(axis=0) for maps, stack in stacks.items()}
    main = BEST if BEST in means else next(reversed(means))
    validation = _validation([run for run in fagg if run.maps == main])
    reject_shared_patients(shared.lesions, None if validation is None else validation[0])
    main_performance = performance(malignant, means[main], patients, _thresholds(validation))
    lesions = shared.lesions.assign(size=size_group(shared.lesions["size_px"]))
    floc = _floc_scores(scored, shared)
    shuffled = [shared.scores[run.name] for run in scored if run.maps == BEST and run.context == "shuffled"]
    compared = means | ({"shuffled": np.mean(shuffled, axis=0)} if shuffled else {})

    def gain(better: str, baseline: str) -> Comparison | None:
        if better not in compared or baseline not in compared:
            return None
        return compare(malignant, compared[better], compared[baseline], patients)

    evaluation = Evaluation(
        runs=runs,
        main=main,
        lesions=lesions,
        malignant=malignant,
        mean_scores=means,
        validation=validation,
        performance=main_performance,
        table2=table2(main_performance),
        table3=table3(stacks, malignant, patients),
        missing=[maps for maps in MAPS if maps not in stacks],
        floc=auc_row(next(iter(floc.values())), malignant, patients) if len(floc) == 1 else None,
        figure6=figure6(floc, malignant, patients),
        difference=gain(BEST, LOCAL),
        shuffled_gain=gain("shuffled", LOCAL),
        gain_over_shuffled=gain(BEST, "shuffled"),
        images=context_table([run.images() for run in runs if run.model == "context"]),
        subgroups=subgroups(lesions.assign(score=means[main]), SUBGROUP_COLUMNS),
        warnings=[],
    )
    return replace(evaluation, warnings=_warnings(evaluation))


def _warnings(evaluation: Evaluation) -> list[str]:
    best_auc = float(evaluation.table3["auc_mean"].max())
    n_malignant, sources = evaluation.performance.n_malignant, evaluation.lesions["label_source"]
    return [
        *evaluation_warnings(n_malignant, evaluation.undefined, sources, best_auc, evaluation.data),
        *seed_warnings(evaluation.runs),
        *origin_warnings(evaluation.runs),
    ]


def _validation(runs: Sequence[Run]) -> tuple[pd.DataFrame, Floats] | None:
    """Validation lesions and their seed-mean score; None if a run has no validation scores."""
    tables = {run.name: table for run in runs if (table := run.validation()) is not None}
    if len(tables) < len(runs):
        return None
    shared = share_lesions(tables)
    return shared.lesions, np.mean(list(shared.scores.values()), axis=0)


def _thresholds(validation: tuple[pd.DataFrame, Floats] | None) -> dict[float, float]:
    """False negative rate to its threshold on the validation lesions; empty if none of these is malignant."""
    if validation is None or not validation[0]["malignant"].any():
        return {}
    return {fnr: threshold_at_fnr(validation[0]["malignant"], validation[1], fnr) for fnr in FNRS}


def _floc_scores(runs: Sequence[Run], shared: SharedLesions) -> dict[tuple[str, str], Floats]:
    """(backbone, initialization) to the scores [S, N] of f_loc alone, one row for each seed."""
    scores: dict[tuple[str, str], list[Floats]] = {}
    for run in runs:
        if run.model == "floc":
            scores.setdefault((run.backbone, run.init), []).append(shared.scores[run.name])
    return {key: np.stack(scores[key]) for key in sorted(scores)}
