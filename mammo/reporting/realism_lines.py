"""What a measurement of realism found, as lines of text."""

from collections.abc import Iterator

from mammo.realism.assessment import Mark
from mammo.realism.comparison import Comparison
from mammo.realism.discriminator import PATCH_PX, Verdict
from mammo.realism.measures import MEANINGS

TELLING = 8
"""How many of the most telling numbers are listed."""


def realism_lines(found: Comparison) -> Iterator[str]:
    """The table of figures, a line each, then the critic's verdict."""
    real = f"{found.measured} real images" if found.measured else "recorded real images"
    yield f"{found.n_images} images at {found.figure_scale:g} of full size, median (10 % to 90 %), beside {real}:"
    for row in found.rows:
        spread = f"{row.median:6.3f} ({row.low:.3f} to {row.high:.3f})"
        known = f"{row.real[0]:.3f} to {row.real[1]:.3f}"
        yield f"{row.name:<14} {spread:<25} real {known:<16} {row.mark:<11} {MEANINGS[row.name]}"
    marks = [row.mark for row in found.rows]
    yield ", ".join(f"{marks.count(mark)} {mark}" for mark in Mark)
    if found.verdict is None:
        yield "no critic: he needs a real exam, whose folder the variable MAMMO_REAL_EXAM names"
    else:
        yield from _critic(found.verdict, found.scale)


def _critic(verdict: Verdict, scale: float) -> Iterator[str]:
    each = ", ".join(f"{auc:.3f}" for auc in verdict.aucs)
    yield (
        f"critic at {scale:g} of full size: AUC {verdict.auc:.3f} (by real image left out: {each}), "
        f"{verdict.n_real} real and {verdict.n_synthetic} synthetic patches of {PATCH_PX} full-size px"
    )
    yield "he could tell by these alone:"
    for one in verdict.telltales[:TELLING]:
        yield f"  {one.name:<22} AUC {one.auc:.3f}   median {one.synthetic:.4g}, real {one.real:.4g}"
