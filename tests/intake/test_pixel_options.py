import pytest

from mammo.intake.pixel_options import PixelOptions
from mammo.records import MammoError


def test_the_adapters_options_are_left_to_it() -> None:
    assert PixelOptions.split({"bits": 12, "proxies": True}) == (PixelOptions(bits=12), {"proxies": True})
    assert PixelOptions.split({}) == (PixelOptions(), {})


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"bits": 7}, "bits=7"),
        ({"bits": "12"}, "bits=12"),
        ({"bits": 33}, "bits=33"),
        ({"eight_bit": 1}, "eight_bit=1"),
    ],
)
def test_other_values_are_errors_that_name_the_key(options: dict[str, object], key: str) -> None:
    with pytest.raises(MammoError, match=f"data.options.{key} must be"):
        PixelOptions.split(options)
