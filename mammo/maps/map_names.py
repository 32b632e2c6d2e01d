"""Names of f_agg's maps: their canonical order, their channels, and the batch columns that they are made from."""

from collections.abc import Iterable

from mammo.records import MammoError

CHANNELS = {"loc": 1, "sal": 2, "ipsi": 3, "contra": 5, "emb": 32}
"""Channels of each map, in the canonical order of the stack."""

COLUMNS = {
    "loc": ("window",),
    "sal": ("saliency",),
    "ipsi": ("ipsi",),
    "contra": ("contra",),
    "emb": ("window", "embedding"),
}
"""Batch columns that each map is made from."""

IMAGE_MAPS = ("sal", "ipsi", "contra")
"""Maps that belong to the image, not to the crop window; each has one column, indexed by the column map_row."""


def canonical_order(maps: Iterable[str]) -> tuple[str, ...]:
    """The selected maps in canonical order.

    Raises:
        MammoError: no map is selected, or one is unknown.
    """
    selected = list(maps)
    for name in selected:
        if name not in CHANNELS:
            *first, last = CHANNELS
            raise MammoError(
                f"maps={selected}: unknown map {name!r}; choose {', '.join(first)} or {last}, as in 'maps=[emb,sal]'"
            )
    if not selected:
        raise MammoError("maps=[]: choose at least one map, as in maps=emb or 'maps=[emb,sal]'")
    return tuple(name for name in CHANNELS if name in selected)


def maps_name(maps: Iterable[str]) -> str:
    """The name of a combination of maps: joined by + in canonical order, for example "sal+emb"."""
    return "+".join(canonical_order(maps))


def is_maps_name(text: str) -> bool:
    """Whether a text is the name of a combination of maps, as maps_name gives it."""
    names = text.split("+")
    return set(names) <= set(CHANNELS) and text == maps_name(names)


def batch_columns(maps: Iterable[str]) -> tuple[str, ...]:
    """The batch columns that these maps are made from."""
    return tuple(dict.fromkeys(column for name in canonical_order(maps) for column in COLUMNS[name]))
