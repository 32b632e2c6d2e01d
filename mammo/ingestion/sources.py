"""The sources of a store: whether an ingest continues one of them, adds one, or replaces what is there."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mammo.ingestion.worker import Recipe
from mammo.limits import check_parquet
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import Pseudonyms, read_own_ids
from mammo.store.store_header import DataSet, StoreHeader, check_format, read_store_header

NAME = re.compile(r"\w[\w.-]{0,39}")
"""The name of a source, which stands in tables and reports."""


class Mode(StrEnum):
    """What an ingest may do to a store that exists."""

    CONTINUE = "continue"
    APPEND = "append"
    OVERWRITE = "overwrite"


def planned_sources(recipe: Recipe, mode: Mode) -> tuple[DataSet, ...]:
    """The sources of the store after an ingest, the ingested one among them.

    A store's own source, with the options, frame and folder that it was ingested with, is continued. Any other source
    is added or replaces the store only where the user says so; of several sources one can be replaced alone.

    Raises:
        MammoError: the store holds another source, or was ingested with other options, and the mode does not allow it;
            a further source has another frame; the name is invalid; or the store is of another format.
    """
    name = recipe.data_set.name
    if not NAME.fullmatch(name):
        raise MammoError(f"data.name={name!r} must be a word of at most 40 letters, digits, dots and dashes")
    header = _current_header(recipe, mode)
    if header is None:
        return (_recorded(recipe),)
    own = _recorded(recipe)
    earlier = next((source for source in header.sources if source.name == name), None)
    if mode is Mode.OVERWRITE and (earlier is None or len(header.sources) == 1):
        return (own,)
    if earlier is None and mode is not Mode.APPEND:
        raise MammoError(
            f"{recipe.store} was made from data set {header.name}, and this is {name} ({recipe.source}): append=true "
            f"adds {name} to it, overwrite=true replaces {header.name}, or give another root="
        )
    _check_frame(recipe, header)
    if earlier is not None and mode is not Mode.OVERWRITE:
        _check_same(recipe, earlier, own)
    kept = tuple(own if source.name == name else source for source in header.sources)
    return kept if earlier is not None else (*kept, own)


def check_images_kept(recipe: Recipe, image_ids: Collection[str], current: Manifest) -> None:
    """Check that a source still has every file whose image the store holds.

    Args:
        recipe: of the ingest.
        image_ids: of the files that the source has.
        current: the store's tables before the ingest.

    Raises:
        MammoError: a file is missing, so that its image and its lesions would be lost.
    """
    name, images = recipe.data_set.name, current.images
    stored = images.index[images["source"] == name]
    lost = [image_id for image_id in stored if image_id not in image_ids]
    if lost:
        path = _own_path(recipe.store, lost[0])
        raise MammoError(
            f"{len(lost)} of the {len(stored)} images of source {name} in {recipe.store} are not in {recipe.source} "
            f"any more (the first: {path}), and would be lost: put the files back, or give overwrite=true, which "
            "leaves them out"
        )


def _own_path(store: Path, image_id: str) -> str:
    """The path of an image in its source, or its id where ids.csv is missing or damaged."""
    try:
        return read_own_ids(store)[image_id].path
    except (MammoError, KeyError):
        return f"image {image_id}"


def _recorded(recipe: Recipe) -> DataSet:
    """The source as the store's header records it: its folder as a pseudonym, which moves with the root around both."""
    source, root = recipe.source.resolve(), recipe.store.resolve().parent
    place = source.relative_to(root) if source.is_relative_to(root) else source
    folder = Pseudonyms.of_store(recipe.store).of("folder", str(place))
    return replace(recipe.data_set, scale=_scale(recipe), folder=folder)


def _scale(recipe: Recipe) -> float | str:
    """The scale as a store's header records it: a number, or the spacing that images are brought to."""
    spacing = recipe.pixels.spacing_mm
    return recipe.scale if spacing is None else f"auto, to {spacing:.4g} mm"


def _current_header(recipe: Recipe, mode: Mode) -> StoreHeader | None:
    """The header of the store; None without a store, and where the store's own header is damaged or to be replaced.

    Raises:
        MammoError: the store is of another format, or its header is damaged and its tables name another source.
    """
    store = recipe.store
    if not (store / "store.json").is_file():
        return None
    try:
        check_format(store)
    except MammoError:
        if mode is Mode.OVERWRITE:
            return None
        raise
    try:
        return read_store_header(store)
    except MammoError:
        others = _named_in_tables(store) - {recipe.data_set.name}
        if others and mode is not Mode.OVERWRITE:
            raise MammoError(
                f"{store / 'store.json'} is damaged, and the store holds {', '.join(sorted(others))}: put the file "
                f"back from a copy, give another root=, or overwrite=true, which replaces the store"
            ) from None
        return None


def _named_in_tables(store: Path) -> set[str]:
    """The sources that a store's table of images names; none without a readable table."""
    try:
        check_parquet(store / "images.parquet")
        return set(pq.read_table(store / "images.parquet", columns=["source"])["source"].unique().to_pylist())
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return set()


def _check_frame(recipe: Recipe, header: StoreHeader) -> None:
    """All sources of a store share its frame."""
    if len(header.sources) == 1 and header.sources[0].name == recipe.data_set.name:
        return  # the store's only source: a difference is one of its options
    if recipe.frame != header.frame or recipe.data_set.preset != header.preset:
        raise MammoError(
            f"frame={recipe.data_set.preset} ({recipe.frame}) differs from that of {recipe.store}, {header.preset} "
            f"({header.frame}), which all its sources share: give frame={header.preset}, or another root="
        )


def _check_same(recipe: Recipe, earlier: DataSet, own: DataSet) -> None:
    """Check that a source is ingested with the options of the first time, from the same folder."""
    header = read_store_header(recipe.store)
    differences = list(_differences(recipe, earlier, own, header))
    if differences:
        others = len(header.sources) > 1
        raise MammoError(
            f"source {own.name} of {recipe.store} was ingested with {', '.join(was for was, _ in differences)}, and "
            f"this is {', '.join(now for _, now in differences)}: overwrite=true ingests {own.name} again so"
            f"{' and keeps the other sources' if others else ''}, append=true data.name=NAME adds a further source "
            "under a name of its own, or give another root="
        )


def _differences(recipe: Recipe, earlier: DataSet, own: DataSet, header: StoreHeader) -> Iterator[tuple[str, str]]:
    """Yield what the source was ingested with and what it is now, for every difference."""
    if earlier.folder != own.folder:
        yield "another data.source", f"data.source={recipe.source}"
    if (recipe.frame, own.preset) != (header.frame, earlier.preset):
        yield f"frame={earlier.preset} ({header.frame})", f"frame={own.preset} ({recipe.frame})"
    for key, was, now in (
        ("data.adapter", earlier.adapter, own.adapter),
        ("data.scale", earlier.scale, own.scale),
        *(
            (f"data.options.{key}", earlier.options.get(key), own.options.get(key))
            for key in sorted({*earlier.options, *own.options})
        ),
    ):
        if was != now:
            yield f"{key}={_shown(was)}", f"{key}={_shown(now)}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
