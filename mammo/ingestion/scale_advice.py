"""Advice on data.scale: whether the breasts of a source fit into the network window, and the scale that fits them."""

from collections.abc import Iterator

import numpy as np

from mammo.store.manifest import Manifest

MOST = 0.5
"""Share of breasts that do not fit, above which there is advice."""

SMALL = 0.25
"""Breasts are small if their median fills less than this share of the window."""

FITTED = 0.9
"""Share of the breasts that the advised scale brings into the window."""


def scale_lines(manifest: Manifest, source: str) -> Iterator[str]:
    """Yield a line if most breast boxes of a source are larger than the network window, or fill little of it.

    Args:
        manifest: the store's tables.
        source: name of the source.
    """
    images, frame = manifest.images[manifest.images["source"] == source], manifest.frame
    if images.empty:
        return
    rows = (images["breast_row1"] - images["breast_row0"]).to_numpy() * images["scale"].to_numpy()
    cols = (images["breast_col1"] - images["breast_col0"]).to_numpy() * images["scale"].to_numpy()
    larger = int(((rows > frame.height + 1) | (cols > frame.width + 1)).sum())
    filled = float(np.median(rows * cols)) / (frame.height * frame.width)
    if larger <= MOST * len(images) and filled >= SMALL:
        return
    room = np.minimum(frame.height / rows, frame.width / cols) * images["scale"].to_numpy()
    fitting = f"{float(np.quantile(room, 1 - FITTED)):.2g}"
    size = f"median {np.median(rows):.0f} x {np.median(cols):.0f} px, window {frame.height} x {frame.width}"
    which = (
        f"{larger} of {len(images)} breasts are cut by the network window"
        if larger > MOST * len(images)
        else (f"the breasts fill only {filled:.0%} of the network window")
    )
    now = ", ".join(f"{scale:g}" for scale in sorted(images["scale"].unique())[:3])
    yield f"{which} ({size}): data.scale={fitting} fits them, now it is {now}"
