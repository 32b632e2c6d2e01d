"""What acts in a file that a command wrote: one check for each kind of file, and a source of injection strings."""

import csv
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pydicom
from PIL import Image

from mammo.text import BLANKS
from tests.hostile.injections import MARKUP, STRINGS
from tests.hostile.test_injections import check_csv

HEADER = ("Manufacturer", "ManufacturerModelName", "PatientName", "InstitutionName", "StudyDescription")
HEADER += ("AccessionNumber", "SeriesDescription", "OperatorsName")
"""Elements of an image's header that hold text."""

COLUMNS = {
    "lesions.csv": ("lesion_id", "finding_id", "finding", "pathology_type", "remarks"),
    "images.csv": ("exam", "patient", "radiologist"),
}
"""Columns of the user's tables that hold text, and the last of each, which is not known."""

RAW = [text for text in MARKUP if "<" in text or '"' in text or text.startswith(("[", "!["))]
"""What must stand escaped in a page and in Markdown, and is nowhere else."""

OF_STUDY = ("AccessionNumber", "StudyDescription", "PatientName")
"""Elements of HEADER that DICOM results repeat as they are, because an archive files them by these."""

Found = Iterator[str]


def file_name(text: str) -> str:
    """A string as a part of a file's name, where it can be."""
    return "".join(char for char in text if char not in "/\x00\\\u200b\ufeff")


def hostile_source(phantoms: Path, source: Path) -> int:
    """Copy phantoms, with injection strings as names of files and as all texts of headers and tables.

    Returns:
        The number of fields, each of which has every string somewhere.
    """
    shutil.copytree(phantoms, source)
    for table in source.glob("*truth.csv"):
        table.unlink()
    images = {path: f"{file_name(text)}{number}.dcm" for number, (path, text) in named(source, "*.dcm")}
    masks = {path: f"{file_name(text)}{number}.png" for number, (path, text) in named(source, "*.png")}
    for path, (number, text) in zip(images, enumerate(itertools.cycle(STRINGS)), strict=False):
        mark(source / path, text, number)
    new = {path: str(Path(path).with_name(name)) for path, name in (images | masks).items()}
    for path, renamed in new.items():
        (source / path).rename(source / renamed)
    for table, columns in COLUMNS.items():
        with (source / table).open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        people = dict(
            zip(dict.fromkeys(row.get("patient", "") for row in rows), itertools.cycle(STRINGS), strict=False)
        )
        for number, (row, text) in enumerate(zip(rows, itertools.cycle(STRINGS), strict=False)):
            person = {"patient": f"{people[row['patient']]}{row['patient']}"} if "patient" in row else {}
            row |= dict.fromkeys(columns, f"{text}{number}") | {"pathology_type": text} | person
            row |= {name: new[row[name]] for name in ("image", "mask") if row.get(name)} | {f"{text} c{number}": text}
        write_rows(source / table, rows)
    return len(HEADER) + sum(map(len, COLUMNS.values())) + 3  # and the names of images, masks and a column


def named(source: Path, pattern: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield the files of a source, each with a number and a string."""
    paths = sorted(path.relative_to(source).as_posix() for path in source.rglob(pattern))
    yield from enumerate(zip(paths, itertools.cycle(STRINGS), strict=False))


def mark(path: Path, text: str, number: int) -> None:
    """Write a string into the header of an image."""
    header = pydicom.dcmread(path)
    header.SpecificCharacterSet = "ISO_IR 192"
    for name in HEADER:
        setattr(header, name, text.replace("\\", "")[:16])
    header.save_as(path)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a table as it is, with every column of its rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


class Acting(HTMLParser):
    """Collects what acts in a page: elements and attributes that its templates do not have, and strange addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = str(dict(attrs).get("type")) if tag == "script" else None
        self.found += [tag] if tag in ("iframe", "b", "object", "embed", "base", "form") else []
        for name, value in attrs:
            is_address = name in ("src", "href", "action", "srcdoc", "data") and value is not None
            is_ours = str(value).startswith(("#", "data:image/", "https://"))
            if name.startswith("on") or (is_address and not is_ours) or "evil" in str(value if is_address else ""):
                self.found.append(f"<{tag} {name}={str(value)[:40]!r}>")

    def handle_endtag(self, tag: str) -> None:
        self._script = None if tag == "script" else self._script

    def handle_data(self, data: str) -> None:
        if self._script is not None and self._script != "application/json" and "alert(1)" in data:
            self.found.append(f"script: {data[:40]!r}")


def in_page(path: Path) -> Found:
    parser = Acting()
    text = path.read_text(encoding="utf-8")
    parser.feed(text)
    yield from parser.found
    yield from (raw for raw in RAW if raw in text and ("<" in raw or '"' in raw))
    yield from in_text(path)


def in_markdown(path: Path) -> Found:
    text = path.read_text(encoding="utf-8")
    yield from (raw for raw in RAW if raw in text)
    yield from in_text(path)


def in_text(path: Path) -> Found:
    if acts_in_terminal(path.read_text(encoding="utf-8").replace("\t", "")):
        yield "control or direction characters"


def in_csv(path: Path) -> Found:
    try:
        check_csv(path.read_bytes().decode())
    except AssertionError as error:
        yield f"a cell acts: {error}"


def in_json(path: Path) -> Found:
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines() if path.suffix == ".jsonl" else [text]:
        json.loads(line)
    yield from [] if text.replace("\n", "").isprintable() else ["control characters"]


def in_drawing(path: Path) -> Found:
    for element in ElementTree.parse(path).iter():
        if element.tag.rpartition("}")[2] in ("script", "foreignObject", "iframe", "a"):
            yield element.tag
        yield from (name for name in element.attrib if name.startswith("on"))
    yield from in_text(path)


def in_picture(path: Path) -> Found:
    with Image.open(path) as picture:
        texts = [str(value) for value in getattr(picture, "text", {}).values()]
    yield from (text for text in texts if not text.isprintable() or any(raw in text for raw in RAW))


def in_bytes(path: Path) -> Found:
    """Strings as they are, in files of other programs."""
    content = path.read_bytes()
    strings = (text for text in STRINGS if len(text) > 5)
    yield from (text for text in strings if text.encode() in content)


def in_results(path: Path) -> Found:
    """Control characters in the texts of a DICOM object."""
    for element in pydicom.dcmread(path).iterall():
        if (
            element.keyword not in OF_STUDY
            and element.VR in ("LO", "LT", "PN", "SH", "ST", "UC", "UT", "CS")
            and not str(element.value).isprintable()
        ):
            yield f"{element.keyword}={element.value!r}"


CHECKS: Mapping[str, Callable[[Path], Found]] = {
    ".html": in_page,
    ".md": in_markdown,
    ".csv": in_csv,
    ".json": in_json,
    ".jsonl": in_json,
    ".svg": in_drawing,
    ".png": in_picture,
    ".dcm": in_results,
    ".wandb": in_bytes,
    **dict.fromkeys((".txt", ".log", ".yaml", ".tex", ".toml"), in_text),
}
"""The check of each kind of file, by its suffix."""


def active(root: Path) -> tuple[list[str], dict[str, int]]:
    """What acts in the files below a folder, and how many files of each kind there are."""
    found, kinds = [], dict.fromkeys(CHECKS, 0)
    for path in sorted(each for each in root.rglob("*") if each.is_file() and each.suffix in CHECKS):
        kinds[path.suffix] += 1
        found += [f"{path.relative_to(root)}: {what}" for what in CHECKS[path.suffix](path)]
    return found, kinds


def acts_in_terminal(text: str) -> str:
    """The characters of what was printed that act in a terminal, escaped."""
    return re.escape("".join(char for char in text if not char.isprintable() and char not in f"\n{BLANKS}"))
