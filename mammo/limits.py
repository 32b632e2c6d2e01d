"""Limits of files that may come from elsewhere: sizes are checked before anything is read, unpacked or parsed.

A small file can stand for a large one: an archive by its compression, a table by repeated values, JSON and YAML by
nesting and by references. Each reader raises ValueError, whose text states what was found and the limit; its callers
name the file and the remedy.
"""

import json
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from zipfile import BadZipFile, ZipFile

import yaml

if TYPE_CHECKING:
    import pyarrow as pa  # not at run time: most commands do without it

TEXT_BYTES = 1 << 25
"""Largest JSON file where a reader has no limit of its own: 32 MiB."""

UNPACKED_BYTES, UNPACKED_TIMES = 1 << 28, 50
"""Most bytes that an archive or a table may unpack to: 256 MiB, or 50 times its size where that is more."""

TABLE_BYTES = 1 << 32
"""Largest table that is read, as a file: 4 GiB."""

LINE_CHARACTERS = 1 << 24
"""Longest line of a text table."""

YAML_BYTES = 1 << 20
"""Largest YAML file: 1 MiB, some hundred times a configuration."""

YAML_VALUES = 10_000
"""Most values in YAML, whose readers are slow."""

DEEPEST = 100
"""Most levels of nested lists and dictionaries in YAML."""

JSON_BYTES = 1 << 30
"""Largest JSON file of annotations: 1 GiB."""

JSON_VALUES = 20_000_000
"""Most values in a JSON file, of which each takes some 100 bytes of memory."""


def check_size(path: Path, most: int) -> None:
    """Check that a path is a regular file of at most so many bytes.

    Raises:
        ValueError: it is larger, or is a pipe or device, which could have no end.
        OSError: it does not exist or cannot be read.
    """
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is not a regular file")
    if facts.st_size > most:
        raise ValueError(f"it has {facts.st_size:,} bytes, of which at most {most:,} are read")


def read_text(path: Path, most: int = TEXT_BYTES, encoding: str = "utf-8") -> str:
    """The text of a file of at most so many bytes; ValueError and OSError as check_size."""
    check_size(path, most)
    return path.read_text(encoding=encoding)


def read_json(path: Path, most: int = TEXT_BYTES, encoding: str = "utf-8") -> Any:  # noqa: ANN401
    """The content of a JSON file of at most so many bytes.

    Raises:
        ValueError: as check_size, or it is not JSON, or nested too deeply.
        OSError: it does not exist or cannot be read.
    """
    return parse_json(read_text(path, most, encoding))


def parse_json(text: str) -> Any:  # noqa: ANN401
    """The content of a JSON text; ValueError where it is not JSON, has too many values or is nested too deeply."""
    if len(text) > JSON_VALUES and (n_values := sum(map(text.count, ",[{"))) > JSON_VALUES:
        raise ValueError(f"it has {n_values:,} values, of which at most {JSON_VALUES:,} are read")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_yaml(path: Path) -> Any:  # noqa: ANN401
    """The content of a YAML file without references, of which a short file can build more than any memory holds.

    Raises:
        ValueError: as check_yaml, it refers to itself, has a key twice, or is not YAML.
        OSError: it does not exist or cannot be read.
    """
    check_yaml(path, references=False)
    try:
        return yaml.load(read_text(path, YAML_BYTES), _SafeUniqueKeys)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


class _SafeUniqueKeys(yaml.CSafeLoader):
    """Reads YAML, of which PyYAML would take the last of several values of one key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The dictionary of a node; YAMLError where it has a key twice."""
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [name for name, count in names.items() if count > 1]:
            raise yaml.YAMLError(f"it has the key {twice[0]} twice")
        return super().construct_mapping(node, deep)


def check_yaml(path: Path, references: bool = True) -> None:
    """Check that a YAML file is small, nested little and stands for few values; the rest of it may be wrong.

    Args:
        path: the file.
        references: whether a part may be referred to elsewhere (*); it counts as often as it is.

    Raises:
        ValueError: as check_size, or it is nested too deeply, or has too many values, or references.
        OSError: it does not exist or cannot be read.
    """
    text = read_text(path, YAML_BYTES)
    try:
        _check_events(yaml.parse(text, yaml.CSafeLoader), references)
    except yaml.YAMLError:  # its reader says what is wrong with it
        return


def _check_events(events: Iterable[yaml.Event], references: bool) -> None:
    sizes: dict[str | None, int] = {}  # of anchors
    count, opened = 0, list[tuple[str | None, int]]()
    for event in events:
        count += 1 + _referred(event, sizes if references else {})
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, count))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, start = opened.pop()
            sizes[anchor] = count - start
        elif isinstance(event, yaml.ScalarEvent):
            sizes[event.anchor] = 1
        if len(opened) > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if count > YAML_VALUES:
            raise ValueError(f"it stands for more than {YAML_VALUES:,} values")


def _referred(event: yaml.Event, sizes: Mapping[str | None, int]) -> int:
    """How many values a reference stands for; 0 of anything else."""
    if not isinstance(event, yaml.AliasEvent):
        return 0
    if event.anchor not in sizes:
        raise ValueError("it refers to another part of itself (*), which is not read")
    return sizes[event.anchor]


def limited_lines(stream: TextIO) -> Iterator[str]:
    """Yield the lines of a text table; ValueError where one is longer than LINE_CHARACTERS."""
    while line := stream.readline(LINE_CHARACTERS + 1):
        if len(line) > LINE_CHARACTERS:
            raise ValueError(f"it has a line of more than {LINE_CHARACTERS:,} characters")
        yield line


def check_archive(path: Path) -> None:
    """Check the sizes that a zip archive declares for its members; no reader unpacks more than these.

    Raises:
        ValueError: as check_size, together they are larger than the limit, or it is not an archive.
        OSError: it does not exist or cannot be read.
    """
    check_size(path, TABLE_BYTES)
    try:
        with ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except (BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is not an archive ({error})") from None
    _check_unpacked(path, total)


def check_parquet(path: Path) -> None:
    """Check the size of a Parquet table in memory: a value that repeats is stored once there, and not in memory.

    Raises:
        ValueError: as check_size, the table is larger in memory than the limit, or it is not Parquet.
        OSError: it does not exist or cannot be read.
    """
    import pyarrow as pa

    check_size(path, TABLE_BYTES)
    try:
        _check_parquet(path)
    except (pa.ArrowException, NotImplementedError) as error:
        raise ValueError(" ".join(str(error).split())) from None


def _check_parquet(path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as table:
        found, schema = table.metadata, table.schema_arrow
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        fixed = found.num_rows * 8 * len(schema.names)
        _check_unpacked(path, fixed + sum(group.total_byte_size for group in groups))
        chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
        most = sum(each.num_values * each.total_uncompressed_size for each in chunks if each.has_dictionary_page)
        text = [one.name for one in schema if _is_text(one.type)]
    if fixed + most > UNPACKED_BYTES:
        _check_unpacked(path, fixed + sum(_text_bytes(path, text)))


def _is_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string))


def _text_bytes(path: Path, names: Sequence[str]) -> Iterator[int]:
    """Yield the bytes of text columns in memory, part by part, without repeating a value in memory."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, read_dictionary=list(names)) as table:
        for batch in table.iter_batches(1 << 16, columns=list(names)):
            for column in batch.columns:
                lengths = pc.binary_length(column.dictionary)
                yield pc.sum(pc.take(lengths, column.indices)).as_py() or 0


def _check_unpacked(path: Path, n_bytes: int) -> None:
    most = max(UNPACKED_BYTES, UNPACKED_TIMES * path.stat().st_size)
    if n_bytes > most:
        raise ValueError(f"it would unpack to {n_bytes:,} bytes, of which at most {most:,} are read")
