"""The tables of a user's folder: found by their usual names, or named by the user."""

from collections.abc import Sequence
from pathlib import Path

from mammo.intake.adapters._table_columns import columns_of
from mammo.intake.coco import coco_files
from mammo.intake.source_tables import read_header
from mammo.io import did_you_mean_path
from mammo.limits import LINE_CHARACTERS, TABLE_BYTES, check_size
from mammo.records import MammoError

SUFFIXES = (".csv", ".tsv", ".xlsx", ".parquet")
"""Tables that are found by their name; a table that the user names can have any of these suffixes too."""


def lesion_files(root: Path, name: str | None) -> tuple[list[Path], list[Path]]:
    """Return the tables of lesions and the COCO files of a folder.

    Args:
        root: the folder.
        name: the user's own file (data.lesions), as in named_file; None for the usual names.

    Raises:
        MammoError: the named file does not exist, there are several tables, or there is nothing.
    """
    if name is not None:
        file = named_file(root, name, "data.lesions")
        return ([], [file]) if file.suffix.lower() == ".json" else ([file], [])
    table, annotations = usual_file(root, "lesions", "choose one with data.lesions=FILE"), coco_files(root)
    if table is None and not annotations:
        raise MammoError(_missing(root))
    return ([table] if table else []), annotations


def image_file(root: Path, name: str | None) -> Path | None:
    """Return the table of images of a folder, None without one.

    Raises:
        MammoError: the named file (data.images) does not exist, or there are several tables.
    """
    if name is None:
        return usual_file(root, "images", "choose one with data.images=FILE")
    return named_file(root, name, "data.images")


def named_file(root: Path, name: str, key: str) -> Path:
    """Return a file that the user names: a path in the source folder, else in the working directory, or absolute.

    Raises:
        MammoError: there is no such file.
    """
    for file in (root / name, Path(name)):
        if file.is_file():
            return file
    listed = ", ".join(file.name for file in _tables(root)) or "none"
    raise MammoError(
        f"{key}={name} is a file neither in data.source ({root}){did_you_mean_path(root / name)} nor in the working "
        f"directory ({Path.cwd()}): the tables in data.source are: {listed}"
    )


def usual_file(root: Path, stem: str, choose: str) -> Path | None:
    """Return the table of this name at the top of a folder, None without one.

    Args:
        root: the folder.
        stem: name of the table, without its suffix.
        choose: how the user chooses one of several, for the message.

    Raises:
        MammoError: there are several.
    """
    found = [file for file in _tables(root) if file.stem.lower() == stem]
    if len(found) > 1:
        names = " and ".join(file.name for file in found)
        raise MammoError(f"{root} has {names}: remove one, or {choose}")
    return found[0] if found else None


def _tables(root: Path) -> Sequence[Path]:
    return [file for file in sorted(root.iterdir()) if file.suffix.lower() in SUFFIXES and file.is_file()]


def _missing(root: Path) -> str:
    tables, n_texts = [file for file in _tables(root) if file.stem.lower() != "images"], 0
    if tables:
        listed, labeled = ", ".join(file.name for file in tables), [file.name for file in tables if _has_labels(file)]
        which = f"; a column for the label is in {' and '.join(labeled)}" if labeled else ""
        example = (labeled or [tables[0].name])[0]
        example = f"'data.lesions={example}'" if " " in example else f"data.lesions={example}"
        return (
            f"{root / 'lesions.csv'} is missing, its other tables are: {listed}{which}: name your table of lesions, "
            f"for example {example}"
        )
    for file in list(root.rglob("*.txt"))[:50]:
        n_texts += _is_yolo(file)
    yolo = "; YOLO's text files are not read: convert them to COCO JSON with sizes in pixels" if n_texts else ""
    return (
        f"{root / 'lesions.csv'} is missing: write it with the columns image and label and the places of the lesions, "
        f"without rows if no image has a lesion, or name your table with data.lesions=FILE{yolo}"
    )


def _has_labels(table: Path) -> bool:
    """Return whether a table has a column for the label under one of its usual names."""
    try:
        return "label" in columns_of(read_header(table), {})
    except MammoError:
        return False


def _is_yolo(file: Path) -> bool:
    """Return whether a text file starts with a class number and four fractions of the image."""
    try:
        check_size(file, TABLE_BYTES)
        with file.open(encoding="utf-8", errors="replace") as stream:
            words = stream.readline(LINE_CHARACTERS).split()
        return len(words) == 5 and words[0].isdigit() and all(0 <= float(word) <= 1 for word in words[1:])
    except (OSError, ValueError):
        return False
