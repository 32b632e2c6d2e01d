"""A cohort whose every name, identifier, date and free text is a canary, and the search for canaries in files.

A canary is a word that occurs nowhere else. Those of headers begin with HEADER, those of names of files and folders, of
tables and of annotations with NAME, those of names that are typed on a command line with TYPED; identifiers that have
to be numbers begin with UID, and dates are those of DATED.
"""

import base64
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pandas as pd
import pydicom
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pyarrow.lib import ArrowException
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from mammo.intake.dicom_decode import decode
from mammo.records import MammoError
from mammo.store.open_store import open_store
from tests.intake.test_gate_canaries import DATES, TEXTS, UIDS

MARK = "ZQXCANARY"
HEADER, NAME, TYPED = f"{MARK}H", f"{MARK}N", f"{MARK}T"
UID = "2.25.98765432109876"
DATED = {keyword: f"19{20 + number}0317" for number, keyword in enumerate(DATES)}
NUMBER = "9998887776"
UMLAUT = "Zoëlle Łukić"
LOCAL = ("store/quarantine.csv", "store/ids.csv", "own/predictions.csv", "own/predictions.json")
"""The two tables of a store that lead back to the source, and what the line "score own_ids" is asked to name."""

OF_RUNS = ("config.yaml", "origin.json", "error.txt", "multirun.yaml", "jobs.json")
OF_CASES = ("predictions.csv", "predictions.json")
"""Files of runs and sweeps, which repeat the command line, and of `mammo predict`, which name the user's cases."""

PLAIN = tuple(
    content.lower()
    for text in (
        MARK,
        UID,
        UMLAUT,
        "".join(f"%{byte:02x}" for byte in MARK.encode()),
        quote(UMLAUT),
        MARK.encode().hex(),
    )
    for content in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))
)
"""What is searched for whatever its case."""

ENCODED = tuple(
    base64.b64encode(bytes(shift) + text)[-(-shift * 8 // 6) : (shift + len(text)) * 8 // 6]
    for text in (MARK.encode(), MARK.encode("utf-16-le"))
    for shift in range(3)
)
"""The mark in base64, at each of the three places that it can have in a group of three bytes."""

WRITTEN = [text for date in DATED.values() for text in (date, f"{date[:4]}-{date[4:6]}-{date[6:]}")]
NUMBERS = tuple(text.encode() for text in (*WRITTEN, NUMBER))
"""What is searched for where no digit is beside it."""


CLOCK_NS = 20_000_000
"""By how much the times of files may lie behind the clock, ns."""

DAMAGED = (zipfile.BadZipFile, zlib.error, ArrowException, OSError)
"""Errors of files that a test has damaged: what cannot be unpacked is searched as it is."""


@dataclass
class Canaries:
    """Makes canaries, each once.

    Attributes:
        made: all that were made.
    """

    made: set[str] = field(default_factory=set)

    def new(self, kind: str = NAME) -> str:
        """A new canary of a kind, at most 16 characters long."""
        canary = f"{kind}{len(self.made):06d}"
        self.made.add(canary)
        return canary

    def header(self, dataset: FileDataset) -> None:
        """Put a canary into every attribute that may identify somebody, a private block, and the preamble."""
        for keyword in TEXTS:
            if keyword not in ("ImplementationVersionName", "PatientID"):
                dataset.add_new(tag_for_keyword(keyword) or 0, dictionary_VR(keyword), self.new(HEADER))
        for keyword, date in DATED.items():
            setattr(dataset, keyword, date)
        for keyword in UIDS:
            setattr(dataset, keyword, f"{UID}{self.new(UID)[len(UID) :]}")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.PatientBirthTime = NUMBER
        dataset.PatientAge = self.new(HEADER)  # no age, so that pydicom warns with the value
        dataset.OtherPatientIDsSequence = self._sequence("PatientID")
        dataset.RequestAttributesSequence = self._sequence("RequestedProcedureID")
        dataset.private_block(0x0011, self.new(HEADER), create=True).add_new(1, "LO", self.new(HEADER))
        dataset.preamble = self.new(HEADER).encode().ljust(128, b"\0")

    def _sequence(self, keyword: str) -> Sequence:
        item = Dataset()
        setattr(item, keyword, self.new(HEADER))
        return Sequence([item])


def plant(phantoms: Path, source: Path, canaries: Canaries) -> Path:
    """Copy a phantom cohort of DICOM files, with a canary in every place, and add a rejected file and a duplicate.

    Args:
        phantoms: the cohort's folder.
        source: the folder to make.
        canaries: they are added here.
    """
    images, lesions = (pd.read_csv(phantoms / f"{name}.csv", dtype=str) for name in ("images", "lesions"))
    people = {name: canaries.new() for name in pd.concat([images["patient"], images["exam"]]).unique()}
    paths = {}
    for path, patient in zip(images["image"], images["patient"], strict=True):
        paths[path] = f"{people[patient]} {UMLAUT}/{canaries.new()}.dcm"
        dataset = pydicom.dcmread(phantoms / path)
        canaries.header(dataset)
        dataset.PatientID = people[patient]
        (source / paths[path]).parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(source / paths[path])
    first = (source / next(iter(paths.values()))).read_bytes()
    (source / f"{canaries.new()} cut.dcm").write_bytes(first[: len(first) // 2])
    (source / f"{canaries.new()} copy.dcm").write_bytes(first)
    (source / f"{canaries.new()}.txt").write_text(canaries.new())
    images = images.replace({"image": paths, "patient": people, "exam": people})
    images.assign(radiologist=[canaries.new() for _ in range(len(images))]).to_csv(source / "images.csv", index=False)
    masks = {mask: f"outlines/{canaries.new()}.png" for mask in lesions["mask"].dropna()}
    (source / "outlines").mkdir()
    for old, new in masks.items():
        with Image.open(phantoms / old) as mask:
            mask.save(source / new, pnginfo=_text(canaries))
    ids = {name: canaries.new() for name in lesions["lesion_id"]}
    breasts = lesions["image"].str.rpartition("-")[0] + lesions["label"]  # one label, both views
    findings = {breast: canaries.new() for breast in breasts}
    lesions = lesions.replace({"image": paths, "mask": masks, "lesion_id": ids}).assign(
        finding_id=breasts.map(findings)
    )
    lesions.assign(remarks=[canaries.new() for _ in ids]).to_csv(source / "lesions.csv", index=False)
    return source


def plant_pictures(phantoms: Path, source: Path, canaries: Canaries) -> Path:
    """The images of a phantom cohort as PNG and TIFF files with texts and EXIF, and the lesions as a COCO file."""
    source.mkdir(parents=True)
    images, lesions = (pd.read_csv(phantoms / f"{name}.csv", dtype=str) for name in ("images", "lesions"))
    people = {name: canaries.new() for name in pd.concat([images["patient"], images["exam"]]).unique()}
    coco: dict[str, list[dict[str, object]]] = {"images": [], "annotations": [], "categories": []}
    paths: dict[str, str] = {}
    for number, path in enumerate(images["image"]):
        paths[path] = f"{canaries.new()}.{'png' if number % 2 else 'tif'}"
        pixels = decode(pydicom.dcmread(phantoms / path)).astype(np.uint16)
        _save_picture(pixels, source / paths[path], canaries)
        height, width = pixels.shape
        coco["images"].append({"id": number, "file_name": paths[path], "height": height, "width": width})
        coco["images"][-1] |= {"license": canaries.new(), "date_captured": canaries.new()}
    numbers = {path: number for number, path in enumerate(images["image"])}
    coco["categories"] = [
        {"id": number, "name": name, "supercategory": canaries.new()}
        for number, name in enumerate(("benign", "malignant"))
    ]
    for number, (path, label, mask) in enumerate(zip(lesions["image"], lesions["label"], lesions["mask"], strict=True)):
        outlined = cv2.imread(str(phantoms / mask), cv2.IMREAD_GRAYSCALE)
        assert outlined is not None
        box = cv2.boundingRect(outlined)
        annotation = {"id": number, "image_id": numbers[path], "category_id": int(label == "malignant"), "bbox": box}
        noted = {"note": canaries.new(), "finding_id": canaries.new()}
        coco["annotations"].append({**annotation, "attributes": noted, "author": canaries.new()})
    (source / "coco.json").write_text(json.dumps({"info": {"contributor": canaries.new()}, **coco}))
    images.replace({"image": paths, "patient": people, "exam": people}).to_csv(source / "images.csv", index=False)
    return source


def _text(canaries: Canaries) -> PngInfo:
    info = PngInfo()
    info.add_text(canaries.new(), canaries.new())
    info.add_itxt("Comment", canaries.new(), zip=True)
    return info


def _save_picture(pixels: "np.ndarray[tuple[int, int], np.dtype[np.uint16]]", path: Path, canaries: Canaries) -> None:
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x010E], exif[0x013B] = canaries.new(), canaries.new()  # ImageDescription and Artist
    picture.save(path, exif=exif.tobytes(), **({"pnginfo": _text(canaries)} if path.suffix == ".png" else {}))


def hits(folder: Path, marks: tuple[str, ...] = (), since_ns: int = 0) -> list[str]:
    """Where canaries are in the files of a folder, or in their names; empty if nowhere. LOCAL tables may have them.

    Args:
        folder: searched with all folders below it.
        marks: other texts that are searched for, as they are.
        since_ns: files that have not changed since then are left out, ns of time.time_ns().
    """
    found, recent = [], since_ns - CLOCK_NS
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.lstat().st_ctime_ns >= recent)
    for path in (each for each in files if not str(each).endswith(LOCAL)):
        name = str(path.relative_to(folder))
        contents = [name.encode(), path.read_bytes()]
        found += [f"{name}: {hit}" for content in contents for hit in hits_in(content, marks)]
    for table in folder.rglob("images.parquet"):
        if (table.parent / "store.json").exists() and table.stat().st_ctime_ns >= recent:
            with suppress(MammoError):
                pixels = (image.pixels().tobytes() for image in open_store(table.parent).images)
                found += [f"pixels of {table}: {hit}" for each in pixels for hit in hits_in(each, marks)]
    return found


def unexpected_hits(folder: Path, since_ns: int = 0) -> list[str]:
    """As hits, without canaries that were typed in files OF_RUNS, and without these and names in files OF_CASES."""

    def is_expected(hit: str) -> bool:
        file, _, excerpt = hit.partition(": ")
        typed, named = Path(file).name in OF_RUNS + OF_CASES, Path(file).name in OF_CASES
        kinds = [kind.lower() for kind, allowed in ((TYPED, typed), (NAME, named)) if allowed]
        found = re.findall(re.escape(MARK.lower()) + "[a-z]", excerpt.lower())
        return bool(found) and all(each in kinds for each in found)

    return [hit for hit in hits(folder, since_ns=since_ns) if not is_expected(hit)]


def hits_in(content: bytes, marks: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield an excerpt for each kind of canary in bytes, as they are and unpacked."""
    lower = content.lower()
    for text in PLAIN:
        yield from _excerpt(lower, text)
    for text in (*ENCODED, *(mark.encode() for mark in marks)):
        yield from _excerpt(content, text)
    for text in NUMBERS:
        if text in content and re.search(rb"(?<!\d)" + text + rb"(?!\d)", content):
            yield from _excerpt(content, text)
    with suppress(*DAMAGED):
        for part in _unpacked(content):
            yield from hits_in(part, marks)


def _excerpt(content: bytes, text: bytes) -> Iterator[str]:
    at = content.find(text)
    if at >= 0:
        yield repr(content[max(at - 40, 0) : at + 60])


def _unpacked(content: bytes) -> Iterator[bytes]:
    """Yield the parts of an archive, table or picture, and pictures and texts within a page."""
    if content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist() if archive.getinfo(name).file_size)
    elif content.startswith(b"\x1f\x8b"):
        yield zlib.decompress(content, 31)
    elif content.startswith(b"PAR1"):
        yield pd.read_parquet(io.BytesIO(content)).to_csv().encode()
    elif content.startswith(b"\x89PNG"):
        yield from _chunks(content)
    for blob in re.findall(rb";base64,([A-Za-z0-9+/=]{40,})", content):
        yield base64.b64decode(blob)


def _chunks(content: bytes) -> Iterator[bytes]:
    """Yield what zlib has packed in the chunks of a PNG file: pixels, color profile and texts."""
    at, pixels = 8, b""
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        chunk = content[at + 8 : at + 8 + size]
        pixels += chunk if kind == b"IDAT" else b""
        if kind in (b"zTXt", b"iTXt", b"iCCP") and b"\x78" in chunk:
            yield zlib.decompressobj().decompress(chunk[chunk.index(b"\x78") :])
        at += size + 12
    yield zlib.decompress(pixels)
