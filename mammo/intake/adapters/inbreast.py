"""INbreast 1.0 (Porto): digital mammograms with polygons, and BI-RADS by image instead of biopsies.

    AllDICOMs/22678622_61b13c59bcba149e_MG_R_CC_ANON.dcm    the hash is the only patient key; MLO is spelled ML
    AllXML/22678622.xml                                     OsiriX regions as an Apple property list
    INbreast.csv                                            semicolons; BI-RADS and date by file name

Labels are proxies: BI-RADS 4 to 6 is malignant; 1 to 3 is none, or benign if requested (proxies). Thousands of
calcifications are marked by single points, which are not read as lesions, so that outside windows may show them;
clusters are read. A labeled image without an outline keeps its label.
"""

import plistlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mammo.intake.adapters._labels import parse_birads, parse_density, proxy_label
from mammo.intake.outlines import outline_of_polygon
from mammo.intake.rejections import Code, RejectedError, image_of, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.intake.source_folder import Folder, stem_of
from mammo.intake.source_tables import Row, read_rows
from mammo.intake.stored_shape import Shape, stored_shapes
from mammo.limits import TEXT_BYTES, check_size
from mammo.records import Cohort, Count, Finding, ImageRecord, Laterality, LeftOut, LesionRecord, Pathology, View

NAME = re.compile(r"(\d+)_([0-9a-f]+)_MG_([LR])_([A-Z]+)_ANON", re.IGNORECASE)
VIEWS = {"CC": View.CC, "ML": View.MLO, "MLO": View.MLO}

SPECKS = re.compile(r"calcifications?|unnamed|point \d+")
"""Names of regions that mark single calcifications."""

FINDINGS = {
    "cluster": "calcification",
    "spiculated region": "spiculated_region",
    "espiculated region": "spiculated_region",
    "assymetry": "asymmetry",
}

POINT = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def read(root: Path, proxies: bool = False, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        proxies: whether BI-RADS 1 to 3 becomes benign.
        workers: how files are read in child processes.

    Raises:
        MammoError: INbreast.csv is missing or cannot be read.
    """
    folder = Folder(root)
    rows = {row.get("file_name"): row for row in _rows(folder)}
    images = {NAME.fullmatch(stem_of(path)): path for path in folder.images}
    records = {match[1]: _image(path, match, rows.get(match[1])) for match, path in images.items() if match}
    missing = [_missing(name) for name in rows if name not in records]
    regions = {PurePosixPath(path).stem: path for path in folder.matching("*.xml") if "pectoral" not in path.lower()}
    known = {name: record.path for name, record in records.items() if name in regions and not record.code}
    shapes = stored_shapes(root, list(known.values()), workers)
    outlines = [
        outline
        for name, path in regions.items()
        for shape in [shapes.get(known.get(name, ""), Code.OUTLINE_UNLINKED)]
        for outline in _lesions(root, path, known.get(name, ""), shape, rows.get(name), proxies)
    ]
    findings = _findings(records, rows, outlines, proxies)
    return Cohort.ordered([*records.values(), *missing], [*outlines, *findings], _counts(rows, outlines))


def _rows(folder: Folder) -> Iterator[Row]:
    file = folder.find("INbreast.csv", "INbreast*.csv", "INbreast*.xlsx")
    for row in read_rows(file, needed=("file_name", "bi_rads")):
        if row.get("file_name").isdigit():  # Excel sheets end with a summary
            yield row


def _image(path: str, name: re.Match[str], row: Row | None) -> ImageRecord:
    exam = f"{name[2]} {row.get('acquisition_date') if row else ''}"
    negative = bool(row and row.get("bi_rads").startswith("1"))
    side, view = Laterality(name[3].upper()), VIEWS.get(name[4].upper())
    density = parse_density(row.get("acr")) if row else None
    image = ImageRecord(path, name[2], exam, side, view, by_table=True, negative=negative, density=density)
    return image if view else rejected(image, Code.OTHER_VIEW)


def _missing(name: str) -> ImageRecord:
    return rejected(ImageRecord(f"AllDICOMs/{name}", "", "", None, None, by_table=True, negative=False), Code.MISSING)


def _lesions(
    root: Path, path: str, image: str, shape: Shape | Code, row: Row | None, proxies: bool
) -> Iterator[LesionRecord | LeftOut]:
    """Yield the lesions of one file of regions, on an image of this path and shape."""
    category = row.get("bi_rads") if row else ""
    label, source = proxy_label(category, proxies)
    try:
        if isinstance(shape, Code):
            raise RejectedError(shape)
        regions = _regions(root / path)
    except RejectedError as error:
        yield left_out(path, error.code, image, label)
        return
    for number, region in enumerate(regions, 1):
        name = str(region.get("Name") or "").strip().lower()
        if SPECKS.fullmatch(name):
            continue
        try:
            mask, box = outline_of_polygon(_points(region), shape)
        except RejectedError as error:
            yield left_out(path, error.code, image, label)
        else:
            key, finding = f"{PurePosixPath(path).stem}_{number}", FINDINGS.get(name, name)
            birads = parse_birads(category)
            yield LesionRecord(key, image, label, source, box, mask, finding=finding, birads=birads)


def _findings(
    records: Mapping[str, ImageRecord],
    rows: Mapping[str, Row],
    outlines: Sequence[LesionRecord | LeftOut],
    proxies: bool,
) -> Iterator[Finding]:
    """Yield a finding for each labeled image without an outline, such as one with single calcifications only."""
    outlined = {image_of(one) for one in outlines}
    for name, record in records.items():
        label, source = proxy_label(rows[name].get("bi_rads") if name in rows else "", proxies)
        if label is not Pathology.NONE and record.path not in outlined and not record.code and not record.negative:
            yield Finding(record.path, label, source)


def _regions(file: Path) -> list[dict[str, Any]]:
    try:
        check_size(file, TEXT_BYTES)
        content = plistlib.loads(file.read_bytes(), fmt=plistlib.FMT_XML)
        return [dict(region) for image in content["Images"] for region in image["ROIs"]]
    except Exception:  # a damaged list can fail anywhere inside its reader
        raise RejectedError(Code.OUTLINE_BROKEN) from None


def _points(region: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return (row, col) of every "(x, y)" in Point_px.

    Raises:
        RejectedError: the number of points differs from NumberOfPoints.
    """
    texts = [POINT.findall(str(text)) for text in region.get("Point_px") or []]
    if len(texts) != region.get("NumberOfPoints", len(texts)) or any(len(numbers) != 2 for numbers in texts):
        raise RejectedError(Code.OUTLINE_BROKEN)
    return [(float(y), float(x)) for x, y in texts]


def _counts(rows: Mapping[str, Row], outlines: list[LesionRecord | LeftOut]) -> list[Count]:
    categories = [row.get("bi_rads")[:1] for row in rows.values()]
    masses = [lesion for lesion in outlines if isinstance(lesion, LesionRecord) and lesion.finding == "mass"]
    return [
        Count("images", len(rows), 410),
        Count("images of BI-RADS 1", categories.count("1"), 67),
        Count("images of BI-RADS 4 to 6", sum(category in "456" for category in categories if category), 100),
        Count("outlined masses", len(masses), 116),
    ]
