"""Weaknesses of an evaluation: errors that reject it, and warnings that are printed beside the results."""

from collections.abc import Iterable

import pandas as pd

from mammo.records import LabelSource, MammoError, Split
from mammo.scoring.number_text import number_text
from mammo.training.results import Run

FEW_MALIGNANT = 30
IMPLAUSIBLE_AUC = 0.9
"""AUC on the biopsied lesions of CBIS-DDSM that no publication reaches with a split by patient."""

UNCERTAIN_SOURCES = {
    LabelSource.BIRADS_PROXY: "are BI-RADS proxies: a radiologist's suspicion, not the result of a biopsy.",
    LabelSource.BREAST_LEVEL: "are those of the breast: another lesion than the outlined one may have been meant.",
    LabelSource.UNKNOWN: "are of unknown source: state in label_source which are results of a biopsy (biopsy) and "
    "which are not.",
}
"""What is uncertain about labels that are no biopsy results of their lesion."""


def reject_selection_on_test(runs: Iterable[Run]) -> None:
    """Reject runs whose checkpoint was not selected by a metric of the validation split.

    Raises:
        MammoError: such a run; the message names it and the metric.
    """
    for run in runs:
        if run.selected_by and not run.selected_by.startswith(Split.VAL):
            raise MammoError(
                f"{run.folder}: its checkpoint was selected by {run.selected_by}, not by a metric of the validation "
                "split (val_auc), so the test set was used for selection; train it again with python -m mammo.train"
            )


def reject_shared_patients(test: pd.DataFrame, validation: pd.DataFrame | None) -> None:
    """Reject results on lesions that were used in training or selection.

    Args:
        test: lesion_id, patient_id and split of the test lesions.
        validation: the same of the lesions that the model and its thresholds were selected on; None if unknown.

    Raises:
        MammoError: a lesion is of another split than its table, or a patient is in both tables.
    """
    _reject_other_split(test, Split.TEST, "results on lesions used for training or selection are not reported")
    if validation is None:
        return
    _reject_other_split(validation, Split.VAL, "models and thresholds must be selected on validation lesions")
    both = set(validation["patient_id"]) & set(test["patient_id"])
    if both:
        raise MammoError(
            f"patient {min(both)} has lesions in both the validation and the test table ({len(both)} patients do), "
            "so the test set was used for selection; split by patient with python -m mammo.split and train again"
        )


def _reject_other_split(lesions: pd.DataFrame, split: Split, reason: str) -> None:
    other = lesions[~lesions["split"].isin(["", split])]
    if len(other):
        lesion = other.iloc[0]
        raise MammoError(
            f"lesion {lesion['lesion_id']} is of split {lesion['split']}, not {split} ({len(other)} of {len(lesions)} "
            f"are): {reason}; score the {split} split"
        )


def training_warnings(splits: Iterable[str]) -> list[str]:
    """A sentence if lesions are of the training split of their store (by the column split); empty otherwise."""
    known = list(splits)
    n_trained = known.count(Split.TRAIN)
    if not n_trained:
        return []
    return [
        f"{n_trained} of {len(known)} lesions are of the training split: a network that was trained on this store "
        "knows them; keep the rows whose split is test."
    ]


def origin_warnings(runs: Iterable[Run]) -> list[str]:
    """Sentences about runs that do not record whether the test lesions were unused; empty if all do."""
    reported, sentences = list(runs), []
    silent = [run.name for run in reported if not run.selected_by]
    if silent:
        sentences.append(
            f"{len(silent)} of {len(reported)} runs (for example {silent[0]}) do not record the metric that selected "
            "their checkpoint: make sure that it was one of the validation split."
        )
    elsewhere = {source.name: run.name for run in reported for source in run.sources() if source.store != run.store}
    sentences += [
        f"{source} was trained on other images or another split than {reader}, which reads it: make sure that none of "
        "its training and validation patients is a test patient here."
        for source, reader in elsewhere.items()
    ]
    return sentences


def seed_warnings(runs: Iterable[Run]) -> list[str]:
    """A sentence if combinations of maps were trained with different seeds; empty otherwise."""
    seeds: dict[str, set[int]] = {}
    for run in runs:
        if run.model == "fagg":
            seeds.setdefault(run.cell, set()).add(run.seed)
    every = set().union(*seeds.values())
    lacking = [f"{cell} lacks {', '.join(map(str, sorted(every - had)))}" for cell, had in seeds.items() if every - had]
    if not lacking:
        return []
    return [
        f"Combinations of maps were trained with different seeds ({'; '.join(lacking)}): the mean score of more seeds "
        "has a higher AUC for that reason alone; python -m mammo.sweep status lists the jobs that are not done."
    ]


def evaluation_warnings(
    n_malignant: int, undefined: str, label_sources: Iterable[str], auc: float, data: str = ""
) -> list[str]:
    """Sentences about few lesions, proxy labels and implausible results; empty if none applies.

    Args:
        n_malignant: malignant lesions evaluated.
        undefined: why no metric is defined (metrics.why_undefined); empty if metrics are defined.
        label_sources: each lesion's label source (LabelSource).
        auc: of the best model, NaN if undefined.
        data: name of the data set, empty if unknown.
    """
    sentences = []
    if undefined:
        sentences.append(f"No metric is defined: {undefined}.")
    elif n_malignant < FEW_MALIGNANT:
        sentences.append(
            f"Only {n_malignant} malignant lesions (fewer than {FEW_MALIGNANT}): intervals are wide, and a false "
            "negative rate of a few percent depends on single lesions."
        )
    sources = list(label_sources)
    sentences += [
        f"{sources.count(source)} of {len(sources)} labels {reason}"
        for source, reason in UNCERTAIN_SOURCES.items()
        if source in sources
    ]
    if data == "cbis_ddsm" and auc > IMPLAUSIBLE_AUC:
        sentences.append(
            f"An AUC of {number_text(auc)} on CBIS-DDSM lesions is above {IMPLAUSIBLE_AUC}: check for leakage "
            "(a patient or image in two splits, crops centered on the outline, labels in the file names)."
        )
    return sentences
