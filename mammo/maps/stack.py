"""The map stack X: the selected maps, concatenated in one canonical order."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mammo.geometry import Frame
from mammo.maps.location import location_map
from mammo.records import MammoError

CHANNELS = {"loc": 1, "sal": 2, "emb": 32}
"""Channels of each map, in the canonical order of the stack."""

COLUMNS = {"loc": ("window",), "sal": ("saliency",), "emb": ("window", "embedding")}
"""Batch columns that each map is made from."""


def canonical_order(maps: Iterable[str]) -> tuple[str, ...]:
    """The selected maps in canonical order.

    Raises:
        MammoError: no map is selected, or one is unknown.
    """
    selected = list(maps)
    for name in selected:
        if name not in CHANNELS:
            raise MammoError(f"maps={selected}: unknown map {name!r}; choose loc, sal or emb, as in 'maps=[emb,sal]'")
    if not selected:
        raise MammoError("maps=[]: choose at least one map, as in maps=emb or 'maps=[emb,sal]'")
    return tuple(name for name in CHANNELS if name in selected)


def maps_name(maps: Iterable[str]) -> str:
    """The name of a combination of maps: joined by + in canonical order, for example "sal+emb"."""
    return "+".join(canonical_order(maps))


def batch_columns(maps: Iterable[str]) -> tuple[str, ...]:
    """The batch columns that these maps are made from."""
    return tuple(dict.fromkeys(column for name in canonical_order(maps) for column in COLUMNS[name]))


def map_stack(maps: Iterable[str], batch: Mapping[str, Tensor], frame: Frame) -> Tensor:
    """X [B, M, rows, cols] float32: I in [0, 1], then S_m and S_b in [0, 1], then E_1 to E_32.

    Args:
        maps: the selected maps, in any order.
        batch: its columns, as in mammo.data.dataset.
        frame: the network window and its grid.
    """
    selected = canonical_order(maps)
    layers: dict[str, Tensor] = {}
    if "loc" in selected or "emb" in selected:
        layers["loc"] = location_map(batch["window"], frame)
    if "sal" in selected:
        layers["sal"] = batch["saliency"][batch["saliency_row"]]
    if "emb" in selected:
        layers["emb"] = embedding_map(batch["embedding"], layers["loc"])
    return torch.cat([layers[name] for name in selected], dim=1)


def embedding_map(h: Tensor, location: Tensor) -> Tensor:
    """E [B, 32, rows, cols]: location maps [B, 1, rows, cols] whose nonzero cells are replaced by h [B, 32]."""
    return h[:, :, None, None] * (location > 0).to(h.dtype)
