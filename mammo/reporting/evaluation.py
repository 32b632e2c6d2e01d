"""Everything the report says about finished runs, as values: scores side by side, Tables 2 and 3, the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.records import MammoError
from mammo.reporting.context_table import context_table
from mammo.reporting.paper import MAPS
from mammo.reporting.run_folder import Run
from mammo.reporting.shared_lesions import share_lesions
from mammo.reporting.table2 import table2
from mammo.reporting.table3 import auc_row, table3
from mammo.scoring.intervals import Interval, auc_difference_interval
from mammo.scoring.metrics import why_undefined

BEST, LOCAL = "sal+emb", "emb"
"""The paper's best combination, and the local one that it is measured against."""

N_ERRORS = 5


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What finished runs amount to on their test lesions.

    Attributes:
        runs: all of them, context networks included.
        malignant: [N] in {0, 1}, lesions labelled malignant or benign.
        undefined: why no metric exists for these labels; empty where they do.
        mean_scores: maps joined by + to the seed-mean lesion score [N].
        table3: as table3.table3.
        missing: combinations of Table 3 without a run.
        floc: the same numbers for f_loc alone, None without such a run.
        difference: AUC of sal+emb minus AUC of emb, seed-mean scores, paired; None where either has no run.
        shuffled_gain: the same difference with another image's saliency maps in place of the true ones, the control
            that shows whether context is used; None without such a run.
        lost_gain: true gain minus shuffled gain, paired.
        images: as context_table.context_table; empty without a context network.
        table2: as table2.table2 for sal+emb; None where it has no run.
        errors: the malignant lesions that sal+emb scores lowest and the benign ones it scores highest.
    """

    runs: Sequence[Run]
    malignant: NDArray[np.int64]
    undefined: str
    mean_scores: Mapping[str, NDArray[np.float64]]
    table3: pd.DataFrame
    missing: Sequence[str]
    floc: Mapping[str, float | int] | None
    difference: Interval | None
    shuffled_gain: Interval | None
    lost_gain: Interval | None
    images: pd.DataFrame
    table2: pd.DataFrame | None
    errors: pd.DataFrame


def evaluate(runs: Sequence[Run]) -> Evaluation:
    """Read the lesion score tables of the runs and compute all that the report shows.

    Raises:
        MammoError: there is no f_agg run, a lesion score table is bad, or the runs do not share their lesions.
    """
    scored = [run for run in runs if run.model in ("floc", "fagg")]
    if not any(run.model == "fagg" for run in scored):
        raise MammoError("no finished f_agg run (model fagg) is there to report; train and score one first")
    shared = share_lesions({run.name: run.lesions() for run in scored})
    true = [run for run in scored if run.model == "fagg" and not run.is_control]
    stacks = {
        maps: np.stack([shared.scores[run.name] for run in true if run.maps == maps])
        for maps in MAPS
        if any(run.maps == maps for run in true)
    }
    floc = [shared.scores[run.name] for run in scored if run.model == "floc"]
    shuffled = [shared.scores[run.name] for run in scored if run.maps == BEST and run.context == "shuffled"]
    malignant, patients = shared.malignant, shared.patients
    means = {maps: stack.mean(axis=0) for maps, stack in stacks.items()}
    everything = means | ({"shuffled": np.mean(shuffled, axis=0)} if shuffled else {})

    def gain(better: str, baseline: str) -> Interval | None:
        if better not in everything or baseline not in everything:
            return None
        return auc_difference_interval(malignant, everything[better], everything[baseline], patients)

    return Evaluation(
        runs=runs,
        malignant=malignant,
        undefined=why_undefined(malignant),
        mean_scores=means,
        table3=table3(stacks, malignant, patients),
        missing=[maps for maps in MAPS if maps not in stacks],
        floc=auc_row(np.stack(floc), malignant, patients) if floc else None,
        difference=gain(BEST, LOCAL),
        shuffled_gain=gain("shuffled", LOCAL),
        lost_gain=gain(BEST, "shuffled"),
        images=context_table([run.images() for run in runs if run.model == "context"]),
        table2=table2(malignant, means[BEST], patients) if BEST in means else None,
        errors=_errors(shared.facts, means[BEST]) if BEST in means else pd.DataFrame(),
    )


def _errors(facts: pd.DataFrame, score: NDArray[np.float64]) -> pd.DataFrame:
    """The lesions on the wrong end, malignant first, the worst of each kind first."""
    ranked = facts.assign(score=score).sort_values(["score", "lesion_id"])
    missed = ranked[ranked["malignant"] == 1].head(N_ERRORS)
    alarmed = ranked[ranked["malignant"] == 0].iloc[::-1].head(N_ERRORS)
    return pd.concat([missed, alarmed])
