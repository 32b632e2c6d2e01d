import pytest

from mammo.intake.adapters._labels import parse_birads, parse_density
from mammo.records import Density


@pytest.mark.parametrize(
    ("text", "density"),
    [
        ("A", Density.A),
        ("d", Density.D),
        ("1", Density.A),
        ("4", Density.D),
        ("2.0", Density.B),
        ("DENSITY C", Density.C),
        ("ACR 2", Density.B),
        ("The breasts are heterogeneously dense", Density.C),
        ("Scattered areas of fibroglandular density", Density.B),
        ("almost entirely fatty", Density.A),
        ("extremely dense", Density.D),
        ("", None),
        ("0", None),
        ("5", None),
        ("5.0", None),
        ("dense", None),
        ("23", None),
    ],
)
def test_densities_are_read_in_every_notation(text: str, density: Density | None) -> None:
    assert parse_density(text) is density


@pytest.mark.parametrize(
    ("text", "birads"),
    [
        ("4a", "4A"),
        ("BI-RADS 4 C", "4C"),
        ("BI-RADS 5", "5"),
        ("3.0", "3"),
        ("0", "0"),
        ("7", None),
        ("5a", None),
        ("", None),
        ("suspicious", None),
    ],
)
def test_birads_categories(text: str, birads: str | None) -> None:
    assert parse_birads(text) == birads
