"""The map stack X: the chosen maps, concatenated in one canonical order whatever order they were typed in."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mammo.geometry import Frame
from mammo.maps.location import location_map
from mammo.records import MammoError

CHANNELS = {"loc": 1, "sal": 2, "emb": 32}
"""Channels of each kind of map, in the canonical order of the stack."""

COLUMNS = {"loc": ("window",), "sal": ("saliency",), "emb": ("window", "embedding")}
"""What a batch must hold for each kind of map."""


def canonical_order(maps: Iterable[str]) -> tuple[str, ...]:
    """The chosen maps in the canonical order.

    Raises:
        MammoError: none is chosen, or one is unknown.
    """
    chosen = list(maps)
    for name in chosen:
        if name not in CHANNELS:
            raise MammoError(f"maps={chosen}: {name!r} is not a map; choose from loc, sal, emb, as in 'maps=[emb,sal]'")
    if not chosen:
        raise MammoError("maps=[]: choose at least one map, as in maps=emb or 'maps=[emb,sal]'")
    return tuple(name for name in CHANNELS if name in chosen)


def maps_name(maps: Iterable[str]) -> str:
    """The name of a combination everywhere: joined by + in the canonical order, "sal+emb"."""
    return "+".join(canonical_order(maps))


def batch_columns(maps: Iterable[str]) -> tuple[str, ...]:
    """The batch columns these maps are made of."""
    return tuple(dict.fromkeys(column for name in canonical_order(maps) for column in COLUMNS[name]))


def map_stack(maps: Iterable[str], batch: Mapping[str, Tensor], frame: Frame) -> Tensor:
    """X [B, M, rows, cols], float32: I in [0, 1], then S_m and S_b in [0, 1], then E_1 to E_32.

    Args:
        maps: the chosen maps, in any order.
        batch: its columns, as mammo.data.dataset names them.
        frame: the network window.
    """
    chosen = canonical_order(maps)
    layers: dict[str, Tensor] = {}
    if "loc" in chosen or "emb" in chosen:
        layers["loc"] = location_map(batch["window"], frame)
    if "sal" in chosen:
        layers["sal"] = batch["saliency"][batch["saliency_row"]]
    if "emb" in chosen:
        layers["emb"] = embedding_map(batch["embedding"], layers["loc"])
    return torch.cat([layers[name] for name in chosen], dim=1)


def embedding_map(h: Tensor, location: Tensor) -> Tensor:
    """E [B, 32, rows, cols]: copies of I [B, 1, rows, cols] whose non-zero elements are replaced by h [B, 32]."""
    return h[:, :, None, None] * (location > 0).to(h.dtype)
