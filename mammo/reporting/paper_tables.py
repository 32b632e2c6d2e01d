"""The paper's Tables 1 to 3 and Figure 6 as tables of our numbers and the paper's, and the context network's AUCs."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import FIGURE_6, MAPS, TABLE_1, TABLE_2, TABLE_3
from mammo.records import Floats, Ints, MammoError, Pathology, Split
from mammo.reporting.report_columns import (
    CONTEXT_COLUMNS,
    FIGURE6_COLUMNS,
    TABLE1_COLUMNS,
    TABLE2_COLUMNS,
    TABLE3_COLUMNS,
)
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc
from mammo.scoring.performance import Performance
from mammo.scoring.score_columns import IMAGE_CLASSES
from mammo.scoring.thresholds import allowed_misses
from mammo.store.splits import n_folds

OWN_FILE = "own file"
"""Stands in Figure 6 for weights that are not from timm (backbone.pretrained_file)."""

RECIPES = {
    "tv_in1k": "tv_in1k are torchvision's weights",
    "a1h_in1k": "a1h_in1k are timm's, trained by a recipe of 2021 (ResNet strikes back), which is later than the paper",
    OWN_FILE: "a file of the user's own gave the other weights",
}
"""Tags of timm's weights, and what they say of where the weights come from."""


def auc_row(scores: Floats, malignant: Ints, patients: NDArray[np.object_]) -> dict[str, float | int]:
    """AUC of one model over its seeds.

    Args:
        scores: [S, N] in [0, 1], one row of lesion scores for each seed.
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


def table1(images: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """Numbers of images and lesions by split, or by fold, counted as in the paper's Table 1.

    Args:
        images: the manifest's image rows, indexed by image_id, with the columns split, fold, malignant, benign and
            unplaced.
        lesions: the manifest's lesion rows, with the columns image_id and label.

    Returns:
        Rows train, val, test and overall; int columns TABLE1_COLUMNS and the paper's numbers as paper_<column>. With
        folds, rows fold 0, fold 1, ... and overall, without the paper's numbers. A negative image has no finding;
        an image with benign and malignant findings counts in both columns; lesions labeled none are not counted.
    """
    folds = n_folds(images)
    parts = {f"fold {fold}": images["fold"] == fold for fold in range(folds)}
    parts = parts or {str(split): images["split"] == split for split in Split}
    rows = {name: _table1_row(images[inside], lesions) for name, inside in parts.items()}
    rows["overall"] = _table1_row(images, lesions)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(TABLE1_COLUMNS))
    if folds:
        return table
    printed = {split: TABLE_1[split] for split in rows}
    paper = pd.DataFrame.from_dict(printed, orient="index", columns=[f"paper_{column}" for column in TABLE1_COLUMNS])
    return table.join(paper)


def _table1_row(images: pd.DataFrame, lesions: pd.DataFrame) -> list[int]:
    """TABLE1_COLUMNS of these images."""
    inside = lesions[lesions["image_id"].isin(images.index)]
    by_label = [str(label) for label in (Pathology.BENIGN, Pathology.MALIGNANT)]
    shown = images[[*by_label, "unplaced"]].to_numpy(dtype=bool)
    without = ~shown.any(axis=1) & ~images.index.isin(inside["image_id"])
    n_lesions = [int((inside["label"] == label).sum()) for label in by_label]
    return [int(without.sum()), *(int(n) for n in shown[:, :2].sum(axis=0)), *n_lesions]


def table2(performance: Performance) -> pd.DataFrame:
    """Table 2: the true negative rate (biopsies avoided) at given false negative rates (malignancies missed).

    Args:
        performance: of the seed-mean lesion score.

    Returns:
        Columns TABLE2_COLUMNS, one row for each false negative rate of the paper, with 95 % patient-bootstrap
        intervals.
    """
    rows = []
    for paper in TABLE_2:
        test, other = performance.chosen_here[paper.fnr].tnr, performance.transferred.get(paper.fnr)
        transferred = (other.tnr.value, other.tnr.low, other.tnr.high, other.fnr.value) if other else (np.nan,) * 4
        misses = allowed_misses(performance.n_malignant, paper.fnr)
        ours = (test.value, test.low, test.high)
        rows.append((paper.fnr, misses, *ours, *transferred, paper.tnr, paper.low, paper.high))
    return pd.DataFrame(rows, columns=list(TABLE2_COLUMNS))


def table3(
    scores: Mapping[str, Floats], malignant: Ints, patients: NDArray[np.object_], seeds_of: Mapping[str, str]
) -> pd.DataFrame:
    """Table 3: test AUC of the combinations of maps.

    Args:
        scores: maps joined by + to [S, N] in [0, 1], one row of lesion scores for each seed; S can differ.
        malignant: [N] in {0, 1}.
        patients: [N].
        seeds_of: maps joined by + to the networks that the seeds vary (paper_settings.seeds_of).

    Returns:
        Columns TABLE3_COLUMNS, one row for each combination in scores, in the paper's order.
    """
    rows = [
        {
            "maps": maps,
            **auc_row(scores[maps], malignant, patients),
            "paper_auc": TABLE_3[maps][0],
            "seeds_of": seeds_of[maps],
        }
        for maps in MAPS
        if maps in scores
    ]
    return pd.DataFrame(rows, columns=list(TABLE3_COLUMNS))


def figure6(scores: Mapping[tuple[str, str], Floats], malignant: Ints, patients: NDArray[np.object_]) -> pd.DataFrame:
    """The bars of Figure 6: test AUC of f_loc alone by backbone and initialization.

    Args:
        scores: (backbone, init) to [S, N] in [0, 1], one row of lesion scores for each seed.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        Columns FIGURE6_COLUMNS (paper_auc and paper_spread NaN where the paper prints no number), one row for each
        key, sorted by backbone, He initialization before ImageNet. weights is timm's tag of the ImageNet weights, which
        the backbone's name then lacks, or OWN_FILE; empty for He initialization. Where two keys differ in the tag only,
        backbones keep it in their names.
    """
    architectures = {(name.partition(".")[0], init) for name, init in scores}
    rows = []
    for name, init in sorted(scores):
        architecture, _, tag = name.partition(".")
        printed, spread = FIGURE_6.get((architecture, init), (np.nan, np.nan))
        facts = {
            "backbone": architecture if len(architectures) == len(scores) else name,
            "init": init,
            "weights": (tag or OWN_FILE) if init == "imagenet" else "",
        }
        row = auc_row(scores[name, init], malignant, patients)
        rows.append({**facts, **row, "paper_auc": printed, "paper_spread": spread})
    return pd.DataFrame(rows, columns=list(FIGURE6_COLUMNS))


def figure6_notes(table: pd.DataFrame) -> list[str]:
    """Sentences on the ImageNet weights of Figure 6: where they come from, and the bar that lacks them.

    Args:
        table: as figure6.
    """
    tags = sorted(set(table["weights"]) - {""})
    sentences = []
    if tags:
        origins = "; ".join(RECIPES.get(tag, f"{tag} is timm's tag of further weights") for tag in tags)
        sentences.append(f"ImageNet weights: {origins}. The paper does not say where its weights come from.")
    sentences += [
        f"{backbone} from ImageNet weights is left out: timm has none; to start from a file of your own give "
        "backbone.pretrained_file=FILE."
        for backbone in backbones_without_weights(table)
    ]
    return sentences


def backbones_without_weights(table: pd.DataFrame) -> list[str]:
    """The backbones of Figure 6 whose bar of ImageNet weights is left out, because timm has none.

    Args:
        table: as figure6.
    """
    from mammo.models.backbones import lacks_weights  # slow to import: only for Figure 6

    inits = table.groupby("backbone", sort=False)["init"].agg(set)
    return [str(name) for name in inits.index[[found == {"he"} for found in inits]] if lacks_weights(str(name))]


def context_table(tables: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """AUC of context networks over images: images with a malignant or a benign lesion against those without.

    Args:
        tables: the labels that networks were trained and tested by (breast or image) to the image score table of each
            seed (scoring.score_tables), of the same images.

    Returns:
        Columns CONTEXT_COLUMNS, for each kind of labels the rows malignant and benign: mean and standard deviation over
        the seeds, the 95 % patient-bootstrap interval of the seed-mean score, number of images and of those with a
        lesion of the class.

    Raises:
        MammoError: two tables are not of the same images.
    """
    rows = [{"labels": labels, **row} for labels, seeds in tables.items() for row in _context_rows(seeds)]
    return pd.DataFrame(rows, columns=list(CONTEXT_COLUMNS))


def _context_rows(tables: Sequence[pd.DataFrame]) -> Iterator[dict[str, str | float | int]]:
    """The rows malignant and benign of the seeds' tables."""
    first = tables[0].set_index("image_id")
    others = [table.set_index("image_id") for table in tables[1:]]
    if any(set(other.index) != set(first.index) for other in others):
        raise MammoError("the context networks did not score the same images; test them on the same store and split")
    for label in IMAGE_CLASSES:
        scores = np.stack([table.loc[first.index, f"score_{label}"].to_numpy() for table in (first, *others)])
        row = auc_row(scores, first[label].to_numpy(), first["patient_id"].to_numpy(dtype=object))
        yield {"label": label, **row, "n_images": row["n_lesions"], "n_showing": row["n_malignant"]}
