import pytest

from mammo.intake.finding_type import FindingType, finding_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mass", "mass"),
        ("Spiculated MASS, seen by Dr. Miller", "mass"),
        ("Suspicious Calcification, Mass", "mass"),
        ("CALCIFICATION-PLEOMORPHIC", "calcification"),
        ("calc", "calcification"),
        ("micro-calcifications", "calcification"),
        ("Architectural Distortion", "distortion"),
        ("focal_asymmetry", "asymmetry"),
        ("Assymetry", "asymmetry"),
        ("Skin Thickening", "other"),
        ("massive nothing", "other"),
        ("Ms. Jones, 12 March", "other"),
        ("", ""),
        (" N/A ", ""),
        ("unknown", ""),
    ],
)
def test_free_text_becomes_one_of_a_closed_list(text: str, expected: str) -> None:
    assert finding_type(text) == expected
    assert expected in {"", *FindingType}
