"""Findings against sums over all pairs, and wrong findings of score files."""

from functools import reduce
from itertools import product
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.records import Floats, MammoError
from mammo.scoring.findings import Findings, check_same_findings, per_finding
from mammo.scoring.intervals import N_RESAMPLES, Interval, resample_weights
from mammo.scoring.performance_json import test_values as values_of
from mammo.scoring.score_file import read_scores, score_table
from tests.scoring.test_score_tables import lesion_scores


def views(seed: int, n_findings: int = 40) -> pd.DataFrame:
    """Findings of one to three views, some without an id, in a random order; patients have one to four findings."""
    rng = np.random.default_rng(seed)
    rows = []
    for finding in range(n_findings):
        patient, malignant = f"P{finding // int(rng.integers(1, 5))}", int(rng.random() < 0.4)
        for view in range(int(rng.integers(1, 4))):
            score = round(float(np.clip(0.4 + 0.2 * malignant + 0.2 * rng.standard_normal(), 0, 1)), 2)  # with ties
            rows.append((f"L{finding}-{view}", f"F{finding}", patient, malignant, score))
    table = pd.DataFrame(rows, columns=["lesion_id", "finding_id", "patient_id", "malignant", "score"])
    alone = table["finding_id"].duplicated(keep=False)
    table.loc[~alone & (rng.random(len(table)) < 0.5), "finding_id"] = ""
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def by_hand(table: pd.DataFrame, weight: Floats) -> list[tuple[int, float, float]]:
    """(label, mean score, weight) of each finding, by a loop over the rows."""
    groups: dict[str, list[int]] = {}
    for row in range(len(table)):
        groups.setdefault(table["finding_id"][row] or table["lesion_id"][row], []).append(row)
    return [
        (int(table["malignant"][rows[0]]), reduce(add, table["score"][rows]) / len(rows), float(weight[rows[0]]))
        for rows in groups.values()
    ]


def pairs_auc(lesions: list[tuple[int, float, float]]) -> float:
    """The weighted share of pairs of a malignant and a benign one in the right order; ties count half."""
    won = total = 0.0
    for (label, score, weight), (other, baseline, other_weight) in product(lesions, lesions):
        if label == 1 and other == 0:
            total += weight * other_weight
            won += weight * other_weight * (0.5 if score == baseline else float(score > baseline))
    return won / total


def tnr_by_hand(lesions: list[tuple[int, float, float]], fnr: float) -> float:
    """The best TNR of any threshold that misses at most a share fnr."""
    malignant = [score for label, score, _ in lesions if label]
    benign = [score for label, score, _ in lesions if not label]
    allowed = [t for t in malignant if sum(score < t for score in malignant) <= fnr * len(malignant) + 1e-9]
    return max(sum(score < t for score in benign) for t in allowed) / len(benign)


@pytest.mark.parametrize("seed", range(4))
def test_auc_and_tnr_per_finding_are_those_of_mean_scores(seed: int) -> None:
    table, columns = views(seed), ["lesion_id", "finding_id", "patient_id", "malignant", "score"]
    full = pd.concat([lesion_scores().iloc[:1]] * len(table), ignore_index=True).assign(**table[columns])
    full["label"] = np.where(full["malignant"] == 1, "malignant", "benign")
    values = values_of(full)
    lesions = by_hand(table, np.ones(len(table)))
    found = values["test_findings"]
    assert (found["n"], found["n_malignant"]) == (len(lesions), sum(label for label, *_ in lesions))
    assert found["auc"] == pytest.approx(pairs_auc(lesions), abs=1e-12)
    for fnr, point in found["tnr_at_fnr"].items():
        assert point["tnr"] == pytest.approx(tnr_by_hand(lesions, float(fnr)), abs=1e-12), fnr
    alone = [(label, score, 1.0) for label, score in zip(table["malignant"], table["score"], strict=True)]
    assert values["test_lesions"]["n"] == len(table)
    assert values["test_lesions"]["auc"] == pytest.approx(pairs_auc(alone), abs=1e-12)


def test_the_gain_is_resampled_by_patient_with_all_views_of_her_findings() -> None:
    table = views(9)
    labels, scores, patients = (table[name].to_numpy() for name in ("malignant", "score", "patient_id"))
    gain = Findings.of(table).auc_gain(labels, scores, patients)
    weights = resample_weights(patients, N_RESAMPLES, 0)[:150].astype(np.float64)

    def difference(weight: Floats) -> float:
        return pairs_auc(by_hand(table, weight)) - pairs_auc(list(zip(labels, scores, weight, strict=True)))

    assert gain.value == pytest.approx(difference(np.ones(len(table))), abs=1e-12)
    low, high = np.quantile([difference(weight) for weight in weights], [0.025, 0.975])
    width = gain.high - gain.low
    assert abs(gain.low - low) < 0.35 * width
    assert abs(gain.high - high) < 0.35 * width


def test_lesions_without_a_finding_are_findings_of_their_own() -> None:
    table = views(1)
    for alone in (table.drop(columns="finding_id"), table.assign(finding_id="")):
        findings = Findings.of(alone)
        assert not findings.are_joined
        assert findings.mean(table["score"]).tolist() == table["score"].tolist()
        assert findings.auc_gain(table["malignant"], table["score"], table["patient_id"]) == Interval(0, 0, 0)


@pytest.mark.parametrize("unknown", ["", " ", "-", "NA", "nan", "Unknown", None, np.nan])
def test_a_word_for_an_unknown_finding_joins_no_lesions(unknown: object) -> None:
    """Of two patients such a word was an error, and of one it made her lesions one finding."""
    columns = {"lesion_id": list("abcd"), "patient_id": list("pppq"), "malignant": [1, 1, 1, 0], "score": [0.5] * 4}
    table = score_table(pd.DataFrame(columns | {"finding_id": ["f", unknown, unknown, unknown]})).table
    assert Findings.of(table).number.tolist() == [0, 1, 2, 3]


def test_a_lesion_id_that_is_another_ones_finding_id_joins_nothing() -> None:
    table = pd.DataFrame({"lesion_id": ["a", "b"], "finding_id": ["b", ""], "score": [0.1, 0.9]})
    assert not Findings.of(table).are_joined


def test_views_are_averaged_in_the_order_of_first_views() -> None:
    table = pd.DataFrame({"lesion_id": list("abcd"), "finding_id": ["f", "", "g", "f"], "score": [0.2, 0.9, 0.5, 0.6]})
    found = per_finding(table)
    assert found["lesion_id"].tolist() == ["a", "b", "c"]
    assert found["score"].tolist() == pytest.approx([0.4, 0.9, 0.5])


def test_the_result_has_no_findings_where_none_has_two_views() -> None:
    values = values_of(lesion_scores())
    assert values["test_findings"] is None
    assert values["test_lesions"]["n"] == 2  # the lesion of neither class does not count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patient_id": ["p", "q", "q"]}, "row 2: finding_id f has patient_id q, but p in row 1: give each finding"),
        ({"malignant": [1, 0, 0]}, "row 2: finding_id f has malignant 0, but 1 in row 1: correct one of the labels"),
    ],
)
def test_contradicting_views_of_a_score_file_are_named(
    change: dict[str, list[object]], message: str, tmp_path: Path
) -> None:
    columns = {"lesion_id": list("abc"), "patient_id": ["p", "p", "q"], "malignant": [1, 1, 0]}
    table = pd.DataFrame(columns | {"score": [0.5] * 3, "finding_id": ["f", "f", ""]})
    table.to_csv(tmp_path / "right.csv", index=False)
    assert len(read_scores(tmp_path / "right.csv").table) == 3
    table.assign(**change).to_csv(tmp_path / "wrong.csv", index=False)
    with pytest.raises(MammoError, match=message):
        read_scores(tmp_path / "wrong.csv")


def score_files(*findings: str) -> dict[str, pd.DataFrame]:
    """Files a.csv, b.csv and so on of lesions L0, L1 and so on, each by a text of one-letter ids; "-" is empty."""
    return {
        f"{name}.csv": pd.DataFrame({"lesion_id": [f"L{n}" for n in range(len(ids))]}).assign(
            finding_id=["" if key == "-" else key for key in ids]
        )
        for name, ids in zip("abc", findings, strict=False)
    }


@pytest.mark.parametrize("findings", [("ffg-", "xxyz"), ("ffg-", "----"), ("----", "ffgg", "xxyy"), ("abcd", "---d")])
def test_files_join_the_same_lesions_under_other_ids_or_without_any(findings: tuple[str, ...]) -> None:
    check_same_findings(score_files(*findings))


@pytest.mark.parametrize(
    ("findings", "message"),
    [
        (
            ("ffgg", "ffgh"),
            "a.csv, row 3: finding_id g joins lesion L3 with lesion L2 of row 2, but b.csv, row 3, does",
        ),
        (
            ("ff--", "fff-"),
            "b.csv, row 2: finding_id f joins lesion L2 with lesion L0 of row 0, but a.csv, row 2, does",
        ),
        (("fg-g", "fg-f"), "row 3: finding_id . joins lesion L3 with lesion L[01] of row [01], but ..csv, row 3, does"),
        (("----", "ffgg", "fgfg"), "b.csv, row 1: finding_id f joins lesion L1 with lesion L0 of row 0, but c.csv"),
    ],
)
def test_files_that_join_other_lesions_are_an_error_in_any_order(findings: tuple[str, ...], message: str) -> None:
    files = score_files(*findings)
    for order in (list(files), list(files)[::-1]):
        with pytest.raises(MammoError, match=message):
            check_same_findings({name: files[name] for name in order})
