from mammo.realism.assessment import Beside
from mammo.realism.comparison import Comparison
from mammo.realism.discriminator import Telltale, Verdict
from mammo.reporting.realism_lines import realism_lines

ROWS = (
    Beside("slope", 2.9, 2.7, 3.1, (2.7, 3.0)),
    Beside("contrast", 0.2, 0.1, 0.3, (0.4, 0.48)),
    Beside("grey 50 %", 0.39, 0.3, 0.4, (0.3, 0.36)),
)


def test_every_figure_stands_in_a_line_with_its_range_and_mark() -> None:
    text = list(realism_lines(Comparison(40, 1.0, 0.25, ROWS, 0, None)))
    assert text[0] == "40 images at 0.25 of full size, median (10 % to 90 %), beside recorded real images:"
    assert "2.900 (2.700 to 3.100)" in text[1]
    assert "real 2.700 to 3.000" in text[1]
    assert [mark in line for mark, line in zip(("inside", "outside", "within 10 %"), text[1:], strict=False)] == [
        True
    ] * 3
    assert text[4] == "1 inside, 1 within 10 %, 1 outside"
    assert "MAMMO_REAL_EXAM" in text[5]


def test_the_critic_tells_what_gave_the_images_away() -> None:
    verdict = Verdict((0.9, 0.8), (Telltale("slope", 0.75, 2.9, 3.4),), 30, 400)
    text = list(realism_lines(Comparison(40, 1.0, 0.25, ROWS, 2, verdict)))
    assert "beside 2 real images" in text[0]
    assert "critic at 1 of full size: AUC 0.850 (by real image left out: 0.900, 0.800)" in text[5]
    assert "30 real and 400 synthetic patches" in text[5]
    assert text[-1].split() == ["slope", "AUC", "0.750", "median", "3.4,", "real", "2.9"]
