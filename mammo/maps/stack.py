"""The map stack X: location indicator maps, maps of the image and embedding maps, concatenated in one canonical order.

A location indicator map I holds the fraction of each grid cell that a crop window covers (paper, The proposed method).
The fraction is exact: the area of the rotated window inside the cell, divided by the area of the cell.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from mammo.geometry import CORNERS, Frame, rotate
from mammo.maps.map_names import COLUMNS, IMAGE_MAPS, canonical_order

ROUNDING = 1e-6
"""Fractions up to this are rounding errors and count as zero."""


def map_stack(maps: Iterable[str], batch: Mapping[str, Tensor], frame: Frame) -> Tensor:
    """X [B, M, rows, cols] float32: I in [0, 1], S_m and S_b in [0, 1], the maps ipsi and contra, then E_1 to E_32.

    Args:
        maps: the selected maps, in any order.
        batch: its columns: for loc and emb window float64 [B, 4], (row, col, side, angle), network px and degrees; for
            sal, ipsi and contra the column of maps [U, K, rows, cols] of each different image, and map_row int64 [B],
            the image of each row; for emb embedding [B, 32], h.
        frame: the network window and its grid.
    """
    selected = canonical_order(maps)
    layers = {name: batch[COLUMNS[name][0]][batch["map_row"]] for name in selected if name in IMAGE_MAPS}
    if "loc" in selected or "emb" in selected:
        layers["loc"] = location_map(batch["window"], frame)
    if "emb" in selected:
        layers["emb"] = embedding_map(batch["embedding"], layers["loc"])
    return torch.cat([layers[name] for name in selected], dim=1)


def embedding_map(h: Tensor, location: Tensor) -> Tensor:
    """E [B, 32, rows, cols]: location maps [B, 1, rows, cols] whose nonzero cells are replaced by h [B, 32]."""
    return h[:, :, None, None] * (location > 0).to(h.dtype)


class PartialLocationMaps(NamedTuple):
    """The part of each location indicator map that holds the window and a border of one cell."""

    start: Tensor
    """int64 [B, 2], first grid cell (row, col) of each part."""
    coverage: Tensor
    """float32 [B, 1, rows, cols] in [0, 1]; the map is 0 outside this part."""


def location_map(windows: Tensor, frame: Frame) -> Tensor:
    """I [B, 1, rows, cols], float32 in [0, 1], of crop windows.

    Args:
        windows: [B, 4], crop windows (row, col, side, angle in degrees), network frame.
        frame: the network window and its grid.
    """
    rows, cols = frame.grid
    edges = [torch.arange(n + 1, dtype=torch.float64, device=windows.device)[None] for n in (rows, cols)]
    windows, upright = windows.double(), _upright(windows)
    if upright:
        return _as_map(_upright_coverage(*_extents(windows, upright, frame.cell_px), *edges))
    return _as_map(_coverage(windows, frame.cell_px, *edges))


def partial_location_maps(windows: Tensor, frame: Frame) -> PartialLocationMaps:
    """The nonzero parts of location_map(windows, frame), all of the size that the largest one needs.

    Args:
        windows: [B, 4], crop windows (row, col, side, angle in degrees), network frame.
        frame: the network window and its grid.
    """
    windows, upright = windows.double(), _upright(windows)
    low, high = _extents(windows, upright, frame.cell_px)
    first, last = low.floor().long() - 1, high.ceil().long() + 1
    grid = torch.tensor(frame.grid, device=windows.device)
    size = torch.minimum((last - first).amax(dim=0), grid)
    start = torch.minimum(first.clamp(min=0), grid - size)
    height, width = size.tolist()
    edges = start[:, :, None] + torch.arange(max(height, width) + 1, device=windows.device)
    y, x = edges[:, 0, : height + 1], edges[:, 1, : width + 1]
    if upright:
        return PartialLocationMaps(start, _as_map(_upright_coverage(low, high, y, x)))
    return PartialLocationMaps(start, _as_map(_coverage(windows, frame.cell_px, y.double(), x.double())))


def _as_map(coverage: Tensor) -> Tensor:
    """Coverage [B, R, C] cleared of rounding errors: [B, 1, R, C], float32 in [0, 1]."""
    return torch.threshold(coverage, ROUNDING, 0.0).clamp(max=1.0)[:, None].float()


def _coverage(windows: Tensor, cell_px: int, y: Tensor, x: Tensor) -> Tensor:
    """Covered fraction [B, R, C] of each cell between edges y [B or 1, R + 1] and x [B or 1, C + 1], in cells.

    Let F(y, x) be the window's area above row y and left of column x. The covered fraction of a cell is the second
    difference of F over its corners. F sums, over the window's four edges, the area between the edge and row 0, cut at
    row y.
    """
    corners = _corners(windows) / cell_px
    area = torch.zeros(len(corners), y.shape[1], x.shape[1], dtype=torch.float64, device=corners.device)
    for start, end in zip(range(4), (1, 2, 3, 0), strict=True):
        area += _under_edge(corners[:, start], corners[:, end], y, x)
    return area[:, 1:, 1:] - area[:, :-1, 1:] - area[:, 1:, :-1] + area[:, :-1, :-1]


def _upright_coverage(low: Tensor, high: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """_coverage of upright windows from low to high [B, 2], in cells: rows covered times columns covered."""
    rows, cols = (
        (torch.minimum(edges[:, 1:], high[:, axis, None]) - torch.maximum(edges[:, :-1], low[:, axis, None]))
        for axis, edges in enumerate((y, x))
    )
    return rows.clamp(min=0)[:, :, None] * cols.clamp(min=0)[:, None, :]


def _upright(windows: Tensor) -> bool:
    return not bool(windows[:, 3].any())


def _extents(windows: Tensor, upright: bool, cell_px: int) -> tuple[Tensor, Tensor]:
    """Smallest and largest (row, col), in cells, of windows [B, 4]: [B, 2] each."""
    reach = windows[:, 2:3] / 2
    if not upright:
        angle = torch.deg2rad(windows[:, 3:])
        reach = reach * (torch.cos(angle).abs() + torch.sin(angle).abs())
    return (windows[:, :2] - reach) / cell_px, (windows[:, :2] + reach) / cell_px


def _corners(windows: Tensor) -> Tensor:
    """Corners [B, 4, 2] (row, col) of windows [B, 4], in the order of CropWindow.corners."""
    angle = torch.deg2rad(windows[:, 3])
    cos_sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    local = torch.tensor(CORNERS, dtype=windows.dtype)
    rows, cols = (local.to(windows.device)[None] * windows[:, 2, None, None]).unbind(-1)
    return torch.stack(rotate(rows, cols, cos_sin, (windows[:, 0, None], windows[:, 1, None])), dim=-1)


def _under_edge(start: Tensor, end: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Signed integral of min(y, edge row) over the edge's columns left of x: [B, R + 1, C + 1].

    Edges that run to the left (the bottom of the window) count as positive, so that the sum over a clockwise outline
    is the enclosed area.
    """
    row0, col0 = start[:, 0, None, None], start[:, 1, None, None]
    row1, col1 = end[:, 0, None, None], end[:, 1, None, None]
    forward = col1 >= col0
    left, left_row = torch.where(forward, col0, col1), torch.where(forward, row0, row1)
    right, right_row = torch.where(forward, col1, col0), torch.where(forward, row1, row0)
    slope = (right_row - left_row) / (right - left).clamp(min=1e-12)
    stop = torch.minimum(right, torch.maximum(left, x[:, None, :]))
    stop_row = left_row + slope * (stop - left)
    area = _clipped_integral(left_row, stop_row, stop - left, y[:, :, None])
    return torch.where(forward, -area, area)


def _clipped_integral(first: Tensor, last: Tensor, length: Tensor, y: Tensor) -> Tensor:
    """Integral over `length` of min(y, r), where r changes linearly from first to last."""
    low, high = torch.minimum(first, last), torch.maximum(first, last)
    below = ((y - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)  # fraction of the length where r < y
    reached = torch.minimum(y, high)
    return length * (below * (low + torch.maximum(reached, low)) / 2 + (1 - below) * torch.minimum(y, high))
