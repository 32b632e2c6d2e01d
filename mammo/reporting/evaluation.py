"""Everything the report says about finished runs, as values: scores side by side, tables, differences, warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import BEST, LOCAL, MAPS
from mammo.records import Floats, MammoError, Pathology
from mammo.reporting.evaluation_warnings import (
    doubted_origins,
    evaluation_warnings,
    refuse_selection_on_test,
    refuse_shared_patients,
    uneven_seeds,
)
from mammo.reporting.paper_tables import auc_row, context_table, figure6, table2, table3
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.performance import Performance, performance
from mammo.scoring.score_tables import LESION_COLUMNS, size_group
from mammo.scoring.subgroups import Subgroup, subgroups
from mammo.scoring.thresholds import FNRS, threshold_at_fnr
from mammo.training.results import Run

KINDS = ("finding", "view", "laterality", "vendor", "density", "size", "label_source")
"""What the report tells lesions apart by."""


FACTS = [column for column in LESION_COLUMNS if column not in ("lesion_id", "score", "score_sd", "n_windows")]
"""What the tables of two runs must say alike of a lesion."""


@dataclass(frozen=True, eq=False)
class SharedLesions:
    """Lesions labelled malignant or benign, as the first run orders them, with the score that each run gave them.

    Attributes:
        facts: [N rows] lesion_id and FACTS.
        scores: run name to float [N].
    """

    facts: pd.DataFrame
    scores: Mapping[str, NDArray[np.float64]]

    @property
    def malignant(self) -> NDArray[np.int64]:
        """[N] in {0, 1}."""
        return self.facts["malignant"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> NDArray[np.object_]:
        """[N], each lesion's patient."""
        return self.facts["patient_id"].to_numpy(dtype=object)


def share_lesions(tables: Mapping[str, pd.DataFrame]) -> SharedLesions:
    """Bring the lesion score tables of several runs onto one set of lesions. A lesion labelled none is left out.

    Args:
        tables: run name to lesion score table; at least one.

    Raises:
        MammoError: two runs did not score the same lesions, or disagree on what is known of one.
    """
    ordered = {name: _labelled(table) for name, table in tables.items()}
    first, facts = next((name, table[["lesion_id", *FACTS]]) for name, table in ordered.items())
    for name, table in ordered.items():
        apart = set(table["lesion_id"]) ^ set(facts["lesion_id"])
        if apart:
            raise MammoError(
                f"runs {first} and {name} did not score the same lesions: {len(apart)} are in one of them only, "
                f"{min(apart)} for example; score both on the same store and split"
            )
        ordered[name] = table = table.set_index("lesion_id").loc[facts["lesion_id"]].reset_index()
        differs = (table[FACTS] != facts[FACTS]).any(axis=1)
        if differs.any():
            lesion = facts["lesion_id"][differs].iloc[0]
            raise MammoError(f"runs {first} and {name} disagree on lesion {lesion}; score both on the same store")
    return SharedLesions(facts, {name: table["score"].to_numpy(np.float64) for name, table in ordered.items()})


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    labelled = table[table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])]
    return labelled.reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What finished runs amount to on their test lesions.

    Attributes:
        runs: all of them, context networks included.
        main: the combination of maps that the report speaks of, sal+emb where it was run.
        facts: what is known of each of N lesions labelled malignant or benign (shared_lesions), and its size group.
        malignant: [N] in {0, 1}.
        mean_scores: maps joined by + to the seed-mean lesion score [N].
        validation: the validation lesions of the runs of `main` and their seed-mean score; None where they wrote none.
        performance: of the seed-mean score of `main`.
        table2: as table2.table2, of the same.
        table3: as table3.table3.
        missing: combinations of Table 3 without a run.
        floc: the same numbers for f_loc alone, None without such a run or with several kinds of backbone.
        figure6: as figure6.figure6.
        difference: sal+emb compared with emb, seed-mean scores; None where either has no run.
        shuffled_gain: sal+emb with another image's saliency maps compared with emb, the control that shows whether
            context is used; None without such a run.
        lost_gain: sal+emb compared with that control: true gain minus shuffled gain.
        images: as context_table.context_table; empty without a context network.
        subgroups: of the seed-mean score of `main`.
        warnings: weaknesses that a reviewer would point out (evaluation_warnings).
    """

    runs: Sequence[Run]
    main: str
    facts: pd.DataFrame
    malignant: NDArray[np.int64]
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
    lost_gain: Comparison | None
    images: pd.DataFrame
    subgroups: Sequence[Subgroup]
    warnings: Sequence[str]

    @property
    def undefined(self) -> str:
        """Why no metric exists for these labels; empty where they do."""
        return self.performance.undefined

    @property
    def data(self) -> str:
        """Name of the data set, empty if unknown; "phantom" as soon as any run was trained on phantoms."""
        names = sorted({run.data for run in self.runs} - {""})
        return "phantom" if "phantom" in names else (names or [""])[0]


def evaluate(runs: Sequence[Run]) -> Evaluation:
    """Read the score tables of the runs and compute all that the report shows.

    Raises:
        MammoError: there is no f_agg run, a score table is bad, the runs do not share their lesions, or the lesions
            that they are tested on are not those of the test split alone, or were used for selection.
    """
    scored = [run for run in runs if run.model in ("floc", "fagg")]
    true = [run for run in scored if run.model == "fagg" and not run.is_control]
    if not true:
        raise MammoError("no finished f_agg run (model fagg) is there to report; train and score one first")
    refuse_selection_on_test(runs)
    shared = share_lesions({run.name: run.lesions() for run in scored})
    stacks = {
        maps: np.stack([shared.scores[run.name] for run in true if run.maps == maps])
        for maps in MAPS
        if any(run.maps == maps for run in true)
    }
    malignant, patients = shared.malignant, shared.patients
    means = {maps: stack.mean(axis=0) for maps, stack in stacks.items()}
    main = BEST if BEST in means else next(reversed(means))
    validation = _validation([run for run in true if run.maps == main])
    refuse_shared_patients(shared.facts, None if validation is None else validation[0])
    judged = performance(malignant, means[main], patients, _thresholds(validation))
    facts = shared.facts.assign(size=size_group(shared.facts["size_px"]))
    flocs = _flocs(scored, shared)
    shuffled = [shared.scores[run.name] for run in scored if run.maps == BEST and run.context == "shuffled"]
    everything = means | ({"shuffled": np.mean(shuffled, axis=0)} if shuffled else {})

    def gain(better: str, baseline: str) -> Comparison | None:
        if better not in everything or baseline not in everything:
            return None
        return compare(malignant, everything[better], everything[baseline], patients)

    told = Evaluation(
        runs=runs,
        main=main,
        facts=facts,
        malignant=malignant,
        mean_scores=means,
        validation=validation,
        performance=judged,
        table2=table2(judged),
        table3=table3(stacks, malignant, patients),
        missing=[maps for maps in MAPS if maps not in stacks],
        floc=auc_row(next(iter(flocs.values())), malignant, patients) if len(flocs) == 1 else None,
        figure6=figure6(flocs, malignant, patients),
        difference=gain(BEST, LOCAL),
        shuffled_gain=gain("shuffled", LOCAL),
        lost_gain=gain(BEST, "shuffled"),
        images=context_table([run.images() for run in runs if run.model == "context"]),
        subgroups=subgroups(facts.assign(score=means[main]), KINDS),
        warnings=[],
    )
    best = float(told.table3["auc_mean"].max())
    flagged = evaluation_warnings(judged.n_malignant, judged.undefined, facts["label_source"], best, told.data)
    return replace(told, warnings=[*flagged, *uneven_seeds(runs), *doubted_origins(runs)])


def _validation(runs: Sequence[Run]) -> tuple[pd.DataFrame, Floats] | None:
    """Validation lesions and their seed-mean score, where every run wrote them."""
    tables = {run.name: table for run in runs if (table := run.validation()) is not None}
    if len(tables) < len(runs):
        return None
    shared = share_lesions(tables)
    return shared.facts, np.mean(list(shared.scores.values()), axis=0)


def _thresholds(validation: tuple[pd.DataFrame, Floats] | None) -> dict[float, float]:
    if validation is None or not validation[0]["malignant"].any():
        return {}
    return {fnr: threshold_at_fnr(validation[0]["malignant"], validation[1], fnr) for fnr in FNRS}


def _flocs(runs: Sequence[Run], shared: SharedLesions) -> dict[tuple[str, str], Floats]:
    """(backbone, init) to the scores [S, N] of f_loc alone."""
    alone = [run for run in runs if run.model == "floc"]
    kinds = sorted({_kind(run) for run in alone})
    return {kind: np.stack([shared.scores[run.name] for run in alone if _kind(run) == kind]) for kind in kinds}


def _kind(run: Run) -> tuple[str, str]:
    return run.backbone, run.init
