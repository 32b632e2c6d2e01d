from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.records import MammoError
from mammo.reporting.image_figures import (
    OutlineKind,
    image_page,
    outline_array,
    outline_kind,
    saliency_page,
)
from mammo.reporting.picture_file import read_picture, write_picture

PIXELS = np.full((92, 60), 2000, dtype=np.uint16)
DISC = np.add.outer(np.arange(-5, 6) ** 2, np.arange(-5, 6) ** 2) <= 25
OUTLINES = outline_array((92, 60), [(DISC, Box(10, 21, 20, 31), OutlineKind.MALIGNANT)])


REGIONS = np.array([[8, 16], [24, 0], [40, 8], [16, 32], [64, 24], [80, 48]])
ATTENTION = np.array([0.5, 0.2, 0.1, 0.1, 0.07, 0.03])


def inked(figure: Figure) -> NDArray[np.int64]:
    """The figure as pixels [H, W, 3]: drawing must not fail and must not be blank."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def reds(figure: Figure) -> int:
    image = inked(figure)
    return ((image[..., 0] > 220) & (image[..., 1] < 110)).sum()


def test_kinds_follow_label_and_risk() -> None:
    kinds = [
        outline_kind(*case) for case in (("malignant", False), ("benign", False), ("benign", True), ("none", True))
    ]
    assert [kind.name for kind in kinds] == ["MALIGNANT", "BENIGN", "HIGH_RISK", "UNLABELLED"]


def test_outlines_land_in_their_box_and_are_cut_at_the_edge() -> None:
    assert (OUTLINES[10:21, 20:31] == DISC * OutlineKind.MALIGNANT).all()
    assert OUTLINES.sum() == DISC.sum()
    over = outline_array((92, 60), [(DISC, Box(-4, 7, 55, 66), OutlineKind.BENIGN)])
    assert (over[:7, 55:] == DISC[4:, :5] * OutlineKind.BENIGN).all()
    assert np.count_nonzero(over) == DISC[4:, :5].sum()


def test_a_malignant_outline_is_red_and_no_outline_is_not() -> None:
    nothing = np.zeros_like(OUTLINES)
    assert reds(image_page([PIXELS], [OUTLINES], ["a"], columns=1)) > 100
    assert reds(image_page([PIXELS], [nothing], ["a"], columns=1)) == 0


def test_saliency_cells_cover_the_whole_frame() -> None:
    grid = np.zeros((46, 30))
    grid[0, 0] = 1.0
    figure = saliency_page(PIXELS, OUTLINES, grid, grid, REGIONS, ATTENTION, 8, "image")
    over = figure.axes[1].images[1]
    assert tuple(over.get_extent()) == (0, 60, 92, 0)
    assert over.get_clim() == (0, 1)
    assert over.get_alpha()[0, 0] > 0.8
    assert not over.get_alpha()[1:].any(), "where there is no saliency the image shows"
    assert reds(figure) > 50


@pytest.mark.parametrize(("malignant", "benign", "most"), [(0.2, 0.4, 0.4), (0.3, 0.1, 0.3), (0.02, 0.03, 0.1)])
def test_both_maps_share_the_scale_of_the_brighter_one_unless_both_are_faint(
    malignant: float, benign: float, most: float
) -> None:
    grids = np.full((46, 30), malignant), np.full((46, 30), benign)
    figure = saliency_page(PIXELS, OUTLINES, *grids, REGIONS, ATTENTION, 8, "image")
    for axes, saliency in zip(figure.axes[1:3], (malignant, benign), strict=True):
        assert axes.images[1].get_clim() == (0, most)
        assert np.allclose(axes.images[1].get_alpha(), 0.85 * (saliency / most) ** 0.5)


def test_regions_are_drawn_where_they_lie_with_their_attention() -> None:
    pixels = np.arange(92 * 60, dtype=np.uint16).reshape(92, 60) % 4000
    figure = saliency_page(pixels, OUTLINES, np.zeros((46, 30)), np.zeros((46, 30)), REGIONS, ATTENTION, 8, "image")
    drawn = [polygon.get_xy()[:4, ::-1].min(axis=0).tolist() for polygon in figure.axes[0].patches]
    assert drawn == REGIONS.tolist()
    crops = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (8, 8)]
    assert [axes.get_title() for axes in crops] == [f"{n}: {w:.2f}" for n, w in enumerate(ATTENTION, start=1)]
    for axes, (row, col) in zip(crops, REGIONS.tolist(), strict=True):
        assert np.array_equal(axes.images[0].get_array(), pixels[row : row + 8, col : col + 8])


def test_files_are_drawn_as_they_were_written(tmp_path: Path) -> None:
    pixels, outlines, path = np.stack([PIXELS] * 2), np.stack([OUTLINES] * 2), tmp_path / "pictures" / "1.npz"
    write_picture(path, "images", "Two phantoms.", pixels=pixels, outlines=outlines, titles=["a", "b"])
    caption, figure = read_picture(path)
    assert caption == "Two phantoms."
    assert reds(figure) > 100
    windows, patches = np.array([[15.0, 25, 10, 0]]), np.zeros((1, 8, 8), dtype=np.uint16)
    one = {"pixels": PIXELS, "outlines": OUTLINES, "title": "t"}
    write_picture(path, "windows", "W", **one, windows=windows, patches=patches)
    inked(read_picture(path)[1])
    maps = {"malignant": np.zeros((46, 30)), "benign": np.ones((46, 30))}
    write_picture(path, "saliency", "S", **one, **maps, regions=REGIONS, attention=ATTENTION, region_px=8)
    inked(read_picture(path)[1])
    several = {"pixels": pixels, "outlines": outlines, "windows": windows[None].repeat(2, 0)}
    write_picture(path, "patches", "P", classes=["a", "b"], patches=patches[None].repeat(2, 0), **several)
    inked(read_picture(path)[1])
    assert [file.name for file in path.parent.iterdir()] == ["1.npz"]


def test_wrong_arrays_and_broken_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a picture of saliency needs"):
        write_picture(tmp_path / "a.npz", "saliency", "S", pixels=PIXELS)
    (tmp_path / "b.npz").write_bytes(b"PK half")
    with pytest.raises(MammoError, match=r"b\.npz: not a picture"):
        read_picture(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", kind="film", caption="x")
    with pytest.raises(MammoError, match=r"c\.npz: not a picture"):
        read_picture(tmp_path / "c.npz")
