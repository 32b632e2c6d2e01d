"""Greedy selection of regions of interest from saliency maps, and their crops (GMIC); without gradient."""

import torch
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def greedy_regions(saliency: Tensor, side: int, n_regions: int) -> Tensor:
    """Select the squares of the grid with the most saliency, one after the other.

    The map of each class is stretched to [0, 1] over the image (a constant map becomes 0) and the classes are summed.
    Then the square with the largest sum is selected and set to 0, n_regions times; of equal squares the first wins.

    Args:
        saliency: [B, classes, rows, cols].
        side: side of a square in cells.
        n_regions: number of squares.

    Returns:
        int64 [B, n_regions, 2], (row, col) of each square's upper left cell.
    """
    low = saliency.amin(dim=(2, 3), keepdim=True)
    span = saliency.amax(dim=(2, 3), keepdim=True) - low
    left = ((saliency - low) / span.clamp(min=torch.finfo(saliency.dtype).tiny)).sum(dim=1, keepdim=True)
    rows = torch.arange(saliency.shape[2], device=saliency.device)[None, :, None]
    cols = torch.arange(saliency.shape[3], device=saliency.device)[None, None, :]
    found = []
    for _ in range(n_regions):
        sums = functional.avg_pool2d(left, side, stride=1)
        best = sums.flatten(1).argmax(dim=1)
        row, col = (best // sums.shape[3])[:, None, None], (best % sums.shape[3])[:, None, None]
        erased = (rows >= row) & (rows < row + side) & (cols >= col) & (cols < col + side)
        left = left.masked_fill(erased[:, None], 0.0)
        found.append(torch.stack([row[:, 0, 0], col[:, 0, 0]], dim=1))
    return torch.stack(found, dim=1)


def region_crops(image: Tensor, regions: Tensor, side: int, cell_px: int) -> Tensor:
    """Crop an image at regions of the grid.

    Args:
        image: [B, 1, H, W].
        regions: int64 [B, n_regions, 2], (row, col) of each region's upper left cell.
        side: side of a region in cells.
        cell_px: side of a cell in pixels.

    Returns:
        [B, n_regions, side * cell_px, side * cell_px].
    """
    crop_px = side * cell_px
    every = image[:, 0].unfold(1, crop_px, cell_px).unfold(2, crop_px, cell_px)
    batch = torch.arange(len(image), device=image.device)[:, None]
    return every[batch, regions[..., 0], regions[..., 1]]
