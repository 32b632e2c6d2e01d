from pathlib import Path

import pytest

from mammo.intake.adapters._table_columns import Entry, columns_of
from mammo.intake.adapters._table_words import label_map, plain, side_of, source_of, unknown_labels, view_of
from mammo.records import LabelSource, Laterality, MammoError, Pathology, View


def entry(**cells: str) -> Entry:
    return Entry(Path("lesions.csv"), "row 2", cells, {name: name for name in cells}, {})


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (("malignant", "MALIGNANT", "M", "Cancer"), "malignant"),
        (("benign", "B", "Benign "), "benign"),
        (("high risk", "High-Risk", "benign (high risk)"), "high risk"),
        (("none", "Unlabeled"), "none"),
        (("normal", "no finding"), "normal"),
        (("0", "1", "maybe", "benign or malignant", "not malignant", "2"), ""),
    ],
)
def test_label_words(words: tuple[str, ...], meaning: str) -> None:
    assert [label_map({}).get(plain(word), "") for word in words] == [meaning] * len(words)


def test_own_words_are_read_by_the_map_that_the_error_asks_for() -> None:
    rows = [entry(label=word) for word in ("0", "1.0", "1", "fibro adenoma")]
    error = unknown_labels(rows, label_map({}))
    assert error
    assert "label has words without a known meaning: '0' (first in row 2, 1 in all), '1.0'" in str(error)
    assert "data.labels='{0: MEANING, 1.0: MEANING, 1: MEANING, fibro adenoma: MEANING}'" in str(error)
    own = label_map({0: "benign", 1: "malignant", "fibro adenoma": "benign"})
    assert unknown_labels(rows, own) is None
    assert own[plain("1.0")] == "malignant"
    with pytest.raises(MammoError, match=r"data\.labels: 0 means maybe, which must be malignant, benign"):
        label_map({0: "maybe"})


@pytest.mark.parametrize(
    ("cells", "side", "view"),
    [
        ({"laterality": "left", "view": "mlo"}, Laterality.LEFT, View.MLO),
        ({"laterality": "R", "view": "Cranio-Caudal"}, Laterality.RIGHT, View.CC),
        ({"view": "R-MLO"}, Laterality.RIGHT, View.MLO),
        ({"view": "lcc"}, Laterality.LEFT, View.CC),
        ({"laterality": "L", "view": "LCC"}, Laterality.LEFT, View.CC),
        ({}, None, None),
    ],
)
def test_sides_and_views(cells: dict[str, str], side: Laterality | None, view: View | None) -> None:
    assert (side_of(entry(**cells)), view_of(entry(**cells))) == (side, view)


def test_contradicting_and_unknown_sides_and_views_are_errors() -> None:
    with pytest.raises(MammoError, match="contradicts the view 'LCC'"):
        side_of(entry(laterality="R", view="LCC"))
    with pytest.raises(MammoError, match="view 'ML': must be CC or MLO"):
        view_of(entry(view="ML"))
    with pytest.raises(MammoError, match="laterality 'B': must be L or R"):
        side_of(entry(laterality="B"))


@pytest.mark.parametrize(
    ("word", "label", "source"),
    [
        ("", Pathology.BENIGN, LabelSource.UNKNOWN),
        ("", Pathology.NONE, LabelSource.NONE),
        ("none", Pathology.MALIGNANT, LabelSource.UNKNOWN),
        ("Pathology", Pathology.MALIGNANT, LabelSource.BIOPSY),
        ("BIOPSY", Pathology.BENIGN, LabelSource.BIOPSY),
        ("breast level", Pathology.BENIGN, LabelSource.BREAST_LEVEL),
        ("BI-RADS", Pathology.BENIGN, LabelSource.BIRADS_PROXY),
        ("unknown", Pathology.BENIGN, LabelSource.UNKNOWN),
    ],
)
def test_a_label_without_a_stated_source_is_never_from_a_biopsy(
    word: str, label: Pathology, source: LabelSource
) -> None:
    assert source_of(entry(label_source=word), label) is source


def test_a_column_that_asks_for_a_biopsy_is_answered_by_yes_or_no() -> None:
    for word, source in (("yes", LabelSource.BIOPSY), ("0", LabelSource.UNKNOWN)):
        asked = Entry(Path("a.csv"), "row 2", {"label_source": word}, {"label_source": "biopsy"}, {})
        assert source_of(asked, Pathology.BENIGN) is source
    with pytest.raises(MammoError, match="must be biopsy, breast_level, birads_proxy, unknown, none"):
        source_of(entry(label_source="yes"), Pathology.BENIGN)


@pytest.mark.parametrize(
    "header",
    [
        ["image", "patient", "laterality", "view", "label", "label_source", "lesion_id", "birads"],
        ["file_name", "patient_id", "side", "view_position", "pathology", "biopsy", "lesion_id", "bi_rads"],
        ["path", "patientid", "breast", "viewposition", "diagnosis", "biopsied", "lesionid", "bi_rads_category"],
    ],
)
def test_columns_are_found_by_their_usual_names(header: list[str]) -> None:
    fields = ["image", "patient", "laterality", "view", "label", "label_source", "lesion_id", "birads"]
    assert columns_of(header, {}) == {field: [column] for field, column in zip(fields, header, strict=True)}


def test_a_chosen_column_outranks_the_usual_names() -> None:
    header = ["class", "severity", "final_result"]
    assert columns_of(header, {}) == {"label": ["class", "severity"]}
    assert columns_of(header, {"label": "Final result"}) == {"label": ["final_result"]}
    with pytest.raises(MammoError, match=r"'labl' is not a field \(did you mean label\?\)"):
        columns_of(header, {"labl": "class"})
