"""The table of f_agg with maps of the other images of the exam, and published gains of such context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mammo.maps.map_names import CHANNELS
from mammo.paper import BEST, LOCAL, MAPS
from mammo.records import Floats
from mammo.reporting.paper_tables import auc_row
from mammo.reporting.report_columns import VIEWS_COLUMNS
from mammo.reporting.reported_runs import PooledRun
from mammo.reporting.shared_lesions import SharedLesions
from mammo.scoring.findings import Findings, per_finding
from mammo.scoring.model_comparison import Comparison, compare


@dataclass(frozen=True)
class PublishedGain:
    """What context from other images added in a publication: AUCs, on other data and other tasks than here.

    Attributes:
        source: authors and year.
        what: the comparison, and what is scored.
        without: AUC without the context.
        with_context: AUC with it.
    """

    source: str
    what: str
    without: float
    with_context: float


PUBLISHED_GAINS = (
    PublishedGain("Kooi and Karssemeijer 2017", "candidates, with the other breast", 0.87, 0.895),
    PublishedGain("Hagos et al. 2018", "candidates, with the other breast; not significant", 0.929, 0.933),
    PublishedGain("cross-view transformer 2021", "CBIS-DDSM, MLO alone and both views, joined late", 0.763, 0.788),
    PublishedGain("four-view transformer 2022", "949 cases, the MLO pair and all four views", 0.769, 0.818),
    PublishedGain("Petrini and Kim 2025", "images of CBIS-DDSM, one view and both", 0.8343, 0.8658),
)
"""Published gains, by year."""


def maps_order(maps: str) -> tuple[int, list[int]]:
    """Where a combination of maps stands among others: those of Table 3 in its order, then by their maps.

    Args:
        maps: joined by +; empty for a model without maps, which comes first.
    """
    if not maps or maps in MAPS:
        return MAPS.index(maps) if maps else -1, []
    return len(MAPS), [list(CHANNELS).index(name) for name in maps.split("+")]


def has_views(maps: str) -> bool:
    """Whether a combination of maps, joined by +, has maps of other images."""
    return not {"ipsi", "contra"}.isdisjoint(maps.split("+"))


def views_of(pools: Sequence[PooledRun], shared: SharedLesions) -> pd.DataFrame:
    """The views_table of f_agg runs and their controls, by their scores of the shared lesions."""
    scores: dict[tuple[str, str], dict[int, Floats]] = {}
    for pool in pools:
        run = pool.first
        scores.setdefault((run.maps, run.context if run.is_control else ""), {})[run.seed] = shared.scores[pool.name]
    return views_table(scores, shared.lesions)


def views_table(scores: Mapping[tuple[str, str], Mapping[int, Floats]], lesions: pd.DataFrame) -> pd.DataFrame:
    """AUC with maps of other images and of the controls with wrong ones, and their differences from sal+emb.

    Args:
        scores: (maps joined by +, source of a control or empty) to lesion scores [N] in [0, 1] by training seed.
        lesions: N rows with lesion_id, finding_id, patient_id and malignant (0 or 1).

    Returns:
        Columns VIEWS_COLUMNS: emb and sal+emb, then each combination with maps of other images, with its controls;
        empty without such a combination. Differences are paired: of the same lesions and of the seeds that both have.
        They are NaN without such a seed, and those of findings, each scored by the mean over its views, where no
        finding has two views.
    """
    shown = [key for key in scores if has_views(key[0])]
    shown = [key for key in ((LOCAL, ""), (BEST, "")) if shown and key in scores] + shown
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    rows = []
    for maps, context in sorted(shown, key=lambda key: (maps_order(key[0]), key[1])):
        own, baseline = scores[maps, context], scores.get((BEST, ""), {})
        gain = {} if (maps, context) == (BEST, "") else _gain(own, baseline, lesions)
        auc = auc_row(np.stack(list(own.values())), malignant, patients)
        rows.append({"maps": maps, "context": context, **auc, **gain})
    return pd.DataFrame(rows, columns=list(VIEWS_COLUMNS)).astype({"n_paired": "Int64"})


def _gain(scores: Mapping[int, Floats], baseline: Mapping[int, Floats], lesions: pd.DataFrame) -> dict[str, float]:
    """The differences of scores from those of sal+emb, means over the seeds of both; NaN without such a seed."""
    seeds = sorted(scores.keys() & baseline.keys())
    if not seeds:
        return {"n_paired": 0}
    first, second = (
        lesions.assign(score=np.mean([each[seed] for seed in seeds], axis=0)) for each in (scores, baseline)
    )
    found = _compared(first, second)
    values = {**_values("gain", found), "p_bootstrap": found.p_bootstrap, "n_paired": len(seeds)}
    if not Findings.of(lesions).are_joined:
        return values
    return values | _values("finding_gain", _compared(per_finding(first), per_finding(second)))


def _compared(first: pd.DataFrame, second: pd.DataFrame) -> Comparison:
    return compare(first["malignant"], first["score"], second["score"], first["patient_id"])


def _values(name: str, found: Comparison) -> dict[str, float]:
    gain = found.auc_difference
    return {name: gain.value, f"{name}_low": gain.low, f"{name}_high": gain.high}
