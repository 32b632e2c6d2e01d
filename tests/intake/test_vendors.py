import pytest

from mammo.intake.vendors import vendor_of


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("HOLOGIC, Inc.", "hologic"),
        ("GE MEDICAL SYSTEMS", "ge"),
        ("FUJIFILM Corporation", "fujifilm"),
        ("mammo phantom B", "phantom_b"),
        ("ZZCANARY", "other"),
        (" ", ""),
    ],
)
def test_vendors_are_words_of_a_closed_list(manufacturer: str, vendor: str) -> None:
    assert vendor_of(manufacturer) == vendor
