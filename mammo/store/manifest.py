"""The manifest: the tables of a store's images and lesions, with their frames and outlines."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.io import atomic_write, make_folder
from mammo.limits import check_parquet
from mammo.records import MammoError, Pathology, Split
from mammo.store.schema import IMAGES, LESIONS, Row, chain_of, check_tables, labels_elsewhere, outline_of, tissue_of
from mammo.store.store_header import (
    TABLE,
    TABLES,
    DataSet,
    StoreHeader,
    file_checksums,
    intact_table,
    new_table,
    read_store_header,
    write_store_header,
)

ROWS_AT_ONCE = 4096
"""Rows held as dictionaries at a time: they take many times the memory of a table."""

KEYS = ("image_id", "patient_id", "exam_id", "lesion_id", "finding_id")
"""Pseudonyms: they differ between two stores of the same source, so a digest numbers them in order of appearance.

An empty one is -1."""


@dataclass(frozen=True, eq=False)
class Manifest:
    """The tables of one store.

    Attributes:
        frame: the network window and grid that every image shares.
        images: one row for each image, indexed by image_id; columns as in schema.IMAGES.
        lesions: one row for each lesion, indexed by lesion_id; columns as in schema.LESIONS.
        sources: the data sets that the store was made from.
    """

    frame: Frame
    images: pd.DataFrame
    lesions: pd.DataFrame
    sources: tuple[DataSet, ...] = (TABLE,)

    @classmethod
    def of(
        cls, frame: Frame, images: Iterable[Row], lesions: Iterable[Row], sources: tuple[DataSet, ...] = (TABLE,)
    ) -> "Manifest":
        """A manifest of rows (ids among the columns), in the order given."""
        tables = (_table(images, IMAGES), _table(lesions, LESIONS))
        indexed = (tables[0].set_index("image_id"), tables[1].set_index("lesion_id"))
        return cls(frame, *indexed, sources)

    @classmethod
    def load(cls, store: Path, checked: bool = True) -> "Manifest":
        """Read and check the tables of a store folder.

        Args:
            store: the folder.
            checked: whether damaged and contradictory tables are rejected; an audit reads any tables.

        Raises:
            MammoError: there is no store, it is of another format, or its tables are damaged or contradictory.
        """
        header = read_store_header(store, checked)
        images = _read_table(intact_table(store, "images.parquet", checked), IMAGES).set_index("image_id")
        lesions = _read_table(intact_table(store, "lesions.parquet", checked), LESIONS).set_index("lesion_id")
        if checked:
            check_tables(store, images, lesions)
        return cls(header.frame, images, lesions, header.sources)

    @classmethod
    def current(cls, store: Path) -> "Manifest":
        """The manifest of a store as it is now: the same object until its files change, so that results can be kept.

        Raises:
            MammoError: as load.
        """
        return _loaded(store.absolute(), cls.state(store))

    @property
    def header(self) -> StoreHeader:
        """The frame and the sources, as store.json has them."""
        return StoreHeader(self.frame, self.sources)

    @staticmethod
    def state(store: Path) -> tuple[int, ...]:
        """Identities of a store's header and tables, as every write changes them; empty without a store."""
        stats = [file.stat() for file in (store / name for name in ("store.json", *TABLES)) if file.is_file()]
        return tuple(
            number for stat in stats for number in (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        )

    def save(self, store: Path) -> None:
        """Write the tables and the checksums of the store; the same content gives the same bytes.

        Whenever this is interrupted, the store has either both old tables or both new ones.
        """
        make_folder(store)
        for name, frame, schema in (("images", self.images, IMAGES), ("lesions", self.lesions, LESIONS)):
            table = pa.Table.from_pandas(frame.reset_index(), schema=schema, preserve_index=False)
            sink = pa.BufferOutputStream()
            pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd")
            with atomic_write(new_table(store, f"{name}.parquet")) as written:
                written.write_bytes(memoryview(sink.getvalue()))
        write_store_header(store, self.header, file_checksums(store))
        for name in TABLES:
            new_table(store, name).replace(store / name)

    def check_frame(self, frame: Frame, whose: str, store: Path) -> None:
        """Check that something was made for this store's frame.

        Args:
            frame: the frame that it was made for.
            whose: what it is, for the message.
            store: folder of this manifest, for the message.

        Raises:
            MammoError: the frames differ.
        """
        if frame != self.frame:
            raise MammoError(
                f"{whose} is for {frame}, but {store} is in {self.frame}: use one for the store's frame, or ingest the "
                "images again with the other frame="
            )

    @cached_property
    def _image_rows(self) -> dict[str, Row]:
        return dict(zip(self.images.index, self.images.to_dict("records"), strict=True))

    @cached_property
    def _lesion_rows(self) -> dict[str, Row]:
        return dict(zip(self.lesions.index, self.lesions.to_dict("records"), strict=True))

    @cached_property
    def labeled_images(self) -> pd.DataFrame:
        """The image rows, where malignant, benign and those of the breast are by all sources that have the image."""
        images, elsewhere = self.images, self.images["elsewhere"]
        for label in (Pathology.MALIGNANT.value, Pathology.BENIGN.value) if elsewhere.any() else ():
            added = elsewhere.map(lambda text, label=label: label in labels_elsewhere(text))
            in_breast = added.groupby([images["exam_id"], images["laterality"]]).transform("any")
            shown = {label: images[label] | added, f"breast_{label}": images[f"breast_{label}"] | in_breast}
            images = images.assign(**shown)
        return images

    def chain(self, image_id: str) -> FrameChain:
        """The image's frame chain, from stored pixels to the grid."""
        return chain_of(self._image_rows[image_id], self.frame)

    def tissue(self, image_id: str) -> NDArray[np.float32]:
        """Share of each grid cell covered by breast tissue, [grid rows, grid cols] in [0, 1]."""
        return tissue_of(self._image_rows[image_id], self.frame)

    def outline(self, lesion_id: str) -> tuple[NDArray[np.bool_], Box]:
        """The lesion's mask [box.height, box.width] and its half-open box, both in the stored frame."""
        return outline_of(self._lesion_rows[lesion_id])

    def network_outline(self, lesion_id: str) -> tuple[NDArray[np.bool_], Box]:
        """The lesion's mask [box.height, box.width] and its half-open box, both in the network frame."""
        return self.chain(self._lesion_rows[lesion_id]["image_id"]).mask_to_network(*self.outline(lesion_id))

    def of_split(self, split: Split) -> "Manifest":
        """The images of one split and their lesions, in the same order; flagged images stay out of training.

        Raises:
            MammoError: the store has not been split yet, or images joined it since.
        """
        unsplit = int((self.images["split"] == "").sum())
        if unsplit == len(self.images):
            raise MammoError("the store has no training, validation and test split yet: run python -m mammo.split")
        if unsplit:
            raise MammoError(
                f"{unsplit} of the {len(self.images)} images are in no split yet: run python -m mammo.split, which "
                "assigns their patients and leaves the others"
            )
        images = self.images[self.images["split"] == split.value]
        if split is Split.TRAIN:
            images = images[images["flags"] == ""]
        return replace(self, images=images, lesions=self.lesions[self.lesions["image_id"].isin(images.index)])

    def image_digests(self) -> dict[str, str]:
        """By image id, a digest of the inputs of its network window: the source file's bytes and the frame chain."""
        inputs = {key: (self._image_rows[key]["sha256"], self.chain(key)) for key in self.images.index}
        return {key: sha256(repr(value).encode()).hexdigest()[:16] for key, value in inputs.items()}

    def digest(self) -> str:
        """SHA-256 of the content as hex: equal for two stores of the same images, whatever their pseudonym keys."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        digest = sha256(json.dumps(asdict(self.frame)).encode())
        numbers = {key: number for number, key in enumerate(self.images.index)}
        for table in (self.images.reset_index(), self.lesions.reset_index()):
            for name in table.columns:
                values = table[name].tolist()
                if name == "image_id":
                    values = [numbers[value] for value in values]
                elif name in KEYS:
                    values = pd.factorize(table[name].where(table[name] != ""))[0].tolist()
                digest.update(f"({name!r}, [".encode())
                for number, value in enumerate(values):  # one by one: a column as text takes four times its memory
                    digest.update(f"{', ' if number else ''}{value!r}".encode())
                digest.update(b"])")
        return digest.hexdigest()


@lru_cache(maxsize=2)
def _loaded(store: Path, state: tuple[int, ...]) -> Manifest:
    """The manifest of a store that was in this Manifest.state."""
    return Manifest.load(store)


def _table(rows: Iterable[Row], schema: pa.Schema) -> pd.DataFrame:
    """Rows as a table with the schema's types and column order."""
    remaining = iter(rows)
    chunks = iter(lambda: [dict(row) for row in islice(remaining, ROWS_AT_ONCE)], [])
    return _to_pandas(pa.Table.from_batches((pa.RecordBatch.from_pylist(chunk, schema) for chunk in chunks), schema))


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_table(path: Path, schema: pa.Schema) -> pd.DataFrame:
    again = "run python -m mammo.ingest again"
    try:
        check_parquet(path)
        table = pq.read_table(path)
        missing = [name for name in schema.names if name not in table.column_names]
        if missing:
            raise MammoError(f"{path} has no column {missing[0]}: {again}")
        return _to_pandas(table.select(schema.names))
    except (OSError, ValueError, pa.ArrowException) as error:  # a ValueError where text is damaged
        raise MammoError(f"{path} cannot be read ({type(error).__name__}): {again}") from None
