from mammo.intake.published import published_lines
from mammo.records import Cohort, Count, LeftOut


def test_numbers_stand_beside_the_published_ones_and_doubts_are_told() -> None:
    counts = (Count("images", 3103, 3103), Count("patients", 1560, 1566), Count("lesions", 50, 100))
    cohort = Cohort((), (), (LeftOut("a", "", "x", "why"), LeftOut("b", "", "x", "why")), counts, ("A note",))
    assert list(published_lines(cohort)) == [
        "images: 3,103 found, 3,103 published",
        "patients: 1,560 found, 1,566 published",
        "lesions: 50 found, 100 published (differs by 50%: a part of the data set, or files are missing)",
        "2 lesions left out: why",
        "A note",
    ]
