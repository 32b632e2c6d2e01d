"""What a reviewer would hold against an evaluation, said before they ask."""

from collections.abc import Iterable

import pandas as pd

from mammo.records import LabelSource, MammoError, Split
from mammo.training.results import Run

FEW_MALIGNANT = 30
TOO_GOOD = 0.9
"""An AUC that no one has reached on the biopsied lesions of CBIS-DDSM with its patients kept apart."""


def refuse_selection_on_test(runs: Iterable[Run]) -> None:
    """Refuse runs whose checkpoint was selected by anything but a metric of the validation split.

    Raises:
        MammoError: naming the run and its metric.
    """
    for run in runs:
        if run.selected_by and not run.selected_by.startswith(Split.VAL):
            raise MammoError(
                f"{run.folder}: its checkpoint was selected by {run.selected_by}, not by a metric of the validation "
                "split (val_auc): the test set was used for selection; train it again with python -m mammo.train"
            )


def refuse_shared_patients(test: pd.DataFrame, validation: pd.DataFrame | None) -> None:
    """Refuse results on lesions that were not kept apart from training and selection.

    Args:
        test: lesion_id, patient_id and split of the lesions judged.
        validation: the same of those that the model and its thresholds were selected by, None if unknown.

    Raises:
        MammoError: a lesion is of another split than it stands for, or a patient is in validation and test.
    """
    _refuse_other_split(test, Split.TEST, "results on lesions that a model was trained or selected on are not reported")
    if validation is None:
        return
    _refuse_other_split(validation, Split.VAL, "models and thresholds are selected on validation lesions alone")
    both = set(validation["patient_id"]) & set(test["patient_id"])
    if both:
        raise MammoError(
            f"patient {min(both)} is in the validation and in the test lesions ({len(both)} patients are): the test "
            "set was used for selection; split by patient with python -m mammo.split and train again"
        )


def _refuse_other_split(lesions: pd.DataFrame, split: Split, because: str) -> None:
    other = lesions[~lesions["split"].isin(["", split])]
    if len(other):
        lesion = other.iloc[0]
        raise MammoError(
            f"lesion {lesion['lesion_id']} is of split {lesion['split']}, not {split} ({len(other)} of {len(lesions)} "
            f"are): {because}; score the {split} split"
        )


def doubted_origins(runs: Iterable[Run]) -> list[str]:
    """Sentences about runs of which it is not told that the test lesions were kept apart; none where all are sound."""
    reported, told = list(runs), []
    silent = [run.name for run in reported if not run.selected_by]
    if silent:
        told.append(
            f"{len(silent)} of {len(reported)} runs ({silent[0]} for one) do not tell by which metric they were "
            "selected: make sure that it was one of the validation split."
        )
    elsewhere = {source.name: run.name for run in reported for source in run.sources() if source.store != run.store}
    told += [
        f"{source} was trained on other images or another split than {reader}, which reads it: make sure that none of "
        "its training and validation patients is a test patient here."
        for source, reader in elsewhere.items()
    ]
    return told


def uneven_seeds(runs: Iterable[Run]) -> list[str]:
    """A sentence where combinations of maps were trained with fewer seeds than others; none where all are alike."""
    seeds: dict[str, set[int]] = {}
    for run in runs:
        if run.model == "fagg":
            seeds.setdefault(run.cell, set()).add(run.seed)
    every = set().union(*seeds.values())
    lacking = [f"{cell} lacks {', '.join(map(str, sorted(every - had)))}" for cell, had in seeds.items() if every - had]
    if not lacking:
        return []
    return [
        f"Combinations of maps were trained with different seeds ({'; '.join(lacking)}): a mean over more seeds scores "
        "better for that alone; python -m mammo.sweep status lists jobs that are not done."
    ]


def evaluation_warnings(
    n_malignant: int, undefined: str, label_sources: Iterable[str], auc: float, data: str = ""
) -> list[str]:
    """Sentences to print beside the results; none where there is nothing to say.

    Args:
        n_malignant: malignant lesions judged.
        undefined: why no metric exists (metrics.why_undefined).
        label_sources: where each lesion's label comes from (LabelSource).
        auc: of the best model judged, NaN if undefined.
        data: name of the data set, empty if unknown.
    """
    told = []
    if undefined:
        told.append(f"No metric exists: {undefined}.")
    elif n_malignant < FEW_MALIGNANT:
        told.append(
            f"Only {n_malignant} malignant lesions (fewer than {FEW_MALIGNANT}): intervals are wide, and rates at a "
            "few per cent missed hang on single lesions."
        )
    sources = list(label_sources)
    proxies = sources.count(LabelSource.BIRADS_PROXY)
    if proxies:
        told.append(
            f"{proxies} of {len(sources)} labels are BI-RADS proxies: what a radiologist suspected, not what a biopsy "
            "found."
        )
    if data == "cbis_ddsm" and auc > TOO_GOOD:
        told.append(
            f"An AUC of {auc:.3f} on CBIS-DDSM lesions is above {TOO_GOOD}: check for leakage (a patient or image in "
            "two splits, crops centred on the outline, labels in the file names) before believing it."
        )
    return told
