from pathlib import Path

import pytest

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_lesions import WITHOUT, TableLesion
from mammo.intake.adapters._table_notes import MOST_WORDS, label_notes
from mammo.intake.adapters._table_words import label_map, plain, source_of
from mammo.records import LabelSource


def row(label: str, source: str = "", column: str = "label_source") -> TableLesion:
    entry = Entry(Path("a.csv"), "row 2", {"label": label, "label_source": source}, {"label_source": column}, {})
    meaning = label_map({f"x{number}": "none" for number in range(20)})[plain(label)]
    return TableLesion(entry, meaning, source_of(entry, meaning.pathology), WITHOUT, False, None)


def test_label_words_are_listed_by_what_they_were_read_as_with_their_numbers() -> None:
    rows = [row(word, "biopsy") for word in ("Malign.", "malignant", "malignant", "B", "High-Risk", "no finding")]
    assert list(label_notes(rows)) == [
        "read as malignant: malignant (2), Malign. (1); read as benign: B (1); read as high risk: High-Risk (1); "
        "read as normal: no finding (1)"
    ]
    many, *_ = label_notes([row(f"x{number}") for number in range(MOST_WORDS + 3)])
    assert many.endswith(f"x{MOST_WORDS - 1} (1) and 3 more")


@pytest.mark.parametrize(
    ("given", "n_unstated"),
    [
        (row("malignant"), 1),
        (row("benign", "none"), 1),
        (row("none"), 0),
        (row("benign", "no", "biopsy"), 0),
        (row("benign", "unknown"), 0),
        (row("benign", "biopsy"), 0),
    ],
)
def test_labels_that_state_no_source_are_counted_and_take_the_source_given_for_all(
    given: TableLesion, n_unstated: int
) -> None:
    cautions = [note for note in label_notes([given]) if "data.label_source=biopsy" in note]
    assert len(cautions) == n_unstated
    after = given.with_source("breast_level")
    assert after.source is (LabelSource.BREAST_LEVEL if n_unstated else given.source)
    assert not [note for note in label_notes([after]) if note.startswith("caution")]
