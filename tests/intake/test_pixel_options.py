from mammo.intake.pixel_options import PixelOptions


def test_the_adapters_options_are_left_to_it() -> None:
    assert PixelOptions.split({"bits": 12, "proxies": True}) == (PixelOptions(bits=12), {"proxies": True})
    assert PixelOptions.split({}) == (PixelOptions(), {})
