"""Table 3: test AUC for every combination of maps, over seeds, beside the paper's."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import FIGURE_6, MAPS, TABLE_1, TABLE_2, TABLE_3
from mammo.records import MammoError, Pathology, Split
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc
from mammo.scoring.performance import Performance
from mammo.scoring.score_tables import IMAGE_CLASSES
from mammo.scoring.thresholds import allowed_misses

TABLE3_COLUMNS = [
    "maps",
    "auc_mean",
    "auc_sd",
    "n_seeds",
    "auc_low",
    "auc_high",
    "n_lesions",
    "n_malignant",
    "paper_auc",
]


def auc_row(
    scores: NDArray[np.float64], malignant: NDArray[np.int64], patients: NDArray[np.object_]
) -> dict[str, float | int]:
    """AUC of one model over its seeds.

    Args:
        scores: [S, N], a lesion score vector a seed.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        auc_mean and auc_sd over the seeds (divisor S - 1; NaN for one seed), n_seeds, the 95 % patient-bootstrap
        interval auc_low to auc_high of the AUC of the seed-mean score, n_lesions, n_malignant.
    """
    aucs = [auc(malignant, row) for row in scores]
    interval = auc_interval(malignant, scores.mean(axis=0), patients)
    return {
        "auc_mean": float(np.mean(aucs)),
        "auc_sd": float(np.std(aucs, ddof=1)) if len(aucs) > 1 else float("nan"),
        "n_seeds": len(aucs),
        "auc_low": interval.low,
        "auc_high": interval.high,
        "n_lesions": malignant.size,
        "n_malignant": int(malignant.sum()),
    }


def table3(
    scores: Mapping[str, NDArray[np.float64]], malignant: NDArray[np.int64], patients: NDArray[np.object_]
) -> pd.DataFrame:
    """Table 3 from the scores of the combinations that have runs.

    Args:
        scores: maps joined by + to [S, N], a lesion score vector a seed; combinations may differ in S.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        Columns COLUMNS, rows in the paper's order; a combination without a run has no row.
    """
    rows = [
        {"maps": maps, **auc_row(scores[maps], malignant, patients), "paper_auc": TABLE_3[maps][0]}
        for maps in MAPS
        if maps in scores
    ]
    return pd.DataFrame(rows, columns=TABLE3_COLUMNS)


TABLE1_COLUMNS = ["images_negative", "images_benign", "images_malignant", "lesions_benign", "lesions_malignant"]


def table1(images: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """Count images and lesions as the paper's Table 1 does.

    Args:
        images: the manifest's image rows, indexed by image_id, with the column split.
        lesions: the manifest's lesion rows, with the columns image_id and label.

    Returns:
        int, columns COLUMNS and, with paper_ before them, the same of the paper; rows train, val, test, overall. A
        negative image has no outlined lesion; an image with lesions of both kinds counts as benign and as malignant;
        lesions labelled none are not counted.
    """
    rows = {}
    for split in [*(str(split) for split in Split), "overall"]:
        inside = set(images.index if split == "overall" else images.index[images["split"] == split])
        here = lesions[lesions["image_id"].isin(inside)]
        kinds = [here[here["label"] == label] for label in (Pathology.BENIGN, Pathology.MALIGNANT)]
        negative = len(inside - set(here["image_id"]))
        rows[split] = [negative, *(kind["image_id"].nunique() for kind in kinds), *(len(kind) for kind in kinds)]
    printed = {split: TABLE_1[split] for split in rows}
    paper = pd.DataFrame.from_dict(printed, orient="index", columns=[f"paper_{column}" for column in TABLE1_COLUMNS])
    return pd.DataFrame.from_dict(rows, orient="index", columns=TABLE1_COLUMNS).join(paper)


TABLE2_COLUMNS = [
    "fnr",
    "misses_allowed",
    "tnr",
    "tnr_low",
    "tnr_high",
    "transferred_tnr",
    "transferred_tnr_low",
    "transferred_tnr_high",
    "transferred_fnr",
    "paper_tnr",
    "paper_low",
    "paper_high",
]
"""tnr: threshold picked on these lesions; transferred_*: on validation lesions, NaN where there are none."""


def table2(performance: Performance) -> pd.DataFrame:
    """Our Table 2 beside the paper's.

    Args:
        performance: of the seed-mean lesion score.

    Returns:
        Columns COLUMNS, a row for each false negative rate of the paper; our intervals are 95 % patient bootstraps.
    """
    rows = []
    for paper in TABLE_2:
        ours, other = performance.picked_here[paper.fnr].tnr, performance.transferred.get(paper.fnr)
        nothing = float("nan")
        transferred = (other.tnr.value, other.tnr.low, other.tnr.high, other.fnr.value) if other else (nothing,) * 4
        misses = allowed_misses(performance.n_malignant, paper.fnr)
        picked = (ours.value, ours.low, ours.high)
        rows.append((paper.fnr, misses, *picked, *transferred, paper.tnr, paper.low, paper.high))
    return pd.DataFrame(rows, columns=TABLE2_COLUMNS)


FIGURE6_COLUMNS = [
    "backbone",
    "init",
    "auc_mean",
    "auc_sd",
    "n_seeds",
    "auc_low",
    "auc_high",
    "n_lesions",
    "n_malignant",
]


def figure6(
    scores: Mapping[tuple[str, str], NDArray[np.float64]],
    malignant: NDArray[np.int64],
    patients: NDArray[np.object_],
) -> pd.DataFrame:
    """The bars of Figure 6.

    Args:
        scores: (backbone, init) to [S, N], a lesion score vector a seed.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        Columns COLUMNS and paper_auc, paper_spread (NaN where the paper prints no number); by backbone, He before
        ImageNet.
    """
    rows = []
    for backbone, init in sorted(scores):
        printed, spread = FIGURE_6.get((backbone, init), (float("nan"), float("nan")))
        row = auc_row(scores[backbone, init], malignant, patients)
        rows.append({"backbone": backbone, "init": init, **row, "paper_auc": printed, "paper_spread": spread})
    return pd.DataFrame(rows, columns=[*FIGURE6_COLUMNS, "paper_auc", "paper_spread"])


CONTEXT_COLUMNS = ["label", "auc_mean", "auc_sd", "n_seeds", "auc_low", "auc_high", "n_images", "n_showing"]


def context_table(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """AUC over images of each class.

    Args:
        tables: the image score table of each seed (scoring.image_table), of the same images.

    Returns:
        Columns COLUMNS, rows malignant and benign (none where there is no table): mean and standard deviation over the
        seeds, the 95 % patient-bootstrap interval of the seed-mean score, images in all and images that show one.

    Raises:
        MammoError: two tables are not of the same images.
    """
    if not tables:
        return pd.DataFrame(columns=CONTEXT_COLUMNS)
    first = tables[0].set_index("image_id")
    others = [table.set_index("image_id") for table in tables[1:]]
    if any(set(other.index) != set(first.index) for other in others):
        raise MammoError("the context networks did not score the same images; test them on the same store and split")
    rows = []
    for label in IMAGE_CLASSES:
        scores = np.stack([table.loc[first.index, f"score_{label}"].to_numpy() for table in (first, *others)])
        row = auc_row(scores, first[label].to_numpy(), first["patient_id"].to_numpy(dtype=object))
        rows.append({"label": label, **row, "n_images": row["n_lesions"], "n_showing": row["n_malignant"]})
    return pd.DataFrame(rows)[CONTEXT_COLUMNS]
